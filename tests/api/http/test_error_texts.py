"""Every rejection says what was expected, what was found and what to do; never a word of the framework alone."""

from __future__ import annotations

from typing import Any

import pytest

from basira.api.openapi.examples import OUTCOME
from basira.schema.access import Grant, Principal
from basira.serving.service import Service
from tests.support.api_world import TODAY, Desk, desk_of

Body = dict[str, Any]
API = "/api/v1"
JSON = {"Content-Type": "application/json"}


def first(answer: Any) -> tuple[str, str, str]:
    fault = answer.json()["errors"][0]
    return fault["field"], fault["expected"], fault.get("found", "")


@pytest.mark.parametrize(
    ("path", "field", "expected", "found"),
    [
        ("queue", "query.office", "a value: it is required", "none"),
        ("queue?office=", "query.office", "at least 1 character", "''"),
        ("queue?office=A&day=24/11/2026", "query.day", "a day written YYYY-MM-DD, such as 2026-03-31", "'24/11/2026'"),
        ("queue?office=A&limit=abc", "query.limit", "a whole number", "'abc'"),
        ("queue?office=A&limit=0", "query.limit", "1 or more", "'0'"),
        ("queue?office=A&limit=1001", "query.limit", "1,000 or less", "'1001'"),
        ("queue?office=A&status=zzz", "query.status", "'waiting', 'inspected', 'released' or 'cancelled'", "'zzz'"),
        ("queue?office=A&cursor=" + "x" * 201, "query.cursor", "at most 200 characters", "'" + "x" * 60 + "...'"),
        ("audit?cursor=0", "query.cursor", "1 or more", "'0'"),
        ("audit?cursor=9223372036854775808", "query.cursor", "less than 9,223,372,036,854,775,808", "'9223"),
        ("declarations/" + "9" * 201, "path.declaration_id", "at most 200 characters", "'999"),
    ],
)
def test_a_faulty_query_is_reported_in_words(desk: Desk, path: str, field: str, expected: str, found: str) -> None:
    answer = desk.client.get(f"{API}/{path}")
    assert answer.status_code == 422
    told = first(answer)
    assert told[:2] == (field, expected)
    assert told[2].startswith(found)
    body = answer.json()
    assert body["detail"] == f"Expected {field.partition('.')[2]}: {expected}; found {told[2]}."
    assert body["hint"]


