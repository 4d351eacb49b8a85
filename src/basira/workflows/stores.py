"""The stores that a command works on, opened: the history, the operational database, the models.

Enters: a folder, the place of a database. Leaves: what was opened. Never here: work on it.

Shells open nothing themselves. Each function imports what it opens: a command that needs the history alone loads no
database driver.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from basira.storage.database.connection import Database as Database
    from basira.storage.history.repair import Repaired
    from basira.storage.history.store import History as History
    from basira.storage.history.verify import VerifiedHistory as VerifiedHistory
    from basira.storage.model_store import Models
    from basira.storage.record.runs import Operations


OPERATIONS = "operations.sqlite"


def operations_of(history: History) -> Path:
    """Where a store keeps its decisions, unless a database is named."""
    return history.root / OPERATIONS


def open_store(store: Path) -> History:
    """The history of a store. Raises StoreError when there is none."""
    from basira.storage.history.store import History

    return History.open(store)


def create_store(store: Path) -> History:
    """The history of a store, made when there is none. Raises StoreError when the folder holds other things."""
    from basira.storage.history.store import History

    return History.create(store)


def repair_store(store: Path, *, to: int | None, wait_seconds: float) -> Repaired:
    """Put a whole snapshot in force, see `basira.storage.history.repair`."""
    from basira.storage.history.repair import repair
    from basira.storage.history.store import History

    return repair(History(store), to=to, wait_seconds=wait_seconds)


def verify_store(store: Path, *, progress: Callable[[int, int, str], None]) -> VerifiedHistory:
    """Hash every file of a store's history again, see `basira.storage.history.verify`."""
    from basira.storage.history.store import History
    from basira.storage.history.verify import verify_history

    return verify_history(History.open(store), progress=progress)


def open_models(store: Path) -> Models:
    """The models of a store."""
    from basira.storage.model_store import Models

    return Models(store)


def open_database(place: str | Path, *, create: bool = False) -> Database:
    """The operational database at a path or a URL. Raises StoreError when it is absent and not to be made."""
    from basira.storage.database.connection import Database

    return Database(place, create=create)


def shown_place(database: Database) -> str:
    """Where a database is, without a password."""
    from basira.storage.database.connection import shown_place

    return shown_place(database.place)


def open_operations(place: str | Path) -> Operations:
    """The record of the runs in a database that is there."""
    from basira.storage.record.runs import Operations

    return Operations(place, create=False)
