"""Typed records read from the database and appended to it.

Enters: a connection, a declaration's number; a record to append. Leaves: records of `basira.decisions`. Never here:
what a record means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from basira.decisions.events import AnyRecord, Registration, read_record, read_records
from basira.decisions.recorded import Recorded
from basira.schema.rows import EventRow
from basira.storage.database.connection import Database
from basira.storage.record import events
from basira.storage.record.events import Event

Known = Sequence[AnyRecord]


def find_known(connection: sa.Connection, declaration_id: str) -> list[AnyRecord]:
    """The records of a declaration, in order."""
    return read_records(events.find_events(connection, declaration_id))


def is_recorded(database: Database, declaration_id: str) -> bool:
    """Whether anything happened to a declaration."""
    with database.read() as connection:
        return bool(events.find_events(connection, declaration_id))


def find_known_of_many(connection: sa.Connection, declaration_ids: Sequence[str]) -> dict[str, list[AnyRecord]]:
    """The records of each of several declarations (a few hundred at most), in order."""
    return _read(events.find_events_of_many(connection, declaration_ids))


def find_latest_known(connection: sa.Connection, versions: Mapping[str, int | None]) -> dict[str, list[AnyRecord]]:
    """The same, read whole for the latest version and the one that is named; see `find_latest_of_many`."""
    return _read(events.find_latest_of_many(connection, versions))


def find_known_by_id(connection: sa.Connection, event_ids: Sequence[str]) -> dict[str, AnyRecord]:
    """Records by their ids; those that are not recorded are left out."""
    return {name: read_record(row) for name, row in events.find_by_ids(connection, event_ids).items()}


def _read(rows: Mapping[str, Sequence[EventRow]]) -> dict[str, list[AnyRecord]]:
    return {name: read_records(of_one) for name, of_one in rows.items()}


def event_of(record: Recorded) -> Event:
    """The event that a record is appended as."""
    return Event(
        event_id=record.event_id,
        kind=record.kind,
        declaration_id=record.declaration_id,
        actor=record.actor,
        payload=record.payload(),
        personal={name: value for name, value in record.personal.items() if value is not None},
        declaration_version=record.declaration_version,
        office=record.office,
        lane=record.lane,
        decision_id=record.decision_id,
        texts=record.texts if isinstance(record, Registration) else {},
    )


def append_record(connection: sa.Connection, record: Recorded, *, now: datetime) -> None:
    """Append a record in the caller's transaction. Raises StoreError when it lacks what its kind needs, or its id is
    recorded already."""
    events.append_event(connection, event_of(record), now=now)
