"""Rules of analysts over HTTP: read, checked, written, taken through their lives by two persons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from basira.api.openapi.examples import RULE
from basira.schema.access import Grant, Principal
from basira.serving.service import Service
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.record.activity import find_audit
from basira.workflows.rules.life import take_step
from tests.support.api_world import TODAY, Desk, at, desk_of, is_whole
from tests.support.callers import Caller, create_people, send

DATES = {"starts_on": TODAY.isoformat(), "expires_on": (TODAY + timedelta(days=90)).isoformat()}
BODY = {**RULE, "rule": {**RULE["rule"], **DATES}}


@pytest.fixture
def people(blank: Service) -> dict[str, Principal]:
    return create_people(blank)


@pytest.fixture
def caller(people: dict[str, Principal]) -> Caller:
    return Caller(people["amina"])


@pytest.fixture
def desk(blank: Service, caller: Caller) -> Desk:
    return desk_of(blank, recognise=lambda _credentials: caller.now)


def test_a_rule_is_written_and_made_live_by_two_persons(
    desk: Desk, caller: Caller, people: dict[str, Principal]
) -> None:
    made = send(desk, "rules", BODY)
    assert made.status_code == 200, made.text
    assert made.json()["status"] == "draft"
    assert set(made.json()["text"]) == {"fr", "en", "ar"}
    take_step(desk.service.database, "phones-cn", "tested", login="amina", now=at(9))
    steps = "rules/phones-cn/steps"
    assert send(desk, steps, {"state": "submitted", "seen": 2}).json()["status"] == "submitted"
    assert send(desk, steps, {"state": "approved", "motive": "Mine."}).status_code == 403
    caller.now = people["badr"]
    assert send(desk, steps, {"state": "approved", "motive": "Tested.", "seen": 2}).status_code == 422
    for state in ("approved", "live"):
        taken = send(desk, steps, {"state": state, "motive": "Tested."})
        assert taken.status_code == 200, taken.text
    assert taken.json()["status"] == "live"
    found = desk.get("rules/phones-cn").json()
    assert (found["last_step"], len(found["versions"][0]["steps"])) == (5, 5)
    assert [one["rule_id"] for one in desk.get("rules", status="live").json()["rules"]] == ["phones-cn"]
    assert desk.get("rules", status="draft").json()["rules"] == []
    with desk.service.database.read() as connection:
        audited = find_audit(connection, subject="rule/phones-cn/1")
    assert {event["action"] for event in audited} == {
        "rule.draft", "rule.tested", "rule.submitted", "rule.approved", "rule.live",
    }  # fmt: skip
    assert is_whole(desk.service)


def test_a_fault_says_place_cause_and_the_nearest_word(desk: Desk) -> None:
    found = send(desk, "rules/check", {"text": "orign_country = 'CN'"})
    assert (found.status_code, found.json()["code"]) == (422, "rule")
    assert "Character 1" in found.json()["detail"]
    assert "origin" in found.json()["hint"]
    right = send(desk, "rules/check", {"text": "origin_country = 'CN'"}).json()
    assert set(right["text"]) == {"fr", "en", "ar"}
    for body in ({}, {"text": "quantity > 1", "rule": {}}, {"unknown": 1}, [], "x"):
        assert send(desk, "rules/check", body).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [{"expires_on": "2020-01-01"}, {"effect": {"lane": "purple"}}, {"effect": {"lane": "green"}}, {"title": ""}],
)
def test_a_rule_that_is_not_well_formed_changes_nothing(desk: Desk, changes: dict[str, Any]) -> None:
    assert send(desk, "rules", {**BODY, "rule": {**BODY["rule"], **changes}}).status_code == 422
    assert desk.get("rules").json()["rules"] == []


@pytest.mark.parametrize("text", ["quantity > 5 and quantity < 3", "quantity > 5 or quantity <= 5"])
def test_contradictions_and_tautologies_change_nothing(desk: Desk, text: str) -> None:
    assert send(desk, "rules", {**BODY, "text": text}).status_code == 422
    assert desk.get("rules").json()["rules"] == []


def test_who_may_do_what(desk: Desk, caller: Caller, people: dict[str, Principal]) -> None:
    send(desk, "rules", BODY)
    caller.now = people["zineb"]
    assert desk.get("rules").status_code == 200
    assert send(desk, "rules", BODY).status_code == 403
    caller.now = people["badr"]
    # A manager approves, and writes none.
    other = {**BODY, "rule": {**BODY["rule"], "rule_id": "other"}}
    assert send(desk, "rules", other).status_code == 403
    caller.now = Principal("k-1", "key", scopes=frozenset({"rules:read", "rules:write"}))
    assert desk.get("rules").status_code == 200
    assert send(desk, "rules", other).status_code == 400
    caller.now = Principal("u-9", "user", grants=(Grant("inspector", "SIM-A"),))
    assert desk.get("rules").status_code == 403


def test_a_rule_that_is_not_there_is_not_found(desk: Desk) -> None:
    assert desk.get("rules/none").status_code == 404
    assert send(desk, "rules/none/steps", {"state": "retired", "motive": "Old."}).status_code == 404
    assert send(desk, "rules/none/steps", {"state": "tested"}).status_code == 400


def test_an_analyst_of_an_office_writes_its_rules_and_no_others(desk: Desk, caller: Caller) -> None:
    grant = Grant("analyst", "SIM-A")
    with desk.service.database.write() as connection:
        person = create_user(connection, NewUser("nora", "nora", [grant]), actor="t", now=at(8))
    caller.now = Principal(person, "user", grants=(grant,))
    national = send(desk, "rules", BODY)
    assert national.status_code == 403
    assert "offices SIM-A alone" in national.json()["detail"]
    own = send(desk, "rules", {**BODY, "rule": {**BODY["rule"], "offices": ["SIM-A"]}})
    assert own.status_code == 200, own.text
    assert desk.get("rules").json()["rules"][0]["rule"]["offices"] == ["SIM-A"]
    # What shows every office at once is not for a person of one.
    assert {desk.client.get(f"/api/v1/{path}").status_code for path in ("lists", "risks", "figures")} == {403}
