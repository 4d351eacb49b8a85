"""Every line of the log is JSON, has its request's id, and names no person, no declaration and no token."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from basira.api.http.logs import FewLines, JsonLines, log_json
from basira.api.openapi.examples import OUTCOME
from basira.schema.errors import StoreError
from tests.support.api_world import TODAY, Desk

Body = dict[str, Any]

PERSONS = {"importer_id": "MARKED-IMPORTER", "declarant_id": "MARKED-DECLARANT", "exporter_id": "MARKED-EXPORTER"}
SECRETS = (*PERSONS.values(), "MARKED-NUMBER", "MARKED-OFFICE", "MARKED-GOODS", "MARKED-INSPECTOR", "MARKED-QUERY")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, as the service writes it."""
    kept = {name: logging.getLogger(name) for name in ("", "basira.service", "uvicorn", "py.warnings")}
    before = {name: (one.handlers, one.propagate, one.level) for name, one in kept.items()}
    hook = threading.excepthook
    text = io.StringIO()
    log_json()
    for one in kept.values():
        for handler in one.handlers:
            if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, JsonLines):
                handler.setStream(text)
    yield text
    logging.captureWarnings(False)
    threading.excepthook = hook
    for name, one in kept.items():
        one.handlers, one.propagate, one.level = before[name]


def lines(text: io.StringIO) -> list[Body]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_no_route_writes_a_person_a_declaration_or_a_token(desk: Desk, arrivals: list[Body], log: io.StringIO) -> None:
    item = {**arrivals[0]["items"][0], "description": "MARKED-GOODS"}
    body = {**arrivals[0], **PERSONS, "declaration_id": "MARKED-NUMBER", "office": "MARKED-OFFICE", "items": [item]}
    token = desk.client.headers["X-API-Key"]
    result = {**OUTCOME, "known_at": f"{TODAY}T08:30:00", "inspector_id": "MARKED-INSPECTOR"}
    document = desk.get("openapi.json").json()
    log.seek(0)
    log.truncate()
    desk.post(body, **{"Idempotency-Key": "MARKED-QUERY"})
    desk.post([{**body, "dispatch_country": "MARKED-QUERY"}])
    for path, operations in document["paths"].items():
        for method in operations:
            address = path.replace("{declaration_id}", "MARKED-NUMBER").replace("{", "MARKED-QUERY").replace("}", "")
            for sent in (body, result, {"motive": "MARKED-QUERY " * 3}):
                query = {"office": "MARKED-OFFICE", "odd": "MARKED-QUERY"}
                desk.client.request(method, address, json=sent if method != "get" else None, params=query)
    desk.client.get("/api/v1/declarations/MARKED-NUMBER", headers={"X-API-Key": f"{token}x"})
    found = lines(log)
    assert len(found) > 20
    assert [secret for secret in (*SECRETS, token, token.split("_", 2)[2]) if secret in log.getvalue()] == []


def test_the_id_of_a_request_comes_back_and_stands_in_the_log(desk: Desk, log: io.StringIO) -> None:
    answer = desk.client.get("/api/v1/declarations/none", headers={"X-Request-ID": "badr-7.1_x"})
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "badr-7.1_x"
    assert [line["request_id"] for line in lines(log) if line["event"] == "request"] == ["badr-7.1_x"]


@pytest.mark.parametrize("given", ["", "two words", "é", "a" * 65, "x\ty", "<script>"])
def test_an_odd_id_is_replaced(desk: Desk, given: str) -> None:
    answer = desk.client.get("/api/v1/health", headers={"X-Request-ID": given.encode()})
    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_database_out_of_reach_is_reported_with_its_cause(
    desk: Desk, arrivals: list[Body], log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        cause = OperationalError("SELECT MARKED-QUERY", {"x": "MARKED-NUMBER"}, Exception("disk I/O error"))
        raise StoreError("The record: disk I/O error.", hint="Check the disk.") from cause

    monkeypatch.setattr("basira.api.routes.declarations.Decider.decide", fail)
    answer = desk.post({**arrivals[0], "declaration_id": "MARKED-NUMBER"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "disk" not in answer.text
    (told,) = [line for line in lines(log) if line["event"] == "unavailable"]
    assert (told["cause"], told["code"], told["message"]) == (
        "OperationalError",
        "store",
        "The record: disk I/O error.",
    )
    assert "MARKED" not in log.getvalue()
    assert 'basira_unavailable_total{code="store"} 1.0' in desk.get("metrics").text


def test_a_fallback_is_reported_and_counted(desk: Desk, arrivals: list[Body], log: io.StringIO) -> None:
    desk.clock[0] += timedelta(days=5)
    decided = desk.post({**arrivals[0], "declared_at": desk.clock[0].isoformat()}).json()
    assert decided["fallback"] == "profiles_too_old"
    assert [line["reason"] for line in lines(log) if line["event"] == "fallback"] == ["profiles_too_old"]
    text = desk.get("metrics").text
    assert 'basira_fallbacks_total{reason="profiles_too_old"} 1.0' in text
    assert "basira_profiles_newest 1.0" in text


def test_what_others_say_is_reported_without_their_words(log: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task failed: MARKED-PERSON %s", "x")
    logging.getLogger("py.warnings").warning("MARKED-PERSON")
    thread = threading.Thread(target=lambda: {}["MARKED-PERSON"], name="decider")
    thread.start()
    thread.join()
    found = lines(log)
    assert [(one["event"], one.get("logger") or one.get("thread")) for one in found] == [
        ("library", "asyncio"),
        ("library", "py.warnings"),
        ("thread_failed", "decider"),
    ]
    assert "MARKED-PERSON" not in log.getvalue()


def test_lines_of_one_cause_are_few_and_the_others_are_counted() -> None:
    text, now = io.StringIO(), [0.0]
    handler = FewLines(text, monotonic=lambda: now[0])
    handler.setFormatter(JsonLines())

    def say(event: str, level: int = logging.WARNING, **fields: object) -> None:
        record = logging.LogRecord("basira.service", level, "", 0, event, None, None)
        record.fields = fields
        handler.emit(record)

    for n in range(100):
        say("unavailable", code="store", request_id=str(n))
        say("unavailable", code="policy")
        say("request", logging.INFO, status=404, route="none", client=None)
        say("request", logging.INFO, status=404, route="none", client="k-1")
        say("request", logging.INFO, status=200, route="/ready", client=None)
        say("model_taken", logging.INFO)
    found = lines(text)
    written = Counter((one["event"], one.get("code"), one.get("client"), one.get("status")) for one in found)
    assert written == {
        ("unavailable", "store", None, None): 20,
        ("unavailable", "policy", None, None): 20,
        ("request", None, None, 404): 20,
        ("request", None, "k-1", 404): 100,
        ("request", None, None, 200): 100,
        ("model_taken", None, None, None): 100,
    }
    now[0] = 61.0
    say("unavailable", code="store")
    told = {one["of"]: one["count"] for one in lines(text) if one["event"] == "lines_left_out"}
    assert told == {"unavailable store": 80, "unavailable policy": 80, "request none 404": 80}
    assert lines(text)[-1]["event"] == "unavailable"
