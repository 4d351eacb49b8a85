"""Who did what and when, as auditors ask for it: changes of access, and what was done to declarations.

Enters: a database and what to look for. Leaves: pages of JSON values, the latest first, or CSV. Never
here: a personal value of a declaration; a write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, TypedDict

from basira.decisions.events import AnyRecord, Cancellation, Outcome, Registration, Reselection, read_record
from basira.decisions.records import Decision
from basira.render.spreadsheet import csv_text
from basira.schema.errors import NotFoundError
from basira.schema.rows import AuditRow, EventRow
from basira.storage.database.connection import Database
from basira.storage.record.activity import Part, find_activity, find_audit, ids_of, names_of
from basira.storage.record.events import find_by_ids
from basira.storage.record.runs import Operations

Of = Literal["access", "declarations"]
COLUMNS = ("sequence", "at", "by", "name", "action", "subject", "office", "before", "after", "motive", "entry_hash")
PART_ROWS = 1_000


@dataclass(frozen=True)
class Wanted:
    """What to look for; None: whatever. ``actor``: an id, a login or a key's name. ``action``: as recorded
    ("user.created"), or a kind of event ("reselection"). ``subject``: as recorded ("user/u-1f..."), or a declaration's
    number. ``office``: of declarations alone. Both days are included."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    office: str | None = None
    from_day: date | None = None
    to_day: date | None = None


class TrailRow(TypedDict):
    """One event of a trail as it is shown. ``at``: ISO 8601 without a zone; ``by``: an id. ``action``: of a
    declaration, the kind of event. ``subject``: as recorded, or the declaration's number. ``before``, ``after``: what
    changed; None where nothing is to be compared."""

    sequence: int
    at: str
    by: str
    action: str
    subject: str
    office: str | None
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    motive: str | None
    entry_hash: str


class TrailPage(TypedDict):
    """See `trail_page`."""

    rows: list[TrailRow]
    names: dict[str, str]
    next_cursor: int | None


def trail_page(database: Database, of: Of, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> TrailPage:
    """``rows``, the latest first; ``names``: the login or key's name behind each id in them; ``next_cursor``: the
    ``before`` of the next page, None at the end."""
    from_day, to_day = (None if day is None else day.isoformat() for day in (wanted.from_day, wanted.to_day))
    with database.read() as connection:
        actors = None if wanted.actor is None else ids_of(connection, wanted.actor)
        part = Part(actors, from_day, to_day, before, limit + 1)
        if of == "access":
            changes = find_audit(connection, part, subject=wanted.subject, action=wanted.action)
            rows = [_change(row) for row in changes]
        else:
            events = find_activity(
                connection, part, declaration_id=wanted.subject, kind=wanted.action, office=wanted.office
            )
            rows = [_activity(row) for row in events]
        shown = rows[:limit]
        names = names_of(connection, _ids(shown))
    return {"rows": shown, "names": names, "next_cursor": shown[-1]["sequence"] if len(rows) > limit else None}


def trail_csv(database: Database, of: Of, wanted: Wanted) -> Iterator[str]:
    """All that is found, for a spreadsheet, in parts. The first is read before this returns, and raises here."""
    return _parts(database, of, wanted, trail_page(database, of, wanted, limit=PART_ROWS))


def find_record(place: str | Path, identity: str) -> Mapping[str, object]:
    """An event of a declaration, a decision of a run, or a run: whole, without personal values. NotFoundError: none."""
    with Operations(place, create=False) as operations:
        with operations.database.read() as connection:
            event = find_by_ids(connection, [identity]).get(identity)
        if event is not None:
            return {name: value for name, value in event.items() if name != "personal"}
        with suppress(NotFoundError):
            return operations.get_decision(identity)
        with suppress(NotFoundError):
            return operations.get_run(identity)
    raise NotFoundError(
        "Expected a recorded event, decision or run {identity!r}, found none.",
        hint="List them: `basira audit list --of declarations`, `basira audit runs`.",
        identity=identity,
    )


def _parts(database: Database, of: Of, wanted: Wanted, page: TrailPage) -> Iterator[str]:
    yield "\ufeff" + csv_text([COLUMNS])
    while True:
        named: list[Mapping[str, object]] = [{**row, "name": page["names"].get(row["by"])} for row in page["rows"]]
        yield csv_text([[_text(row[name]) for name in COLUMNS] for row in named])
        if page["next_cursor"] is None:
            return
        page = trail_page(database, of, wanted, before=page["next_cursor"], limit=PART_ROWS)


def _change(row: AuditRow) -> TrailRow:
    return {
        "sequence": row["sequence"],
        "at": row["recorded_at"],
        "by": row["actor"],
        "action": row["action"],
        "subject": row["subject"],
        "office": None,
        "before": row["before"],
        "after": row["after"],
        "motive": row["motive"],
        "entry_hash": row["entry_hash"],
    }


def _activity(row: EventRow) -> TrailRow:
    record = read_record(row)
    before, after = _before_and_after(record)
    return {
        "sequence": record.sequence,
        "at": record.recorded_at,
        "by": record.actor,
        "action": record.kind,
        "subject": record.declaration_id,
        "office": record.office,
        "before": before,
        "after": after,
        "motive": record.motive if isinstance(record, Reselection | Cancellation) else None,
        "entry_hash": row["entry_hash"],
    }


def _before_and_after(record: AnyRecord) -> tuple[Mapping[str, object] | None, Mapping[str, object] | None]:
    """What an event changed of a declaration."""
    match record:
        case Registration():
            return None, {"declaration_version": record.declaration_version}
        case Decision():
            return None, {
                "event_id": record.event_id,
                "declaration_version": record.declaration_version,
                "lane": record.lane,
                "inspects": record.inspects,
                "basis": record.basis,
                "fallback": record.fallback,
            }
        case Outcome():
            return None, dict(record.result)
        case Reselection():
            return record.before, record.after
        case Cancellation():
            return record.before, None


def _ids(rows: Sequence[TrailRow]) -> set[str]:
    return {row["by"] for row in rows} | {row["subject"].rpartition("/")[2] for row in rows}


def _text(value: object) -> object:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, Mapping) else value
