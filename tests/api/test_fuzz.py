"""Requests that no honest client sends, some hundreds of them, always the same: no 5xx, no leak, a problem each.

The long one, over a socket and with odd framing, is benchmarks/serve_fuzz.py.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from serve_fuzz import judge
from serve_mutations import Mutations, Request

from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from tests.support.api_world import Desk

pytestmark = pytest.mark.both_databases

COUNT = 500
# What the test's client can't send as it is, or what takes seconds: for the long one.
ON_A_SOCKET = {"frame", "header", "large"}
Body = dict[str, Any]
JSON = {"Content-Type": "application/json"}


def sent(desk: Desk, request: Request) -> list[str]:
    if any(ord(letter) < 32 for _, value in request.headers for letter in value):
        return []
    begun = time.monotonic()
    answer = desk.client.request(
        request.method,
        f"http://testserver{request.target}",
        content=request.body,
        headers=[(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in request.headers],
    )
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return judge(request, answer.status_code, headers, answer.content, time.monotonic() - begun)


def templates(arrivals: list[Body]) -> list[Body]:
    return [{n: v for n, v in body.items() if n not in ("declaration_id", "declared_at")} for body in arrivals]


def test_nothing_that_is_sent_makes_it_fail_leak_or_forget_the_form(desk: Desk, arrivals: list[Body]) -> None:
    document = desk.get("openapi.json").json()
    source = Mutations(templates(arrivals), document, str(desk.client.headers["X-API-Key"]), seed=7)
    wrong: dict[str, Request] = {}
    for _, request in zip(range(COUNT), source, strict=False):
        if request.kind not in ON_A_SOCKET and request.target.startswith("/") and not request.target.startswith("//"):
            for what in sent(desk, request):
                wrong.setdefault(f"{request.kind}: {what}", request)
    assert wrong == {}
    # And it is right afterwards.
    answer = desk.post(arrivals[0]).json()
    assert answer["lane"]
    assert answer["declaration_id"] == arrivals[0]["declaration_id"]
    with Operations(desk.service.database.place) as record:
        assert verify(record).is_whole


def test_one_that_makes_a_library_panic_does_not_stop_the_others(
    desk: Desk, arrivals: list[Body], monkeypatch: Any
) -> None:
    class PanicError(BaseException):
        """As a Rust library raises: no Exception."""

    from basira.serving.decide import worker as serve_decider

    right = serve_decider.decide_batch

    def decide(asks: Any, *arguments: Any, **options: Any) -> Any:
        if any(ask.body.get("declaration_id") == "PANIC" for ask in asks):
            raise PanicError
        return right(asks, *arguments, **options)

    monkeypatch.setattr(serve_decider, "decide_batch", decide)
    answer = desk.post({**arrivals[0], "declaration_id": "PANIC"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert desk.post(arrivals[1]).status_code == 200


def test_a_name_that_no_column_can_have_is_rejected(desk: Desk, arrivals: list[Body]) -> None:
    for name in ("x_\x00", "x_" + "a" * 200, "x_\ud800", "\ud800"):
        body = json.dumps({**arrivals[0], name: 1})
        answer = desk.client.post("/api/v1/declarations", content=body, headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == ("bad_name" if name.startswith("x_") else "column_count")


def test_half_a_character_as_number_is_rejected_and_not_repeated(desk: Desk, arrivals: list[Body]) -> None:
    body = json.dumps({**arrivals[0], "declaration_id": "\ud800"})
    answer = desk.client.post("/api/v1/declarations", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["declaration_id"]) == (422, None)


@pytest.mark.parametrize("path", ["outcome", "reselection", "cancellation"])
def test_a_body_that_does_not_call_itself_json_is_rejected(desk: Desk, arrivals: list[Body], path: str) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    token = desk.key("outcomes:write", "reselections:write", "cancellations:write")
    headers = {"Content-Type": "text/plain", "X-API-Key": token}
    answer = desk.client.post(f"/api/v1/declarations/{number}/{path}", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
