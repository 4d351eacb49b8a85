"""What who is bound to an office must not see is in no answer: how selection works, and the other offices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx2 import Response

from basira.api.auth.permissions import ROUTES, SCOPES
from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.record.events import Event, append_events, find_events
from tests.support.access_world import ORIGIN, House, strings
from tests.support.api_world import TODAY, at

Body = dict[str, Any]
SECRETS = ("inclusion_probability", "detail", "random", "aléatoire", "drawn", "SECRET-LIST")
DRAWN = {"basis": "random", "detail": "drawn in stratum SECRET-LIST", "inclusion_probability": 0.0517}


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN, rates=Rates(0, 0, 0)))


def decided(house: House, body: Body) -> Body:
    answer = house.system("declarations:write").post("/api/v1/declarations", json=body)
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


def like(house: House, decision: Body, number: str, **payload: Any) -> str:
    """The declaration again under another number, with a decision that differs in this."""
    with house.service.database.write() as connection:
        first, second = find_events(connection, decision["declaration_id"])[:2]
        events = [
            Event(
                f"{event['event_id']}-{number}",
                event["kind"],
                number,
                "test",
                {**event["payload"], **more},
                {},
                declaration_version=1,
                office=event["office"],
                lane=event["lane"],
            )
            for event, more in ((first, {}), (second, payload))
        ]
        append_events(connection, events, now=at(9))
    return number


def every_answer(person: TestClient, numbers: list[str], offices: list[str]) -> Iterator[Response]:
    """Of every route, asked for each number and each office, in each form."""
    for rule in ROUTES:
        if rule.needs not in SCOPES:
            continue
        for number in numbers if "{declaration_id}" in rule.path else [""]:
            path = rule.path.replace("{declaration_id}", number).replace("{quarantine_id}", number or "q-1")
            for office in offices if rule.path.endswith("/queue") else [""]:
                for accept in ("application/json", "text/csv"):
                    query = {"office": office, "day": TODAY.isoformat()} if office else {}
                    body = None if rule.method == "GET" else {"lane": "red", "motive": "A motive.", "given_by": "x"}
                    yield person.request(rule.method, path, params=query, json=body, headers={"Accept": accept})


def test_an_inspector_can_not_tell_a_random_control_from_another(house: House, arrivals: list[Body]) -> None:
    decision = decided(house, arrivals[0])
    office = decision["office"]
    drawn = like(house, decision, "SIM-DRAWN", **DRAWN)
    chosen = like(house, decision, "SIM-CHOSEN", **{**DRAWN, "basis": "model", "detail": ""})
    person = house.person("ali", Grant("inspector", office))
    shown = {}
    for number in (drawn, chosen):
        (shown[number],) = person.get(f"/api/v1/declarations/{number}").json()["decisions"]
    differing = {name for name in shown[drawn] if shown[drawn][name] != shown[chosen][name]}
    assert differing <= {"decision_id", "declaration_id"}
    assert shown[drawn]["basis"] == "control"
    manager = house.person("boss", Grant("manager"))
    (seen,) = manager.get(f"/api/v1/declarations/{drawn}").json()["decisions"]
    assert (seen["basis"], seen["inclusion_probability"]) == ("random", 0.0517)


@pytest.mark.parametrize("basis", ["mandatory", "exempt", "none"])
def test_another_ground_keeps_its_name(house: House, arrivals: list[Body], basis: str) -> None:
    decision = decided(house, arrivals[0])
    number = like(house, decision, "SIM-OTHER", **{**DRAWN, "basis": basis})
    person = house.person("ali", Grant("inspector", decision["office"]))
    (shown,) = person.get(f"/api/v1/declarations/{number}").json()["decisions"]
    assert shown["basis"] == basis


def test_no_answer_to_an_inspector_says_how_selection_works(house: House, arrivals: list[Body]) -> None:
    decision = decided(house, arrivals[0])
    drawn = like(house, decision, "SIM-DRAWN", **DRAWN)
    person = house.person("ali", Grant("inspector", decision["office"]))
    answers = list(every_answer(person, [drawn, "NONE"], [decision["office"]]))
    assert any(answer.status_code == 200 and drawn in answer.text for answer in answers)
    for answer in answers:
        words = list(strings(answer.json())) if "json" in answer.headers["content-type"] else answer.text.split()
        # A problem's own member is called detail; it holds a fixed sentence.
        allowed = {"detail"} if answer.headers["content-type"].startswith("application/problem+json") else set()
        found = [secret for secret in SECRETS if any(secret in word for word in words if word not in allowed)]
        assert found == [], answer.text


def test_no_answer_to_an_inspector_names_another_office(house: House, arrivals: list[Body]) -> None:
    here = decided(house, {**arrivals[0], "office": "HERE"})
    there = decided(house, {**arrivals[1], "office": "THERE-PORT"})
    person = house.person("ali", Grant("inspector", "HERE"))
    answers = list(every_answer(person, [here["declaration_id"], there["declaration_id"]], ["HERE", "THERE-PORT"]))
    assert any("HERE" in answer.text for answer in answers)
    for answer in answers:
        assert "THERE-PORT" not in answer.text, answer.text
        for secret in (there["decision_id"], str(there["expected_revenue"])):
            assert secret not in answer.text


def test_the_queue_of_another_office_is_forbidden_whether_it_exists_or_not(house: House, arrivals: list[Body]) -> None:
    decided(house, {**arrivals[1], "office": "THERE"})
    person = house.person("ali", Grant("inspector", "HERE"))
    answers = [
        person.get("/api/v1/queue", params={"office": office}) for office in ("THERE", "there", "NOWHERE", "THERE ")
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert person.get("/api/v1/queue", params={"office": "here "}).json()["office"] == "HERE"


def test_an_inspector_of_two_offices_sees_both_and_no_third(house: House) -> None:
    person = house.person("ali", Grant("inspector", "HERE"), Grant("inspector", "THERE"))
    status = {o: person.get("/api/v1/queue", params={"office": o}).status_code for o in ("HERE", "THERE", "FAR")}
    assert status == {"HERE": 200, "THERE": 200, "FAR": 403}


def test_a_key_that_is_bound_to_an_office_sends_and_sees_that_one_alone(house: House, arrivals: list[Body]) -> None:
    bound = house.system("declarations:write", "declarations:read", "queue:read", offices=["HERE"])
    mine, foreign = {**arrivals[0], "office": "HERE"}, {**arrivals[1], "office": "THERE"}
    assert bound.post("/api/v1/declarations", json=mine).status_code == 200
    refused = bound.post("/api/v1/declarations", json=foreign)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "other_office")
    assert bound.post("/api/v1/declarations", json=foreign, headers={"Idempotency-Key": "1"}).status_code == 422
    both = bound.post("/api/v1/declarations", json=[mine, foreign]).json()["results"]
    assert [next(iter(one)) for one in both] == ["decision", "problem"]
    assert bound.get("/api/v1/queue", params={"office": "THERE"}).status_code == 403
    decided(house, foreign)
    assert bound.get(f"/api/v1/declarations/{foreign['declaration_id']}").status_code == 404


@pytest.mark.parametrize("office", ["there", " THERE ", None])
def test_no_spelling_of_an_office_gets_a_bound_key_past_it(house: House, arrivals: list[Body], office: str) -> None:
    bound = house.system("declarations:write", offices=["HERE"])
    answer = bound.post("/api/v1/declarations", json={**arrivals[0], "office": office})
    assert answer.status_code == 422


def test_a_bound_key_can_not_draw_a_declaration_over_to_its_office(house: House, arrivals: list[Body]) -> None:
    there = decided(house, {**arrivals[0], "office": "THERE"})
    bound = house.system("declarations:write", "declarations:read", offices=["HERE"])
    answer = bound.post("/api/v1/declarations", json={**arrivals[0], "office": "HERE"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "other_office")
    assert there["decision_id"] not in answer.text
    assert bound.get(f"/api/v1/declarations/{there['declaration_id']}").status_code == 404


def moved(house: House, body: dict[str, Any]) -> str:
    """The number of a declaration of HERE that an amendment moved to THERE."""
    assert decided(house, {**body, "office": "HERE"})["office"] == "HERE"
    assert decided(house, {**body, "office": "THERE-PORT"})["office"] == "THERE-PORT"
    return str(body["declaration_id"])


def test_a_bound_key_learns_that_a_declaration_of_its_office_moved_and_not_where(
    house: House, arrivals: list[Body]
) -> None:
    number = moved(house, arrivals[0])
    bound = house.system("declarations:write", "declarations:read", offices=["HERE"])
    for path, body in (("one", {**arrivals[0], "office": "HERE"}), ("list", [{**arrivals[0], "office": "HERE"}])):
        answer = bound.post("/api/v1/declarations", json=body)
        told = answer.json() if path == "one" else answer.json()["results"][0]["problem"]
        assert [fault["code"] for fault in told["errors"]] == ["moved_office"]
        assert "moved between offices" in told["detail"]
        assert "THERE" not in answer.text
    assert bound.get(f"/api/v1/declarations/{number}").status_code == 404
    far = house.system("declarations:write", offices=["FAR"])
    answer = far.post("/api/v1/declarations", json={**arrivals[0], "office": "FAR"})
    assert [fault["code"] for fault in answer.json()["errors"]] == ["other_office"]
    both = house.system("declarations:write", offices=["HERE", "THERE-PORT"])
    assert both.post("/api/v1/declarations", json={**arrivals[0], "office": "HERE"}).status_code == 200


def test_nothing_is_read_of_what_the_asker_may_not_see(
    house: House, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long an answer takes must not reveal whether another office has a number: what is asked is the same."""
    there = decided(house, {**arrivals[0], "office": "THERE"})["declaration_id"]
    inspector, manager = house.person("ali", Grant("inspector", "HERE")), house.person("boss", Grant("manager"))
    assert inspector.get(f"/api/v1/declarations/{there}").status_code == 404
    bound = house.system("declarations:write", "declarations:read", "cancellations:write", offices=["HERE"])
    change = {"lane": "red", "motive": "A motive.", "given_by": "x"}
    result = {"known_at": f"{TODAY}T10:00:00", "is_irregular": False}
    requests = [
        (inspector, "GET", "", None),
        (bound, "GET", "", None),
        (inspector, "POST", "/outcome", result),
        (inspector, "POST", "/reselection", change),
        (bound, "POST", "/cancellation", {"motive": "A motive."}),
    ]
    asked: list[str] = []
    engine = house.service.database.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for who, method, path, body in requests:
        seen = []
        for number in (there, "NONE"):
            asked.clear()
            answer = who.request(method, f"/api/v1/declarations/{number}{path}", json=body)
            assert answer.status_code == 404
            of_record = [text for text in asked if "FROM event" in text or "FROM personal_value" in text]
            seen.append((of_record, answer.json()["detail"]))
        assert seen[0] == seen[1]
        assert len(seen[0][0]) == 1
        assert "payload" not in seen[0][0][0]
    assert manager.get(f"/api/v1/declarations/{there}").status_code == 200


@pytest.mark.parametrize("path", ["quarantine", "metrics"])
def test_a_bound_key_does_not_see_what_is_of_every_office(house: House, path: str) -> None:
    scope = f"{path}:read"
    assert house.system(scope).get(f"/api/v1/{path}").status_code == 200
    assert house.system(scope, offices=["HERE"]).get(f"/api/v1/{path}").status_code == 403
