"""Declarations that wait together: decided and recorded in one go, each for itself all the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from basira.schema.errors import StoreError, UsageError
from basira.serving.decide import batch as serve
from basira.serving.decide import placement
from basira.serving.decide.batch import Means, decide_batch
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.placement import OfficeDays, restore_state
from basira.serving.decide.result import Ask, Decided, Failed, Replayed, Result
from basira.serving.message import Rejected
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.database.tables import EVENT
from basira.storage.online.office_state import find_state
from basira.storage.record.events import find_events
from tests.support.api_world import TODAY, at, is_whole
from tests.support.decider_world import break_placing

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]
NOW = at(9)


def asks_of(bodies: Sequence[object], *, key: str | None = None) -> list[Ask]:
    digests = [hashlib.sha256(json.dumps(body).encode()).hexdigest() for body in bodies]
    return [Ask(body, Asked("k-1", "POST /declarations", key, d)) for body, d in zip(bodies, digests, strict=True)]


def decided(bodies: Sequence[object], service: Service, *, days: OfficeDays | None = None) -> list[Result]:
    return decide_batch(asks_of(bodies), service, now=NOW, means=Means(days or OfficeDays()))


def bodies_of(found: Sequence[Result]) -> list[Any]:
    """What was answered: the same whether it was decided now or before."""
    return [json.loads(one.text) if isinstance(one, Decided | Replayed) else one for one in found]


def kinds_of(found: Sequence[Result]) -> list[type]:
    return [type(one.error) if isinstance(one, Failed) else type(one) for one in found]


def event_count(service: Service) -> int:
    with service.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(EVENT)).scalar_one())


def test_a_group_is_decided_as_one_after_the_other(service: Service, arrivals: list[Body], tmp_path: Path) -> None:
    together = decided(arrivals, service)
    alone = replace(service, database=Database(tmp_path / "alone.sqlite"))
    one_by_one = [decided([body], alone)[0] for body in arrivals]
    alone.close()
    assert bodies_of(together) == bodies_of(one_by_one)
    assert any(one.body["inspects"] for one in together if isinstance(one, Decided))
    assert event_count(service) == 2 * len(arrivals)
    assert is_whole(service)


def test_what_is_answered_is_what_is_recorded(service: Service, arrivals: list[Body]) -> None:
    first = decided(arrivals, service)
    again = decided(arrivals, service)
    assert bodies_of(again) == bodies_of(first)
    assert kinds_of(again) == [Replayed] * len(arrivals)
    assert [one.body for one in first if isinstance(one, Decided)] == bodies_of(first)
    assert event_count(service) == 2 * len(arrivals)


def test_a_rejected_one_does_not_stop_the_others(service: Service, arrivals: list[Body]) -> None:
    found = decided([arrivals[0], {**arrivals[1], "dispatch_country": "QQ"}, arrivals[2], 7], service)
    assert kinds_of(found) == [Decided, Rejected, Decided, Rejected]
    assert event_count(service) == 4


def test_one_that_cannot_be_recorded_does_not_stop_the_others(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty, make = arrivals[1]["declaration_id"], serve.build_records

    def without_lane(new: Any, *rest: Any, **named: Any) -> Any:
        arrived, last = make(new, *rest, **named)
        return (arrived, replace(last, lane=None)) if last.declaration_id == faulty else (arrived, last)

    monkeypatch.setattr(serve, "build_records", without_lane)
    found = decided(arrivals[:3], service)
    assert kinds_of(found) == [Decided, StoreError, Decided]
    assert event_count(service) == 4
    assert is_whole(service)


def test_an_unforeseen_fault_stays_with_its_declaration(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_placing(monkeypatch, arrivals[0]["declaration_id"])
    assert kinds_of(decided(arrivals[:3], service)) == [ZeroDivisionError, Decided, Decided]


def test_a_database_that_does_not_answer_is_asked_once_for_all(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def away(*_: object, **__: object) -> None:
        asked.append(1)
        raise sa.exc.OperationalError("INSERT", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(serve, "record_group", away)
        found = decided(arrivals[:4], service)
    assert kinds_of(found) == [StoreError] * 4
    assert (len(asked), event_count(service)) == (1, 0)
    assert kinds_of(decided(arrivals[:4], service)) == [Decided] * 4


def test_one_declaration_twice_in_a_group_is_decided_once(service: Service, arrivals: list[Body]) -> None:
    first, again, amended = decided([arrivals[0], arrivals[0], {**arrivals[0], "manifest_id": "M2"}], service)
    assert isinstance(first, Decided)
    assert isinstance(again, Replayed)
    assert isinstance(amended, Decided)
    assert first.body == json.loads(again.text)
    assert amended.body["declaration_version"] == 2
    assert event_count(service) == 4


def test_one_key_in_a_group_answers_one_request(service: Service, arrivals: list[Body]) -> None:
    asks = [*asks_of(arrivals[:1], key="k"), *asks_of(arrivals[:1], key="k"), *asks_of(arrivals[1:2], key="k")]
    first, again, other = decide_batch(asks, service, now=NOW)
    assert isinstance(first, Decided)
    assert again == Replayed(first.text)
    assert kinds_of([other]) == [UsageError]
    assert event_count(service) == 2


def test_an_expired_key_may_be_used_again(service: Service, arrivals: list[Body]) -> None:
    decide_batch(asks_of(arrivals[:1], key="k"), service, now=NOW)
    late = decide_batch(asks_of(arrivals[1:2], key="k"), service, now=NOW + timedelta(hours=25))
    assert isinstance(late[0], Decided)


def test_two_workers_share_the_slots_of_an_office(service: Service, arrivals: list[Body]) -> None:
    # Each keeps in memory what it wrote last, and finds at every group that the other one wrote since.
    office = arrivals[0]["office"]
    here = [{**body, "office": office} for body in arrivals]
    workers = OfficeDays(), OfficeDays()
    found: list[Result] = []
    for n in range(0, len(here), 2):
        found += decided(here[n : n + 2], service, days=workers[n // 2 % 2])
    with service.database.read() as connection:
        stored = find_state(connection, office, TODAY.isoformat())
    assert stored is not None
    state = restore_state(stored.state)
    assert state.today.count == len(here)
    assert sum(state.used.values()) == sum(one["inspects"] for one in bodies_of(found))
    assert is_whole(service)


def test_one_overtaken_at_the_last_moment_decides_again(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, place = arrivals[0]["office"], placement.place
    other = {**arrivals[1], "office": office}
    seen: list[int] = []

    def overtaken(candidate: Any, policy: Any, **named: Any) -> Any:
        seen.append(0 if named["state"] is None else int(named["state"].today.count))
        if len(seen) == 1:  # another worker decides here, between our reading and our writing
            decided([other], service)
        return place(candidate, policy, **named)

    monkeypatch.setattr(placement, "place", overtaken)
    (found,) = decided([arrivals[0]], service)
    assert isinstance(found, Decided)
    # Ours on an empty day, the other one's on an empty day, ours again after the other one.
    assert seen == [0, 0, 1]
    assert event_count(service) == 4
    assert is_whole(service)


def test_one_that_waited_too_long_is_decided_without_a_score(service: Service, arrivals: list[Body]) -> None:
    late, early = asks_of(arrivals[:2])
    first, second = decide_batch([replace(late, is_late=True), early], service, now=NOW)
    assert isinstance(first, Decided)
    assert isinstance(second, Decided)
    assert (first.body["fallback"], first.body["fraud_probability"], first.body["items"]) == ("timeout", None, [])
    assert first.body["basis"] in ("fallback", "random", "mandatory")
    assert second.body["fallback"] is None
    with service.database.read() as connection:
        recorded = find_events(connection, arrivals[0]["declaration_id"])
    assert recorded[-1]["payload"]["fallback"] == "timeout"


def test_a_second_model_that_fails_on_one_leaves_the_others_their_scores(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, predict = type(service.model), type(service.model).predict_rows

    def fragile(self: Any, names: Any, rows: Any) -> Any:
        if any(row[0] == arrivals[1]["declaration_id"] for row in rows):
            raise ValueError("broken")
        return predict(self, names, rows)

    monkeypatch.setattr(kind, "predict_rows", fragile)
    found = bodies_of(decided(arrivals[:3], service))
    assert [one["fallback"] for one in found] == [None, "model_failed", None]


def test_a_lock_that_lasts_gives_up_and_records_nothing(service: Service, arrivals: list[Body]) -> None:
    impatient = replace(service, database=Database(service.database.place, wait_seconds=0.3))
    with service.database.write() as connection:
        if not service.database.is_sqlite:  # SQLite's one lock is taken already
            connection.exec_driver_sql("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        (found,) = decided([arrivals[0]], impatient)
    assert kinds_of([found]) == [StoreError]
    assert event_count(service) == 0
    assert isinstance(decided([arrivals[0]], impatient)[0], Decided)
    impatient.close()
