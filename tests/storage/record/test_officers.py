"""Who has a declaration in hand: as its audit events say, on both databases, and who changes it otherwise is found."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from basira.storage.database.connection import Database
from basira.storage.record.events import Event, QueueFilter, append_event, count_queue
from basira.storage.record.officers import Giving, count_in_hand, find_in_hand, give, list_free
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from tests.support.postgres import tamper

NOW = datetime(2026, 3, 2, 9)


def decision(number: int, office: str = "TANGER", version: int = 1) -> Event:
    content = {"basis": "model", "inclusion_probability": 1.0, "inspects": True, "expected_revenue": 10.5}
    return Event(f"d{number}-{version}", "decision", f"D{number}", "k", content, {}, version, office=office, lane="red")


def fill(database: Database) -> None:
    """D1 is u1's, D2 was given back, D3 was never anybody's."""
    for step, one in enumerate((decision(1), decision(2), decision(3))):
        with database.write() as connection:
            append_event(connection, one, now=NOW + timedelta(minutes=step))
    with database.write() as connection:
        give(connection, Giving("D1", "TANGER", "u1", "taken", "u1"), now=NOW + timedelta(hours=1))
        give(connection, Giving("D2", "TANGER", "u2", "assigned", "m", "load", ("u1", "u2")), now=NOW)
        give(connection, Giving("D2", "TANGER", None, "handed_over", "u2", motive="ill"), now=NOW)


def test_what_is_so_now_is_found_and_counted(place: str) -> None:
    with Database(place) as database:
        fill(database)
        with database.read() as connection:
            held = find_in_hand(connection, ["D1", "D2", "D3"])
            assert {name: one.officer for name, one in held.items()} == {"D1": "u1", "D2": None}
            assert count_in_hand(connection, ["u1", "u2"]) == {"u1": 1, "u2": 0}
            free = list_free(connection, "TANGER", intensity={"red": 1}, limit=5)
            assert free == [("D2", held["D2"].sequence), ("D3", 0)]
            counts = {
                hands: count_queue(connection, QueueFilter("TANGER", None, hands=hands, officer="u1"))  # type: ignore[arg-type]
                for hands in ("", "mine", "free", "others", "mine_or_free")
            }
            assert counts == {"": 3, "mine": 1, "free": 2, "others": 0, "mine_or_free": 3}
            of_u2 = count_queue(connection, QueueFilter("TANGER", None, hands="others", officer="u2"))
            assert of_u2 == 1


def test_a_declaration_that_moves_to_another_office_is_in_nobodys_hands(place: str) -> None:
    with Database(place) as database:
        fill(database)
        with database.write() as connection:
            append_event(connection, decision(1, "AGADIR", 2), now=NOW + timedelta(hours=2))
        with database.read() as connection:
            assert find_in_hand(connection, ["D1"]) == {}
            assert list_free(connection, "AGADIR", intensity={}, limit=5)[0][0] == "D1"
    with Operations(place) as operations:
        assert verify(operations).is_whole


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE declaration_officer SET officer = 'u9' WHERE declaration_id = 'D1'", "the officer of declaration D1"),
        ("UPDATE declaration_officer SET officer = 'u2' WHERE declaration_id = 'D2'", "the officer of declaration D2"),
        ("UPDATE declaration_officer SET sequence = sequence - 1", "the officer of declaration D"),
        ("UPDATE declaration_officer SET since = '2026-01-01'", "the officer of declaration D1"),
        ("DELETE FROM declaration_officer WHERE declaration_id = 'D1'", "the officer of declaration/D1: its row"),
        ("INSERT INTO declaration_officer VALUES ('D3', 'TANGER', 'u1', 'x', 99)", "the officer of declaration D3"),
    ],
)
def test_who_changes_it_beside_the_audit_is_found(place: str, statement: str, fault: str) -> None:
    with Database(place) as database:
        fill(database)
    tamper(place, statement)
    with Operations(place) as operations:
        found = verify(operations).faults
    assert any(fault in one for one in found), found
