"""Where the database names a value: every text of every table, and the bytes of its files.

Enters: a database, a value. Leaves: tables and columns with counts. Never here: a row; a write.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

import basira.storage.accounts.tables
import basira.storage.rules.tables  # noqa: F401 - their tables join the metadata
from basira.schema.errors import StoreError
from basira.storage.database.connection import Database
from basira.storage.database.freed import log_files
from basira.storage.database.tables import METADATA
from basira.storage.naming import count_in, names

# Made by Basira of random numbers and hashes.
_NO_TEXTS = frozenset({"digest", "salt", "day", "entry_hash", "previous_hash", "opening_hash", "closing_hash"})
_OVERLAP = 4_096
_BLOCK = 1 << 24


def rows_naming(
    database: Database, value: str, *, progress: Callable[[int, int, str], None]
) -> tuple[dict[tuple[str, str], int], list[str]]:
    """By table and column, how many rows name the value; and the tables that this user may not read."""
    found: dict[tuple[str, str], int] = {}
    unread = []
    tables = METADATA.sorted_tables
    for n, table in enumerate(tables):
        progress(n, len(tables), table.name)
        texts = [c for c in table.columns if isinstance(c.type, sa.String) and c.name not in _NO_TEXTS]
        if not texts:
            continue
        counts = [sa.func.count(sa.case((names(column, value), 1))) for column in texts]
        try:
            with database.read() as connection:
                row = connection.execute(sa.select(*counts).select_from(table)).one()
        except StoreError:
            unread.append(table.name)
            continue
        found |= {(table.name, c.name): int(count) for c, count in zip(texts, row, strict=True) if count}
    return found, unread


def bytes_naming(database: Database, value: str) -> dict[str, int]:
    """By file of a SQLite database, how often the value occurs in its bytes, in what was deleted too; part of a longer
    word or not. Nothing of another database, whose files are not ours to read."""
    return {path: count for path in log_files(database) if (count := count_in_file(Path(path), value))}


def count_in_file(path: Path, value: str) -> int:
    """How often the value occurs in the bytes of a file; 0 when there is none. Raises OSError."""
    count, kept = 0, b""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                # What the end of the block before holds whole was counted with it.
                count += count_in(kept + block, value) - count_in(kept, value)
                kept = (kept + block)[-_OVERLAP:]
    except FileNotFoundError:
        return 0
    return count
