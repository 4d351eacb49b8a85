"""The OpenAPI document says what comes: of every route each status and content type."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response

from basira.api.auth.permissions import ROUTES
from basira.api.openapi.examples import (
    LIST,
    LIST_END,
    LIST_ENTRIES,
    LIST_MATCH,
    OUTCOME,
    RISK,
    RISK_REVIEW,
    RULE,
    RULE_BACKTEST,
    RULE_TRY,
    SNOOZE,
)
from basira.serving.service import Service
from tests.support.access_world import House
from tests.support.api_world import EVERYTHING, TODAY, Desk

Body = dict[str, Any]
PROBLEM = "application/problem+json"
API = "/api/v1"


def document_of(client: Any) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"{API}/openapi.json").json()
    return document


def undocumented(document: dict[str, Any], path: str, answer: Response) -> str | None:
    """What of an answer the document does not say; problems have the names of their schema."""
    where = f"{answer.request.method} {path} {answer.status_code}"
    operation = document["paths"][path][answer.request.method.lower()]
    found = operation["responses"].get(str(answer.status_code))
    if found is None:
        return f"{where}: no such status"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.content and kind not in found.get("content", {}):
        return f"{where}: {kind}"
    if kind == PROBLEM:
        schema, body = document["components"]["schemas"]["Problem"], answer.json()
        if not set(schema["required"]) <= body.keys() <= schema["properties"].keys():
            return f"{where}: {sorted(body)}"
        faults = schema["properties"]["errors"]["items"]["properties"].keys()
        if not all(fault.keys() <= faults for fault in body.get("errors", [])):
            return f"{where}: {body['errors']}"
    return None


def test_every_route_has_its_problems_with_their_schema(blank: Service) -> None:
    document = document_of(House(blank).browser())
    assert "Problem" in document["components"]["schemas"]
    for rule in ROUTES:
        answers = document["paths"][rule.path][rule.method.lower()]["responses"]
        statuses = {int(status) for status in answers if status != "default"}
        assert {400, 413, 429, 500, 503} <= statuses, rule
        assert ({401, 403} <= statuses) or rule.needs in ("open", "login"), rule
        assert ("{" in rule.path) <= (404 in statuses), rule
        for status in ("default", *(status for status in answers if status >= "4")):
            assert answers[status]["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}, rule


def test_whatever_comes_is_in_it(desk: Desk, arrivals: list[Body]) -> None:
    document = document_of(desk.client)
    office = arrivals[0]["office"]
    first = desk.post(arrivals[0])
    number, given_by = first.json()["declaration_id"], first.json()["decision_id"]
    other = desk.post(arrivals[1], **{"Idempotency-Key": "k-1"}).json()["declaration_id"]
    send, motive = desk.client.request, {"motive": "Seen before."}
    result = {**OUTCOME, "known_at": f"{TODAY}T08:30:00"}
    raise_lane = {**motive, "lane": "red", "given_by": given_by}
    taken = [
        ("/declarations", [first, desk.post(arrivals[2:4]), desk.post({}), desk.post([]),
                           desk.post({}, **{"X-API-Key": "-"}), desk.post({}, **{"Idempotency-Key": "k-1"}),
                           desk.post({**arrivals[0], "declaration_version": 1, "office": "ANOTHER"})]),
        ("/queue", [desk.get("queue", office=office), desk.get("queue", office=office, format="csv"), desk.get("queue"),
                    desk.get("queue", office=office, cursor="x")]),
        ("/quarantine", [desk.get("quarantine"), desk.get("quarantine", state="-")]),
        ("/audit", [desk.get("audit"), desk.get("audit", format="csv"), desk.get("audit", limit="0")]),
        ("/deeds", [desk.get("deeds"), desk.get("deeds", format="csv"), desk.get("deeds", kind="-")]),
        ("/figures", [desk.get("figures"), desk.get("figures", **{"from": "x"}), desk.get("figures", to="1900-01-01")]),
        ("/declarations/{declaration_id}/operators", [
            desk.get(f"declarations/{number}/operators"), desk.get("declarations/NONE/operators")]),
        ("/rules", [desk.get("rules"), desk.get("rules", status="-"), send("POST", f"{API}/rules", json=RULE)]),
        ("/rules/check", [send("POST", f"{API}/rules/check", json=body) for body in (
            {"text": "quantity > 5"}, {"text": "quantty > 5"}, {})]),
        ("/rules/{rule_id}", [desk.get("rules/none")]),
        ("/rules/{rule_id}/steps", [send("POST", f"{API}/rules/none/steps", json=body) for body in (
            {"state": "live"}, {})]),
        ("/rules/try", [send("POST", f"{API}/rules/try", json=body) for body in (
            RULE_TRY, {**RULE_TRY, "text": "quantty > 5"}, {})]),
        ("/rules/{rule_id}/backtests", [send("POST", f"{API}/rules/none/backtests", json=body) for body in (
            {**RULE_BACKTEST, "is_recorded": False}, {})]),
        ("/rules/{rule_id}/snoozes", [send("POST", f"{API}/rules/none/snoozes", json=SNOOZE)]),
        ("/lists", [desk.get("lists"), send("POST", f"{API}/lists", json=LIST)]),
        ("/lists/{name}", [desk.get("lists/none")]),
        ("/lists/{name}/history", [desk.get("lists/none/history")]),
        ("/lists/{name}/match", [send("POST", f"{API}/lists/none/match", json=body) for body in (LIST_MATCH, {})]),
        ("/lists/{name}/entries", [send("POST", f"{API}/lists/none/entries", json=LIST_ENTRIES)]),
        ("/lists/{name}/entries/{entry}/end", [send("POST", f"{API}/lists/none/entries/1/end", json=LIST_END)]),
        ("/risks", [desk.get("risks"), send("POST", f"{API}/risks", json=RISK)]),
        ("/risks/{risk_id}", [desk.get("risks/none")]),
        ("/risks/{risk_id}/reviews", [send("POST", f"{API}/risks/none/reviews", json=RISK_REVIEW)]),
        ("/metrics", [desk.get("metrics")]), ("/health", [desk.get("health")]), ("/ready", [desk.get("ready")]),
        ("/declarations/{declaration_id}", [desk.get(f"declarations/{number}"), desk.get("declarations/NONE")]),
        ("/quarantine/{quarantine_id}", [desk.get("quarantine/q-none")] + [
            desk.get(f"quarantine/{row['quarantine_id']}") for row in desk.get("quarantine").json()["rows"]]),
        ("/declarations/{declaration_id}/outcome", [
            send("POST", f"{API}/declarations/{name}/outcome", json=body) for name, body in (
                (number, result), (number, {**result, "found_value_amount": 1.0}), (number, {}), ("NONE", result))]),
        ("/declarations/{declaration_id}/reselection", [
            send("POST", f"{API}/declarations/{name}/reselection", json=body) for name, body in (
                (number, {**motive, "lane": "red"}), (number, raise_lane), (number, {}), ("NONE", raise_lane),
                (number, {**raise_lane, "lane": "none"}), (other, raise_lane))]),
        ("/declarations/{declaration_id}/cancellation", [
            send("POST", f"{API}/declarations/{name}/cancellation", json=body) for name, body in (
                (other, motive), (number, {}), ("NONE", motive), (other, {"motive": "Another one."}))]),
    ]  # fmt: skip
    wrong = [undocumented(document, API + path, answer) for path, answers in taken for answer in answers]
    assert [one for one in wrong if one] == []
    came = {answer.status_code for _, answers in taken for answer in answers}
    assert {200, 400, 401, 404, 409, 422, 428} <= came
    assert {rule.path for rule in ROUTES if "/session" not in rule.path} == {API + path for path, _ in taken}


@pytest.mark.usefixtures("cheap_passwords")
def test_whatever_a_session_gets_is_in_it(blank: Service) -> None:
    house = House(blank)
    house.user("a.benali")
    stranger, person, key = house.browser(), house.browser(), house.system(*EVERYTHING)
    document = document_of(stranger)
    granted = house.log_in(person, "a.benali")
    person.headers["X-CSRF-Token"] = granted.json()["csrf_token"]
    wrong = {"login": "a.benali", "password": "wrong"}
    change = {"current_password": "wrong", "new_password": "twelve blue camels"}
    session, password = f"{API}/session", f"{API}/session/password"
    taken = [
        (session, stranger.get(session)),
        (session, key.get(session)),
        (session, person.get(session)),
        (session, granted),
        (session, stranger.post(session, json=wrong)),
        (session, stranger.post(session, json={})),
        (session, stranger.post(session, json=wrong, headers={"Origin": "https://evil.example"})),
        (password, person.post(password, json=change)),
        (password, person.post(password, json={})),
        (password, stranger.post(password, json=change)),
        (session, person.delete(session, headers={"X-CSRF-Token": ""})),
        (session, person.delete(session)),
        *((f"{session}/{rest}", stranger.get(f"{session}/{rest}")) for rest in ("oidc", "oidc/callback")),
    ]
    assert [one for one in (undocumented(document, path, answer) for path, answer in taken) if one] == []
    assert {answer.status_code for _, answer in taken} == {200, 204, 401, 403, 404, 422}
    assert {rule.path for rule in ROUTES if "/session" in rule.path} == {path for path, _ in taken}
