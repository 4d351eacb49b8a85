"""The service's own state: written once for each reading, and an answer given once for each key."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from basira.schema.errors import StoreError, UsageError
from basira.storage.database.connection import Database
from basira.storage.online.office_state import (
    Answer,
    KeyedAnswer,
    StoredState,
    find_answer,
    find_state,
    purge_answers,
    save_answer,
    save_state,
)
from basira.storage.record.events import Event, append_event, find_events

NOW = datetime(2026, 3, 2, 12)
PLACE = ("TANGER", "2026-03-02")
KEY = {"client": "k-1", "route": "POST /declarations", "request_digest": "a" * 64}


def test_a_state_is_written_over_the_one_that_was_read(place):
    with Database(place) as database, database.write() as connection:
        assert find_state(connection, *PLACE) is None
        assert save_state(connection, *PLACE, state="one", expected_sequence=0, now=NOW)
        assert find_state(connection, *PLACE) == StoredState(1, "one")
        assert save_state(connection, *PLACE, state="two", expected_sequence=1, now=NOW)
        assert find_state(connection, *PLACE) == StoredState(2, "two")


@pytest.mark.parametrize("expected", [0, 2])
def test_a_state_that_was_written_meanwhile_is_not_overwritten(place, expected):
    with Database(place) as database:
        with database.write() as connection:
            save_state(connection, *PLACE, state="one", expected_sequence=0, now=NOW)
        with database.write() as connection:
            assert not save_state(connection, *PLACE, state="mine", expected_sequence=expected, now=NOW)
            assert find_state(connection, *PLACE) == StoredState(1, "one")


def test_workers_at_once_lose_no_state(place):
    """Each adds one to the count as a service would: read, decide, write with the decision, again if it was late."""
    failures: list[BaseException] = []

    def once(database: Database) -> bool:
        with database.read() as connection:
            read = find_state(connection, *PLACE)
        with database.write() as connection:
            count = int(read.state) if read else 0
            return save_state(
                connection, *PLACE, state=str(count + 1), expected_sequence=read.sequence if read else 0, now=NOW
            )

    def work() -> None:
        try:
            with Database(place) as database:
                for _ in range(8):
                    while not once(database):
                        pass
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Database(place) as database, database.read() as connection:
        assert find_state(connection, *PLACE) == StoredState(24, "24")


def test_the_same_request_gets_the_same_answer_until_it_expires(place):
    expires = NOW + timedelta(hours=24)
    with Database(place) as database, database.write() as connection:
        assert find_answer(connection, "x", **KEY, now=NOW) is None
        save_answer(connection, KeyedAnswer(**KEY, key="x", answer=Answer(201, "{}")), now=NOW, expires_at=expires)
        assert find_answer(connection, "x", **KEY, now=expires - timedelta(seconds=1)) == Answer(201, "{}")
        assert find_answer(connection, "x", **{**KEY, "client": "k-2"}, now=NOW) is None
        assert find_answer(connection, "x", **{**KEY, "route": "other"}, now=NOW) is None
        assert find_answer(connection, "x", **KEY, now=expires) is None
        save_answer(
            connection,
            KeyedAnswer(**KEY, key="x", answer=Answer(200, "[]")),
            now=expires,
            expires_at=expires + timedelta(1),
        )
        assert find_answer(connection, "x", **KEY, now=expires) == Answer(200, "[]")
        assert purge_answers(connection, now=expires) == 0
        assert purge_answers(connection, now=expires + timedelta(1)) == 1


def test_a_key_that_comes_with_another_request_is_rejected(place):
    with Database(place) as database, database.write() as connection:
        save_answer(
            connection, KeyedAnswer(**KEY, key="x", answer=Answer(201, "{}")), now=NOW, expires_at=NOW + timedelta(1)
        )
        with pytest.raises(UsageError, match="found another one"):
            find_answer(connection, "x", **{**KEY, "request_digest": "b" * 64}, now=NOW)


def test_of_two_requests_under_one_key_one_is_recorded(place):
    def answer(database: Database, number: int) -> None:
        with database.write() as connection:
            append_event(connection, Event(f"e{number}", "outcome", "D1", "k", {"known_at": "x"}), now=NOW)
            save_answer(
                connection,
                KeyedAnswer(**KEY, key="x", answer=Answer(201, "{}")),
                now=NOW,
                expires_at=NOW + timedelta(1),
            )

    with Database(place) as database:
        answer(database, 1)
        with pytest.raises(StoreError, match="not recorded before"):
            answer(database, 2)
        with database.read() as connection:
            assert [row["event_id"] for row in find_events(connection, "D1")] == ["e1"]
