"""Features of the items of a period, kept beside the history: one file a feature, so that a few are read quickly.

Enters: the digest of what they were computed from, the days, rows in batches. Leaves: the columns asked for, or None
where none of the same digest and days are kept. Never here: a computation; a column whose SHA-256 is not the one that
was written down.

    store/described/<digest>-<first>-<last>/index.json           SHA-256 of each column
                                            <column>.parquet

They are a copy of what can be computed again at any time. Of a new state of the history they are no longer those: what
is kept of another digest is removed when new ones are written, and with the erasure of a person.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from basira.schema.days import day_of
from basira.schema.errors import StoreError
from basira.storage.history.files import digest_file, storage_errors
from basira.storage.private_files import make_private_folder

FOLDER = "described"
KEY = ("declaration_id", "declaration_version", "item_number")
_DAY = "declared_day"
_INDEX = "index.json"


def keep_features(root: Path, digest: str, first: date, last: date, batches: Iterable[pa.RecordBatch]) -> int:
    """Keep the rows of a period, in the place of whatever is kept; how many there are.

    ``batches``: with the columns of `KEY` and ``declared_day``, and features; at least one. In the order of
    declarations and items. Raises StoreError when they can't be written: what was kept is then gone.
    """
    place = root / FOLDER / _name(digest, first, last)
    making = root / FOLDER / "making"
    with storage_errors(root):
        remove_features(root)
        make_private_folder(making)
        rows = _write(making, batches)
        names = sorted(path.stem for path in making.glob("*.parquet"))
        index = {name: digest_file(making / f"{name}.parquet") for name in names}
        (making / _INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")
        making.rename(place)
    return rows


def find_features(root: Path, digest: str, first: date, last: date, names: Sequence[str]) -> pl.DataFrame | None:
    """The kept features of these names for the items declared from ``first`` to ``last``, with the columns of `KEY`, in
    the order in which they were kept; None where none of the digest hold all of these days and names.

    Raises StoreError for a file that is not as it was written.
    """
    place = _find(root / FOLDER, digest, first, last)
    if place is None:
        return None
    try:
        index = json.loads((place / _INDEX).read_text(encoding="utf-8"))
        columns = [_read(place, name, index) for name in (_DAY, *KEY, *names)]
    except KeyError:
        return None
    except OSError:  # removed meanwhile by a new one
        return None
    whole = pl.DataFrame(columns)
    return whole.filter(pl.col(_DAY).is_between(day_of(first), day_of(last))).drop(_DAY)


def remove_features(root: Path) -> None:
    """Remove whatever is kept."""
    with storage_errors(root):
        if (root / FOLDER).is_dir():
            shutil.rmtree(root / FOLDER)


def _write(folder: Path, batches: Iterable[pa.RecordBatch]) -> int:
    writers: dict[str, pq.ParquetWriter] = {}
    rows = 0
    try:
        for batch in batches:
            rows += batch.num_rows
            for name in batch.schema.names:
                part = pa.table({name: batch.column(name)})
                if name not in writers:
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", part.schema, compression="zstd")
                writers[name].write_table(part)
    finally:
        for writer in writers.values():
            writer.close()
    return rows


def _find(folder: Path, digest: str, first: date, last: date) -> Path | None:
    for place in sorted(folder.glob(f"{digest}-*")):
        begins, ends = (date.fromisoformat(text) for text in place.name[len(digest) + 1 :].split("_"))
        if begins <= first and last <= ends:
            return place
    return None


def _read(place: Path, name: str, index: dict[str, str]) -> pl.Series:
    path = place / f"{name}.parquet"
    if digest_file(path) != index[name]:
        raise StoreError(
            f"Expected the kept feature {path.name} as it was written, found another content.",
            hint="Remove the folder 'described' of the store, or run `basira rules prepare` again.",
        )
    return pl.read_parquet(path)[name]


def _name(digest: str, first: date, last: date) -> str:
    return f"{digest}-{first.isoformat()}_{last.isoformat()}"
