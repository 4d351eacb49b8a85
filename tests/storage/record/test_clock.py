"""A worker whose clock is ahead: on a server nothing is appended with it, or the day of every worker would move on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from basira.schema.errors import StoreError
from basira.storage.database.connection import Database
from basira.storage.database.pipeline import write_together
from basira.storage.online.office_state import NewAnswers
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.commit import record_group
from basira.storage.record.events import Event, append_event, event_rows, find_events


def event(name: str = "d1") -> Event:
    return Event(f"{name}-r", "registration", name, "k-1", declaration_version=1)


def grouped(database: Database, now: datetime) -> None:
    with write_together(database) as sender:
        record_group(sender, event_rows([event()], now=now), states=[], answers=NewAnswers([], now), now=now)


def alone(database: Database, now: datetime) -> None:
    with database.write() as connection:
        append_event(connection, event(), now=now)


def audited(database: Database, now: datetime) -> None:
    with database.write() as connection:
        append_audit(connection, AuditEvent("user.created", subject="user/u-1", actor="t"), now=now)


@pytest.mark.parametrize("append", [grouped, alone, audited])
@pytest.mark.parametrize("zone", [None, UTC])
def test_a_clock_that_is_ahead_of_the_servers_appends_nothing(place, append, zone):
    with Database(place) as database:
        if database.is_sqlite:
            pytest.skip("the same machine's clock: there is no other one to hold against it")
        with pytest.raises(StoreError, match="clock"):
            append(database, datetime.now(zone) + timedelta(minutes=6))
        with database.read() as connection:
            assert find_events(connection, "d1") == []
        append(database, datetime.now(zone) + timedelta(minutes=4))


@pytest.mark.parametrize("append", [grouped, alone, audited])
def test_a_clock_that_is_behind_appends_on_the_day_that_stands(place, append):
    with Database(place) as database:
        append(database, datetime.now() - timedelta(days=400))


def test_a_sqlite_file_takes_the_clock_as_it_is(tmp_path):
    with Database(tmp_path / "operations.sqlite") as database:
        alone(database, datetime.now() + timedelta(days=30))
