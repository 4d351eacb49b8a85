"""The answer to a result is what the history would take: a label that is acknowledged is never lost in the night."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.api.openapi.examples import OUTCOME
from basira.schema.access import Grant
from basira.selection.policy.model import Policy
from basira.serving.service import Service
from basira.storage.record.events import find_events
from tests.support.access_world import House
from tests.support.api_world import TODAY, Desk, desk_of

Body = dict[str, Any]
RESULT = {**OUTCOME, "known_at": f"{TODAY}T08:30:00"}


def send(desk: Desk, number: str, **change: Any) -> Any:
    return desk.client.post(f"/api/v1/declarations/{number}/outcome", json={**RESULT, **change})


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"item_number": 999}, "item_number", "unknown_declaration"),
        ({"known_at": f"{TODAY - timedelta(days=1)}T23:59:59"}, "known_at", "known_before_declared"),
        ({"known_at": f"{TODAY + timedelta(days=2)}T00:00:00"}, "known_at", "date_out_of_range"),
        ({"inspected_at": f"{TODAY + timedelta(days=1)}T00:00:00"}, "inspected_at", "contradiction"),
        ({"inspection_lane": "purple"}, "inspection_lane", "unknown_lane"),
        ({"is_irregular": False, "is_irregular_value": False}, "additional_revenue_amount", "contradiction"),
    ],
)
def test_a_result_that_the_history_would_reject_is_rejected_at_once(
    desk: Desk, arrivals: list[Body], change: Body, field: str, code: str
) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    answer = send(desk, number, **change)
    assert answer.status_code == 422, answer.text
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]
    assert desk.get(f"declarations/{number}").json()["outcomes"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"item_number": 1},
        {"known_at": f"{TODAY}T00:00:00"},
        {"inspection_lane": "red"},
        {"inspection_lane": "RED"},
        {"inspected_at": RESULT["known_at"]},
        {"is_irregular": False, "is_irregular_value": False, "additional_revenue_amount": 0},
    ],
)
def test_what_it_would_take_is_taken(desk: Desk, arrivals: list[Body], change: Body) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    answer = send(desk, number, **change)
    assert answer.status_code == 200, answer.text


def test_a_result_known_on_a_day_was_inspected_at_an_hour_of_it(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    answer = send(desk, number, known_at=TODAY.isoformat(), inspected_at=f"{TODAY}T07:30:00")
    assert answer.status_code == 200, answer.text


def test_a_lane_of_the_decision_s_day_is_one_when_the_policy_has_changed(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    text = (service.policies / "policy.toml").read_text(encoding="utf-8")
    (tmp_path / "policy.toml").write_text(re.sub(r"\bred\b", "crimson", text), encoding="utf-8")
    number = desk_of(service).post(arrivals[0]).json()["declaration_id"]
    changed = replace(service, policies=tmp_path)

    class Changed(type(service)):  # the day's policy as it was, today's as it is
        def policy(self, day: date) -> Policy:
            return (service if day == TODAY else changed).policy(day)

    desk = desk_of(Changed(**{one.name: getattr(service, one.name) for one in fields(service)}))
    desk.clock[0] += timedelta(days=1)
    assert send(desk, number, inspection_lane="red").status_code == 200
    assert send(desk, number, known_at=f"{TODAY}T09:00:00", inspection_lane="crimson").status_code == 200
    assert send(desk, number, known_at=f"{TODAY}T09:01:00", inspection_lane="purple").status_code == 422


def test_without_a_policy_in_force_a_result_is_taken_whatever_lane_it_names(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    number = desk_of(service).post(arrivals[0]).json()["declaration_id"]
    desk = desk_of(replace(service, policies=tmp_path))
    assert send(desk, number, inspection_lane="purple").status_code == 200


def test_results_of_days_ago_come_in_one_go(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    desk.clock[0] += timedelta(days=8)
    assert send(desk, number).status_code == 200
    assert send(desk, number, known_at=f"{TODAY + timedelta(days=6)}T10:00:00").status_code == 200


def test_the_item_of_any_version_may_have_a_result(desk: Desk, arrivals: list[Body]) -> None:
    first = {**arrivals[0], "items": [{**arrivals[0]["items"][0], "item_number": n} for n in (1, 7)]}
    number = desk.post(first).json()["declaration_id"]
    desk.post({**first, "items": first["items"][:1]})
    assert send(desk, number, item_number=7).status_code == 200
    assert send(desk, number, item_number=8).json()["errors"][0]["expected"] == "an item of the declaration: 1, 7"


@pytest.mark.usefixtures("cheap_passwords")
def test_a_person_signs_with_the_own_name_and_a_system_with_whose_it_likes(
    blank: Service, arrivals: list[Body]
) -> None:
    house = House(blank)
    system = house.system("declarations:write", "outcomes:write")
    decided = system.post("/api/v1/declarations", json=arrivals[0]).json()
    number = decided["declaration_id"]
    person = house.person("a.benali", Grant("inspector", decided["office"]))
    own = person.get("/api/v1/session").json()["user_id"]
    path = f"/api/v1/declarations/{number}/outcome"
    other = person.post(path, json={**RESULT, "inspector_id": "SOMEBODY"})
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "other_inspector")
    for n, named in enumerate((None, own)):
        body = {**RESULT, "known_at": f"{TODAY}T08:0{n}:00"} | ({} if named is None else {"inspector_id": named})
        assert person.post(path, json=body).status_code == 200
    assert system.post(path, json={**RESULT, "inspector_id": "SOMEBODY"}).status_code == 200
    with blank.database.read() as connection:
        found = [e["personal"].get("inspector_id") for e in find_events(connection, number) if e["kind"] == "outcome"]
    assert found == [own, own, "SOMEBODY"]
