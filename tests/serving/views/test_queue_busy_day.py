"""A busy office's day: the queue read by what orders it is the queue read whole, and only a page of it is opened."""

from __future__ import annotations

import json
import random
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from basira.decisions.events import Assignment, read_record
from basira.decisions.records import Decision
from basira.serving.service import Service
from basira.serving.status import Status, is_inspection
from basira.serving.views.queue import Page, Queue, queue_csv, queue_page
from basira.storage.record import events as operations_events
from basira.storage.record.events import EVENT_KINDS, Event, append_events, find_by_ids, find_outcomes, find_range
from tests.support.api_world import TODAY, Desk, at

pytestmark = pytest.mark.both_databases

HERE, ELSEWHERE = "SIM-A", "SIM-B"
STATUSES = (None, "waiting", "inspected", "released", "cancelled")
LANES = ("red", "yellow", "green", "of another policy")


def decision(number: int, version: int, draw: random.Random) -> Event:
    lane = draw.choice(LANES)
    payload: dict[str, Any] = {
        "basis": draw.choice(["model", "random", "rule"]),
        "detail": "-",
        "inclusion_probability": 0.5,
        "expected_revenue": draw.choice([None, 0, 0.0, 12, 1e-9, 1e15 / 3, draw.uniform(0, 1e6), -1.5]),
        "items": [],
    }
    if (inspects := draw.choice([True, False, None])) is not None:
        payload["inspects"] = inspects
    if draw.random() < 0.1:
        del payload["expected_revenue"]
    office = HERE if draw.random() < 0.8 else ELSEWHERE
    return Event(
        f"d{number}-{version}",
        "decision",
        f"D{number}",
        "k-1",
        payload,
        declaration_version=version,
        office=office,
        lane=lane,
    )


def later(number: int, step: int, draw: random.Random) -> Event:
    """Something that happens to a declaration whose first decision is recorded."""
    name, of = f"D{number}", f"d{number}-1"
    kind = draw.choice(["reselection", "reselection", "cancellation", "outcome", "outcome", "decision"])
    if kind == "decision":
        return decision(number, step + 2, draw)
    event_id = f"{kind[0]}{number}-{step}"
    if kind == "cancellation":
        return Event(event_id, "cancellation", name, "u-1", {"motive": "Withdrawn."})
    if kind == "outcome":
        result = draw.choice([{}, {"is_inspected": True}, {"is_inspected": False}])
        return Event(event_id, "outcome", name, "u-1", {"known_at": "x", **result}, decision_id=of, office=HERE)
    payload = {"motive": "=Seen", "inspects": draw.random() < 0.7, "before": {}, "after": {}}
    personal = {"note": f"note {number}"} if draw.random() < 0.5 else {}
    return Event(
        event_id,
        "reselection",
        name,
        "u-1",
        payload,
        personal,
        office=draw.choice([HERE, HERE, ELSEWHERE]),
        lane=draw.choice(LANES),
        decision_id=of,
    )


def record_day(service: Service, count: int, seed: int) -> None:
    draw = random.Random(seed)
    events = [decision(number, 1, draw) for number in range(count)]
    steps = [(draw.randrange(count), step) for step in range(count)]
    with service.database.write() as connection:
        append_events(connection, events + [later(n, step, draw) for n, step in steps], now=at(10))


def plain_rows(
    service: Service, office: str, day: date, *, lane: str | None, status: str | None, by_revenue: bool = True
) -> list[str]:
    """The queue by the slow way: everything recorded opened, what came last of each declaration taken, then put in
    order. The ids of what gave the lanes."""
    with service.database.read() as connection:
        events = find_range(connection, EVENT_KINDS, after=0, until=10_000, limit=10_000)
        last = {row["declaration_id"]: row for row in events if row["lane"] or row["kind"] == "cancellation"}
        here = [row for row in last.values() if (row["office"], row["day"]) == (office, day.isoformat())]
        given = [row for row in here if row["lane"] and lane in (None, row["lane"])]
        decisions = find_by_ids(connection, [row["decision_id"] for row in given if row["kind"] == "reselection"])
        results = find_outcomes(connection, [row["declaration_id"] for row in given])
    intensity = service.policy(day).intensity
    found = []
    for row in given:
        of_it = [result for result in results if result["declaration_id"] == row["declaration_id"]]
        made = decisions[row["decision_id"]] if row["kind"] == "reselection" else row
        given, behind = read_record(row), read_record(made)
        came = (is_inspection(read_record(result), after=given) for result in of_it)
        one = Status(cast("Assignment", given), cast("Decision", behind), None, any(came))
        if status in (None, one.name):
            revenue = (made["payload"].get("expected_revenue") or 0.0) if by_revenue else 0.0
            found.append((-intensity.get(one.lane, 0), -revenue, row["sequence"], row["event_id"], one.name))
    return [f"{event_id} {is_now}" for *_, event_id, is_now in sorted(found)]


