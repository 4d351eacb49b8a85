"""A batch in which something fails: reported, counted, and not kept under its key."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from basira.api.routes import declarations as routes_declarations
from basira.schema.errors import StoreError
from basira.serving.decide import batch as serve
from basira.serving.decide.worker import BusyError, Decider
from tests.support.api_world import Desk
from tests.support.decider_world import break_placing

Body = dict[str, Any]
KEY = {"Idempotency-Key": "batch-1"}


def away(*_: object, **__: object) -> Any:
    cause = OperationalError("SELECT", {}, Exception("the server is away"))
    raise StoreError("The record is away.", hint="Look at the server.") from cause


async def busy(*_: object) -> Any:
    raise BusyError


def kinds(answer: Any) -> list[str]:
    return [one["problem"]["code"] if "problem" in one else "decision" for one in answer.json()["results"]]


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[Body]:
    return [getattr(one, "fields", {}) for one in caplog.records if one.getMessage() == event]


def test_what_may_pass_is_not_kept_under_the_key(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(serve, "look_up", away)
        assert kinds(desk.post(arrivals[:2], **KEY)) == ["store", "store"]
    with monkeypatch.context() as patch:
        patch.setattr(Decider, "decide", busy)
        assert kinds(desk.post(arrivals[:2], **KEY)) == ["busy", "busy"]
    answer = desk.post(arrivals[:2], **KEY)
    assert kinds(answer) == ["decision", "decision"]
    assert desk.post(arrivals[:2], **KEY).text == answer.text
    assert desk.post(arrivals[2:4], **KEY).json()["code"] == "usage"


def test_what_will_not_pass_is_kept(desk: Desk, arrivals: list[Body]) -> None:
    sent = [arrivals[0], {**arrivals[1], "items": []}]
    assert kinds(desk.post(sent, **KEY)) == ["decision", "invalid"]
    assert desk.post(arrivals[2:4], **KEY).json()["code"] == "usage"


def test_a_record_out_of_reach_is_counted_and_reported(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(serve, "look_up", away)
        desk.post(arrivals[:3])
    # One fault, wherever in the group it occurred.
    assert [one["code"] for one in told(caplog, "unavailable")] == ["store"]
    assert 'basira_unavailable_total{code="store"} 1.0' in desk.get("metrics").text


def test_a_fault_of_ours_is_reported(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    break_placing(monkeypatch, arrivals[0]["declaration_id"])
    assert kinds(desk.post(arrivals[:2])) == ["internal", "decision"]
    assert [one["error"] for one in told(caplog, "fault")] == ["ZeroDivisionError"]
    assert 'basira_unavailable_total{code="internal"} 1.0' in desk.get("metrics").text


def test_sent_twice_at_once_both_get_the_answer_that_is_kept(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.post(arrivals[:2], **KEY)
    given, looks = routes_declarations.given_answer, list[int]()

    def too_early(*arguments: Any, **named: Any) -> Any:
        looks.append(1)
        return None if len(looks) == 1 else given(*arguments, **named)

    monkeypatch.setattr(routes_declarations, "given_answer", too_early)
    again = desk.post(arrivals[:2], **KEY)
    assert (again.status_code, again.text) == (200, first.text)
    looks.clear()
    assert desk.post(arrivals[2:4], **KEY).json()["code"] == "usage"
