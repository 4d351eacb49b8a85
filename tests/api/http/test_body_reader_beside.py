"""Declarations are read before they are decided on: another one's faults take none of the decider's time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from basira.api.http import body_reader as reading
from basira.api.http.body_reader import Reader
from basira.serving.decide import batch as serve
from basira.serving.decide.worker import BusyError
from basira.serving.message import Declaration, Rejected
from tests.support.api_world import Desk, at

Body = dict[str, Any]


def faulty(body: Body) -> Body:
    return {**body, "items": [{**body["items"][0], "net_mass_kg": -1}]}


def test_the_decider_reads_nothing(desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(serve, "read_declaration", read)
    texts = {**arrivals[1], "items": [{**item, "net_mass_kg": "12.5"} for item in arrivals[1]["items"]]}
    one, refused = desk.post(arrivals[0]), desk.post(faulty(arrivals[2]))
    assert (one.status_code, refused.status_code) == (200, 422)
    assert refused.json()["errors"][0]["code"] == "negative"
    found = desk.post([texts, faulty(arrivals[2]), arrivals[3], 7]).json()["results"]
    assert [list(one) for one in found] == [["decision"], ["problem"], ["decision"], ["problem"]]
    assert found[0]["decision"]["declaration_id"] == texts["declaration_id"]
    assert found[1]["problem"]["declaration_id"] == arrivals[2]["declaration_id"]


def test_nothing_but_an_empty_item_number_is_rejected(desk: Desk) -> None:
    answer = desk.post({"items": [{"item_number": ""}]})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "missing")


def test_one_that_makes_a_library_panic_is_a_fault_of_its_own(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicError(BaseException):
        """As a Rust library raises: no Exception."""

    def panic(*_: Any, **__: Any) -> None:
        raise PanicError

    monkeypatch.setattr(reading, "read_declarations", panic)
    monkeypatch.setattr(serve, "read_declaration", panic)
    assert desk.post(faulty(arrivals[0])).json()["code"] == "internal"
    assert desk.post(arrivals[0]).status_code == 200


def test_who_comes_when_too_many_wait_is_answered_so(arrivals: list[Body]) -> None:
    odd = [faulty(body) for body in arrivals[:3]]

    async def both() -> list[Any]:
        reader = Reader(most_waiting=3)
        try:
            asked = [
                reader.read(odd[:2], received_at=at(9)),
                reader.read(odd[1:3], received_at=at(9)),
                reader.read(arrivals[:1], received_at=at(9)),
            ]
            return list(await asyncio.gather(*asked, return_exceptions=True))
        finally:
            reader.close()

    found = asyncio.run(both())
    assert sum(isinstance(one, BusyError) for one in found) == 1
    read = next(one for one in found[:2] if not isinstance(one, BusyError))
    assert [type(one) for one in read] == [Rejected, Rejected]
    assert isinstance(found[2][0], Declaration)
