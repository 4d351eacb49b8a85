"""The edge of the service: what a stranger may cost, what holds up a decision, what a rejected caller is shown."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from basira.api.auth.settings import AccessSettings, Rates
from basira.api.http.host_and_address import PROBE_RATE
from basira.api.routes.oidc import AT_ONCE, MOST_WAITING
from basira.schema.access import Grant, Principal
from basira.schema.errors import StoreError
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.database.writable import require_writable
from tests.support.access_world import ORIGIN, PASSWORD, House
from tests.support.api_world import desk_of

HEALTH, READY, SESSION, METRICS = (f"/api/v1/{name}" for name in ("health", "ready", "session", "metrics"))
Body = dict[str, Any]


@pytest.mark.parametrize(
    "path", ["declarations/1/outcome", "declarations/1/reselection", "declarations/1/cancellation", "session"]
)
def test_only_declarations_come_in_large_bodies(blank: Service, path: str) -> None:
    browser = House(blank).browser(**{"X-API-Key": "basira_0_0"})
    large = json.dumps({"login": "x" * (64 << 10)})
    answer = browser.post(f"/api/v1/{path}", content=large, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (413, "Expected at most 65,536 bytes.")
    # In pieces, without saying how long it is.
    pieces = (b"x" * 1024 for _ in range(100))
    answer = browser.post(f"/api/v1/{path}", content=pieces, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_large_body_of_declarations_is_not_read_for_a_stranger(blank: Service) -> None:
    browser = House(blank).browser(**{"X-API-Key": "basira_0_0"})
    answer = browser.post("/api/v1/declarations", content=b"[" * (1 << 20))
    assert answer.status_code == 401


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Every connection that readers may have, in use."""
    connections = [database.engine.connect() for _ in range(15)]
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


def impatient(service: Service, seconds: float = 0.2) -> Service:
    """The service on the same record, with little patience."""
    object.__setattr__(service, "database", Database(service.database.place, wait_seconds=seconds))
    return service


def test_decisions_have_connections_that_readers_do_not_take(blank: Service, arrivals: list[Body]) -> None:
    desk = desk_of(impatient(blank))
    first = desk.post(arrivals[0]).json()
    with held(desk.service.database):
        desk.clock[0] += timedelta(minutes=2)  # the key's use is due to be written down as well
        assert desk.post(arrivals[1]).status_code == 200
        assert desk.get("ready").status_code == 200
        begun = time.perf_counter()
        answer = desk.get(f"declarations/{first['declaration_id']}")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "store", "1")
        assert time.perf_counter() - begun < 10
    assert desk.get(f"declarations/{first['declaration_id']}").status_code == 200


def full(statement: str) -> bool:
    return statement.startswith(("INSERT", "UPDATE", "DELETE"))


@contextmanager
def unwritable(database: Database) -> Iterator[None]:
    """A record that can be read, while whatever is written finds no room."""

    def refuse(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if full(statement):
            error = database.engine.dialect.loaded_dbapi.OperationalError("database or disk is full")
            raise sa.exc.OperationalError(statement, {}, error)

    engines = {database.engine, database.reserved.engine}
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", refuse)


def test_where_nothing_can_be_written_one_may_read(blank: Service, arrivals: list[Body]) -> None:
    desk = desk_of(blank)
    number = desk.post(arrivals[0]).json()["declaration_id"]
    person = House(blank, clock=desk.clock).person("ali", Grant("manager"))
    desk.clock[0] += timedelta(minutes=2)
    with unwritable(blank.database):
        assert desk.get(f"declarations/{number}").status_code == 200
        assert person.get(f"/api/v1/declarations/{number}").status_code == 200


def test_ready_says_when_the_last_write_failed_until_one_goes_well(blank: Service, arrivals: list[Body]) -> None:
    desk = desk_of(blank)
    assert desk.get("ready").status_code == 200
    with unwritable(blank.database):
        assert desk.get("ready").status_code == 200  # no request has tried
        assert desk.post(arrivals[0]).status_code == 503
        assert (desk.get("ready").status_code, desk.get("ready").json()["code"]) == (503, "store")
    # No declaration comes to a worker that is not ready: it finds out by itself.
    assert desk.get("ready").status_code == 200
    with blank.database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM idempotency_key")).scalar_one() == 0


def test_a_rejection_is_no_fault_of_the_disk(blank: Service) -> None:
    row = {"state_digest": "a", "browser_digest": "b", "next_path": "/", "expires_at": "9"}
    statement = sa.text("INSERT INTO oidc_login VALUES (:state_digest, :browser_digest, :next_path, :expires_at)")
    with blank.database.write() as connection:
        connection.execute(statement, row)
    with pytest.raises(StoreError), blank.database.write() as connection:
        connection.execute(statement, row)
    with unwritable(blank.database):
        require_writable(blank.database)


def test_guessing_keys_does_not_reach_the_database(blank: Service) -> None:
    looked_up: list[str] = []

    def recognise(token: str) -> Principal | None:
        looked_up.append(token)
        return None if token.startswith("basira_") else Principal("k", "key", scopes=frozenset({"metrics:read"}))

    client = desk_of(blank, recognise=recognise, settings=AccessSettings(rates=Rates(address=1.0))).client
    known = {"X-API-Key": "right"}
    assert client.get(METRICS, headers=known).status_code == 200
    statuses = [client.get(METRICS, headers={"X-API-Key": f"basira_{n}_x"}).status_code for n in range(50)]
    assert statuses.count(401) <= 4
    assert len(looked_up) - 1 == statuses.count(401)
    # A caller who was known before is looked up, even when others share the address.
    assert client.get(METRICS, headers=known).status_code == 200


def test_a_key_that_is_no_longer_right_is_guessing_again(blank: Service) -> None:
    good = {"right"}

    def recognise(token: str) -> Principal | None:
        return Principal("k", "key", scopes=frozenset({"metrics:read"})) if token in good else None

    client = desk_of(blank, recognise=recognise, settings=AccessSettings(rates=Rates(address=0.001))).client
    asked = {"X-API-Key": "right"}
    assert client.get(METRICS, headers=asked).status_code == 200
    good.clear()
    assert [client.get(METRICS, headers=asked).status_code for _ in range(3)] == [401, 429, 429]


def test_health_and_readiness_have_a_limit_of_their_own(blank: Service) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, rates=Rates(address=0.001)))
    stranger = house.browser()
    assert [stranger.get(METRICS).status_code for _ in range(3)] == [401, 429, 429]
    assert [stranger.get(path).status_code for path in (HEALTH, READY)] == [200, 200]
    asked = [stranger.get(HEALTH, headers={"X-API-Key": "x"}).status_code for _ in range(int(PROBE_RATE * 8))]
    assert asked[:80] == [200] * 80
    assert 429 in asked


