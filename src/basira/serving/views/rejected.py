"""The quarantine of the service: rejected declarations kept, listed, shown, erased when their time is over.

Enters: bodies with their faults. Leaves: pages of what was rejected and why. Never here: a repair; a rejection that
waits for its own record (the sender learns the faults even when the body can't be kept); more than the quota.

A kept body comes from any sender, unchecked: halves of characters, numbers that JSON does not have, brackets
in brackets. Such a body is given as an escaped text, never as a value that the client's JSON reader may reject.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from basira.schema.errors import StoreError, UsageError
from basira.schema.json_values import JsonObject
from basira.serving.message import FieldFault, Rejected
from basira.serving.views.answers import RejectedBody, RejectedContent, RejectedPage
from basira.storage.database.connection import Database
from basira.storage.online.rejected import (
    Fault,
    Kept,
    NewRejected,
    RejectedRow,
    State,
    bodies_before,
    count_again,
    count_bodies,
    find_bodies,
    get_body,
    keep_body,
    kept_in_all,
    kept_of_clients,
    kept_of_day,
)
from basira.storage.record.chain import is_storable
from basira.storage.record.erasure import erase

# A longer one is listed with its faults and its size, without its content.
MOST_BYTES_KEPT = 1 << 20
# A body of many items has many faults, each longer than what it is about: the first ones suffice.
MOST_FAULTS_KEPT = 100
# Of a body that is given as a value: a declaration has four.
_MOST_LEVELS = 16
_INTEGER_BITS = 64
_LONGEST_NUMBER = 200
# To add up all that is kept takes up to a second; a worker uses its last sum, and adds what it kept since.
_RECOUNT_SECONDS = 60.0
_MEGABYTE = 1 << 20
_LOG = logging.getLogger("basira.service")

# Why a body is not kept: the quota of its key for the day, the total of all, a fault of the database.
NotKept = Literal["quota", "total", "failed"]


@dataclass(frozen=True)
class Quota:
    """How much is kept. ``bodies``, ``megabytes``: of one key, of what came first on one day. ``total_megabytes``: of
    every key and day. ``days``: one that was not sent again for so long is erased by `expire_rejected`."""

    bodies: int = 1_000
    megabytes: int = 20
    total_megabytes: int = 1_000
    days: int = 90


USUAL_QUOTA = Quota()


class Quarantine:
    """Keeps rejected bodies within the quota; one in each worker process.

    The quota of a key is looked up with each new body; the total once a minute, so that several workers may exceed it
    by what they keep meanwhile.
    """

    def __init__(self, quota: Quota, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._quota, self._monotonic = quota, monotonic
        self._lock = threading.Lock()
        self._total, self._counted_at = Kept(0, 0), float("-inf")
        # Keys that reached their quota, and on which day: they are not counted anew with each body.
        self._full: dict[str, str] = {}

    def keep(
        self, database: Database, rejected: Sequence[tuple[object, Rejected]], *, client: str, now: datetime
    ) -> list[NotKept | None]:
        """Keep rejected bodies of one key; for each None, or why it is not kept. Raises nothing: a body that can't be
        kept is logged, without its content."""
        bodies = [_to_keep(body, why, client) for body, why in rejected]
        found: dict[str, NotKept | None] = {}
        try:
            self._recount(database)
            with database.write() as connection:
                kept = Kept(0, 0)
                for body in {body.quarantine_id: body for body in bodies}.values():
                    cause = None
                    if not count_again(connection, body, now=now):
                        cause = self._no_room(connection, client, now, meanwhile=kept)
                        kept += Kept(0, 0) if cause else keep_body(connection, body, now=now)
                    found[body.quarantine_id] = cause
            with self._lock:
                self._total += kept
        except StoreError:
            found = {body.quarantine_id: "failed" for body in bodies}
        why_not = [found[body.quarantine_id] for body in bodies]
        for cause in dict.fromkeys(why_not):
            if cause is not None:
                fields = {"client": client, "count": why_not.count(cause), "cause": cause}
                _LOG.warning("rejected_not_kept", extra={"fields": fields})
        return why_not

    def _recount(self, database: Database) -> None:
        with self._lock:
            if self._monotonic() < self._counted_at + _RECOUNT_SECONDS:
                return
            self._counted_at = self._monotonic()
        with database.read() as connection:
            total = kept_in_all(connection)
        with self._lock:
            self._total = total

    def _no_room(self, connection: sa.Connection, client: str, now: datetime, *, meanwhile: Kept) -> NotKept | None:
        if self._total.size_bytes + meanwhile.size_bytes >= self._quota.total_megabytes * _MEGABYTE:
            return "total"
        day = now.date().isoformat()
        if self._full.get(client) == day or _is_reached(self._quota, kept_of_day(connection, client, now=now)):
            self._full[client] = day
            return "quota"
        return None


def _is_reached(quota: Quota, kept: Kept) -> bool:
    return kept.count >= quota.bodies or kept.size_bytes >= quota.megabytes * _MEGABYTE


def list_reached_limits(database: Database, quota: Quota, *, now: datetime) -> list[str]:
    """The quotas that are reached, a line each, in words; empty while there is room."""
    with database.read() as connection:
        clients, total = kept_of_clients(connection, now=now), kept_in_all(connection)
    lines = []
    if total.size_bytes >= quota.total_megabytes * _MEGABYTE:
        lines.append(
            f"quarantine: full, {total.count:,} rejected bodies of {quota.total_megabytes:,} MB in all are kept, and "
            "no new one. Correct or erase them (basira quarantine expire), or raise BASIRA_QUARANTINE_TOTAL_MEGABYTES."
        )
    lines += [
        f"quarantine: key {client} reached its quota of today ({kept.count:,} rejected bodies, "
        f"{kept.size_bytes / _MEGABYTE:.1f} MB): what else it sends is rejected and not kept."
        for client, kept in clients.items()
        if _is_reached(quota, kept)
    ]
    return lines


def expire_rejected(database: Database, *, days: int, actor: str, now: Callable[[], datetime]) -> int:
    """Erase the rejected bodies that were not sent again for so many days, with audit events that name each; how many.
    Raises StoreError; what was erased until then stays erased and audited."""
    before = (now().date() - timedelta(days=days)).isoformat()
    motive = f"not sent again for {days} days"
    return erase(database, bodies_before(before), actor=actor, motive=motive, now=now)


def _to_keep(body: object, why: Rejected, client: str) -> NewRejected:
    text = json.dumps(body)
    # The number is for looking it up: one that no declaration can have is left in the body.
    number = why.declaration_id or (body.get("declaration_id") if isinstance(body, dict) else None)
    is_number = isinstance(number, str) and 0 < len(number) <= _LONGEST_NUMBER and is_storable(number)
    digest = hashlib.sha256(json.dumps([client, text]).encode()).hexdigest()
    return NewRejected(
        quarantine_id=f"q-{digest[:32]}",
        client=client,
        declaration_id=number.strip() if is_number and isinstance(number, str) else None,
        faults=[_fault(fault) for fault in why.faults[:MOST_FAULTS_KEPT]],
        size_bytes=len(text),
        body=text if len(text) <= MOST_BYTES_KEPT else None,
    )


def _fault(fault: FieldFault) -> Fault:
    return {"item": fault.item, "field": fault.field, "code": fault.code, "expected": fault.expected}


def rejected_page(
    database: Database, *, state: State = "open", code: str | None = None, limit: int = 100, cursor: str | None = None
) -> RejectedPage:
    """Rejected declarations, the latest first, without their content. Raises UsageError on an invalid cursor."""
    after = _after(cursor)
    with database.read() as connection:
        rows = find_bodies(connection, state=state, code=code, limit=limit + 1, after=after)
        total = count_bodies(connection, state=state, code=code)
    shown = rows[:limit]
    last = [shown[-1]["last_at"], shown[-1]["quarantine_id"]] if len(rows) > limit else None
    next_cursor = None if last is None else base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=")
    return {"total": total, "rows": [_body(row) for row in shown], "next_cursor": next_cursor}


def rejected_declaration(database: Database, quarantine_id: str) -> RejectedContent:
    """One with its content: ``body`` as it was sent. Where that is no plain JSON (half a character, NUL, a number
    without end, more than 16 levels) it is null, and ``body_text`` is the text, escaped in ASCII. Both are null when it
    was too long to be kept. Raises NotFoundError."""
    with database.read() as connection:
        row = get_body(connection, quarantine_id)
    text = row["body"]
    value = None if text is None else _plain(text)
    return {**_body(row), "body": value, "body_text": text if value is None else None}


def _plain(text: str) -> Any:
    """The value of a kept body; None when not every reader of JSON takes it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    level = [value]
    for _ in range(_MOST_LEVELS):
        if not all(map(_is_plain, level)):
            return None
        level = [part for one in level if isinstance(one, dict | list) for part in _parts_of(one)]
        if not level:
            return value
    return None


def _is_plain(one: object) -> bool:
    if isinstance(one, str):
        return is_storable(one)
    if isinstance(one, float):
        return math.isfinite(one)
    return not isinstance(one, int) or one.bit_length() < _INTEGER_BITS


def _parts_of(one: JsonObject | list[Any]) -> list[Any]:
    return [*one, *one.values()] if isinstance(one, dict) else one


def _body(row: RejectedRow) -> RejectedBody:
    return {
        "quarantine_id": row["quarantine_id"],
        "declaration_id": row["declaration_id"],
        "client": row["client"],
        "first_at": row["first_at"],
        "last_at": row["last_at"],
        "times": row["times"],
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
