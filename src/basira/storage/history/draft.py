"""One commit in preparation: the files it adds, those it replaces, and the moment it becomes real.

Enters: record batches, in order. Leaves: Parquet files by month, and a manifest. Never here: a file of
an earlier commit changed or removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from basira.storage.history.files import digest_file, replace_file, storage_errors, sync_file, sync_folder
from basira.storage.history.manifest import (
    DRAFT_NOTE,
    TABLE_NAMES,
    DataFile,
    Manifest,
    SourceEntry,
    TableName,
    manifest_path,
)
from basira.storage.private_files import make_private, make_private_folder

# Rows held in memory per month before they become a row group, and over all months together: a file
# sorted by date fills one month at a time, a shuffled one sixty. 250,000 rows of 45 columns are some 150 MB.
ROW_GROUP_ROWS = 100_000
HELD_ROWS = 250_000
# Rows of long texts are written sooner.
HELD_BYTES = 200 << 20

_DAY_COLUMN: dict[TableName, tuple[str, str]] = {
    "items": ("declared_day", "declared_month"),
    "outcomes": ("known_day", "known_month"),
}
# Columns of which (nearly) each row has a value of its own. A dictionary of them is made, found too long and thrown
# away: half of what it costs to write rows.
_DISTINCT_COLUMNS = frozenset({"declaration_id", "source_row", "quarantine_id", "row_json"})


class _HashedFile:
    """A file to which Parquet is written, front to back, hashed on its way: what is recorded is what was written, and
    not what stands there when it is read again."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # what a killed writer left would keep its rights
        make_private(path)
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        written = self._file.write(data)
        self._digest.update(data)
        self.size += written
        return written

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@dataclass
class _OpenFile:
    path: Path
    file: _HashedFile
    writer: pq.ParquetWriter
    held: list[pa.RecordBatch] = field(default_factory=list)
    held_rows: int = 0
    held_bytes: int = 0
    rows: int = 0
    first_day: int | None = None
    last_day: int | None = None


class TableWriter:
    """Writes one table of one commit, a file a month (one file in all for the quarantine).

    All batches must have the schema given. Rows keep their order within a month.
    """

    def __init__(self, draft: Draft, table: TableName, schema: pa.Schema, tag: str) -> None:
        self._draft = draft
        self._table = table
        self._schema = schema
        self._tag = tag
        self._open: dict[str, _OpenFile] = {}
        self._held_rows = self._held_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        if batch.num_rows == 0:
            return
        if self._table not in _DAY_COLUMN:
            self._hold("", batch, None, None)
        else:
            days = np.asarray(batch.column(_DAY_COLUMN[self._table][0]))
            months = days.astype("datetime64[D]").astype("datetime64[M]")
            distinct = np.unique(months)
            for month in distinct:
                of_month = months == month
                part = batch if len(distinct) == 1 else batch.filter(pa.array(of_month))
                of_part = days[of_month]
                self._hold(str(month), part, int(of_part.min()), int(of_part.max()))
        while self._held_rows > HELD_ROWS:
            self._flush(max(self._open.values(), key=lambda entry: entry.held_rows))
        while self._held_bytes > HELD_BYTES:
            self._flush(max(self._open.values(), key=lambda entry: entry.held_bytes))

    def _hold(self, month: str, batch: pa.RecordBatch, first: int | None, last: int | None) -> None:
        entry = self._open.get(month)
        if entry is None:
            entry = self._open[month] = self._start(month, batch)
        entry.held.append(batch)
        entry.held_rows += batch.num_rows
        entry.held_bytes += batch.nbytes
        self._held_bytes += batch.nbytes
        entry.rows += batch.num_rows
        self._held_rows += batch.num_rows
        if first is not None and last is not None:
            entry.first_day = first if entry.first_day is None else min(entry.first_day, first)
            entry.last_day = last if entry.last_day is None else max(entry.last_day, last)
        if entry.held_rows >= ROW_GROUP_ROWS:
            self._flush(entry)

    def _start(self, month: str, batch: pa.RecordBatch) -> _OpenFile:
        folder = self._draft.root / "data" / self._table
        if self._table in _DAY_COLUMN:
            folder = folder / f"{_DAY_COLUMN[self._table][1]}={month}"
        make_private_folder(folder)
        path = folder / f"{self._draft.number:08d}-{self._tag}.parquet"
        self._draft.note_written(path)
        file = _HashedFile(path)
        return _OpenFile(path, file, self._open_parquet(file, batch))

    def _open_parquet(self, file: _HashedFile, batch: pa.RecordBatch) -> pq.ParquetWriter:
        """A writer of a file that begins with ``batch``."""
        # Most sources fill half of the columns. A compressor for each of the others is a third of what a file of some
        # hundred rows costs, and has nothing to compress.
        compression = {
            field.name: "none" if column.null_count == len(column) else "zstd"
            for field, column in zip(self._schema, batch.columns, strict=True)
        }
        return pq.ParquetWriter(
            file,
            self._schema,
            compression=compression,
            compression_level={name: 1 for name, codec in compression.items() if codec == "zstd"},
            use_dictionary=[
                field.name
                for field in self._schema
                if field.name not in _DISTINCT_COLUMNS and not pa.types.is_floating(field.type)
            ],
        )

    def _flush(self, entry: _OpenFile) -> None:
        if entry.held_rows:
            entry.writer.write_table(pa.Table.from_batches(entry.held, self._schema), row_group_size=ROW_GROUP_ROWS)
            self._held_rows -= entry.held_rows
            self._held_bytes -= entry.held_bytes
            entry.held, entry.held_rows, entry.held_bytes = [], 0, 0

    def close(self) -> tuple[DataFile, ...]:
        """Finish the files, and describe them."""
        files = []
        for entry in self._open.values():
            self._flush(entry)
            entry.writer.close()
            entry.file.close()
            relative = entry.path.relative_to(self._draft.root).as_posix()
            digest, size = entry.file.hexdigest(), entry.file.size
            files.append(DataFile(relative, entry.rows, size, digest, entry.first_day, entry.last_day))
        self._open = {}
        return tuple(files)

    def abandon(self) -> None:
        """Close what is open without caring for the content, so that the files can be removed."""
        for entry in self._open.values():
            with suppress(Exception):
                entry.writer.close()
            with suppress(OSError):
                entry.file.close()
        self._open = {}


