"""Heads: the database takes none but of the chain's last row, nothing is found by one, and the proof proves each."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from basira.schema.errors import StoreError, UsageError
from basira.storage.database.connection import Database
from basira.storage.database.pipeline import OneByOne, write_together
from basira.storage.database.tables import EVENT
from basira.storage.online.office_state import NewAnswers
from basira.storage.record.activity import Part, find_activity
from basira.storage.record.chain import append_statements, end_statements, link, read_end
from basira.storage.record.clock import explain_ahead
from basira.storage.record.commit import record_group
from basira.storage.record.events import (
    Event,
    QueueFilter,
    count_queue,
    event_rows,
    find_office_day,
    find_queue_entries,
)
from basira.storage.record.runs import Operations
from basira.storage.record.verify import export_heads, heads_text, read_heads, verify
from basira.workflows.records.audit import Record, heads_of
from tests.support.postgres import tamper

NOW = datetime(2026, 3, 2, 12)
TODAY = "2026-03-02"
LAST = "FROM event ORDER BY sequence DESC LIMIT 1"
FORGED = f"INSERT INTO chain_head SELECT 'event', '2099-01-01', sequence, entry_hash {LAST}"


def decision(name: str) -> Event:
    payload = {"basis": "model", "inclusion_probability": 1.0, "inspects": True}
    return Event(name, "decision", name, "k-1", payload, declaration_version=1, office="A", lane="red")


def decide(database: Database, *names: str, now: datetime = NOW) -> None:
    with write_together(database) as sender:
        rows = event_rows([decision(name) for name in names], now=now)
        assert record_group(sender, rows, states=[], answers=NewAnswers([], now), now=now)


def write(database: Database, *statements: str) -> None:
    """Send statements in one transaction, with the triggers on."""
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def decide_ahead(database: Database, *names: str, now: datetime) -> None:
    """What a server whose own clock was ahead has recorded: no clock says no."""
    with database.write() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        sender = OneByOne(connection)
        rows, _ = event_rows([decision(name) for name in names], now=now)
        last = read_end(sender.send(*end_statements(sender, "event")), now=NOW)
        sender.send_last(*append_statements("event", link("event", rows, last, now=now), last))


def names_of_today(database: Database) -> set[str]:
    """Who stands in today's queue; found in each way in which a day is looked for."""
    with database.read() as connection:
        which = QueueFilter("A", TODAY)
        queue = {one.event_id for one in find_queue_entries(connection, which, intensity={"red": 1})}
        assert count_queue(connection, which) == len(queue)
        assert {row["event_id"] for row in find_office_day(connection, "A", TODAY)} == queue
        assert {row["event_id"] for row in find_activity(connection, Part(from_day=TODAY, to_day=TODAY))} == queue
    return queue


REFUSED = [
    FORGED,
    f"INSERT INTO chain_head SELECT 'event', '2099-01-01', sequence + 1, entry_hash {LAST}",
    f"INSERT INTO chain_head SELECT 'event', day, sequence, entry_hash {LAST}",
    f"INSERT INTO chain_head SELECT 'targeting', day, sequence, entry_hash {LAST}",
    f"INSERT INTO chain_head SELECT 'another', day, sequence, entry_hash {LAST}",
    f"UPDATE chain_head SET sequence = sequence + 1, head_hash = (SELECT entry_hash {LAST}) WHERE stream = 'event'",
    "UPDATE chain_head SET day = '2099-01-01' WHERE stream = 'event'",
    "UPDATE chain_head SET stream = 'audit', sequence = 9 WHERE stream = 'event'",
    "DELETE FROM chain_head",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_database_takes_no_head_but_of_the_last_row(place, statement):
    with Operations(place) as operations:
        decide(operations.database, "d1", "d2")
        with pytest.raises(StoreError, match="chain_head"), operations.database.write() as connection:
            connection.exec_driver_sql(statement)
        decide(operations.database, "d3")
        assert names_of_today(operations.database) == {"d1", "d2", "d3"}
        assert verify(operations).faults == ()


HEAD = (
    "UPDATE chain_head SET (sequence, head_hash) = "
    "(SELECT sequence, entry_hash FROM event ORDER BY sequence DESC LIMIT 1) WHERE stream = 'event'"
)


def third(**changes: str) -> str:
    """An INSERT of a third event that follows the second, but for what is given as SQL."""
    changes = {"sequence": "3", "event_id": "'d3'", "previous_hash": "entry_hash", "entry_hash": "'x'", **changes}
    columns = ", ".join(changes.get(column.name, column.name) for column in EVENT.columns)
    return f"INSERT INTO event SELECT {columns} FROM event WHERE sequence = 2"


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": "4"},
        {"sequence": "0"},
        {"previous_hash": "previous_hash"},
        {"day": "'2099-01-01'"},
        {"day": "'2026-03-01'"},
        {"recorded_at": "'2026-03-03T00:00:00.000000'"},
        {"entry_hash": "entry_hash", "previous_hash": "'x'"},
    ],
)
def test_the_database_takes_no_head_of_a_row_that_does_not_follow(place, changes):
    with Operations(place) as operations:
        decide(operations.database, "d1", "d2")
        with pytest.raises(StoreError, match="a head names the last row"):
            write(operations.database, third(**changes), HEAD)
        write(operations.database, third(), HEAD)
        decide(operations.database, "d4")
        assert verify(operations).faults == ("event 3 was changed",)


