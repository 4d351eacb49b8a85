"""Rules put to the past over HTTP: tried, back-tested, bounded, one at a time; persons named to who may read them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from basira.api.openapi.answers import ANSWERS
from basira.api.routes import rule_tests as routes
from basira.rules.bulk import judge_many
from basira.schema.access import Grant, Principal
from basira.serving import rule_tests
from basira.serving.service import Service
from basira.storage.history.store import History
from basira.storage.record.activity import find_audit
from basira.workflows.engine import EngineBounds
from basira.workflows.rules.life import show_version
from tests.support.api_world import AS_OF, TODAY, Desk, desk_of, is_whole
from tests.support.callers import Caller, create_people, send

FIRST = (AS_OF - timedelta(days=20)).isoformat()
DAYS = {"first": FIRST, "last": AS_OF.isoformat()}
TRY = {**DAYS, "text": "net_mass_kg > 1", "language": "en"}
RULE = {
    "rule_id": "heavy",
    "title": "Heavy goods",
    "reason": "Seen in a test.",
    "effect": {"lane": "red"},
    "starts_on": TODAY.isoformat(),
    "expires_on": (TODAY + timedelta(days=90)).isoformat(),
}


@pytest.fixture
def caller(blank: Service) -> Caller:
    return Caller(create_people(blank)["amina"])


@pytest.fixture
def desk(blank: Service, caller: Caller) -> Desk:
    return desk_of(blank, recognise=lambda _credentials: caller.now)


def test_a_condition_is_tried_with_its_reasons(desk: Desk) -> None:
    found = send(desk, "rules/try", {**TRY, "most": 3})
    assert found.status_code == 200, found.text
    body = found.json()
    assert body.keys() == ANSWERS["rule_try"].keys()
    assert len(body["declarations"]) == 3
    assert {one["outcome"] for one in body["declarations"]} <= {"hit", "unknown"}
    assert "net_mass_kg" in " ".join(body["declarations"][0]["sentences"])
    wanted = body["declarations"][0]["declaration_id"]
    (alone,) = send(desk, "rules/try", {**TRY, "declaration_id": wanted}).json()["declarations"]
    assert alone["declaration_id"] == wanted
    assert desk.get("rules").json()["rules"] == []


def test_a_recorded_back_test_is_a_step_and_an_unrecorded_one_is_not(desk: Desk) -> None:
    body = {"rule": RULE, "text": "net_mass_kg > 1000 kg"}
    assert send(desk, "rules", body).status_code == 200
    shown = send(desk, "rules/heavy/backtests", DAYS)
    assert shown.status_code == 200, shown.text
    found = shown.json()
    assert found.keys() == ANSWERS["rule_backtest"].keys()
    for name in ("rate", "gate", "beside", "counter_examples"):
        assert found[name].keys() == ANSWERS["rule_backtest"][name].keys()  # type: ignore[index]
    assert found["hits"] > 0
    assert desk.get("rules/heavy").json()["last_step"] == 1
    again = send(desk, "rules/heavy/backtests", {**DAYS, "is_recorded": True})
    assert again.status_code == 200, again.text
    assert {**again.json(), "is_recorded": False} == found
    with desk.service.database.read() as connection:
        steps = show_version(connection, "heavy", on=TODAY).steps
        audited = find_audit(connection, subject="rule/heavy/1")
    assert [step.state for step in steps] == ["draft", "tested"]
    assert steps[-1].detail is not None
    assert steps[-1].detail["hits"] == found["hits"]
    assert "rule.tested" in {event["action"] for event in audited}
    assert is_whole(desk.service)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("rules/try", {}, 400),
        ("rules/try", {**TRY, "text": "net_mas_kg > 1"}, 422),
        ("rules/try", {**TRY, "first": "2023-02-30"}, 400),
        ("rules/try", {**TRY, "last": "2020-01-01"}, 400),
        ("rules/try", {**TRY, "first": "2010-01-01"}, 400),
        ("rules/try", {**TRY, "most": 101}, 400),
        ("rules/try", {**TRY, "language": "de"}, 400),
        ("rules/try", {**TRY, "rule": RULE}, 400),
        ("rules/try", {**TRY, "declaration_id": "NONE"}, 400),
        ("rules/none/backtests", DAYS, 404),
        ("rules/none/backtests", {**DAYS, "is_recorded": "yes"}, 400),
        ("rules/none/backtests", {**DAYS, "as_of": "2020-01-01"}, 404),
    ],
)
def test_what_can_not_be_asked_is_said(desk: Desk, path: str, body: dict[str, Any], status: int) -> None:
    found = send(desk, path, body)
    assert found.status_code == status, found.text


def test_who_may_not_read_declarations_is_shown_no_person(desk: Desk, caller: Caller) -> None:
    asked = {**TRY, "text": "not (importer_id is missing) and net_mass_kg > 1", "most": 1}
    seen = send(desk, "rules/try", asked).json()
    caller.now = Principal("k-1", "key", scopes=frozenset({"rules:write"}))
    hidden = send(desk, "rules/try", asked).json()
    assert (seen["hides_persons"], hidden["hides_persons"]) == (False, True)
    assert seen["declarations"][0]["declaration_id"] == hidden["declarations"][0]["declaration_id"]
    with_value, without = (" ".join(one["declarations"][0]["sentences"]) for one in (seen, hidden))
    assert re.search(r"Importer = \w", with_value)
    assert "Importer" in without
    assert not re.search(r"Importer = \w", without)
    # Asked by an identifier, the numbers of declarations would say whose they are.
    by_name = {**TRY, "text": "importer_id = 'SIM-1'"}
    assert send(desk, "rules/try", by_name).status_code == 422
    caller.now = Principal("k-1", "key", scopes=frozenset({"rules:write", "declarations:read"}))
    assert send(desk, "rules/try", by_name).status_code == 200
    caller.now = Principal("u-9", "user", grants=(Grant("auditor"),))
    assert send(desk, "rules/try", asked).status_code == 403


def test_a_key_records_no_test_and_a_step_that_may_not_be_taken_is_no_work(
    desk: Desk, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(desk, "rules", {"rule": RULE, "text": "net_mass_kg > 1000 kg"}).status_code == 200
    person = caller.now
    caller.now = Principal("k-1", "key", scopes=frozenset({"rules:write"}))
    assert send(desk, "rules/heavy/backtests", {**DAYS, "is_recorded": True}).status_code == 400
    caller.now = person
    assert send(desk, "rules/heavy/steps", {"state": "retired", "motive": "Old."}).status_code == 200

    def read_nothing(*_: object, **__: object) -> None:
        raise AssertionError("The period was read for a step that may not be taken.")

    monkeypatch.setattr("basira.workflows.rules.full_test.read_period", read_nothing)
    assert send(desk, "rules/heavy/backtests", {**DAYS, "is_recorded": True}).status_code == 422


def test_what_takes_too_long_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_tests, "BOUNDS", EngineBounds(memory="1GB", threads=1, seconds=0.0))
    found = send(desk, "rules/try", {**TRY, "text": "importer_hit_rate_365d > 10 %"})
    assert found.status_code == 400, found.text
    assert "seconds at most" in found.json()["detail"]
    monkeypatch.undo()
    monkeypatch.setattr(rule_tests, "SECONDS", -1.0)
    monkeypatch.setattr(rule_tests, "BOUNDS", EngineBounds(memory="1GB", threads=1))
    assert "seconds at most" in send(desk, "rules/try", TRY).json()["detail"]


def hold(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Semaphore, threading.Event]:
    """Tries begin, say so, and wait until they may end."""
    begun, end = threading.Semaphore(0), threading.Event()

    def wait(*_: object, **__: object) -> dict[str, str]:
        begun.release()
        assert end.wait(30)
        return {}

    monkeypatch.setattr(routes, "try_on_period", wait)
    return begun, end


def in_threads(*works: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    return threads


def test_one_at_a_time_for_a_person_and_two_in_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = hold(monkeypatch)
    people = [Principal(f"u-{number}", "user", grants=(Grant("analyst"),)) for number in range(3)]
    statuses: list[int] = []
    made = desk_of(desk.service, recognise=lambda credentials: people[int(credentials)])

    def ask(number: int) -> Any:
        return made.client.post("/api/v1/rules/try", json=TRY, headers={"X-API-Key": str(number)})

    threads = []
    for number in (0, 1):
        threads += in_threads(lambda number=number: statuses.append(ask(number).status_code))
        assert begun.acquire(timeout=30)
    again, third = ask(0), ask(2)
    assert (again.status_code, again.headers["retry-after"]) == (429, "10")
    assert (third.status_code, third.json()["code"]) == (503, "busy")
    end.set()
    for thread in threads:
        thread.join(30)
    assert statuses == [200, 200]
    assert ask(0).status_code == 200


def test_a_person_of_an_office_tries_rules_on_its_declarations_alone(desk: Desk, caller: Caller) -> None:
    everything = send(desk, "rules/try", {**TRY, "most": 100}).json()["declarations"]
    offices: dict[str, str] = {}
    history = History.open(desk.service.store)  # type: ignore[arg-type]
    for path in history.snapshot().files("items"):
        frame = pl.read_parquet(path, columns=["declaration_id", "office"])
        offices.update(dict(frame.iter_rows()))
    mine = offices[everything[0]["declaration_id"]]
    other = next(one["declaration_id"] for one in everything if offices[one["declaration_id"]] != mine)
    caller.now = replace(caller.now, grants=(Grant("analyst", mine),))
    found = send(desk, "rules/try", {**TRY, "most": 100})
    assert found.status_code == 200, found.text
    assert {offices[one["declaration_id"]] for one in found.json()["declarations"]} == {mine}
    hidden = send(desk, "rules/try", {**TRY, "declaration_id": other})
    assert hidden.status_code == 400
    caller.now = replace(caller.now, grants=(Grant("analyst", "NOWHERE"),))
    assert send(desk, "rules/try", TRY).status_code == 400


def test_the_judging_is_bounded_as_the_reading_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that runs out after the reading ends the work between two slices of the period."""
    seen = []

    def judge(items: pl.DataFrame, *rest: Any) -> pl.DataFrame:
        seen.append(items.height)
        clock[0] += 30.0
        return judge_many(items, *rest)

    clock = [0.0]
    monkeypatch.setattr("basira.serving.rule_tests.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("basira.workflows.rules.dated.AT_A_TIME", 5)
    monkeypatch.setattr("basira.workflows.rules.dated.judge_many", judge)
    answer = send(desk, "rules/try", TRY)
    assert answer.status_code == 400
    assert "45 seconds" in answer.json()["detail"]
    assert len(seen) == 2