class Draft:
    """The changes of one commit. Made by `History.writing`, under its lock."""

    def __init__(self, root: Path, base: Manifest) -> None:
        self.root = root
        self.base = base
        self.number = base.number + 1
        self._written: list[Path] = []
        self._writers: list[TableWriter] = []
        self._added: dict[TableName, list[DataFile]] = {name: [] for name in TABLE_NAMES}
        self._dropped: set[str] = set()

    def scratch(self) -> Path:
        """A folder for work files, removed when the draft ends."""
        folder = self.root / "scratch"
        make_private_folder(folder)
        return folder

    def writer(self, table: TableName, schema: pa.Schema, *, tag: str) -> TableWriter:
        """A writer of new files; ``tag`` tells several writers of one commit apart."""
        writer = TableWriter(self, table, schema, tag)
        self._writers.append(writer)
        return writer

    def note_written(self, path: Path) -> None:
        """Remember a file to remove should the commit not happen."""
        self._written.append(path)

    def add(self, table: TableName, files: Sequence[DataFile]) -> None:
        """Files that the commit adds to a table."""
        self._added[table].extend(files)

    def drop(self, table: TableName, files: Sequence[DataFile]) -> None:
        """Files of earlier commits that are no part of a table from this commit on (they stay on disk)."""
        known = {entry.path for entry in self.base.tables[table]}
        self._dropped.update(entry.path for entry in files if entry.path in known)

    def commit(
        self,
        sources: Sequence[SourceEntry],
        *,
        mappings: Sequence[tuple[str, str]] = (),
        rates: Sequence[tuple[str, str]] = (),
    ) -> Manifest:
        """Make the changes real. ``mappings``, ``rates``: digest and text of each mapping and table of rates used.

        Data files are flushed before the manifest names them, and the manifest before CURRENT does. Until CURRENT does,
        a note tells the next writer that a manifest of this number is a draft's.
        """
        with storage_errors(self.root):
            named = [(f"{digest}.toml", text) for digest, text in mappings]
            named += [(f"{digest}.csv", text) for digest, text in rates]
            for name, text in named:
                path = self.root / "mappings" / name
                if not path.exists():
                    replace_file(path, text)
            tables: dict[TableName, tuple[DataFile, ...]] = {}
            folders: set[Path] = set()
            for name in TABLE_NAMES:
                for entry in self._added[name]:
                    sync_file(self.root / entry.path)
                    folders.add((self.root / entry.path).parent)
                kept = [entry for entry in self.base.tables[name] if entry.path not in self._dropped]
                tables[name] = (*kept, *self._added[name])
            self._remove({entry.path for entries in tables.values() for entry in entries})
            for folder in folders:
                sync_folder(folder)
                sync_folder(folder.parent)
            numbered = (replace(entry, commit=self.number) for entry in sources)
            parent, adopted = self._parents()
            manifest = Manifest(self.number, self.base.number, tables, (*self.base.sources, *numbered), parent, adopted)
            replace_file(self.root / DRAFT_NOTE, f"{self.number}\n")
            replace_file(manifest_path(self.root, self.number), manifest.to_json())
            replace_file(self.root / "CURRENT", f"{self.number}\n")
        return manifest

    def _parents(self) -> tuple[str, dict[str, str]]:
        """Digest of the parent's manifest; and of all manifests so far when they are of the older kind."""
        if self.base.number == 0:
            return "", {}
        adopted = {}
        if self.base.parent_digest is None:
            paths = [manifest_path(self.root, number) for number in range(1, self.base.number + 1)]
            adopted = {path.stem: digest_file(path) for path in paths if path.is_file()}
        return digest_file(manifest_path(self.root, self.base.number)), adopted

    def _remove(self, kept: set[str]) -> None:
        for path in self._written:
            if path.relative_to(self.root).as_posix() not in kept:
                path.unlink(missing_ok=True)

    def discard_uncommitted(self) -> None:
        """Remove what was written, unless it was committed; called when the draft ends, however it ends."""
        for writer in self._writers:
            writer.abandon()
        scratch = self.root / "scratch"
        if scratch.is_dir():
            for path in scratch.iterdir():
                with suppress(OSError):
                    path.unlink()
            with suppress(OSError):
                scratch.rmdir()
        # What CURRENT says decides, not our own memory: an interruption may fall right after its replacement.
        current = (self.root / "CURRENT").read_text(encoding="utf-8").strip()
        note = self.root / DRAFT_NOTE
        left = [] if current == str(self.number) else list(self._written)
        if current != str(self.number) and note.is_file():  # the manifest first: one on disk always has its files
            left.insert(0, manifest_path(self.root, self.number))
        for path in (*left, note):
            with suppress(OSError):
                path.unlink(missing_ok=True)