@pytest.mark.parametrize("key", ["x" * 201, "two words"])
@pytest.mark.parametrize("path", ["declarations", "declarations/A/outcome"])
def test_a_faulty_key_is_reported_with_its_limits_and_not_repeated(desk: Desk, key: str, path: str) -> None:
    answer = desk.client.post(f"{API}/{path}", json={}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    field, expected, found = first(answer)
    assert (field, expected) == ("header.Idempotency-Key", "1 to 200 printable ASCII characters, no space among them")
    assert found in ("something else", f"{len(key)} characters")
    assert key not in answer.text


@pytest.mark.parametrize("path", ["declarations", "declarations/A/outcome", "declarations/A/cancellation"])
def test_a_body_that_is_no_json(desk: Desk, path: str) -> None:
    cut = desk.client.post(f"{API}/{path}", content='{"declaration_id": "SIM-', headers=JSON)
    assert (cut.status_code, first(cut)[:2]) == (422, ("body", "JSON in UTF-8, to its end, of at most 64 levels"))
    assert "SIM-" not in cut.text


@pytest.mark.parametrize("path", ["declarations", "declarations/A/outcome", "declarations/A/reselection", "session"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml; charset=utf-8"])
def test_another_content_type_is_415(desk: Desk, path: str, kind: str) -> None:
    answer = desk.client.post(f"{API}/{path}", content="{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.json()["detail"] == f"Expected Content-Type: application/json, found {kind!r}."


def test_a_body_of_another_shape_does_not_repeat_what_it_held(desk: Desk) -> None:
    answer = desk.client.post(f"{API}/session", json={"login": 7, "password": ["secret"], "more": "secret"})
    assert answer.status_code == 422
    assert "secret" not in answer.text
    assert all(fault["expected"] and fault["found"] for fault in answer.json()["errors"])


def test_an_address_or_a_method_that_there_is_not(desk: Desk) -> None:
    for answer in (desk.get("nothing"), desk.client.delete(f"{API}/queue")):
        assert "Expected" in answer.json()["detail"]
        assert "openapi.json" in answer.json()["hint"]


# -- conflicts: each with its own words --------------------------------------------------------------------------------


def decided(desk: Desk, body: Body) -> Body:
    found: Body = desk.post(body).json()
    return found


def change(desk: Desk, number: str, what: str, **body: Any) -> Any:
    return desk.client.post(f"{API}/declarations/{number}/{what}", json={"motive": "Seen before.", **body})


def test_every_conflict_has_its_own_words_and_what_holds_where_it_helps(desk: Desk, arrivals: list[Body]) -> None:
    one = decided(desk, {**arrivals[0], "declaration_version": 1})
    number, given, lane = one["declaration_id"], one["decision_id"], one["lane"]
    other = next(name for name in ("red", "yellow") if name != lane)
    result = {**OUTCOME, "known_at": f"{TODAY}T08:30:00"}
    path = f"{API}/declarations/{number}/outcome"
    assert desk.client.post(path, json=result).status_code == 200
    answers = {
        "result_conflict": desk.client.post(path, json={**result, "found_value_amount": 1.0}),
        "version_conflict": desk.post({**arrivals[0], "declaration_version": 1, "procedure": "999"}),
        "same_lane": change(desk, number, "reselection", lane=lane, given_by=given),
        "changed_meanwhile": change(desk, number, "reselection", lane=other, given_by="d-none"),
    }
    assert change(desk, number, "cancellation").status_code == 200
    answers["cancelled"] = change(desk, number, "cancellation", motive="Something else.")
    details = set()
    for code, answer in answers.items():
        body = answer.json()
        assert (answer.status_code, body["errors"][0]["code"]) == (422 if code == "same_lane" else 409, code)
        assert "schema" not in body["detail"]
        assert "quarantine" not in body["hint"]
        details |= {(body["detail"], body["hint"])}
    assert len(details) == len(answers)
    standing = answers["changed_meanwhile"].json()["standing"]
    assert (standing["given_by"], standing["lane"]) == (given, lane)
    assert answers["cancelled"].json()["standing"]["status"] == "cancelled"


def test_what_one_may_not_change_says_what_to_do(desk: Desk, arrivals: list[Body]) -> None:
    number = decided(desk, arrivals[0])["declaration_id"]
    answer = change(desk, number, "reselection", lane="red")
    assert (answer.status_code, answer.json()["code"]) == (428, "seen_required")
    assert "ETag" in answer.json()["hint"]


def test_a_cancellation_again_with_a_note_that_would_be_lost_is_rejected(desk: Desk, arrivals: list[Body]) -> None:
    number = decided(desk, arrivals[0])["declaration_id"]
    assert change(desk, number, "cancellation").status_code == 200
    assert change(desk, number, "cancellation").status_code == 200
    added = change(desk, number, "cancellation", note="SIM see box 44")
    assert (added.status_code, added.json()["errors"][0]["code"]) == (409, "cancelled")
    noted = decided(desk, arrivals[1])["declaration_id"]
    assert change(desk, noted, "cancellation", note="SIM note").status_code == 200
    assert change(desk, noted, "cancellation", note="SIM note").status_code == 200
    assert change(desk, noted, "cancellation").status_code == 200


# -- the queue ---------------------------------------------------------------------------------------------------------


def test_a_queue_is_found_however_its_office_is_written(desk: Desk, arrivals: list[Body]) -> None:
    office = decided(desk, arrivals[0])["office"]
    for written in (office, office.lower(), f" {office} "):
        found = desk.get("queue", office=written).json()
        assert (found["office"], found["total"]) == (office, 1)
    blank = desk.get("queue", office=" ")
    assert (blank.status_code, first(blank)[0]) == (422, "query.office")


def test_an_inspector_s_office_is_folded_too_and_no_other_is_seen(
    service: Service, desk: Desk, arrivals: list[Body]
) -> None:
    office = decided(desk, arrivals[0])["office"]
    principal = Principal("u-7", "user", grants=(Grant("inspector", office),))
    inspector = desk_of(service, recognise=lambda _: principal)
    assert inspector.get("queue", office=office.lower()).json()["total"] == 1
    refused = inspector.get("queue", office="elsewhere")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "office" in refused.json()["detail"]


def test_an_unknown_lane_is_no_empty_queue(desk: Desk) -> None:
    for more in ({}, {"format": "csv"}):
        answer = desk.get("queue", office="A", lane="purple", **more)
        assert answer.status_code == 422
        assert (answer.json()["errors"][0]["code"], first(answer)[1]) == ("unknown_lane", "green, blue, yellow, red")
    assert desk.get("queue", office="A", lane="red").status_code == 200
    # On a day without a policy its lanes are unknown.
    assert desk.get("queue", office="A", lane="purple", day="1990-01-01").status_code == 200
