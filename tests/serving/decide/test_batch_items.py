"""Who waits for whom: groups of so many items, a scoring that is late, a database that is away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from basira.api.routes import declarations as routes_declarations
from basira.schema.errors import StoreError
from basira.serving.decide import batch as serve
from basira.serving.decide import worker as serve_decider
from basira.serving.decide.result import Ask
from basira.serving.decide.worker import Bounds
from basira.serving.message import read_declaration
from basira.serving.service import Service
from tests.support.api_world import Desk, at
from tests.support.decider_world import ME, decider_of, until

Body = dict[str, Any]


def large(body: Body, name: str, items: int) -> Body:
    kept = {k: v for k, v in body["items"][0].items() if k != "item_number"}
    return {**body, "declaration_id": name, "items": [kept] * items}


def ask_of(body: Body) -> Ask:
    return Ask(body, ME, read=read_declaration(body, received_at=at(9)))


def fallback_of(done: Future[Any]) -> Any:
    return done.result(30)[0].body["fallback"]


def scored_slowly(monkeypatch: pytest.MonkeyPatch, name: str, seconds: float) -> list[int]:
    """Items of each scoring; the one with that declaration takes so long."""
    sizes: list[int] = []
    score = serve_decider.assess_at_once

    def slow(declarations: Any, *more: Any) -> Any:
        sizes.append(sum(len(one.rows) for one in declarations))
        if any(one.declaration_id == name for one in declarations):
            time.sleep(seconds)
        return score(declarations, *more)

    monkeypatch.setattr(serve_decider, "assess_at_once", slow)
    return sizes


def test_a_group_has_so_many_items(service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = scored_slowly(monkeypatch, "first", 0.5)
    with decider_of(service, seconds=30, bounds=Bounds(most_items=100)) as decider:
        waiting = [decider.submit([ask_of(large(arrivals[0], "first", 1))])]
        until(lambda: sizes == [1])
        for number in range(4):
            waiting.append(decider.submit([ask_of(large(arrivals[0], f"L{number}", 60))]))
        waiting.append(decider.submit([ask_of(large(arrivals[0], "last", 1))]))
        # Before it was read, and alone too large.
        waiting.append(decider.submit([Ask(large(arrivals[0], "whole", 120), ME)]))
        assert {one.body["fallback"] for done in waiting for one in done.result(30)} == {None}
    assert sizes == [1, 60, 60, 60, 61, 120]


def test_a_batch_is_cut_by_items_too(desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = scored_slowly(monkeypatch, "", 0)
    monkeypatch.setattr(routes_declarations, "MOST_ITEMS_TOGETHER", 100)
    sent: list[object] = [large(arrivals[0], f"L{number}", 60) for number in range(3)]
    sent += [7, {"items": 3}, *[large(arrivals[0], f"S{number}", 20) for number in range(3)]]
    results = desk.post(sent).json()["results"]
    assert [list(one) for one in results] == [["decision"]] * 3 + [["problem"]] * 2 + [["decision"]] * 3
    assert sizes == [60, 60, 80, 40]


def test_who_came_shortly_before_a_late_score_waits_for_its_own_time(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = arrivals[0]["declaration_id"]
    scored_slowly(monkeypatch, slow, 3)
    with decider_of(service, seconds=2) as decider:
        first = decider.submit([ask_of(arrivals[0])])
        time.sleep(1.6)
        later = [decider.submit([ask_of(body)]) for body in arrivals[1:4]]
        assert fallback_of(first) == "timeout"
        assert [fallback_of(done) for done in later] == [None] * 3


def test_one_that_hangs_for_long_keeps_no_other_waiting(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    go, score = threading.Event(), serve_decider.assess_at_once
    sizes: list[int] = []

    def hang(declarations: Any, *more: Any) -> Any:
        sizes.append(len(declarations))
        assert go.wait(30)
        return score(declarations, *more)

    monkeypatch.setattr(serve_decider, "assess_at_once", hang)
    with decider_of(service, seconds=1) as decider:
        for body in arrivals[:2]:
            assert fallback_of(decider.submit([ask_of(body)])) == "timeout"
        time.sleep(0.05)
        begun = time.monotonic()
        assert fallback_of(decider.submit([ask_of(arrivals[2])])) == "timeout"
        assert time.monotonic() - begun < 0.75
        assert sizes == [1]  # what no request waits for any more is not scored
        go.set()


def test_when_the_database_is_away_all_who_wait_are_answered_at_once(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def away(*_: object, **__: object) -> Any:
        tries.append(1)
        begun.set()
        assert go.wait(30)
        time.sleep(0.2)
        raise StoreError("Away.", hint="Wait.") from OperationalError("SELECT", {}, Exception("timeout"))

    with decider_of(service, seconds=30, bounds=Bounds(most_together=2)) as decider:
        with monkeypatch.context() as patch:
            patch.setattr(serve, "look_up", away)
            first = decider.submit([ask_of(arrivals[0])])
            assert begun.wait(30)
            waiting = [decider.submit([ask_of(arrivals[n % 4])]) for n in range(20)]
            go.set()
            assert {type(one.error) for done in (first, *waiting) for one in done.result(30)} == {StoreError}
        assert len(tries) == 1
        assert decider.waiting_count == 0
        assert fallback_of(decider.submit([ask_of(arrivals[0])])) is None


def test_a_fault_that_comes_at_once_is_of_its_group(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    look, begun, go = serve.look_up, threading.Event(), threading.Event()
    odd = arrivals[0]["declaration_id"]

    def ended(connection: Any, group: Any, rules: Any, **named: Any) -> Any:
        begun.set()
        assert go.wait(30)
        if any(case.declaration.declaration_id == odd for case in group):
            raise OperationalError("SELECT", {}, Exception("the connection was closed"))
        return look(connection, group, rules, **named)

    clock = [0.0]
    monkeypatch.setattr(serve, "look_up", ended)
    with decider_of(service, seconds=30, bounds=Bounds(most_together=1), monotonic=lambda: clock[0]) as decider:
        first = decider.submit([ask_of(arrivals[0])])
        assert begun.wait(30)
        second = decider.submit([ask_of(arrivals[1])])
        go.set()
        assert isinstance(first.result(30)[0].error, StoreError)
        assert fallback_of(second) is None


@pytest.mark.parametrize("cause", [OperationalError("SELECT", {}, Exception("away")), PoolTimeoutError("all in use")])
def test_a_group_does_not_wait_for_the_database_again_one_by_one(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    tries: list[int] = []

    def away(*_: object, **__: object) -> Any:
        tries.append(1)
        raise StoreError("Away.", hint="Wait.") from cause

    monkeypatch.setattr(serve, "look_up", away)
    with decider_of(service, seconds=30) as decider:
        found = decider.submit([ask_of(body) for body in arrivals[:3]]).result(30)
    assert [type(one.error) for one in found] == [StoreError] * 3
    assert len(tries) == 1