@pytest.mark.parametrize("day", [TODAY, "2099-01-01"])
def test_a_server_takes_no_head_of_the_future(place, day):
    with Database(place) as database:
        if database.is_sqlite:
            pytest.skip("the same machine's clock: there is no other one to hold against it")
        decide(database, "d1", "d2")
        head = HEAD if day == TODAY else f"INSERT INTO chain_head SELECT 'event', day, sequence, entry_hash {LAST}"
        with pytest.raises(StoreError, match="a head names the last row"):
            write(database, third(day=f"'{day}'", recorded_at="'2099-01-01T00:00:00.000000'"), head)


def test_a_row_without_its_head_is_not_built_upon(place):
    with Database(place) as database:
        decide(database, "d1", "d2")
        write(database, third())
        with pytest.raises(StoreError, match="Expected the head of event 2026-03-02 to name the last row, 3"):
            decide(database, "d4")


def test_a_future_head_moves_no_queue(place):
    with Database(place) as database:
        decide(database, "d1")
    tamper(place, FORGED)
    with Operations(place) as operations:
        decide(operations.database, "d2", "d3")
        assert names_of_today(operations.database) == {"d1", "d2", "d3"}
        faults = verify(operations).faults
    assert "event 1 is recorded on 2026-03-02: the head kept in the database names it for 2099-01-01" in faults
    assert "the head of event 2099-01-01 is one of a day without a row" in faults


def test_rows_that_a_forged_head_had_moved_are_in_the_queue_of_their_moment_and_found(place):
    """What an earlier version recorded after a head was forged: the chain's day has jumped."""
    with Operations(place) as operations:
        decide(operations.database, "d1")
        with operations.database.write() as connection:
            sender = OneByOne(connection)
            rows, _ = event_rows([decision("d2"), decision("d3")], now=NOW)
            last = read_end(sender.send(*end_statements(sender, "event")), now=NOW)
            moved = link("event", rows, type(last)("event", "2099-01-01", last.sequence, last.head_hash), now=NOW)
            if operations.database.is_sqlite:
                connection.exec_driver_sql("DROP TRIGGER chain_head_end_insert")
            else:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            sender.send_last(*append_statements("event", moved, last))
        decide(operations.database, "d4")
        assert names_of_today(operations.database) == {"d1", "d2", "d3", "d4"}
        assert verify(operations).faults == ("event 2 is recorded on 2099-01-01, expected 2026-03-02",)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM chain_head WHERE stream = 'event' AND day = '2026-03-03'", "head of event 2026-03-03 is missing"),
        (
            "UPDATE chain_head SET (sequence, head_hash) = (SELECT sequence, entry_hash FROM event WHERE sequence = 3) "
            "WHERE stream = 'event' AND day = '2026-03-03'",
            "the head of event 2026-03-03 names 3, and the last of the day is 4",
        ),
        (
            "UPDATE chain_head SET (sequence, head_hash) = (SELECT sequence, entry_hash FROM event WHERE sequence = 4) "
            "WHERE stream = 'event' AND day = '2026-03-02'",
            "event 4 is recorded on 2026-03-03: the head kept in the database names it for 2026-03-02",
        ),
        ("INSERT INTO chain_head VALUES ('event', '2026-03-01', 1, 'x')", "event 1 of 2026-03-01 is another one"),
        ("INSERT INTO chain_head VALUES ('other', '2026-03-01', 1, 'x')", "other 1 of 2026-03-01 is gone"),
    ],
)
def test_the_proof_proves_each_head_by_the_rows_of_its_day(place, statement, fault):
    with Database(place) as database:
        for number in range(4):
            decide(database, f"d{number}", now=NOW + timedelta(days=number // 2))
    tamper(place, statement)
    with Operations(place) as operations:
        faults = verify(operations).faults
    assert any(fault in found for found in faults), faults


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM event WHERE sequence = 2",
        "DELETE FROM chain_head",
        "UPDATE chain_head SET sequence = 9, head_hash = 'x'",
        "UPDATE chain_head SET head_hash = 'x'",
    ],
)
def test_nothing_is_appended_where_the_head_does_not_name_the_last_row(place, statement):
    with Database(place) as database:
        decide(database, "d1", "d2")
    tamper(place, statement)
    with Database(place) as database:
        with pytest.raises(StoreError, match="Expected the head of event 2026-03-02 to name the last row") as raised:
            decide(database, "d3")
        assert "basira audit verify" in raised.value.hint
        with database.read() as connection:  # of a row that was removed the queue may still say where it stood
            listed = find_queue_entries(connection, QueueFilter("A", TODAY), intensity={"red": 1})
            assert "d3" not in {one.event_id for one in listed}
            assert "d3" not in {row["event_id"] for row in find_office_day(connection, "A", TODAY)}


