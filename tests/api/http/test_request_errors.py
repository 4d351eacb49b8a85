"""A request that can't be served says what would be: names of a query, what could not be read, what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.errors import StoreError
from basira.serving.decide import batch as serve
from basira.serving.service import Service
from tests.support.access_world import ORIGIN, House
from tests.support.api_world import Desk, desk_of
from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "reference" / "api.md"


@pytest.mark.parametrize(
    ("path", "name", "known"),
    [
        ("quarantine?status=resolved", "status", "code, cursor, limit, state"),
        ("queue?office=SIM-A&State=waiting", "State", "cursor, day, format, lane, limit, office, status"),
        ("audit?office=SIM-A", "office", "action, actor, cursor, format, from, limit, subject, to"),
        ("deeds?action=decision", "action", "actor, cursor, declaration, format, from, kind, limit, office, to"),
    ],
)
def test_an_unknown_parameter_of_a_list_is_rejected_by_name(desk: Desk, path: str, name: str, known: str) -> None:
    answer = desk.client.get(f"/api/v1/{path}")
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == (f"query.{name}", "unknown_parameter")
    assert fault["expected"] == f"a parameter of this list: {known}"
    assert answer.json()["detail"].startswith(f"Expected {name}: a parameter of this list")


def test_parameters_that_it_has_are_taken(desk: Desk) -> None:
    for path in (
        "quarantine?state=open&code=missing&limit=3",
        "queue?office=SIM-A&status=waiting&limit=3&format=csv",
        "audit?from=2023-01-01&to=2023-12-01&action=key.created&actor=test",
        "deeds?kind=decision&declaration=A",
    ):
        assert desk.client.get(f"/api/v1/{path}").status_code == 200, path


def test_a_stranger_is_not_shown_what_a_list_can_be_asked(desk: Desk) -> None:
    assert desk.client.get("/api/v1/quarantine?zzz=1", headers={"X-API-Key": "no"}).status_code == 401


def test_a_record_that_can_not_be_read_is_not_reported_as_written(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise StoreError("away", hint="none")

    desk = desk_of(service)
    monkeypatch.setattr("basira.api.routes.queue.queue_page", away)
    answer = desk.get("queue", office="SIM-A")
    assert (answer.status_code, answer.json()["code"]) == (503, "store")
    assert answer.json()["detail"] == "The service can't answer now. Send the request again."
    assert answer.headers["Retry-After"] == "1"


def test_a_declaration_that_can_not_be_recorded_says_that_nothing_was(
    desk: Desk, arrivals: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise sa.exc.OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(serve, "record_group", away)
    answer = desk.post(arrivals[0])
    assert answer.status_code == 503
    assert "Nothing was recorded" in answer.json()["detail"]


def test_too_much_and_too_often_say_what_to_do(blank: Service, cheap_passwords: None) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, rates=Rates(1, 1, 1)))
    client = house.system("queue:read", "declarations:write", "reselections:write")
    answers = [client.get("/api/v1/queue", params={"office": "SIM-A"}) for _ in range(4)]
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert "Retry-After" in limited.json()["hint"]
    large = house.browser().post("/api/v1/declarations/A/reselection", content=b" " * (65 << 10))
    assert large.status_code == 413
    assert large.json()["hint"] == "Shorten it; only a list of declarations may be longer."


@pytest.mark.parametrize("count", [0, 1001])
def test_a_list_of_too_many_or_none_says_what_to_do(desk: Desk, count: int) -> None:
    answer = desk.post([{}] * count)
    assert (answer.status_code, answer.json()["hint"]) == (422, "Send it in lists of 1 to 1,000 declarations.")


def test_the_page_says_that_a_key_has_no_space_and_how_many_items_a_declaration_has() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "printable ASCII without spaces" in text
    assert "1,000 items" in text
