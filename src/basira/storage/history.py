"""The history: every declaration, result and refused row ever taken in, in partitioned Parquet.

Enters: finished tables, through a `Draft`. Leaves: numbered snapshots that never change, so that a
decision can be replayed on what was known. Never here: an update in place, or a half-written state.

    store/
      CURRENT                       number of the manifest in force, replaced atomically
      manifests/00000001.json       one a commit, immutable, all kept
      mappings/<sha256>.toml        mappings by which sources were read
      data/items/declared_month=2020-01/...parquet
      data/outcomes/known_month=2020-01/...parquet
      data/quarantine/...parquet
      writing.lock                  held by the one writer

A commit writes its data files, flushes them, writes the manifest, and last of all replaces CURRENT.
A process killed before that leaves files that no manifest names; the next writer removes them.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import filelock

from basira.schema.errors import NotFoundError, StoreError
from basira.storage.history_draft import Draft
from basira.storage.history_erased import read_erased
from basira.storage.history_files import replace_file, storage_errors
from basira.storage.history_manifest import TABLE_NAMES, DataFile, Manifest, SourceEntry, TableName
from basira.storage.history_views import TABLE_SCHEMAS, create_view

DEFAULT_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Snapshot:
    """One state of the history, for ever the same. ``number`` 0 is the empty store.

    ``is_simulated``: at least one source came from the simulated country; every page must say so.
    """

    number: int
    root: Path
    tables: Mapping[TableName, tuple[DataFile, ...]]
    is_simulated: bool = False

    def files(self, table: TableName, *, first_day: int | None = None, last_day: int | None = None) -> tuple[Path, ...]:
        """Parquet files of a table that may hold rows of the days ``first_day`` to ``last_day``, included."""
        return tuple(
            self.root / entry.path
            for entry in self.tables[table]
            if (first_day is None or entry.last_day is None or entry.last_day >= first_day)
            and (last_day is None or entry.first_day is None or entry.first_day <= last_day)
        )

    def rows(self, table: TableName) -> int:
        """Number of rows of a table."""
        return sum(entry.rows for entry in self.tables[table])


def register(
    con: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    *,
    first_day: int | None = None,
    last_day: int | None = None,
) -> None:
    """Create the temporary views `items`, `outcomes` and `quarantine` of a snapshot on a connection.

    Every field of the schema is a column, also when no file has it; extra `x_...` columns are null
    where a source did not give them. ``first_day``/``last_day`` leave out *files* that hold only other
    days (a cheaper scan): filter the rows yourself. Replaces views of the same name.
    """
    for name in TABLE_NAMES:
        days = {} if name == "quarantine" else {"first_day": first_day, "last_day": last_day}
        create_view(con, name, TABLE_SCHEMAS[name], snapshot.files(name, **days))


class History:
    """A store folder. Reading needs no lock; one process writes at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls, path: Path | str) -> History:
        """Make a new store, or open the one that is there.

        Raises StoreError when the folder holds other things, or can't be made.
        """
        root = Path(path)
        if (root / "CURRENT").exists():
            return cls.open(root)
        if root.exists() and (not root.is_dir() or _foreign(root)):
            raise StoreError(
                f"Expected an empty folder or a Basira store in {str(root)!r}, found other files.",
                hint="Choose a folder of its own for the store.",
            )
        with storage_errors(root):
            for folder in ("manifests", "mappings", "data/items", "data/outcomes", "data/quarantine"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(root / "creating.lock", timeout=DEFAULT_WAIT_SECONDS):  # two first commands at once
                if not (root / "CURRENT").exists():
                    replace_file(root / "CURRENT", "0\n")
        return cls(root)

    @classmethod
    def open(cls, path: Path | str) -> History:
        """Open a store that exists. Raises StoreError when there is none."""
        root = Path(path)
        if not (root / "CURRENT").is_file():
            found = "another kind of folder" if root.is_dir() else "nothing"
            raise StoreError(
                f"Expected a Basira store in {str(root)!r}, found {found}.",
                hint="Take a first file in with 'basira ingest FILE --mapping M.toml', or name the store with --store.",
            )
        return cls(root)

    def current_number(self) -> int:
        """Number of the manifest in force, 0 when nothing was taken in yet."""
        text = (self.root / "CURRENT").read_text(encoding="utf-8").strip()
        if not text.isdigit():
            raise StoreError(
                f"Expected a manifest number in {self.root / 'CURRENT'}, found {text[:40]!r}.",
                hint="Write the number of the last good file of the manifests folder into it.",
            )
        return int(text)

    def manifest(self, number: int | None = None) -> Manifest:
        """A manifest by its number; the one in force by default. Raises NotFoundError, StoreError."""
        wanted = self.current_number() if number is None else number
        if wanted == 0:
            return Manifest(number=0, parent=0)
        path = self.root / "manifests" / f"{wanted:08d}.json"
        if not path.is_file():
            raise NotFoundError(
                f"Expected snapshot {wanted} in the store {str(self.root)!r}, found none.",
                hint=f"The last one is {self.current_number()}.",
            )
        return Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))

    def snapshot(self, number: int | None = None) -> Snapshot:
        """The history as of a commit; as it is now by default.

        Raises NotFoundError (no such commit), StoreError (a file of it is gone, or cut).
        """
        manifest = self.manifest(number)
        for entries in manifest.tables.values():
            for entry in entries:
                self._check(entry)
        return Snapshot(
            manifest.number, self.root, manifest.tables, any(source.is_simulated for source in manifest.sources)
        )

    def _check(self, entry: DataFile) -> None:
        path = self.root / entry.path
        size = path.stat().st_size if path.exists() else None
        if size != entry.size_bytes:
            if size is None and (moment := read_erased(self.root).get(entry.path)):
                raise StoreError(
                    f"Expected the file {entry.path} in the store {str(self.root)!r}; it was erased on {moment[:10]}, "
                    "with a person's data that it held.",
                    hint="What rests on this snapshot can't be made again; its record stands and is proven by "
                    "`basira audit verify`. Later snapshots are whole.",
                )
            found = "nothing" if size is None else f"{size:,} bytes"
            raise StoreError(
                f"Expected the file {entry.path} of {entry.size_bytes:,} bytes in the store {str(self.root)!r}, "
                f"found {found}.",
                hint="Restore this file from a backup: nothing but Basira may write in the store's folder.",
            )

    def sources(self) -> tuple[SourceEntry, ...]:
        """Every source ever taken in, oldest first."""
        return self.manifest().sources

    def mapping_text(self, digest: str) -> str:
        """The text of a mapping by which a source was read. Raises NotFoundError."""
        path = self.root / "mappings" / f"{digest}.toml"
        if not path.is_file():
            raise NotFoundError(
                f"Expected the mapping {digest[:12]} in the store {str(self.root)!r}, found none.",
                hint="Give the mapping again with --mapping.",
            )
        return path.read_text(encoding="utf-8")

    @contextmanager
    def writing(self, *, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Iterator[Draft]:
        """Prepare a commit. Nothing is visible until `Draft.commit`; leaving without it leaves no trace.

        Raises StoreError when another process keeps the store locked for ``wait_seconds``, or the disk
        is full.
        """
        with storage_errors(self.root), self._locked(wait_seconds):
            base = self.manifest()
            self._sweep()
            draft = Draft(self.root, base)
            try:
                yield draft
            finally:
                draft.discard_uncommitted()

    @contextmanager
    def _locked(self, wait_seconds: float) -> Iterator[None]:
        lock = filelock.FileLock(self.root / "writing.lock")
        note = self.root / "writing.by"
        try:
            lock.acquire(timeout=wait_seconds)
        except filelock.Timeout:
            with suppress(OSError):
                holder = note.read_text(encoding="utf-8").strip()
                raise StoreError(
                    f"The store {str(self.root)!r} is being written by {holder}; waited {wait_seconds:g} s.",
                    hint="Wait until that command ends, then run this one again.",
                ) from None
            raise StoreError(
                f"The store {str(self.root)!r} is being written by another process; waited {wait_seconds:g} s.",
                hint="Wait until that command ends, then run this one again.",
            ) from None
        try:
            note.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
            yield
        finally:
            with suppress(OSError):
                note.unlink(missing_ok=True)
            lock.release()

    def _sweep(self) -> None:
        """Remove what a killed writer left. Files carry the number of their commit: later ones are orphans."""
        current = self.current_number()
        for path in (self.root / "manifests").glob("*.json"):
            if int(path.stem) > current:
                path.unlink()
        for path in (self.root / "data").rglob("*.parquet"):
            if int(path.name.split("-")[0]) > current:
                path.unlink()
        for path in self.root.rglob(".*.writing"):
            path.unlink()
        shutil.rmtree(self.root / "scratch", ignore_errors=True)


def _foreign(root: Path) -> Sequence[Path]:
    """Entries that a store, even one whose creation was interrupted, would not have."""
    ours = {
        "manifests",
        "mappings",
        "data",
        "CURRENT",
        ".CURRENT.writing",
        "writing.lock",
        "writing.by",
        "scratch",
        "creating.lock",
    }
    return [entry for entry in root.iterdir() if entry.name not in ours]
