"""The history: every declaration, result and refused row ever taken in, in partitioned Parquet.

Enters: finished tables, through a `Draft`. Leaves: numbered snapshots that never change, so that a
decision can be replayed on what was known. Never here: an update in place, or a half-written state.

    store/
      CURRENT                       number of the manifest in force, replaced atomically
      manifests/00000001.json       one a commit, immutable, all kept
      mappings/<sha256>.toml        mappings by which sources were read
      mappings/<sha256>.csv         tables of rates by which they were converted
      data/items/declared_month=2020-01/...parquet
      data/outcomes/known_month=2020-01/...parquet
      data/quarantine/...parquet
      writing.lock                  held by the one writer
      writing.draft                 number of the commit that is being written, while its manifest is not in force

A commit writes its data files, flushes them, notes its number, writes the manifest, and last of all replaces CURRENT.
A process killed before that leaves files that no manifest names, or a manifest that the note calls a draft's; the next
writer removes them, and nothing else. A CURRENT behind the last manifest without such a note went back, by hand or by a
backup: nothing is read or written until it is repaired (`history.repair`).

Each manifest holds the SHA-256 of its files and of the manifest before it: who knows the last one's knows all
(`history.verify`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from basira.engines.engine import Engine
from basira.schema.errors import NotFoundError, Phrase, StoreError
from basira.schema.fields import EXTRA_PREFIX
from basira.schema.names import own_columns
from basira.storage.history.draft import Draft
from basira.storage.history.erased import ERASED_FILES, read_erased
from basira.storage.history.files import digest_file, replace_file, storage_errors
from basira.storage.history.manifest import (
    DRAFT_NOTE,
    TABLE_NAMES,
    DataFile,
    Manifest,
    SourceEntry,
    TableName,
    manifest_path,
)
from basira.storage.history.views import TABLE_SCHEMAS, column_names, create_view
from basira.storage.private_files import make_private_folder

DEFAULT_WAIT_SECONDS = 30.0
# What features, training and targeting read; the quarantine decides nothing.
LEARNED_FROM: tuple[TableName, ...] = ("items", "outcomes")
# Where a repair puts what it takes out of force.
SET_ASIDE = "set-aside"


@dataclass(frozen=True)
class Snapshot:
    """One state of the history, for ever the same. ``number`` 0 is the empty store.

    ``is_simulated``: at least one source came from the simulated country; every page must say so. ``digest``: SHA-256
    of its manifest, which names its files by theirs; "" of the empty store.
    """

    number: int
    root: Path
    tables: Mapping[TableName, tuple[DataFile, ...]]
    is_simulated: bool = False
    digest: str = ""

    def files(self, table: TableName, *, first_day: int | None = None, last_day: int | None = None) -> tuple[Path, ...]:
        """Parquet files of a table that may hold rows of the days ``first_day`` to ``last_day``, included."""
        return tuple(
            self.root / entry.path
            for entry in self.tables[table]
            if (first_day is None or entry.last_day is None or entry.last_day >= first_day)
            and (last_day is None or entry.first_day is None or entry.first_day <= last_day)
        )

    def all_files(self) -> tuple[Path, ...]:
        """Every file of it: what an engine that reads it must be allowed to read."""
        return tuple(path for name in TABLE_NAMES for path in self.files(name))

    def rows(self, table: TableName) -> int:
        """Number of rows of a table."""
        return sum(entry.rows for entry in self.tables[table])


def register(
    con: Engine,
    snapshot: Snapshot,
    *,
    first_day: int | None = None,
    last_day: int | None = None,
) -> None:
    """Create the temporary views `items`, `outcomes` and `quarantine` of a snapshot on an engine.

    Every field of the schema is a column, also when no file has it; extra `x_...` columns are null
    where a source did not give them. ``first_day``/``last_day`` leave out *files* that hold only other
    days (a cheaper scan): filter the rows yourself. Replaces views of the same name.
    """
    for name in TABLE_NAMES:
        days = {} if name == "quarantine" else {"first_day": first_day, "last_day": last_day}
        create_view(con, name, TABLE_SCHEMAS[name], snapshot.files(name, **days))


def own_names(snapshot: Snapshot) -> frozenset[str]:
    """The names of sources' own fields, `x_...`, that a snapshot has."""
    found = column_names(snapshot.files("items"))
    columns = own_columns([name for name in found if name not in TABLE_SCHEMAS["items"].names])
    return frozenset(name for name in columns if name.startswith(EXTRA_PREFIX))


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
                "Expected an empty folder or a Basira store in {root!r}, found other files.",
                hint="Choose a folder of its own for the store.",
                root=str(root),
            )
        if any((root / "manifests").glob("*.json")):
            raise StoreError(
                "Expected the file CURRENT of the store {root!r}, found manifests without it.",
                hint="Repair the store with 'basira history repair', or restore CURRENT from a backup.",
                root=str(root),
            )
        with storage_errors(root):
            for folder in ("manifests", "mappings", "data/items", "data/outcomes", "data/quarantine"):
                make_private_folder(root / folder)
            with filelock.FileLock(root / "creating.lock", timeout=DEFAULT_WAIT_SECONDS):  # two first commands at once
                if not (root / "CURRENT").exists():
                    replace_file(root / "CURRENT", "0\n")
        return cls(root)

    @classmethod
    def open(cls, path: Path | str) -> History:
        """Open a store that exists. Raises StoreError when there is none."""
        root = Path(path)
        if not (root / "CURRENT").is_file():
            found = Phrase("another kind of folder") if root.is_dir() else Phrase("nothing")
            raise StoreError(
                "Expected a Basira store in {root!r}, found {found}.",
                hint="Take a first file in with 'basira ingest FILE --mapping M.toml', or name the store with --store.",
                root=str(root),
                found=found,
            )
        return cls(root)

    def current_number(self) -> int:
        """Number of the manifest in force, 0 when nothing was taken in yet."""
        text = (self.root / "CURRENT").read_text(encoding="utf-8").strip()
        if not text.isdigit():
            raise StoreError(
                "Expected a manifest number in {root}, found {text!r}.",
                hint="Repair the store with 'basira history repair'.",
                root=self.root / "CURRENT",
                text=text[:40],
            )
        return int(text)

    def numbers(self) -> list[int]:
        """Numbers of all manifests that are there, in order; one that is a draft's among them."""
        names = (path.stem for path in (self.root / "manifests").glob("*.json"))
        return sorted(int(name) for name in names if name.isdecimal())

    def number_in_force(self) -> int:
        """Number of the manifest in force. Raises StoreError when CURRENT is behind the manifests, or ahead of them."""
        while True:
            current = self.current_number()
            last = max(self.numbers(), default=0)
            is_writing = last == current + 1 and self._draft_number() == last
            if current == last or is_writing:
                return current
            if current == self.current_number():  # else a commit ended while this looked
                break
        raise StoreError(
            "Expected CURRENT of the store {root!r} to name its last snapshot, {last}, found {current}.",
            hint="CURRENT was changed, or comes from a backup of another moment than the rest. 'basira history repair' "
            "puts the last whole snapshot in force; with --to it goes back to an earlier one.",
            root=str(self.root),
            last=last,
            current=current,
        )

    def _draft_number(self) -> int | None:
        try:
            text = (self.root / DRAFT_NOTE).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return int(text) if text.isdecimal() else None

    def manifest(self, number: int | None = None) -> Manifest:
        """A manifest by its number; the one in force by default. Raises NotFoundError, StoreError."""
        return self._read_manifest(self.number_in_force() if number is None else number)[0]

    def _read_manifest(self, number: int) -> tuple[Manifest, str]:
        """A manifest and the SHA-256 of its file; of the empty store "" stands for it."""
        if number == 0:
            return Manifest(number=0, parent=0, parent_digest=""), ""
        path = manifest_path(self.root, number)
        if not path.is_file():
            raise NotFoundError(
                "Expected snapshot {number} in the store {root!r}, found none.",
                hint="The last one is {current_number}.",
                number=number,
                root=str(self.root),
                current_number=self.current_number(),
            )
        content = path.read_bytes()
        found = Manifest.from_json(content.decode("utf-8", "replace"), where=str(path))
        if found.number != number:
            raise StoreError(
                "Expected the manifest of snapshot {number} in {path}, found that of {number_2}.",
                hint="Restore the manifests folder from a backup; the data files are unharmed.",
                number=number,
                path=path,
                number_2=found.number,
            )
        return found, hashlib.sha256(content).hexdigest()

    def snapshot(self, number: int | None = None) -> Snapshot:
        """The history as of a commit; as it is now by default.

        Raises NotFoundError (no such commit), StoreError (a file of it is gone, or cut).
        """
        manifest, digest = self._read_manifest(self.number_in_force() if number is None else number)
        for entries in manifest.tables.values():
            for entry in entries:
                self._check(entry)
        is_simulated = any(source.is_simulated for source in manifest.sources)
        return Snapshot(manifest.number, self.root, manifest.tables, is_simulated, digest)

    def verified_snapshot(self, number: int | None = None) -> Snapshot:
        """The same, every file of items and outcomes compared with its SHA-256: for whatever decides or learns from it.

        Takes about a second per gigabyte, each time: what is remembered of an earlier look could be forged. Raises
        StoreError for the first file that differs.
        """
        snapshot = self.snapshot(number)
        for table in LEARNED_FROM:
            for entry in snapshot.tables[table]:
                if digest_file(self.root / entry.path) != entry.sha256:
                    raise StoreError(
                        "Expected the file {path} of the store {root!r} as it was written, found another content "
                        "(its SHA-256 is not the manifest's).",
                        hint="Restore this file from a backup. 'basira audit verify' names every file that differs.",
                        path=entry.path,
                        root=str(self.root),
                    )
        return snapshot

    def _check(self, entry: DataFile) -> None:
        path = self.root / entry.path
        size = path.stat().st_size if path.exists() else None
        if size != entry.size_bytes:
            if size is None and (moment := read_erased(self.root).get(entry.path)):
                raise StoreError(
                    "Expected the file {path} in the store {root!r}; it was erased on {moment}, with a person's "
                    "data that it held.",
                    hint="What rests on this snapshot can't be made again; its record stands and is proven by `basira "
                    "audit verify`. Later snapshots are whole.",
                    path=entry.path,
                    root=str(self.root),
                    moment=moment[:10],
                )
            found = Phrase("nothing") if size is None else Phrase("{size:,} bytes", size=size)
            raise StoreError(
                "Expected the file {path} of {size_bytes:,} bytes in the store {root!r}, found {found}.",
                hint="Restore this file from a backup: nothing but Basira may write in the store's folder.",
                path=entry.path,
                size_bytes=entry.size_bytes,
                root=str(self.root),
                found=found,
            )

    def sources(self) -> tuple[SourceEntry, ...]:
        """Every source ever taken in, oldest first."""
        return self.manifest().sources

    def mapping_text(self, digest: str) -> str:
        """The text of a mapping by which a source was read. Raises NotFoundError; StoreError when it is another."""
        return self._kept_text(digest, ".toml", Phrase("mapping"))

    def rates_text(self, digest: str) -> str:
        """The text of a table of rates by which a source was converted. Raises as `mapping_text`."""
        return self._kept_text(digest, ".csv", Phrase("table of rates"))

    def _kept_text(self, digest: str, suffix: str, what: Phrase) -> str:
        path = self.root / "mappings" / f"{digest}{suffix}"
        if not digest.isalnum() or not path.is_file():
            raise NotFoundError(
                "Expected the {what} {digest} in the store {root!r}, found none.",
                hint="Give the mapping again with --mapping.",
                what=what,
                digest=digest[:12],
                root=str(self.root),
            )
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(
                "Expected the {what} {digest} of the store {root!r} as it was kept, found another.",
                hint="Restore the mappings folder from a backup, or give the mapping again with --mapping.",
                what=what,
                digest=digest[:12],
                root=str(self.root),
            )
        return content.decode("utf-8")

    @contextmanager
    def writing(self, *, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Iterator[Draft]:
        """Prepare a commit. Nothing is visible until `Draft.commit`; leaving without it leaves no trace.

        Raises StoreError when another process keeps the store locked for ``wait_seconds``, the disk is full, or CURRENT
        went back; nothing is removed then.
        """
        with storage_errors(self.root), self.locked(wait_seconds=wait_seconds):
            base = self.manifest()
            self._sweep()
            draft = Draft(self.root, base)
            try:
                yield draft
            finally:
                draft.discard_uncommitted()

    @contextmanager
    def locked(self, *, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Iterator[None]:
        """Keep every other writer out. Raises StoreError when one does not end in time."""
        lock = filelock.FileLock(self.root / "writing.lock")
        note = self.root / "writing.by"
        try:
            lock.acquire(timeout=wait_seconds)
        except filelock.Timeout:
            with suppress(OSError):
                holder = note.read_text(encoding="utf-8").strip()
                raise StoreError(
                    "The store {root!r} is being written by {holder}; waited {wait_seconds:g} s.",
                    hint="Wait until that command ends, then run this one again.",
                    root=str(self.root),
                    holder=holder,
                    wait_seconds=wait_seconds,
                ) from None
            raise StoreError(
                "The store {root!r} is being written by another process; waited {wait_seconds:g} s.",
                hint="Wait until that command ends, then run this one again.",
                root=str(self.root),
                wait_seconds=wait_seconds,
            ) from None
        try:
            note.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
            yield
        finally:
            with suppress(OSError):
                note.unlink(missing_ok=True)
            lock.release()

    def _sweep(self) -> None:
        """Remove what a killed writer left: its manifest when it is still a draft's, the files that no manifest names.

        Files carry the number of their commit, and `number_in_force` held a moment ago: no manifest names a later one.
        """
        current = self.current_number()
        if self._draft_number() == current + 1:
            manifest_path(self.root, current + 1).unlink(missing_ok=True)
        data = f"{self.root / 'data'}{os.sep}"
        for folder, _, names in os.walk(self.root):
            is_data = folder.startswith(data)
            for name in names:
                is_later = is_data and name.endswith(".parquet") and int(name.split("-")[0]) > current
                if is_later or (name.startswith(".") and name.endswith(".writing")):
                    Path(folder, name).unlink()
        (self.root / DRAFT_NOTE).unlink(missing_ok=True)
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
        DRAFT_NOTE,
        SET_ASIDE,
        ERASED_FILES,
        "scratch",
        "creating.lock",
    }
    return [entry for entry in root.iterdir() if entry.name not in ours]
