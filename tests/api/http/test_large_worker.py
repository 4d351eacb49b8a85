"""Large requests go to a process of their own: what it is asked, what it answers, and what happens while it is away."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from basira.api.application import Limits, make_large_application
from basira.api.http import body_reader as reading
from basira.serving.decide import batch as serve
from basira.serving.service import Service
from basira.storage.accounts.api_keys import create_key
from tests.support.api_world import AS_OF, Desk, at, desk_of

Body = dict[str, Any]


class Beside:
    """A large worker on a socket of its own, in a thread. ``asked``: the addresses and bodies' sizes it was asked."""

    def __init__(self, service: Service) -> None:
        # In /tmp: the path of a Unix socket has some hundred characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="basira-test-", dir="/tmp"))
        self.path = self.folder / "socket"
        self.asked: list[tuple[str, int]] = []
        self._app = make_large_application(service, clock=lambda: at(9), limits=Limits(decide_seconds=60.0))
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._server = uvicorn.Server(uvicorn.Config(self._noted, lifespan="off", log_config=None, interface="asgi3"))
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._listening]), daemon=True)
        self._thread.start()

    async def _noted(self, scope: Any, receive: Any, send: Any) -> None:
        size = int(dict(scope["headers"]).get(b"content-length", b"0"))
        if scope["path"] != "/health":
            self.asked.append((scope["path"], size))
        await self._app(scope, receive, send)

    def end(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(30)
        self._listening.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self.end()
        state = self._app.state
        for one in (state.decider, state.large_decider, state.reader):
            one.close()
        shutil.rmtree(self.folder)


@pytest.fixture
def beside(service: Service) -> Iterator[Beside]:
    made = Beside(service)
    yield made
    made.close()


@pytest.fixture
def desk(service: Service, beside: Beside) -> Iterator[Desk]:
    made = desk_of(service, large_socket=str(beside.path))
    # Closing the application would close the service, which is the test's.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Service, "close", lambda _: None)
        with made.client:
            yield made


def of_items(arrival: Body, count: int, **more: object) -> Body:
    return {**arrival, "items": [{**arrival["items"][0], "item_number": None} for _ in range(count)], **more}


def many(arrivals: list[Body], count: int) -> list[Body]:
    return [{**arrivals[n % 4], "declaration_id": f"L-{n}", "x_note": "n" * 3000} for n in range(count)]


def ids(answer: Any) -> list[str]:
    return [one["decision"]["decision_id"] for one in answer.json()["results"]]


def test_a_plain_one_stays_and_a_large_one_goes_by_its_bytes_or_its_items(
    desk: Desk, beside: Beside, arrivals: list[Body]
) -> None:
    plain = desk.post(arrivals[0])
    assert (plain.status_code, beside.asked) == (200, [])
    assert desk.post(of_items(arrivals[1], 50)).status_code == 200
    assert beside.asked == []
    by_items = desk.post(of_items(arrivals[2], 51))
    assert (by_items.status_code, len(beside.asked)) == (200, 1)
    assert by_items.json()["declaration_id"] == arrivals[2]["declaration_id"]
    assert len(by_items.json()["items"]) in (0, 51)
    by_bytes = desk.post(many(arrivals, 30))
    assert (by_bytes.status_code, len(ids(by_bytes)), len(beside.asked)) == (200, 30, 2)
    assert beside.asked[-1][1] > reading.SMALL_BYTES
    assert [one["status"] for one in desk.post([{"items": []}] * 60).json()["results"][0].values()] == [422]
    assert len(beside.asked) == 3


def test_it_answers_what_the_worker_would(desk: Desk, service: Service, arrivals: list[Body]) -> None:
    alone = desk_of(service)  # over the same record
    sent = many(arrivals, 30)
    first = desk.post(sent, **{"Idempotency-Key": "k-1", "X-Request-ID": "mine-1"})
    assert first.headers["x-request-id"] == "mine-1"
    assert first.headers["content-type"] == "application/json"
    assert ids(alone.post(sent)) == ids(first)
    assert desk.post(sent, **{"Idempotency-Key": "k-1"}).text == first.text
    other = desk.post(sent[:29], **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (400, "usage")
    wrong = of_items(arrivals[0], 60, nonsense=1)
    for client in (desk, alone):
        assert client.post(wrong).json()["errors"][0]["code"] == "column_count"
    raw = json.dumps(sent).encode()
    for content, kind, status in ((raw, "text/plain", 415), (raw[:-1], "application/json", 422)):
        answers = [
            each.client.post("/api/v1/declarations", content=content, headers={"Content-Type": kind})
            for each in (desk, alone)
        ]
        assert [one.status_code for one in answers] == [status, status]
        assert answers[0].json() | {"request_id": ""} == answers[1].json() | {"request_id": ""}


def test_who_asks_is_decided_before_and_passed_to_it(
    desk: Desk, beside: Beside, service: Service, arrivals: list[Body]
) -> None:
    sent = of_items(arrivals[0], 60)
    forged = {"x-basira-principal": json.dumps({"id": "k-other", "kind": "key", "offices": None})}
    assert desk.post(sent, **{"X-API-Key": "wrong", **forged}).status_code == 401
    assert desk.post(sent, **{"X-API-Key": desk.key("queue:read"), **forged}).status_code == 403
    assert beside.asked == []
    with service.database.write() as connection:
        bound = create_key(
            connection,
            "bound",
            scopes=("declarations:write",),
            actor="test",
            now=at(9),
            expires_at=at(9) + timedelta(days=1),
            offices=("ELSEWHERE",),
        ).token
    answer = desk.post(sent, **{"X-API-Key": bound, **forged})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "other_office")
    assert len(beside.asked) == 1


def test_its_fault_is_a_problem_like_any_other(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(serve, "record_group", broken)
    answer = desk.post(of_items(arrivals[0], 60), **{"X-Request-ID": "mine-2"})
    assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (500, "internal", "mine-2")
    assert "secret" not in answer.text


def test_while_it_is_away_large_ones_get_503_and_plain_ones_go_on(
    desk: Desk, beside: Beside, arrivals: list[Body]
) -> None:
    large = of_items(arrivals[0], 60)
    assert desk.post(large).status_code == 200
    beside.end()
    answer = desk.post(large)
    assert (answer.status_code, answer.json()["code"]) == (503, "large_worker")
    assert int(answer.headers["retry-after"]) > 0
    assert desk.post(arrivals[1]).status_code == 200
    worker = desk.client.app.state.large_worker  # type: ignore[attr-defined]  # of FastAPI
    assert desk.client.portal is not None
    desk.client.portal.call(worker.look)
    assert desk.get("ready").json()["degraded"] == ["large_worker"]
    assert "basira_large_worker 0.0" in desk.get("metrics").text
    assert desk.post(large).status_code == 503


def test_an_application_without_one_decides_all_itself(service: Service, arrivals: list[Body]) -> None:
    alone = desk_of(service)
    assert alone.post(of_items(arrivals[0], 60)).status_code == 200
    assert alone.get("ready").json()["degraded"] == []
    assert "basira_large_worker" not in alone.get("metrics").text


def test_it_answers_on_its_socket_alone(desk: Desk) -> None:
    assert isinstance(desk.client, TestClient)
    for path in ("/declarations", "/health"):
        assert desk.client.post(path, json={}).status_code == 404


def test_a_rule_is_tried_there(desk: Desk, beside: Beside, service: Service) -> None:
    asked = {"first": (AS_OF - timedelta(days=9)).isoformat(), "last": AS_OF.isoformat(), "text": "net_mass_kg > 1"}
    found = desk.client.post("/api/v1/rules/try", json=asked)
    assert found.status_code == 200, found.text
    assert beside.asked[0][0] == "/rules/tests"
    assert found.json() == desk_of(service).client.post("/api/v1/rules/try", json=asked).json()
    wrong = desk.client.post("/api/v1/rules/try", json={**asked, "text": "net_mas_kg > 1"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "rule")
    beside.end()
    assert desk.client.post("/api/v1/rules/try", json=asked).json()["code"] == "large_worker"
