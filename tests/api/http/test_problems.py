"""What goes wrong over HTTP is a problem; who may not see does not."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from basira.api.http.logs import JsonLines
from basira.api.http.problems import STATUS
from basira.api.openapi.examples import DECLARATION, OUTCOME
from basira.schema.access import Grant, Principal
from basira.schema.errors import ALL_ERRORS
from basira.serving.service import Service
from tests.support.api_world import TODAY, Desk, desk_of

Body = dict[str, Any]
RESULT = {**OUTCOME, "known_at": f"{TODAY}T08:30:00"}


def inspector_of(service: Service, office: str) -> Desk:
    principal = Principal("u-1", "user", grants=(Grant("inspector", office),))
    return desk_of(service, recognise=lambda _: principal)


def test_every_error_has_its_status() -> None:
    assert set(STATUS) == set(ALL_ERRORS)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"declared_at": "02/11/2023 at noon"}, "declared_at", "bad_date"),
        ({"dispatch_country": "QQ"}, "dispatch_country", "unknown_country"),
        ({"items": []}, "items", "missing"),
        ({"items": [{"commodity_code": "85011"}]}, "commodity_code", "lost_leading_zero"),
        ({"items": [{"commodity_code": "850110", "net_mass_kg": -1}]}, "net_mass_kg", "negative"),
        ({"office": {"a": 1}}, "office", "bad_json"),
        ({"nonsense": 1}, "nonsense", "column_count"),
        ({"declaration_id": "9" * 201}, "declaration_id", "out_of_range"),
        ({"office": "A" * 81}, "office", "out_of_range"),
        ({"importer_id": "half \ud800"}, "importer_id", "bad_json"),
    ],
)
def test_a_faulty_declaration_is_rejected_with_its_field(
    desk: Desk, arrivals: list[Body], change: Body, field: str | None, code: str
) -> None:
    text = json.dumps({**arrivals[0], **change})  # escapes half a character, as a client may
    answer = desk.client.post("/api/v1/declarations", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["errors"][0]["field"], answer.json()["errors"][0]["code"]) == (field, code)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"x"', "[[]]", '{"items": [NaN]}', "[" * 5000])
def test_a_body_that_is_no_declaration_is_rejected(desk: Desk, text: str) -> None:
    answer = desk.client.post("/api/v1/declarations", content=text, headers={"Content-Type": "application/json"})
    refused = answer.json()["results"][0]["problem"]["status"] if answer.status_code == 200 else answer.status_code
    assert refused in (400, 422)


def test_one_faulty_declaration_of_a_batch_leaves_the_others(desk: Desk, arrivals: list[Body]) -> None:
    found = desk.post([arrivals[0], {**arrivals[1], "items": []}, arrivals[2]]).json()["results"]
    assert [list(one) for one in found] == [["decision"], ["problem"], ["decision"]]


def test_more_than_a_thousand_are_too_many(desk: Desk) -> None:
    assert desk.post([{}] * 1001).status_code == 422


def test_a_body_over_the_limit_is_not_read(service: Service, arrivals: list[Body]) -> None:
    desk = desk_of(service, most_bytes=200)
    answer = desk.post(arrivals[0])
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def pieces() -> Any:  # no content-length
        yield from (b" " * 150, b" " * 150)

    assert desk.client.post("/api/v1/declarations", content=pieces()).status_code == 413


def test_the_examples_of_the_document_are_taken(desk: Desk) -> None:
    desk.clock[0] = desk.clock[0].replace(year=2026, month=3, day=2)
    desk.client.headers["X-API-Key"] = desk.key("declarations:write", "outcomes:write")
    assert desk.post(DECLARATION).status_code == 200
    path = f"/api/v1/declarations/{DECLARATION['declaration_id']}/outcome"
    assert desk.client.post(path, json=OUTCOME).status_code == 200
    paths = desk.get("openapi.json").json()["paths"]
    assert "examples" in paths["/api/v1/declarations"]["post"]["requestBody"]["content"]["application/json"]


def test_a_result_is_recorded_once_and_never_replaced(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    path = f"/api/v1/declarations/{number}/outcome"
    first = desk.client.post(path, json={**RESULT, "inspector_id": "SIM-OFFICER"})
    again = desk.client.post(path, json={**RESULT, "inspector_id": "SIM-OFFICER"})
    other = desk.client.post(path, json={**RESULT, "additional_revenue_amount": 1.0})
    assert first.json() == again.json()
    assert "SIM-OFFICER" not in first.text
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "result_conflict")
    assert len(desk.get(f"declarations/{number}").json()["outcomes"]) == 1


def test_a_result_without_a_declaration_is_not_found(desk: Desk) -> None:
    assert desk.client.post("/api/v1/declarations/NONE/outcome", json=OUTCOME).status_code == 404


def test_the_queue_shows_the_most_intensive_lane_first(desk: Desk, arrivals: list[Body]) -> None:
    office = arrivals[0]["office"]
    desk.post(arrivals)
    rows = desk.get("queue", office=office).json()["decisions"]
    assert len(rows) == sum(1 for body in arrivals if body["office"] == office)
    intensity = desk.service.policy(desk.clock[0].date()).intensity
    assert [intensity[r["lane"]] for r in rows] == sorted((intensity[r["lane"]] for r in rows), reverse=True)
    lane = rows[0]["lane"]
    assert {r["lane"] for r in desk.get("queue", office=office, lane=lane).json()["decisions"]} == {lane}


def test_an_inspector_sees_the_own_office_alone(service: Service, desk: Desk, arrivals: list[Body]) -> None:
    office = arrivals[0]["office"]
    desk.post(arrivals[0])
    number = arrivals[0]["declaration_id"]
    here, elsewhere = inspector_of(service, office), inspector_of(service, "ELSEWHERE")
    seen = here.get(f"declarations/{number}").json()["decisions"][0]
    assert "inclusion_probability" not in seen
    assert "detail" not in seen
    assert elsewhere.get(f"declarations/{number}").status_code == 404
    assert elsewhere.get("queue", office=office).status_code == 403
    assert elsewhere.client.post(f"/api/v1/declarations/{number}/outcome", json=OUTCOME).status_code == 404


def test_without_a_key_or_its_scope_nothing_is_answered(desk: Desk, arrivals: list[Body]) -> None:
    for token, expected in (
        (None, 401),
        ("basira_0_0", 401),
        ("basira_é_x".encode(), 401),
        (desk.key("queue:read"), 403),
    ):
        headers = {} if token is None else {"X-API-Key": token}
        desk.client.headers.pop("X-API-Key", None)
        answer = desk.client.post("/api/v1/declarations", json=arrivals[0], headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (expected, "application/problem+json")


def test_a_request_keeps_the_id_it_came_with(desk: Desk) -> None:
    assert desk.client.get("/api/v1/health", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = desk.client.get("/api/v1/health", headers={"X-Request-ID": "a\tb c"}).headers["x-request-id"]
    assert made.isalnum()


def test_an_unknown_address_is_a_problem(desk: Desk) -> None:
    answer = desk.get("nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_log_has_no_number_and_no_person(
    desk: Desk, arrivals: list[Body], caplog: pytest.LogCaptureFixture
) -> None:
    body = {**arrivals[0], "importer_id": "SIM-PERSON", "dispatch_country": "QQ"}
    with caplog.at_level(logging.INFO):
        desk.post(body)
        desk.post(arrivals[0])
        desk.get(f"declarations/{arrivals[0]['declaration_id']}")
    lines = [JsonLines().format(r) for r in caplog.records if r.name == "basira.service"]
    assert [json.loads(line)["route"] for line in lines][-1] == "/api/v1/declarations/{declaration_id}"
    for secret in ("SIM-PERSON", str(arrivals[0].get("importer_id")), arrivals[0]["declaration_id"]):
        assert secret not in "".join(lines)


def test_the_record_keeps_persons_apart(desk: Desk, arrivals: list[Body]) -> None:
    desk.post({**arrivals[0], "importer_id": "SIM-PERSON-1"})
    with desk.service.database.read() as connection:
        payloads = [row[0] for row in connection.exec_driver_sql("SELECT payload FROM event")]
    assert payloads
    assert not [payload for payload in payloads if "SIM-PERSON-1" in payload]
