"""A database that hangs while keys are looked up, and connections that others hold: who waits, and for how long."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from basira.api.auth import key_cache as module
from basira.api.auth.key_cache import Remembered
from basira.api.routes import declarations as routes_declarations
from basira.schema.access import Principal
from basira.schema.errors import StoreError
from basira.serving.decide import batch as serve
from basira.serving.decide import worker as serve_decider
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.result import Ask, Decided
from basira.serving.decide.worker import Bounds, Decider
from basira.serving.service import Service
from tests.support.api_world import Desk, at

Body = dict[str, Any]


async def asked(remembered: Remembered, tokens: list[str]) -> list[Any]:
    looks = [remembered.beside(lambda token=token: remembered(token)) for token in tokens]  # type: ignore[misc]
    return list(await asyncio.gather(*looks, return_exceptions=True))


@pytest.mark.parametrize(("tokens", "most"), [(["a"] * 40, 1), ([f"k{n}" for n in range(40)], 2)])
def test_a_database_that_hangs_is_waited_for_once(tokens: list[str], most: int) -> None:
    looks: list[str] = []

    def hung(token: str) -> Principal | None:
        looks.append(token)
        time.sleep(0.2)
        raise StoreError("Away.", hint="Wait.")

    remembered = Remembered(hung)
    found = asyncio.run(asked(remembered, tokens))
    assert {type(one) for one in found} == {StoreError}
    assert len(looks) <= most
    remembered.close()


def test_those_that_want_the_same_key_share_a_look_and_a_rejection_is_not_kept() -> None:
    looks: list[str] = []

    def slow(token: str) -> Principal | None:
        looks.append(token)
        time.sleep(0.1)
        return Principal("k-1", "key") if token.startswith("good") else None

    remembered = Remembered(slow)
    assert len({one.id for one in asyncio.run(asked(remembered, ["good"] * 10))}) == 1
    assert looks == ["good"]
    assert [remembered("bad"), remembered("bad")] == [None, None]
    assert looks == ["good", "bad", "bad"]
    remembered.close()


def test_a_fault_is_reported_for_a_second_and_then_the_database_is_asked_again() -> None:
    clock, looks = [0.0], list[str]()

    def away(token: str) -> Principal | None:
        looks.append(token)
        if len(looks) == 1:
            clock[0] += 5.0  # the patience of the database
            raise StoreError("Away.", hint="Wait.")
        return Principal("k-1", "key")

    remembered = Remembered(away, monotonic=lambda: clock[0])
    for token in ("a", "b"):
        with pytest.raises(StoreError):
            remembered(token)
    clock[0] += 1.0
    assert remembered("a") is not None
    assert looks == ["a", "a"]
    remembered.close()


def test_too_many_that_wait_are_answered_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)

    def slow(_: str) -> Principal | None:
        time.sleep(0.05)
        return None

    remembered = Remembered(slow)
    found = asyncio.run(asked(remembered, ["a", "b", "c", "d", "e"]))
    assert found[:3] == [None] * 3
    assert {type(one) for one in found[3:]} == {StoreError}
    remembered.close()


def test_a_batch_whose_answer_is_not_kept_is_answered(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("Full.", hint="Make room.")

    monkeypatch.setattr(routes_declarations, "store_answer", full)
    answer = desk.post(arrivals[:2], **{"Idempotency-Key": "b-1"})
    assert answer.status_code == 200
    assert all("decision" in one for one in answer.json()["results"])
    assert "answer_not_kept" in [one.getMessage() for one in caplog.records]


def test_slow_scores_do_not_make_one_connections_fault_everybodys(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    score, write, tries = serve_decider.assess_at_once, serve.write_together, list[int]()

    def slow(*arguments: Any) -> Any:
        time.sleep(0.3)
        return score(*arguments)

    def once(database: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise StoreError("Gone.", hint="") from OperationalError("x", {}, Exception("closed"))
        return write(database)

    monkeypatch.setattr(serve_decider, "assess_at_once", slow)
    monkeypatch.setattr(serve, "write_together", once)
    decider = Decider(lambda: service, lambda: at(9), seconds=30, bounds=Bounds(most_together=1))
    first, second = [decider.submit([Ask(body, Asked("k-1"))]) for body in arrivals[:2]]
    assert isinstance(first.result(30)[0].error, StoreError)
    assert isinstance(second.result(30)[0], Decided)
    decider.close()


def test_a_fault_that_comes_at_once_is_nobody_elses() -> None:
    """One lost connection: the next look-up has another."""
    looks: list[str] = []

    def lost(token: str) -> Principal | None:
        looks.append(token)
        if len(looks) == 1:
            raise StoreError("Lost.", hint="Wait.")
        return Principal("k-1", "key")

    remembered = Remembered(lost, monotonic=lambda: 0.0)
    with pytest.raises(StoreError):
        remembered("a")
    assert remembered("a") is not None
    remembered.close()
