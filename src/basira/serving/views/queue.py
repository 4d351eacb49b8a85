"""An office's queue: what is to be inspected on a day, or still waits of any day, and what has been.

Enters: a service, an office and a day, filters, a place to go on from. Leaves: rows as JSON values, or as CSV. Never
here: a personal value; a cell that a spreadsheet would run.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import sqlalchemy as sa

from basira.decisions.events import AnyRecord, Assignment, Reselection, read_records
from basira.decisions.records import Decision
from basira.render.spreadsheet import csv_text, decimal_comma
from basira.schema.errors import PolicyError, UsageError
from basira.serving.admissible import office_fault
from basira.serving.message import FieldFault, Rejected
from basira.serving.record import find_known_by_id
from basira.serving.service import Service
from basira.serving.status import Status, StatusName, is_inspection
from basira.serving.views.answers import ItemBody, QueueRow
from basira.serving.views.decision import decision_body, reselected_text
from basira.serving.views.declaration import change_body, items_of_change
from basira.serving.views.explained import explained_reselection, shown_reasons
from basira.storage.database.connection import Database
from basira.storage.record.events import (
    Hands,
    QueueEntry,
    QueueFilter,
    count_queue,
    find_outcomes,
    find_queue_entries,
    queue_order,
    record_identity,
)

_Order = tuple[float, float, float]
# Whole numbers that every database and a float can hold; no rank, amount or sequence comes near.
_MOST = 2.0**53

# What a status is, of what the database can look for: whether the lane inspects, whether an inspection came.
_ONLY: Mapping[StatusName | None, tuple[bool | None, bool | None]] = {
    None: (None, None),
    "waiting": (True, False),
    "inspected": (None, True),
    "released": (False, False),
}
# Rows of a queue that are in memory together while it is written as CSV.
PART_ROWS = 500
CSV_COLUMNS = (
    "declaration_id",
    "declaration_version",
    "office",
    "lane",
    "status",
    "basis_text",
    "fallback",
    "fraud_probability",
    "expected_revenue",
    "currency",
    "reasons",
    "verify",
    "since",
    "given_by",
    "reselected_by",
    "motive",
)


@dataclass(frozen=True)
class Page:
    """Rows of a queue. ``next_cursor``: where to go on; None at the end. ``total``: of the whole queue, filtered."""

    rows: tuple[QueueRow, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class Queue:
    """A request for an office's queue of a day (None: of every day). ``lane``, ``status``: only those; None: all.
    ``language``: of the sentences. ``is_secret_hidden``: without what selection knows, in order of arrival. ``hands``,
    ``officer``: see `QueueFilter`."""

    office: str
    day: date | None
    lane: str | None = None
    status: StatusName | None = None
    language: str = "fr"
    is_secret_hidden: bool = False
    hands: Hands = ""
    officer: str = ""

    @property
    def filter(self) -> QueueFilter | None:
        """The filter for the database; None: no row, because cancelled declarations are in no queue."""
        if self.status == "cancelled":
            return None
        day = None if self.day is None else self.day.isoformat()
        return QueueFilter(self.office, day, self.lane, *_ONLY[self.status], hands=self.hands, officer=self.officer)


def check_queue(service: Service, office: str, day: date, *, lane: str | None) -> Rejected | None:
    """Why there can be no such queue, so that a misspelt name does not look like an empty queue: the day's policy lists
    other offices, or lacks this lane, and no record has that name. None when there can be one, or when no policy was in
    force."""
    try:
        policy = service.policy(day)
    except PolicyError:
        return None
    faults = []
    fault = office_fault(office, policy, field="query.office")
    if fault is not None and not _has_any(service, office, day, lane=None):
        faults.append(fault)
    if lane is not None and lane not in policy.intensity and not _has_any(service, office, day, lane=lane):
        faults.append(FieldFault(None, "query.lane", "unknown_lane", ", ".join(policy.intensity)))
    return Rejected(tuple(faults)) if faults else None


def _has_any(service: Service, office: str, day: date, *, lane: str | None) -> bool:
    """Whether a record has this name, from before the day's policy changed."""
    with service.database.read() as connection:
        return count_queue(connection, QueueFilter(office, day.isoformat(), lane)) > 0


def queue_page(
    service: Service, queue: Queue, *, limit: int | None = None, cursor: str | None = None, today: date | None = None
) -> Page:
    """The declarations whose lane was last given by an office on a day: the most intensive lane first, then by expected
    revenue, or by arrival where what selection knows is hidden. ``cursor``: as the page before gave it; what changed
    meanwhile is where it belongs now. ``today``: whose policy orders the lanes of a queue of every day; such a queue
    can't do without it. Raises UsageError on an invalid cursor.
    """
    statuses, total, next_cursor = find_page(service, queue, limit=limit, cursor=cursor, today=today)
    rows = (_row(one, queue.language, is_secret_hidden=queue.is_secret_hidden) for one in statuses)
    return Page(tuple(rows), total, next_cursor)


def find_page(
    service: Service, queue: Queue, *, limit: int | None, cursor: str | None, today: date | None
) -> tuple[list[Status], int, str | None]:
    """What a page of a queue is made of: its declarations, how many there are in the whole queue, and where to go on.
    As `queue_page`."""
    after = _decode_cursor(cursor)
    which = queue.filter
    if which is None:
        return [], 0, None
    with service.database.read() as connection:
        total, intensity = _measure(connection, service, which, queue.day or today)
        entries = find_queue_entries(
            connection,
            which,
            intensity=intensity,
            after=after,
            limit=None if limit is None else limit + 1,
            by_revenue=not queue.is_secret_hidden,
        )
        shown = entries[:limit]
        statuses = _statuses(connection, shown)
    next_cursor = _encode_cursor(queue_order(shown[-1], intensity)) if len(shown) < len(entries) else None
    return statuses, total, next_cursor


