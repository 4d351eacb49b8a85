"""The hash chain of the decision record.

Enters: rows as they are stored. Leaves: their hashes. Never here: the database.

The chain runs through everything: a run opens with a hash of its header and of the run before it, each
decision adds its own content to the hash before it, and the last one closes the run. So a changed, removed,
added or moved row anywhere makes every later hash wrong. Rows cut from the very end leave no trace inside: keep
the closing hash of the last run elsewhere (print it, sign it) to detect that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from basira.storage.operations_tables import DECISION, TARGETING_RUN

GENESIS = "0" * 64

_NOT_IN_OPENING = frozenset({"previous_hash", "opening_hash", "closing_hash", "decision_count"})
_NOT_IN_ENTRY = frozenset({"previous_hash", "entry_hash"})


def opening_hash(run: Mapping[str, Any], previous: str) -> str:
    """Hash with which a run begins: its header, after the closing hash of the run before."""
    return _hash(previous, {c.name: run[c.name] for c in TARGETING_RUN.columns if c.name not in _NOT_IN_OPENING})


def entry_hash(decision: Mapping[str, Any], previous: str) -> str:
    """Hash of one decision, after the hash before it."""
    return _hash(previous, {name: decision[name] for name in _ENTRY_COLUMNS})


_ENTRY_COLUMNS = tuple(c.name for c in DECISION.columns if c.name not in _NOT_IN_ENTRY)


def _hash(previous: str, content: Mapping[str, Any]) -> str:
    # Python writes a float in the shortest form that reads back the same, so equal bits give equal text.
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def as_stored(table: sa.Table, row: Mapping[str, Any], made: frozenset[str]) -> dict[str, Any]:
    """A caller's row with exactly the types the database gives back, so that it hashes the same then.

    Raises ValueError that says what is missing, unknown or not of the column's type.
    """
    wanted = {column.name for column in table.columns} - made
    if row.keys() != wanted:
        missing, unknown = sorted(wanted - row.keys()), sorted(row.keys() - wanted)
        raise ValueError(f"missing {', '.join(missing) or 'nothing'}, unknown {', '.join(unknown) or 'nothing'}")
    return {column.name: _typed(column, row[column.name]) for column in table.columns if column.name in wanted}


def _typed(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        if column.nullable:
            return None
        raise ValueError(f"nothing in {column.name}")
    if isinstance(column.type, sa.Double):
        number = float(value)
        if number - number != 0:  # infinite or not a number
            raise ValueError(f"{number} in {column.name}")
        return number + 0.0  # -0.0 would come back as 0.0 from some engines
    if isinstance(column.type, sa.Integer):
        if isinstance(value, bool) or int(value) != value:
            raise ValueError(f"{value!r} in {column.name}, a whole number")
        return int(value)
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError(f"{value!r} in {column.name}, a text")
    return value
