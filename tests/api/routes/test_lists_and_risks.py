"""Lists and the register of risks over HTTP: read, changed by persons with the right, audited; two editors at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from basira.api.openapi.examples import LIST, LIST_END, LIST_ENTRIES, LIST_MATCH, RISK, RISK_REVIEW, RULE, SNOOZE
from basira.schema.access import Grant, Principal
from basira.serving.service import Service
from basira.storage.record.activity import find_audit
from tests.support.api_world import TODAY, Desk, desk_of, is_whole
from tests.support.callers import Caller, create_people, send

NAME, VALUE = LIST["name"], LIST_ENTRIES["entries"][0]["value"]
LATER = (TODAY + timedelta(days=60)).isoformat()
ENTRY = {**LIST_ENTRIES["entries"][0], "starts_on": TODAY.isoformat(), "ends_on": LATER}
ENTRIES = {**LIST_ENTRIES, "entries": [ENTRY]}
WRITTEN = {**RISK, "risk": {**RISK["risk"], "review_on": LATER}}


@pytest.fixture
def people(blank: Service) -> dict[str, Principal]:
    return create_people(blank)


@pytest.fixture
def caller(people: dict[str, Principal]) -> Caller:
    return Caller(people["amina"])


@pytest.fixture
def desk(blank: Service, caller: Caller) -> Desk:
    return desk_of(blank, recognise=lambda _credentials: caller.now)


def test_a_list_is_made_filled_asked_and_its_entry_ended(desk: Desk) -> None:
    assert send(desk, "lists", LIST).json()["last_change"] == 1
    added = send(desk, f"lists/{NAME}/entries", ENTRIES)
    assert added.status_code == 200, added.text
    assert (added.json()["entry_count"], added.json()["last_change"]) == (1, 2)
    content = desk.get(f"lists/{NAME}", on=TODAY.isoformat()).json()
    assert content["total"] == 1
    assert content["entries"][0]["value"] == VALUE
    asked = {"value": VALUE, "on": TODAY.isoformat()}
    assert send(desk, f"lists/{NAME}/match", asked).json()["entry"] == VALUE
    assert send(desk, f"lists/{NAME}/match", {**LIST_MATCH, "value": "ANOTHER"}).json()["is_on"] is False
    ended = send(desk, f"lists/{NAME}/entries/1/end", LIST_END)
    assert ended.status_code == 200, ended.text
    assert desk.get(f"lists/{NAME}", on=TODAY.isoformat()).json()["total"] == 0
    assert desk.get(f"lists/{NAME}").json()["total"] == 1
    changes = desk.get(f"lists/{NAME}/history").json()["changes"]
    assert [one["action"] for one in changes] == ["made", "added", "ended"]
    with desk.service.database.read() as connection:
        audited = find_audit(connection, subject=f"list/{NAME}")
    assert {event["action"] for event in audited} == {"list.made", "list.added", "list.ended"}
    assert is_whole(desk.service)


def test_entries_come_in_pages(desk: Desk) -> None:
    send(desk, "lists", LIST)
    many = [{**ENTRY, "value": f"SIM-{number}"} for number in range(5)]
    assert send(desk, f"lists/{NAME}/entries", {"entries": many}).status_code == 200
    seen, cursor = [], "0"
    while cursor != "None":
        page = desk.get(f"lists/{NAME}", limit="2", cursor=cursor).json()
        assert page["total"] == 5
        seen += [one["value"] for one in page["entries"]]
        cursor = str(page["next_cursor"])
    assert seen == [one["value"] for one in many]


def test_the_second_of_two_editors_changes_nothing(desk: Desk) -> None:
    send(desk, "lists", LIST)
    assert send(desk, "lists", LIST).status_code == 409
    assert send(desk, f"lists/{NAME}/entries", ENTRIES).status_code == 200
    other = {**ENTRIES, "entries": [{**ENTRY, "value": "SIM-OTHER"}]}
    again = send(desk, f"lists/{NAME}/entries", other)
    assert (again.status_code, again.json()["code"]) == (409, "rule")
    assert send(desk, f"lists/{NAME}/entries/1/end", {**LIST_END, "seen": 1}).status_code == 409
    assert desk.get(f"lists/{NAME}").json()["list"]["last_change"] == 2
    assert send(desk, "risks", WRITTEN).status_code == 200
    assert send(desk, "risks", WRITTEN).status_code == 409
    review = {**RISK_REVIEW, "review_on": LATER}
    assert send(desk, "risks/undervalued-phones/reviews", review).status_code == 200
    assert send(desk, "risks/undervalued-phones/reviews", review).status_code == 409
    assert desk.get("risks/undervalued-phones").json()["last_version"] == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("lists", {**LIST, "name": "A b"}, 422),
        ("lists", {**LIST, "kind": "persons"}, 422),
        ("lists", {**LIST, "matching": "near"}, 422),
        ("lists", {**LIST, "matching": "name", "least_closeness": 0.2}, 422),
        ("lists", {**LIST, "least_closeness": "0.9"}, 400),
        ("lists", {**LIST, "colour": "red"}, 400),
        (f"lists/{NAME}/entries", {"entries": []}, 400),
        (f"lists/{NAME}/entries", {"entries": [ENTRY] * 201}, 400),
        (f"lists/{NAME}/entries", {"entries": [ENTRY, ENTRY]}, 422),
        (f"lists/{NAME}/entries", {"entries": [{**ENTRY, "ends_on": "2020-01-01"}]}, 422),
        (f"lists/{NAME}/entries", {"entries": [{**ENTRY, "ends_on": "01/02/2099"}]}, 400),
        (f"lists/{NAME}/entries", {"entries": [ENTRY, {**ENTRY, "value": ""}]}, 422),
        (f"lists/{NAME}/entries", {"entries": [{**ENTRY, "value": 7}]}, 400),
        (f"lists/{NAME}/entries/7/end", LIST_END, 409),
        (f"lists/{NAME}/entries/7/end", {"motive": "Old."}, 422),
        ("lists/none/entries", ENTRIES, 404),
        (f"lists/{NAME}/match", {"value": " "}, 400),
        ("lists/none/match", LIST_MATCH, 404),
        ("rules/none/snoozes", {**SNOOZE, "ends_on": LATER}, 404),
        ("risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "likelihood": 6}}, 422),
        ("risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "likelihood": True}}, 400),
        ("risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "likelihood": None}}, 422),
        ("risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "rules": ["none"]}}, 422),
        ("risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "review_on": "2020-01-01"}}, 422),
        ("risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "treatment": "hope"}}, 422),
        ("risks", {**WRITTEN, "seen": 3}, 409),
        ("risks", {}, 400),
        ("risks/none/reviews", {**RISK_REVIEW, "review_on": LATER}, 404),
    ],
)
def test_a_broken_change_changes_nothing(desk: Desk, path: str, body: dict[str, Any], status: int) -> None:
    assert send(desk, "lists", LIST).status_code == 200
    found = send(desk, path, body)
    assert found.status_code == status, found.text
    assert [one["last_change"] for one in desk.get("lists").json()["lists"]] == [1]
    assert desk.get("risks").json()["risks"] == []


def test_a_rule_sleeps_for_an_operator(desk: Desk) -> None:
    dates = {"starts_on": TODAY.isoformat(), "expires_on": LATER}
    assert send(desk, "rules", {**RULE, "rule": {**RULE["rule"], **dates}}).status_code == 200
    asleep = send(desk, "rules/phones-cn/snoozes", {**SNOOZE, "ends_on": LATER})
    assert asleep.status_code == 200, asleep.text
    assert (asleep.json()["name"], asleep.json()["rule_id"]) == ("snooze:phones-cn", "phones-cn")
    far = (TODAY + timedelta(days=400)).isoformat()
    assert send(desk, "rules/phones-cn/snoozes", {**SNOOZE, "value": "X", "ends_on": far}).status_code == 422
    assert desk.get("lists/snooze:phones-cn").json()["total"] == 1
    # Nothing is put on such a list but by a snooze, which has its own bounds.
    assert send(desk, "lists/snooze:phones-cn/entries", {"entries": [ENTRY]}).status_code == 404
    assert send(desk, "lists/snooze:phones-cn/entries/1/end", {"motive": "Seen again."}).status_code == 200


def test_a_risk_is_written_reviewed_and_closed(desk: Desk) -> None:
    made = send(desk, "risks", {**WRITTEN, "risk": {**WRITTEN["risk"], "office": "sim-a"}})
    assert made.status_code == 200, made.text
    assert (made.json()["product"], made.json()["level"], made.json()["office"]) == (12, "high", "SIM-A")
    assert desk.get("risks", office="sim-b").json()["risks"] == []
    assert len(desk.get("risks", office="sim-a").json()["risks"]) == 1
    desk.clock[0] += timedelta(days=61)
    assert desk.get("risks").json()["overdue"] == 1
    later = (TODAY + timedelta(days=200)).isoformat()
    review = {**RISK_REVIEW, "review_on": later, "is_closed": True}
    closed = send(desk, "risks/undervalued-phones/reviews", review)
    assert closed.status_code == 200, closed.text
    assert (closed.json()["product"], closed.json()["state"], closed.json()["version"]) == (6, "closed", 2)
    assert desk.get("risks").json()["overdue"] == 0
    with desk.service.database.read() as connection:
        audited = find_audit(connection, subject="risk/undervalued-phones/2")
    assert [event["action"] for event in audited] == ["risk.written"]
    assert is_whole(desk.service)


def test_a_fault_is_in_the_language_of_the_service(desk: Desk, caller: Caller) -> None:
    french = desk_of(replace(desk.service, language="fr"), recognise=lambda _credentials: caller.now)
    assert "trouvé" in send(french, "lists", {**LIST, "name": "A b"}).json()["detail"]


def test_who_may_do_what(desk: Desk, caller: Caller, people: dict[str, Principal]) -> None:
    send(desk, "lists", LIST)
    send(desk, "risks", WRITTEN)
    for name in ("zineb", "badr"):
        caller.now = people[name]
        assert desk.get("lists").status_code == desk.get("risks").status_code == 200
        assert desk.get(f"lists/{NAME}").status_code == desk.get("risks/undervalued-phones").status_code == 200
        assert send(desk, f"lists/{NAME}/entries", ENTRIES).status_code == 403
        assert send(desk, "risks", {**WRITTEN, "seen": 1}).status_code == 403
    scopes = frozenset({"rules:read", "rules:write"})
    caller.now = Principal("k-1", "key", scopes=scopes)
    assert desk.get("lists").status_code == 403
    caller.now = Principal("k-1", "key", scopes=frozenset({"lists:read", "lists:write", "risks:write"}))
    assert desk.get("lists").status_code == 200
    assert send(desk, f"lists/{NAME}/entries", ENTRIES).status_code == 400
    assert send(desk, "risks", {**WRITTEN, "seen": 1}).status_code == 400
    caller.now = Principal("u-9", "user", grants=(Grant("inspector", "SIM-A"),))
    assert desk.get("lists").status_code == desk.get("risks").status_code == 403


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for path in ("lists/none", "lists/none/history", "risks/none"):
        assert desk.get(path).status_code == 404
    assert desk.get("lists", kind="operators").status_code == 422