def shown(page: Page) -> list[str]:
    return [f"{row['given_by']} {row['status']}" for row in page.rows]


def in_pages(service: Service, limit: int, **filters: Any) -> list[str]:
    seen: list[str] = []
    page = queue_page(service, Queue(HERE, TODAY, **filters), limit=limit)
    total = page.total
    while True:
        assert page.total == total
        seen += shown(page)
        if page.next_cursor is None:
            assert len(seen) == total
            return seen
        assert len(page.rows) == limit
        page = queue_page(service, Queue(HERE, TODAY, **filters), limit=limit, cursor=page.next_cursor)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_the_queue_of_the_day_read_whole(service: Service, seed: int) -> None:
    record_day(service, 150, seed)
    for status in STATUSES:
        for lane in (None, *LANES[:2]):
            expected = plain_rows(service, HERE, TODAY, lane=lane, status=status)
            assert in_pages(service, 17, lane=lane, status=status) == expected, (lane, status)
    assert all(plain_rows(service, HERE, TODAY, lane=None, status=status) for status in STATUSES[:4])
    whole = queue_page(service, Queue(HERE, TODAY))
    assert {row["given_by"][0] for row in whole.rows} == {"d", "r"}
    assert {row["reselection"]["note"] is None for row in whole.rows if row["reselection"]} == {True, False}


def test_where_what_selection_knows_is_hidden_it_stands_in_the_order_of_arrival(service: Service) -> None:
    record_day(service, 120, 5)
    expected = plain_rows(service, HERE, TODAY, lane=None, status=None, by_revenue=False)
    assert in_pages(service, 17, is_secret_hidden=True) == expected
    assert expected != in_pages(service, 17)


def test_a_page_of_ten_opens_ten_of_them(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)
    with service.database.write() as connection:
        append_events(connection, [decision(number, 1, draw) for number in range(400)], now=at(10))
    opened: list[str] = []

    def counted(text: str) -> Any:
        opened.append(text)
        return json.loads(text)

    monkeypatch.setattr(operations_events, "json", SimpleNamespace(loads=counted, dumps=json.dumps))
    page = queue_page(service, Queue(HERE, TODAY), limit=10)
    assert (page.total > 300, len(page.rows), len(opened)) == (True, 10, 10)


def test_the_csv_is_the_whole_queue_in_parts_of_one_moment(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    record_day(service, 120, 4)
    monkeypatch.setattr("basira.serving.views.queue.PART_ROWS", 25)
    expected = [row["declaration_id"] for row in queue_page(service, Queue(HERE, TODAY, status="waiting")).rows]
    parts = queue_csv(service, Queue(HERE, TODAY, status="waiting"))
    first = next(parts)
    # Inspected while it is written: it was waiting at the moment that the file is of.
    result = Event("o-late", "outcome", expected[-1], "u-1", {"known_at": "x"}, office=HERE)
    with service.database.write() as connection:
        append_events(connection, [result], now=at(11))
    lines = [part.splitlines() for part in (first, *parts)]
    assert len(lines) == 2 + (len(expected) - 1) // 25
    rows = [line.split(";") for part in lines[1:] for line in part]
    assert [row[0] for row in rows] == expected
    assert {row[4] for row in rows} == {"waiting"}
    assert {row[-1] for row in rows if row[-1]} == {"'=Seen"}


def test_a_queue_without_a_row_is_a_line_of_names(desk: Desk) -> None:
    text = desk.get("queue", office=HERE, format="csv").text
    assert text.startswith("\ufeffdeclaration_id;")
    assert text.count("\r\n") == 1
