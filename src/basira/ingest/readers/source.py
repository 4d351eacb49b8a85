"""What every reader gives: rows of text in batches, numbered as in the source, in bounded memory.

Enters: a path and how the file is written. Leaves: a `Source`. Never here: the meaning of a column.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.table import FIRST_ROW, HeaderPlace, NotData
from basira.schema.errors import Phrase, SourceError

# Rows handed on at a time: enough for vectorised work, some 30 MB of text at 40 columns.
BATCH_ROWS = 50_000


@dataclass(frozen=True)
class BrokenRow:
    """A row that could not be split into columns, or whose columns can't be kept. ``text``: as found, shortened.
    ``columns``: its texts by column, where it has some."""

    row: int
    code: str
    expected: str
    text: str
    columns: Mapping[str, str | None] | None = None

    @property
    def row_json(self) -> str:
        """As it is kept in quarantine."""
        return row_json({AS_FOUND: self.text} if self.columns is None else self.columns)


@dataclass(frozen=True)
class SourceBatch:
    """Some rows. ``frame``: one text column per source column, null where the source has nothing.

    ``rows``: the number of each row in the source, 1 = first data row, ascending but with gaps where
    rows are ``broken``. ``bytes_read``: how far into the file this batch ends. ``not_data``: lines that are no rows.
    ``lines``, on the last batch: how many lines the whole file has, counted apart from what cut them into rows; None
    when the kind of file has no such count. They are all rows, or not data.
    """

    frame: pl.DataFrame
    rows: pl.Series
    broken: tuple[BrokenRow, ...]
    bytes_read: int
    not_data: tuple[NotData, ...] = ()
    lines: int | None = None


@dataclass(frozen=True)
class Source:
    """A file ready to be read. ``batches`` may be called again to read it once more.

    ``is_open``: a column may be absent from the first rows and come later (JSON lines, XML). ``is_simulated``: it says
    of itself that it comes from the simulated country. ``release``: end what reads ahead for the first ``batches``,
    when other files come first; the source can be read all the same. ``header``: its position. ``sheet``: the one
    that is read of a workbook (its name, or several), ``alike``: others of the same names of columns, ``near``: of
    most of them, ``note``: which sheets are left.
    """

    path: Path
    kind: str
    columns: tuple[str, ...]
    is_open: bool
    size_bytes: int
    batches: Callable[[], Iterator[SourceBatch]]
    is_simulated: bool = False
    release: Callable[[], None] = lambda: None
    header: HeaderPlace = FIRST_ROW
    sheet: str | tuple[str, ...] = ""
    alike: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    note: str = ""


_KINDS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xml": "sad-xml",
}


def is_of_known_kind(name: str) -> bool:
    """A file of this name is one of data, packed with gzip or not."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _KINDS and not name.startswith(".")


def kind_of(path: Path, options: SourceFormat) -> str:
    """Which reader: as the mapping says, else by the file's first bytes, else by its extension."""
    if options.format != "auto":
        return options.format
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return "parquet"
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if suffixes and suffixes[-1] in _KINDS:
        return _KINDS[suffixes[-1]]
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "xlsx"
    if head.lstrip().startswith(b"<"):
        return "sad-xml"
    if head.lstrip().startswith(b"{"):
        return "jsonl"
    return "csv"


def open_source(path: Path, options: SourceFormat) -> Source:
    """Open a file with the reader that fits it: CSV here, a block at a time, all others in a process with limits.

    Raises SourceError: absent, empty, truncated, encrypted, of another encoding or kind, beyond `bounds`.
    """
    if not path.is_file():
        raise SourceError(
            "Expected a file at {path!r}, found {found}.",
            hint="Check the path; quote it when it has spaces.",
            path=str(path),
            found=Phrase("a folder") if path.is_dir() else Phrase("nothing"),
        )
    if path.stat().st_size == 0:
        raise SourceError(
            "Expected rows in {file}, found an empty file (0 bytes).",
            hint="Export it again.",
            file=path.name,
        )
    kind = kind_of(path, options)
    if kind == "csv":
        from basira.ingest.readers.csv import open_csv

        return open_csv(path, options)
    from basira.ingest.readers.process import open_apart

    return open_apart(path, kind, options)


def digest_source(path: Path) -> str:
    """SHA-256 of the file, by which a source is known again. Raises SourceError when it is absent."""
    if not path.is_file():
        raise SourceError(
            "Expected a file at {path!r}, found nothing.",
            hint="Check the path.",
            path=str(path),
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_of(digest: str) -> str:
    """The short digest that is written on every row of a source."""
    return digest[:16]


def distinct_names(names: list[str]) -> tuple[str, ...]:
    """Column names, trimmed, a repeated or empty one made unique.

    >>> distinct_names(["A", " A", ""])
    ('A', 'A (2)', 'column 3')
    """
    seen: dict[str, int] = {}
    result = []
    for position, raw in enumerate(names, start=1):
        name = raw.strip().strip("\ufeff") or f"column {position}"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)


def batch_of_records(
    records: list[dict[str, str | None]],
    rows: list[int],
    broken: list[BrokenRow],
    bytes_read: int,
    columns: tuple[str, ...],
) -> SourceBatch:
    """A batch from row dictionaries (the slow readers: JSON lines, XML)."""
    names = dict.fromkeys([*columns, *(key for record in records for key in record)])
    frame = pl.DataFrame(
        {name: pl.Series(name, [record.get(name) for record in records], dtype=pl.String) for name in names}
    )
    return SourceBatch(frame, pl.Series("row", rows, dtype=pl.Int64), tuple(broken), bytes_read)


# Stands for the columns of a row that could not be split into columns.
AS_FOUND = "(row as found)"


def row_json(row: Mapping[str, str | None]) -> str:
    """A source row as it is kept in quarantine: column name to text, empty columns left out."""
    return json.dumps({key: value for key, value in row.items() if value not in (None, "")}, ensure_ascii=False)