def test_a_day_that_was_cut_off_is_not_appended_over(place):
    with Database(place) as database:
        decide(database, "d1")
        decide(database, "d2", now=NOW + timedelta(days=1))
    tamper(place, "DELETE FROM event WHERE sequence = 2")
    with Database(place) as database, pytest.raises(StoreError, match="chain_head"):
        decide(database, "d3", now=NOW + timedelta(days=2))


def test_a_clock_that_was_ahead_once_leaves_today_its_queue_and_is_explained(place):
    now = datetime.now()
    today, ahead = f"{now:%Y-%m-%d}", now + timedelta(days=10)
    with Operations(place) as operations:
        database = operations.database
        decide(database, "d1", now=now)
        decide_ahead(database, "d2", "d3", now=ahead)
        decide(database, "d4", now=now)
        with database.read() as connection:
            counts = [count_queue(connection, QueueFilter("A", day)) for day in (today, f"{ahead:%Y-%m-%d}")]
        assert counts == [2, 2]
        (fault,) = verify(operations).faults
        assert "event 2 to 3: 2 rows are later than the database's clock" in fault
        with pytest.raises(UsageError, match="motive"), database.write() as connection:
            explain_ahead(connection, actor="u", motive=" ", now=now)
        with database.write() as connection:
            (database_errors,) = explain_ahead(connection, actor="u-9", motive="NTP was off", now=now)
        assert (database_errors.stream, database_errors.count, database_errors.first, database_errors.last) == (
            "event",
            2,
            2,
            3,
        )
        assert verify(operations).faults == ()
        # What comes after the explanation is not of it.
        decide_ahead(database, "d5", now=ahead)
        (fault,) = verify(operations).faults
        assert "event 5 to 5: 1 rows" in fault


def test_an_unrecorded_record_has_no_heads_to_write_down(place):
    Database(place).close()
    with pytest.raises(StoreError, match="no head to write down"):
        heads_of(Record(place, None))


HASH = "ab" * 32
ONE = f'{{"stream": "event", "day": "2026-03-02", "sequence": 1, "head_hash": "{HASH}"}}'


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 1, "heads": []}',
        '{"format": 2, "heads": [], "sha256": "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"}',
        f'{{"format": 2, "heads": [{ONE}]}}',
        f'{{"format": 2, "heads": [{ONE}], "sha256": "{HASH}"}}',
        f'{{"format": 1, "heads": [{ONE}, {ONE}]}}',
        f'{{"format": 1, "heads": [{ONE.replace("2026-03-02", "yesterday")}]}}',
        f'{{"format": 1, "heads": [{ONE.replace("1,", "0,")}]}}',
        f'{{"format": 1, "heads": [{ONE.replace(HASH, "ab")}]}}',
        '{"format": 1, "heads": "none"}',
    ],
)
def test_a_file_of_heads_that_is_empty_or_no_longer_whole_proves_nothing(text):
    with pytest.raises(UsageError, match="Expected chain heads of Basira in 'x'"):
        read_heads(text, where="x")


def test_a_cut_file_of_heads_proves_nothing(place):
    with Database(place) as database:
        for number in range(3):
            decide(database, f"d{number}", now=NOW + timedelta(days=number))
        with database.read() as connection:
            text = heads_text(export_heads(connection))
    assert len(read_heads(text, where="x")) == 3
    for end in range(0, len(text) - 2, 7):
        with pytest.raises(UsageError):
            read_heads(text[:end], where="x")


def test_a_file_of_heads_of_the_earlier_format_is_read():
    assert [head.sequence for head in read_heads(f'{{"format": 1, "heads": [{ONE}]}}', where="x")] == [1]
