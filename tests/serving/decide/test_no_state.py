"""A decision without a state of the day is a fallback, and alarms as one."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import generate_latest

from basira.api.http.metrics import Metrics
from basira.schema.detail import NO_STATE
from basira.serving.decide import placement as serve_place
from tests.support.api_world import Desk, desk_of

Body = dict[str, Any]


@pytest.fixture
def stateless(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    place = serve_place.place

    def without(candidate: Any, policy: Any, *, state: Any, **named: Any) -> Any:
        return place(candidate, policy, state=None, **named)

    monkeypatch.setattr(serve_place, "place", without)
    return monkeypatch


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    lines = [one for one in caplog.records if one.getMessage() == "fallback"]
    return [(one.levelno, getattr(one, "fields", {})["reason"]) for one in lines]


def test_it_is_shown_counted_logged_once_and_makes_the_service_degraded(
    desk: Desk, arrivals: list[Body], stateless: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = [desk.post(arrivals[0]).json(), *[one["decision"] for one in desk.post(arrivals[1:4]).json()["results"]]]
    assert {(one["detail"], one["fallback"]) for one in found} == {(NO_STATE, NO_STATE)}
    # It has a score all the same, and its reasons where the lane inspects.
    assert all(one["fraud_probability"] is not None and one["items"] for one in found)
    assert f'basira_fallbacks_total{{reason="{NO_STATE}"}} 4.0' in desk.get("metrics").text
    assert told(caplog) == [(logging.ERROR, NO_STATE)]
    assert desk.get("ready").json()["degraded"] == [NO_STATE]
    # On record too.
    known = desk.get(f"declarations/{arrivals[0]['declaration_id']}").json()
    assert known["decisions"][0]["fallback"] == NO_STATE
    # Another day, or a decision of each office with a state: no longer.
    desk.clock[0] += timedelta(days=1)
    assert NO_STATE not in desk.get("ready").json()["degraded"]
    desk.clock[0] -= timedelta(days=1)
    stateless.undo()
    for body in arrivals:
        desk.post({**body, "declaration_id": f"{body['declaration_id']}-2"})
    assert desk.get("ready").json()["status"] == "ready"


def test_a_day_that_can_t_be_made_again_is_decided_without_it(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    office = desk.post(arrivals[0]).json()["office"]
    with desk.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE selection_state SET state = 'torn'")
    tries = []

    def broken(*_: Any, **__: Any) -> Any:
        tries.append(1)
        raise KeyError("basis")

    monkeypatch.setattr(serve_place, "rebuild_day", broken)
    other = desk_of(desk.service)
    for number in (1, 2):
        found = other.post({**arrivals[number], "office": office})
        assert (found.status_code, found.json()["fallback"]) == (200, NO_STATE)
    assert len(tries) == 1
    assert [one.getMessage() for one in caplog.records].count("state_lost") == 1
    assert other.get("ready").json()["degraded"] == [NO_STATE]
    change = {"lane": "red", "motive": "Seen before.", "given_by": found.json()["decision_id"]}
    told = other.client.post(f"/api/v1/declarations/{found.json()['declaration_id']}/reselection", json=change)
    assert (told.status_code, told.json()["code"]) == (503, "store")


def test_an_amendment_that_keeps_its_lane_says_so_too(
    desk: Desk, arrivals: list[Body], stateless: pytest.MonkeyPatch
) -> None:
    first = desk.post(arrivals[0]).json()
    change = {"lane": "red", "motive": "Seen before.", "given_by": first["decision_id"]}
    desk.client.post(f"/api/v1/declarations/{first['declaration_id']}/reselection", json=change)
    again = desk.post({**arrivals[0], "transport_document": "CORRECTED"}).json()
    assert (again["lane"], again["detail"], again["fallback"]) == ("red", "earlier_lane_kept", NO_STATE)


def decision(**changes: Any) -> Body:
    made = {
        "lane": "yellow",
        "basis": "fallback",
        "detail": NO_STATE,
        "fallback": NO_STATE,
        "office": "PORT",
        "decided_at": "2026-03-01T09:00:00",
    }
    return made | changes


def test_it_is_reported_once_a_minute_and_counted_beside_another_reason(caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    metrics = Metrics(monotonic=lambda: clock[0])
    for second in (0.0, 1.0, 59.0, 60.0, 61.0, 125.0):
        clock[0] = second
        metrics.count_decision(decision())
    assert told(caplog) == [(logging.ERROR, NO_STATE)] * 3
    metrics.count_decision(decision(fallback="no_model"))
    text = generate_latest(metrics._registry).decode()
    assert f'basira_fallbacks_total{{reason="{NO_STATE}"}} 7.0' in text
    assert 'basira_fallbacks_total{reason="no_model"} 1.0' in text


def test_an_office_is_without_a_state_until_it_has_one() -> None:
    metrics, day = Metrics(), "2026-03-01"
    metrics.count_decision(decision())
    metrics.count_decision(decision(office="AIR"))
    metrics.count_decision(decision(basis="mandatory", detail="arms-93", fallback=None))  # with or without: unknown
    metrics.count_decision(decision(office="AIR", basis="model", detail="", fallback=None))
    assert metrics.lacks_state(day)
    assert not metrics.lacks_state("2026-03-02")
    metrics.count_decision(decision(basis="none", detail="", fallback=None))
    assert not metrics.lacks_state(day)
