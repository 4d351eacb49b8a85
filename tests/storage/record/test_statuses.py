"""Where each declaration is now: kept in step with the events whatever happens, and proven."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from basira.storage.database.connection import Database
from basira.storage.database.tables import DAY_COUNT, DECLARATION_STATUS, ITEM_RESULT
from basira.storage.record.events import Event, append_event, append_events
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from tests.support.postgres import tamper

NOW = datetime(2026, 3, 2, 9)


def decision(number: int, version: int = 1, **payload: Any) -> Event:
    content = {"basis": "model", "inclusion_probability": 1.0, "inspects": True, "expected_revenue": 10.5, **payload}
    return Event(
        f"d{number}-{version}", "decision", f"D{number}", "k", content, {}, version, office="TANGER", lane="red"
    )


def outcome(number: int, step: int, **result: Any) -> Event:
    return Event(f"o{number}-{step}", "outcome", f"D{number}", "u", {"known_at": "x", **result}, office="TANGER")


def reselection(number: int, step: int, **payload: Any) -> Event:
    content = {"motive": "m", "inspects": True, "basis": "model", "inclusion_probability": 1.0, **payload}
    return Event(
        f"r{number}-{step}", "reselection", f"D{number}", "u", content, {}, 1, "AGADIR", "orange", f"d{number}-1"
    )


def status(database: Database, number: int) -> dict[str, Any]:
    with database.read() as connection:
        query = sa.select(DECLARATION_STATUS).where(DECLARATION_STATUS.c.declaration_id == f"D{number}")
        return dict(connection.execute(query).mappings().one())


def record(database: Database, *events: Event) -> None:
    for number, event in enumerate(events):
        with database.write() as connection:
            append_event(connection, event, now=NOW + timedelta(minutes=number))


def test_a_decision_waits_until_a_result_comes(place: str) -> None:
    with Database(place) as database:
        record(database, decision(1), outcome(1, 1, is_inspected=False))
        assert not status(database, 1)["is_inspected"]
        result = {"item_number": 1, "is_irregular": True, "additional_revenue_amount": 12.25}
        record(database, outcome(1, 2, **result), outcome(1, 3, item_number=2, is_irregular=False))
        found = status(database, 1)
    assert (found["is_inspected"], found["inspected_at"]) == (True, "2026-03-02T09:00:00.000000")
    assert (found["is_irregular"], found["found_revenue"], found["result_source"]) == (True, 12.25, "model")


def test_the_last_result_of_an_item_counts(place: str) -> None:
    with Database(place) as database:
        wrong = {"item_number": 1, "is_irregular": True, "additional_revenue_amount": 500}
        record(database, decision(1), outcome(1, 1, **wrong), outcome(1, 2, item_number=1, is_irregular=False))
        found = status(database, 1)
    assert (found["is_irregular"], found["found_revenue"]) == (False, None)


def test_a_finding_stays_with_the_control_that_made_it_when_the_importer_amends(place: str) -> None:
    with Database(place) as database:
        found_it = outcome(1, 1, item_number=1, is_irregular=True, additional_revenue_amount=9.0)
        record(database, decision(1, basis="random"), found_it, decision(1, 2, inspects=False, basis="none"))
        found = status(database, 1)
    assert (found["inspects"], found["is_inspected"]) == (False, False)
    assert (found["is_irregular"], found["found_revenue"], found["result_source"]) == (True, 9.0, "random")


def test_an_officers_lane_is_the_officers(place: str) -> None:
    with Database(place) as database:
        record(database, decision(1, inspects=False), reselection(1, 1), outcome(1, 1, is_irregular=True))
        found = status(database, 1)
    assert (found["office"], found["lane"], found["is_reselected"]) == ("AGADIR", "orange", True)
    assert (found["expected_revenue"], found["result_source"]) == (10.5, "officer")


@pytest.mark.parametrize("value", ["12.5", None, [1], {"a": 1}, True])
def test_a_value_of_another_kind_is_none_and_stops_no_record(place: str, value: Any) -> None:
    with Operations(place) as operations:
        result = outcome(1, 1, additional_revenue_amount=value, is_irregular="yes", item_number=None)
        record(operations.database, decision(1, expected_revenue=value, inspects="yes"), result)
        found = status(operations.database, 1)
        assert (found["expected_revenue"], found["found_revenue"], found["is_irregular"]) == (None, None, None)
        assert not found["inspects"]
        assert verify(operations).faults == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_anything_it_is_what_the_events_say(place: str, seed: int) -> None:
    draw = random.Random(seed)
    with Operations(place) as operations:
        events = [decision(number, basis=draw.choice(["model", "random", "none"])) for number in range(30)]
        for step in range(2, 120):
            number, kind = draw.randrange(30), draw.choice("ooordc")
            if kind == "o":
                result = {
                    "item_number": draw.choice([None, 1, 2]),
                    "is_inspected": draw.choice([True, True, False]),
                    "is_irregular": draw.choice([True, False, None]),
                    "additional_revenue_amount": draw.choice([None, 3, 0.1, 0.2]),
                }
                events.append(outcome(number, step, **result))
            elif kind == "r":
                events.append(reselection(number, step, inspects=draw.random() < 0.5))
            elif kind == "d":
                events.append(decision(number, step, inspects=draw.random() < 0.5))
            else:
                events.append(Event(f"c{number}-{step}", "cancellation", f"D{number}", "u", {"motive": "m"}))
        with operations.database.write() as connection:
            append_events(connection, events, now=NOW)
        assert verify(operations).faults == ()
        with operations.database.read() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(DECLARATION_STATUS)).scalar() == 30
            assert connection.execute(sa.select(sa.func.count()).select_from(ITEM_RESULT)).scalar_one() > 20


def test_the_counts_of_a_day_follow_every_change(place: str) -> None:
    def counts(database: Database) -> list[tuple[str, str, str, int]]:
        with database.read() as connection:
            of = DAY_COUNT.c
            query = sa.select(of.source, of.result_source, of.result, of.declarations).where(of.declarations > 0)
            return sorted(tuple(row) for row in connection.execute(query))

    with Database(place) as database:
        record(database, decision(1), decision(2))
        assert counts(database) == [("model", "", "", 2)]
        record(database, outcome(1, 1, item_number=1, is_irregular=True), outcome(2, 1, is_irregular=False))
        assert counts(database) == [("model", "model", "compliant", 1), ("model", "model", "irregular", 1)]
        record(database, reselection(1, 1), Event("c2", "cancellation", "D2", "u", {"motive": "m"}))
        assert counts(database) == [("officer", "model", "irregular", 1)]
        record(database, decision(2, 2, basis="random"))  # an amendment takes the cancellation back
        assert counts(database) == [("officer", "model", "irregular", 1), ("random", "model", "compliant", 1)]


ALTERED = [
    ("UPDATE declaration_status SET is_inspected = {yes}", "a status that is not that of its events"),
    ("UPDATE declaration_status SET office = 'ELSEWHERE'", "a status that is not that of its events"),
    ("DELETE FROM declaration_status", "a status that is not that of its events"),
    ("UPDATE declaration_status SET declaration_id = 'D99' WHERE declaration_id = 'D1'", "a status without events"),
    ("UPDATE item_result SET found_revenue = 1000000", "a result that is not that of its events"),
    ("DELETE FROM item_result", "a result that is not that of its events"),
    ("UPDATE item_result SET item_number = 9", "a result without events"),
    ("UPDATE day_count SET declarations = declarations + 1", "the counts of 2026-03-02"),
    ("UPDATE day_count SET declarations = 0", "the counts of 2026-03-02"),
    ("DELETE FROM day_count", "the counts of 2026-03-02"),
    ("UPDATE day_count SET day = '2026-03-01'", "the counts of 2026-03-0"),
]


@pytest.mark.parametrize(("statement", "fault"), ALTERED)
def test_who_hides_a_declaration_from_its_queue_is_found(place: str, statement: str, fault: str) -> None:
    with Database(place) as database:
        record(database, decision(1), decision(2), outcome(2, 1, item_number=1, is_irregular=True))
    tamper(place, statement.replace("{yes}", "1" if place.startswith("sqlite") else "true"))
    with Operations(place) as operations:
        found = verify(operations).faults
    assert any(fault in one for one in found), found