@pytest.mark.usefixtures("cheap_passwords")
def test_the_password_route_reads_beside_the_event_loop(blank: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(blank)
    browser = house.person("ali", Grant("analyst"))
    loops: set[int] = set()
    readers: set[int] = set()
    plain, run = Database.read, asyncio.get_running_loop

    @contextmanager
    def read(database: Database) -> Iterator[sa.Connection]:
        try:
            run()
            loops.add(threading.get_ident())
        except RuntimeError:
            readers.add(threading.get_ident())
        with plain(database) as connection:
            yield connection

    monkeypatch.setattr(Database, "read", read)
    answer = browser.post(
        f"{SESSION}/password", json={"current_password": PASSWORD, "new_password": "another good sentence"}
    )
    assert answer.status_code == 200
    assert (len(loops), len(readers) > 0) == (0, True)


class Hanging:
    """A provider that does not answer before it is let go."""

    settings = None

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked = 0

    def begin(self) -> None:
        self.asked += 1
        self.go_on.wait(30)
        raise StoreError("no", hint="no")


def test_a_provider_that_hangs_holds_up_logins_alone(blank: Service, arrivals: list[Body]) -> None:
    desk, provider = desk_of(blank, settings=AccessSettings(rates=Rates(0, 0, 0))), Hanging()
    app: Any = desk.client.app
    app.state.oidc = provider

    async def ask(client: httpx2.AsyncClient) -> tuple[int, list[int]]:
        key = {"X-API-Key": desk.client.headers["X-API-Key"]}
        count = MOST_WAITING + 15
        waiting = [asyncio.create_task(client.get(f"{SESSION}/oidc")) for _ in range(count)]
        while sum(task.done() for task in waiting) < count - MOST_WAITING:
            await asyncio.sleep(0.01)
        answer = await client.post("/api/v1/declarations", json=arrivals[0], headers=key)
        assert provider.asked == AT_ONCE
        provider.go_on.set()
        statuses = [(await task).status_code for task in waiting]
        return answer.status_code, statuses

    async def run() -> tuple[int, list[int]]:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, timeout=30) as client:
            return await ask(client)

    status, statuses = asyncio.run(asyncio.wait_for(run(), 60))
    assert status == 200
    assert statuses == [503] * (MOST_WAITING + 15)  # those that found the queue full, and those that waited in it


def said(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["detail"], body.get("hint", "")


def test_a_rejected_caller_is_shown_what_was_expected(blank: Service) -> None:
    house = House(blank)
    status, detail, hint = said(house.browser().get(METRICS))
    assert (status, "X-API-Key" in detail, "POST /api/v1/session" in hint) == (401, True, True)
    status, detail, hint = said(house.system("declarations:write").get(METRICS))
    assert (status, "metrics:read" in detail, "roles.md" in hint) == (403, True, True)
    assert said(house.system("metrics:read").get(SESSION))[1] == "Expected the session of a person, found an API key."


def without_origin(browser: TestClient) -> None:
    del browser.headers["Origin"]


def another_origin(browser: TestClient) -> None:
    browser.headers["Origin"] = "https://elsewhere.test"


def without_token(browser: TestClient) -> None:
    del browser.headers["X-CSRF-Token"]


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [(without_origin, "BASIRA_ORIGIN"), (another_origin, "BASIRA_ORIGIN"), (without_token, "csrf_token")],
)
def test_a_rejected_form_names_the_cause(blank: Service, spoil: Callable[[TestClient], None], cause: str) -> None:
    browser = House(blank).person("ali", Grant("manager"))
    spoil(browser)
    answer = browser.delete(SESSION)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert cause in answer.json()["hint"]
    assert ("Origin" in answer.json()["detail"]) == (cause == "BASIRA_ORIGIN")
