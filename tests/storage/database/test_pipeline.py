"""Statements sent together: the same on both databases, and nothing of a transaction that failed stays."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from basira.schema.errors import StoreError
from basira.storage.database.connection import Database
from basira.storage.database.pipeline import OneByOne, Statement, write_together
from basira.storage.database.tables import SELECTION_STATE
from basira.storage.online.office_state import (
    Answer,
    KeyedAnswer,
    NewAnswers,
    NewState,
    StoredState,
    find_answer,
    find_state,
)
from basira.storage.record.commit import record_group
from basira.storage.record.events import Event, append_event, event_rows, find_events, find_events_of_many
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify

NOW = datetime(2026, 3, 2, 12)
LATER = datetime(2026, 3, 3, 12)
PLACE = ("TANGER", "2026-03-02")
KEY = {"client": "k-1", "route": "POST /declarations", "request_digest": "a" * 64}

PUT = SELECTION_STATE.insert()
RENAME = (
    SELECTION_STATE.update().where(SELECTION_STATE.c.office == sa.bindparam("of")).values(state=sa.bindparam("state"))
)
ALL = sa.select(SELECTION_STATE.c.office, SELECTION_STATE.c.state).order_by(SELECTION_STATE.c.office)


def row(office: str, state: str = "one") -> dict[str, object]:
    return {"office": office, "day": "2026-03-02", "sequence": 1, "state": state, "updated_at": "-"}


def states(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [tuple(found) for found in connection.execute(ALL)]


def event(name: str = "d1") -> Event:
    return Event(f"{name}-r", "registration", name, "k-1", personal={"importer_id": "I7"}, declaration_version=1)


def group(sender, *, events=(), expected=0, answers=(), now=NOW) -> bool:
    new = [NewState(*PLACE, "state", expected)] if expected is not None else []
    rows = event_rows(events, now=now)
    return record_group(sender, rows, states=new, answers=NewAnswers(answers, LATER), now=now)


def test_each_statement_says_what_became_of_it(place):
    with Database(place) as database:
        with write_together(database) as sender:
            put, renamed, none, found = sender.send(
                Statement(PUT, [row("A"), row("B")]),
                Statement(RENAME, [{"of": "A", "state": "two"}]),
                Statement(RENAME, [{"of": "C", "state": "two"}]),
                Statement(ALL, [{}]),
            )
            sender.send_last(Statement(RENAME, [{"of": "B", "state": "three"}]), Statement(PUT, []))
        assert (put.changed, renamed.changed, none.changed) == (2, 1, 0)
        assert [tuple(one) for one in found.rows] == [("A", "two"), ("B", "one")]
        assert states(database) == [("A", "two"), ("B", "three")]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_row_recorded_already_undoes_the_whole_transaction(place, is_last):
    with Database(place) as database:
        with write_together(database) as sender:
            sender.send(Statement(PUT, [row("A")]))

        def again() -> None:
            with write_together(database) as sender:
                sender.send(Statement(PUT, [row("B")]))
                (sender.send_last if is_last else sender.send)(Statement(PUT, [row("A")]))

        with pytest.raises(StoreError, match="not recorded before") as caught:
            again()
        assert isinstance(caught.value.__cause__, IntegrityError)
        assert states(database) == [("A", "one")]
        with write_together(database) as sender:  # the connection is as good as new
            sender.send_last(Statement(PUT, [row("B")]))
        assert [office for office, _ in states(database)] == ["A", "B"]


def test_an_exception_of_the_caller_undoes_the_transaction(place):
    with Database(place) as database:
        with pytest.raises(ZeroDivisionError), write_together(database) as sender:  # noqa: PT012
            sender.send(Statement(PUT, [row("A")]))
            raise ZeroDivisionError
        assert states(database) == []


def test_a_group_is_recorded_whole_and_in_the_chain(place):
    answer = KeyedAnswer(KEY["client"], KEY["route"], "x", KEY["request_digest"], Answer(200, "{}"))
    with Database(place) as database:
        with database.write() as connection:
            append_event(connection, event("d0"), now=NOW)
        with write_together(database) as sender:
            assert group(sender, events=[event("d1"), event("d2")], answers=[answer])
        with write_together(database) as sender:  # the next day, its own head
            assert group(sender, events=[event("d3")], expected=1, now=LATER)
        with database.read() as connection:
            assert find_state(connection, *PLACE) == StoredState(2, "state")
            assert find_events(connection, "d1")[0]["personal"] == {"importer_id": "I7"}
            assert find_events_of_many(connection, ["d2"]) == {"d2": find_events(connection, "d2")}
            assert find_answer(connection, "x", now=NOW, **KEY) == Answer(200, "{}")
    with Operations(place) as operations:
        found = verify(operations)
    assert (found.faults, found.events) == ((), 4)


@pytest.mark.parametrize("expected", [2, 3])
def test_a_group_on_a_state_that_was_written_meanwhile_says_so(place, expected):
    with Database(place) as database:
        with write_together(database) as sender:
            group(sender)
        with pytest.raises(LookupError), write_together(database) as sender:  # noqa: PT012
            if not group(sender, events=[event()], expected=expected):
                raise LookupError
        with database.read() as connection:
            assert find_events(connection, "d1") == []
            assert find_state(connection, *PLACE) == StoredState(1, "state")


def test_expired_answers_make_room_for_their_key(place):
    answer = KeyedAnswer(KEY["client"], KEY["route"], "x", KEY["request_digest"], Answer(200, "{}"))
    with Database(place) as database:
        with write_together(database) as sender:
            group(sender, answers=[answer])
        with pytest.raises(StoreError), write_together(database) as sender:
            group(sender, answers=[answer], expected=1)
        with write_together(database) as sender:
            assert record_group(
                sender,
                event_rows([], now=LATER),
                states=[],
                answers=NewAnswers([answer], datetime(2026, 3, 9), has_expired=True),
                now=LATER,
            )
        with database.read() as connection:
            assert find_answer(connection, "x", now=LATER, **KEY) == Answer(200, "{}")


def test_a_connection_that_postgresql_ended_is_not_given_to_the_next(place):
    with Database(place) as database, Database(place) as other:
        if database.is_sqlite:
            pytest.skip("a server's affair")
        own = Statement(sa.select(sa.func.pg_backend_pid()), [{}])

        def ended() -> None:
            with write_together(database) as sender:
                (found,) = sender.send(own)
                with other.write() as connection:
                    connection.execute(sa.select(sa.func.pg_terminate_backend(found.rows[0][0])))
                sender.send_last(Statement(PUT, [row("A")]))

        with pytest.raises(StoreError, match="read and write") as caught:
            ended()
        assert isinstance(caught.value.__cause__, OperationalError)
        assert states(database) == []
        with write_together(database) as sender:
            sender.send_last(Statement(PUT, [row("A")]))
        assert states(database) == [("A", "one")]


def test_a_sender_of_a_connection_stays_in_its_transaction(place):
    with Database(place) as database:
        with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
            OneByOne(connection).send(Statement(PUT, [row("A")]))
            connection.execute(PUT, row("B"))
            raise ZeroDivisionError
        assert states(database) == []
        with database.write() as connection:
            OneByOne(connection).send_last(Statement(PUT, [row("A")]))
            (found,) = OneByOne(connection).send(Statement(ALL, [{}]))
            assert [tuple(one) for one in found.rows] == [("A", "one")]
        assert states(database) == [("A", "one")]
