"""The quarantine of the service: refused declarations kept, listed, shown.

Enters: bodies with their faults. Leaves: pages of what was refused and why. Never here: a repair; a refusal that waits
for its own record (when it can't be kept, the sender is told what is wrong all the same).
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from basira.schema.errors import StoreError, UsageError
from basira.storage.operations_chain import is_storable
from basira.storage.operations_database import Database
from basira.storage.operations_refused import RefusedBody, State, count_bodies, find_bodies, get_body, keep_bodies
from basira.workflows.serve_body import Refused

# A longer one is listed with its faults and its size, without its content.
MOST_BYTES_KEPT = 1 << 20
_LONGEST_NUMBER = 200
_LOG = logging.getLogger("basira.service")


def keep_refused(
    database: Database, refused: Sequence[tuple[object, Refused]], *, client: str, now: datetime
) -> None:  # fmt: skip
    """Keep refused bodies. One that can't be kept is told to the log, without its content, and to nobody else."""
    try:
        with database.write() as connection:
            keep_bodies(connection, [_kept(body, why, client) for body, why in refused], now=now)
    except StoreError:
        _LOG.error("refused_not_kept", extra={"fields": {"client": client, "count": len(refused)}})


def _kept(body: object, why: Refused, client: str) -> RefusedBody:
    text = json.dumps(body)
    # The number is for looking it up: one that no declaration can have is left in the body.
    number = why.declaration_id or (body.get("declaration_id") if isinstance(body, dict) else None)
    is_number = isinstance(number, str) and 0 < len(number) <= _LONGEST_NUMBER and is_storable(number)
    digest = hashlib.sha256(json.dumps([client, text]).encode()).hexdigest()
    return RefusedBody(
        quarantine_id=f"q-{digest[:32]}",
        client=client,
        declaration_id=number.strip() if is_number and isinstance(number, str) else None,
        faults=[asdict(fault) for fault in why.faults],
        size_bytes=len(text),
        body=text if len(text) <= MOST_BYTES_KEPT else None,
    )


def refused_page(
    database: Database, *, state: State = "open", code: str | None = None, limit: int = 100, cursor: str | None = None
) -> dict[str, Any]:
    """Refused declarations, the latest first, without their content. Raises UsageError on a cursor that is none."""
    after = _after(cursor)
    with database.read() as connection:
        rows = find_bodies(connection, state=state, code=code, limit=limit + 1, after=after)
        total = count_bodies(connection, state=state, code=code)
    shown = rows[:limit]
    last = [shown[-1]["last_at"], shown[-1]["quarantine_id"]] if len(rows) > limit else None
    next_cursor = None if last is None else base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=")
    return {"total": total, "rows": [_body(row) for row in shown], "next_cursor": next_cursor}


def refused_declaration(database: Database, quarantine_id: str) -> dict[str, Any]:
    """One with its content, as it was sent; ``body`` null when it was too long to be kept. Raises NotFoundError."""
    with database.read() as connection:
        row = get_body(connection, quarantine_id)
    return {**_body(row), "body": None if row["body"] is None else json.loads(row["body"])}


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("quarantine_id", "declaration_id", "client", "first_at", "last_at", "times")
    return {
        **{name: row[name] for name in names},
        "state": "open" if row["resolved_at"] is None else "resolved",
        "resolved_at": row["resolved_at"],
        "size_bytes": row["size_bytes"],
        "faults": row["faults"],
    }


def _after(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != 2
        or not all(isinstance(value, str) and is_storable(value) for value in values)
    ):
        raise UsageError("Expected a cursor of the page before, found something else.", hint="Begin without a cursor.")
    return values[0], values[1]
