"""The proof of an erasure: every place that still holds a value, and what to do there.

Enters: a record with its store, a value, folders to look through besides (backups, exported lists, logs). Leaves: the
places, with counts. Never here: the value; a change; silence about a place that was not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from basira.features.online.keys import key_of
from basira.features.online.plan import key_parts
from basira.schema.errors import BasiraError
from basira.schema.fields import FIELDS
from basira.storage.database.connection import Database
from basira.storage.history.erasure import count_naming, find_holding
from basira.storage.history.store import History
from basira.storage.naming import require_value
from basira.storage.profiles.files import list_names, read_manifest
from basira.storage.profiles.reader import open_profiles
from basira.storage.record.where import bytes_naming, count_in_file, rows_naming
from basira.workflows.profiles import profiles_of
from basira.workflows.records.audit import Record

Progress = Callable[[int, int, str], None]

_ERASE = "basira audit erase --person -"
_HASHED = (
    "It is in the hashed record, for good: to remove it would break the proof of everything after it. The ground to "
    "keep it is in docs/reference/operations-database.md."
)
_TABLES = {
    "personal_value": _ERASE,
    "refused_body": _ERASE,
    "idempotency_key": f"{_ERASE}; else it goes by itself when the answer expires, after a day.",
    "app_user": "basira users erase LOGIN",
    "login_attempt": "basira users erase LOGIN; else it goes by itself.",
    "api_key": "A key's name: make another key, revoke this one; its name stays with what it did.",
    "selection_state": "An office or a plan named so: correct the policy.",
}
_PERSONAL = frozenset(field.name for field in FIELDS if field.personal)


@dataclass(frozen=True)
class Place:
    """A place that holds the value. ``count``: rows, keys or occurrences. ``advice``: what to do, or why it stays."""

    where: str
    count: int
    advice: str


@dataclass(frozen=True)
class Whereabouts:
    """``places``: what holds the value. ``unread``: what could not be looked at, in sentences."""

    places: tuple[Place, ...]
    unread: tuple[str, ...]


def find_everywhere(
    record: Record,
    person: str,
    *,
    also: Sequence[Path] = (),
    progress: Progress = lambda _done, _total, _what: None,
) -> Whereabouts:
    """Every place that holds a value: tables, files of the database, of the store, of other folders.

    Raises StoreError when the database can't be opened, UsageError for a value that is too short to mean a person.
    """
    value = require_value(person)
    places: list[Place] = []
    unread: list[str] = []
    skipped: set[Path] = set()
    if "://" in str(record.place) or Path(record.place).is_file():
        with Database(record.place, create=False) as database:
            _look_in_database(database, value, places, unread, progress)
            skipped = {Path(f"{database.engine.url.database}{end}").resolve() for end in ("", "-wal", "-shm")}
    if record.history is not None:
        places += _in_history(record.history, value, progress)
        places += _in_profiles(record.history.root, value, unread)
        places += _in_files(record.history.root, value, unread, skipped=skipped, is_store=True)
    for folder in also:
        places += _in_files(folder, value, unread, skipped=skipped, is_store=False)
    return Whereabouts(tuple(places), tuple(unread))


def _look_in_database(
    database: Database, value: str, places: list[Place], unread: list[str], progress: Progress
) -> None:
    rows, unreadable = rows_naming(database, value, progress=progress)
    places += [
        Place(f"table {table}, column {column}", count, _TABLES.get(table, _HASHED))
        for (table, column), count in rows.items()
    ]
    unread += [f"The table {name}: this user may not read it." for name in unreadable]
    if not database.is_sqlite:
        unread.append(
            "The files, the log (WAL), its archive and the standbys of the PostgreSQL server: what was deleted stays "
            "in them until it is written over (`basira db compact`), or their retention ends."
        )
    elif rows:
        unread.append(
            "The bytes of the database's files: rows have it, and can't be distinguished from what was deleted."
        )
    else:
        places += [
            Place(
                f"file {Path(path).name}",
                count,
                "No row has it, as whole words: it was deleted, or is part of longer words. `basira db compact` "
                "removes what was deleted.",
            )
            for path, count in bytes_naming(database, value).items()
        ]


def _in_history(history: History, value: str, progress: Progress) -> list[Place]:
    return [
        Place(
            one.path,
            one.rows,
            "basira history erase"
            + ("" if one.is_current else " (a file of earlier snapshots alone)")
            + "; a declaration's number or a code stays as it is.",
        )
        for one in find_holding(history, value, progress=progress)
    ]


def _in_profiles(root: Path, value: str, unread: list[str]) -> Iterator[Place]:
    """Builds that hold the digest of the value: from a list of identifiers one can find whose figures they are."""
    folder = profiles_of(root)
    keys = [key_of(name, [value]) for name, parts in key_parts().items() if len(parts) == 1 and parts[0] in _PERSONAL]
    for name in list_names(folder):
        try:
            found = open_profiles(folder, read_manifest(folder, name)).find(keys)
        except BasiraError as error:
            unread.append(f"The profiles {name}: {error.message}")
            continue
        if count := sum(one is not None for one in found):
            yield Place(
                f"profiles/{name}.lmdb, as a digest",
                count,
                "basira profiles build --keep 1, after basira history erase.",
            )


def _in_files(root: Path, value: str, unread: list[str], *, skipped: set[Path], is_store: bool) -> Iterator[Place]:
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if not path.is_file() or path.resolve() in skipped:
            continue
        name = path.relative_to(root).as_posix() if is_store else str(path)
        try:
            if path.suffix == ".parquet":  # the store's own are looked at as its history
                count = 0 if is_store else count_naming(path, value)
            else:
                count = count_in_file(path, value)
        except (OSError, pa.ArrowException) as error:
            unread.append(f"The file {name}: {error}")
            continue
        if count:
            yield Place(name, count, _advice(name) if is_store else _OUTSIDE)


_OUTSIDE = "Outside of the store: remove the file when its retention ends, or write it anew after the erasure."


def _advice(name: str) -> str:
    first = name.partition("/")[0]
    if first == "models":
        return "basira train, after basira history erase; then remove this model: its decisions can't be replayed then."
    if first in ("manifests", "mappings"):
        return "A file's name, or a mapping, has it; snapshots name both for ever. Name no person in either."
    return "Not made by the history: see what it is, and remove it."