def _measure(
    connection: sa.Connection, service: Service, which: QueueFilter, day: date | None
) -> tuple[int, Mapping[str, int]]:
    """The count of declarations, and the order of their lanes: empty without declarations, for such a day may lack a
    policy."""
    total = count_queue(connection, which)
    return total, service.policy(day).intensity if total and day is not None else {}


def _statuses(connection: sa.Connection, entries: Sequence[QueueEntry], *, until: int | None = None) -> list[Status]:
    """The status of each of these, in their order. ``until``: results of a later sequence are left out. One whose event
    was removed from the record, as the proof says, is left out: the others' queue must go on."""
    given = find_known_by_id(connection, [entry.event_id for entry in entries])
    changed = [one.decision_id for one in given.values() if isinstance(one, Reselection)]
    decisions = find_known_by_id(connection, changed)
    results: dict[str, list[AnyRecord]] = {}
    for result in read_records(find_outcomes(connection, [one.declaration_id for one in given.values()])):
        if until is None or result.sequence <= until:
            results.setdefault(result.declaration_id, []).append(result)
    statuses = []
    for entry in entries:
        if entry.event_id not in given:
            continue
        one = cast("Assignment", given[entry.event_id])
        decision = cast("Decision", decisions[one.decision_id] if isinstance(one, Reselection) else one)
        is_inspected = any(is_inspection(result, after=one) for result in results.get(one.declaration_id, ()))
        statuses.append(Status(one, decision, None, is_inspected))
    return statuses


def _encode_cursor(order: Sequence[float]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(order)).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str | None) -> _Order | None:
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        order = tuple(float(value) for value in values)
    except (ValueError, TypeError, OverflowError, RecursionError):
        order = ()
    if len(order) != 3 or not math.isfinite(order[1]) or not max(abs(order[0]), abs(order[2])) <= _MOST:
        raise UsageError("Expected a cursor of the page before, found something else.", hint="Begin without a cursor.")
    return order[0], order[1], order[2]


def _row(one: Status, language: str, *, is_secret_hidden: bool) -> QueueRow:
    """A decision as answers show it, with the lane in force and its status."""
    body = decision_body(one.decision, language=language, is_secret_hidden=is_secret_hidden)
    change = one.assignment if isinstance(one.assignment, Reselection) else None
    if change is not None:
        body["basis_text"] = reselected_text(body["basis_text"], language=language)
        explained = explained_reselection(one.decision, change, language=language, is_secret_hidden=is_secret_hidden)
        body["explanation"] = explained.explanation
        body["items"] = items_of_change(change, explained) or body["items"]
    return {
        **body,
        "lane": one.lane,
        "inspects": one.assignment.inspects,
        "status": one.name,
        "since": one.assignment.recorded_at,
        "given_by": one.assignment.event_id,
        "reselection": None if change is None else change_body(change),
    }


def queue_csv(service: Service, queue: Queue, *, today: date | None = None) -> Iterator[str]:
    """The whole queue for a spreadsheet, as it is now: a line of names, `;` between cells, a comma before decimals.
    In parts, so that it is never in memory at once; what orders it is read before this returns, and raises here.
    ``today``: see `queue_page`.
    """
    which = queue.filter
    with service.database.read() as connection:
        entries: Sequence[QueueEntry] = ()
        if which is not None:
            _, intensity = _measure(connection, service, which, queue.day or today)
            # As little of each as it takes: a day's payloads would fill the memory.
            entries = find_queue_entries(connection, which, intensity=intensity, by_revenue=not queue.is_secret_hidden)
        _, until = record_identity(connection)
    return _csv_parts(service.database, entries, queue, until=until)


def _csv_parts(database: Database, entries: Sequence[QueueEntry], queue: Queue, *, until: int) -> Iterator[str]:
    yield "\ufeff" + csv_text([CSV_COLUMNS])
    for start in range(0, len(entries), PART_ROWS):
        # A connection for each part: a slow reader must not hold one. Nothing recorded changes, and what came since is
        # left out, so the parts are of one moment.
        with database.read() as connection:
            statuses = _statuses(connection, entries[start : start + PART_ROWS], until=until)
        rows = (_row(one, queue.language, is_secret_hidden=queue.is_secret_hidden) for one in statuses)
        yield csv_text([_csv_cells(row) for row in rows])


def _csv_cells(row: QueueRow) -> list[object]:
    change = row["reselection"]
    items = row["items"]
    flat: dict[str, object] = {
        **row,
        "fraud_probability": decimal_comma(row.get("fraud_probability"), digits=4),
        "expected_revenue": decimal_comma(row.get("expected_revenue"), digits=2),
        "reasons": " | ".join(
            f"#{item['item_number']} {reason['text']}" for item in items for reason in shown_reasons(item)
        ),
        "verify": " | ".join(_with_items(items)),
        "reselected_by": None if change is None else change["by"],
        "motive": None if change is None else change["motive"],
    }
    return [flat.get(name) for name in CSV_COLUMNS]


def _with_items(items: Sequence[ItemBody]) -> list[str]:
    """What to verify, each once, behind the numbers of its items: "#1 #3 Verify the value"."""
    numbers: dict[str, list[str]] = {}
    for item in items:
        for verify in item["verify"]:
            numbers.setdefault(verify["text"], []).append(f"#{item['item_number']}")
    return [f"{' '.join(found)} {text}" for text, found in numbers.items()]
