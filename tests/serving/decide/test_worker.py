"""The queue of a worker: who waits is decided together, in time, and no request is forgotten."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from basira.api.auth.key_cache import Remembered
from basira.explain.reasons import explain_items
from basira.features.catalog.catalog import REASONS
from basira.features.online.lookup import NotOnline, OnlineFeatures, online_features
from basira.schema.access import Principal
from basira.schema.errors import StoreError
from basira.serving.decide import batch as serve
from basira.serving.decide import worker as serve_decider
from basira.serving.decide.result import Ask, Decided, Failed, Replayed
from basira.serving.decide.scoring import Scored, assess_online, items_with_reasons
from basira.serving.decide.worker import Bounds, BusyError, Decider
from basira.serving.message import Declaration, read_declaration
from basira.serving.service import Service, ServiceSettings, open_service, with_live_model
from basira.storage.database.tables import CHAIN_HEAD, EVENT
from basira.storage.history.store import History
from basira.storage.record.model_steps import NewStep, append_model_step
from basira.workflows.train import train
from tests.support.api_world import AS_OF, ENGINE, NOW, QUICK, TODAY, Desk, at, desk_of
from tests.support.decider_world import ME, break_placing, decider_of, until

Body = dict[str, Any]


class Held:
    """Scoring that waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.begun, self.sizes = threading.Event(), threading.Event(), list[int]()
        score = serve_decider.assess_at_once

        def held(declarations: Any, *more: Any) -> Any:
            self.sizes.append(len(declarations))
            self.begun.set()
            assert self.go.wait(30)
            return score(declarations, *more)

        monkeypatch.setattr(serve_decider, "assess_at_once", held)


def fallbacks(results: list[Any]) -> list[str | None]:
    return [one.body["fallback"] for found in results for one in found]


def test_those_that_come_while_one_is_decided_are_decided_together(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with decider_of(service, seconds=30) as decider:
        waiting = [decider.submit([Ask(arrivals[0], ME)])]
        assert held.begun.wait(30)
        waiting += [decider.submit([Ask(body, ME)]) for body in arrivals[1:4]]
        held.go.set()
        assert fallbacks([one.result(30) for one in waiting]) == [None] * 4
    assert held.sizes == [1, 3]


def test_a_group_has_a_limit_and_keeps_requests_whole(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with decider_of(service, seconds=30, bounds=Bounds(most_together=2)) as decider:
        waiting = [decider.submit([Ask(arrivals[0], ME)])]
        assert held.begun.wait(30)
        waiting += [decider.submit([Ask(body, ME) for body in part]) for part in (arrivals[1:4], arrivals[4:5])]
        held.go.set()
        assert [len(one.result(30)) for one in waiting] == [1, 3, 1]
    assert held.sizes == [1, 3, 1]


def test_scoring_that_hangs_is_not_waited_for(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with decider_of(service, seconds=0.2) as decider:
        first = decider.submit([Ask(arrivals[0], ME)]).result(30)
        # It hangs still: the next ones are decided at once, and without it.
        second = decider.submit([Ask(arrivals[1], ME)]).result(30)
        assert fallbacks([first, second]) == ["timeout", "timeout"]
        assert held.sizes == [1]
        held.go.set()
        until(lambda: fallbacks([decider.submit([Ask(arrivals[2], ME)]).result(30)]) is not None)
        until(lambda: decider._scorer._late is None or decider._scorer._late.done())
        assert fallbacks([decider.submit([Ask(arrivals[3], ME)]).result(30)]) == [None]


def test_one_that_waited_too_long_for_its_turn_goes_without_a_score(service: Service, arrivals: list[Body]) -> None:
    clock = [0.0]
    made = Decider(lambda: service, lambda: at(9), seconds=1.0, monotonic=lambda: clock[0])
    made._is_running = True  # as if a group were under way
    late = made.submit([Ask(arrivals[0], ME)])
    clock[0] = 1.5
    early = made.submit([Ask(arrivals[1], ME)])
    made._run()
    assert fallbacks([late.result(30), early.result(30)]) == ["timeout", None]
    made.close()


def test_a_full_queue_takes_nothing_and_says_so(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with decider_of(service, seconds=30, bounds=Bounds(most_waiting=2)) as decider:
        first = decider.submit([Ask(arrivals[0], ME)])
        assert held.begun.wait(30)
        waiting = [decider.submit([Ask(body, ME)]) for body in arrivals[1:3]]
        with pytest.raises(BusyError):
            decider.submit([Ask(arrivals[3], ME)])
        held.go.set()
        assert fallbacks([one.result(30) for one in (first, *waiting)]) == [None] * 3
        assert decider.waiting_count == 0


def test_a_full_queue_is_a_503_that_says_when_to_come_again(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> None:
        raise BusyError

    with monkeypatch.context() as patch:
        patch.setattr(Decider, "decide", busy)
        patch.setattr(Decider, "waiting_count", 999)
        answer = desk.post(arrivals[0])
        batch = desk.post(arrivals[:2]).json()["results"]
        # Of plain requests and of large ones.
        assert "basira_declarations_waiting 1998.0" in desk.get("metrics").text
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "1")
    assert [one["problem"]["code"] for one in batch] == ["busy", "busy"]
    assert desk.get(f"declarations/{arrivals[0]['declaration_id']}").status_code == 404


def test_who_waits_when_it_stops_is_decided_first(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with decider_of(service, seconds=30) as decider:
        first = decider.submit([Ask(arrivals[0], ME)])
        assert held.begun.wait(30)
        second = decider.submit([Ask(arrivals[1], ME)])
        threading.Timer(0.1, held.go.set).start()
    # Closed by now.
    assert fallbacks([first.result(0), second.result(0)]) == [None, None]


def test_one_who_went_away_is_decided_all_the_same(service: Service, arrivals: list[Body]) -> None:
    async def leave(decider: Decider) -> list[Any]:
        gone = asyncio.create_task(decider.decide([Ask(arrivals[0], ME)]))
        stays = asyncio.create_task(decider.decide([Ask(arrivals[1], ME)]))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    with decider_of(service, seconds=30) as decider:
        (found,) = asyncio.run(leave(decider))
        assert isinstance(found, Decided)
        (again,) = decider.submit([Ask(arrivals[1], ME)]).result(30)
        assert isinstance(again, Replayed)


def test_a_fault_of_the_whole_group_reaches_everybody(service: Service, arrivals: list[Body]) -> None:
    def broken() -> Service:
        raise ZeroDivisionError

    made = Decider(broken, lambda: at(9))
    (found,) = made.submit([Ask(arrivals[0], ME)]).result(30)
    assert isinstance(found, Failed)
    assert isinstance(found.error, ZeroDivisionError)
    made.close()


def test_a_large_batch_takes_a_few_transactions(desk: Desk, arrivals: list[Body]) -> None:
    bodies = [{**arrivals[n % len(arrivals)], "declaration_id": f"B-{n}"} for n in range(120)]
    writes: list[int] = []

    @sa.event.listens_for(desk.service.database.reserved.engine, "commit")
    def _count(_connection: Any) -> None:
        writes.append(1)

    results = desk.post(bodies).json()["results"]
    assert [one["decision"]["declaration_id"] for one in results] == [body["declaration_id"] for body in bodies]
    with desk.service.database.read() as connection:
        heads = connection.execute(sa.select(CHAIN_HEAD).where(CHAIN_HEAD.c.stream == "event")).all()
        offices = connection.execute(sa.text("select count(*) from selection_state")).scalar_one()
        assert connection.execute(sa.select(sa.func.count()).select_from(EVENT)).scalar_one() == 240
    assert len(heads) == 1
    # Three groups of fifty at most, and the key's last use.
    assert len(writes) <= 4 + offices


def _has_evidence(scored: Scored) -> bool:
    assert scored.evidence is not None
    return "complete" in vars(scored.evidence.features)


def test_evidence_is_computed_for_reasons_and_for_rules_that_read_it_alone(
    service: Service, arrivals: list[Body]
) -> None:
    known = [one for body in arrivals if isinstance(one := read_declaration(body, received_at=NOW), Declaration)]
    scored = assess_online(known, service.knowledge, today=TODAY)
    first, second, third = scored[:3]
    assert list(first.candidate.features) == list(second.candidate.features)
    assert first.candidate.features["potential_duties_amount"]
    assert not any(map(_has_evidence, scored)), "nobody reads the evidence of a released declaration"
    items_with_reasons([first], service.model)
    assert [_has_evidence(one) for one in (first, second, third)] == [True, False, False]
    read = second.candidate.features["expected_value_per_kg_deviation"]
    assert [_has_evidence(one) for one in (first, second, third)] == [True, True, False]
    features = online_features(known[scored.index(second)].rows, service.profiles.profiles())
    assert isinstance(features, OnlineFeatures)
    assert read == tuple(features.frame()["expected_value_per_kg_deviation"])
    assert None not in read


def test_reasons_are_those_that_a_table_of_the_same_features_gives(service: Service, arrivals: list[Body]) -> None:
    declarations = [read_declaration(body, received_at=NOW) for body in arrivals]
    known = [one for one in declarations if isinstance(one, Declaration)]
    scored = assess_online(known, service.knowledge, today=TODAY)
    model, compared = service.model, 0
    assert model is not None
    for one, declaration, items in zip(scored, known, items_with_reasons(scored, model), strict=True):
        features = online_features(declaration.rows, service.profiles.profiles())
        if isinstance(features, NotOnline):
            continue
        frame = features.frame()
        expected = explain_items(
            model.less_usual(model.contributions(frame)),
            model.encoding.names,
            REASONS.with_categories(model.encoding.categories),
            [own | row for own, row in zip(frame.rows(named=True), declaration.rows, strict=True)],
            kinds=[item.kind_probabilities for item in one.items],
        )
        assert [(i.reasons, i.verify, i.references) for i in items] == [
            (e.reasons, e.verify, e.references) for e in expected
        ]
        compared += 1
    assert compared >= 5


@pytest.fixture
def renewable(history: History, whole: Service, tmp_path: Path) -> Iterator[Service]:
    """A service on a copy of the store."""
    store = Path(shutil.copytree(history.root, tmp_path / "store"))
    made = open_service(ServiceSettings(store, whole.policies, language="en"), today=TODAY)
    yield made
    made.close()


def test_a_new_model_decides_once_it_is_promoted_without_a_restart(renewable: Service, arrivals: list[Body]) -> None:
    desk = desk_of(renewable)
    assert with_live_model(renewable, now=NOW) is renewable
    assert renewable.store is not None
    newer = train(
        History.open(renewable.store), as_of=AS_OF, seed=2, now=NOW + timedelta(hours=1), settings=QUICK, engine=ENGINE
    )
    before = desk.post(arrivals[0]).json()["versions"]["model"]
    assert with_live_model(renewable, now=NOW) is renewable  # a candidate decides nothing
    promote(renewable, newer.version)
    desk.client.app.state.service = with_live_model(renewable, now=NOW)  # type: ignore[attr-defined]  # as `renew`
    after = desk.post(arrivals[1]).json()["versions"]["model"]
    assert (before, after) == (renewable.model.version if renewable.model else "", newer.version)


def test_a_new_model_that_cannot_be_read_is_passed_over(renewable: Service) -> None:
    assert renewable.store is not None
    History.open(renewable.store)
    models = renewable.store / "models"
    (known,) = [place for place in models.iterdir() if not place.name.startswith(".")]
    torn = Path(shutil.copytree(known, models / "9999-torn"))
    card = (torn / "card.json").read_text(encoding="utf-8")
    (torn / "card.json").write_text(card.replace(known.name, "9999-torn"), encoding="utf-8")
    promote(renewable, "9999-torn")
    assert with_live_model(renewable, now=NOW) is renewable


def test_a_model_that_was_asked_for_decides_while_it_is_live(renewable: Service) -> None:
    assert renewable.model is not None
    known = renewable.model.version
    only = replace(renewable, only_model=known)
    assert with_live_model(only, now=NOW) is only
    promote(renewable, "another")
    without = with_live_model(only, now=NOW)
    assert (without.model, "another" in without.model_fault) == (None, True)
    # Nothing decides rather than another one; and nothing is asked for where no store is.
    assert with_live_model(replace(without, store=None), now=NOW).model is None


def promote(service: Service, version: str) -> None:
    """Write down that a model is live, without asking who may: that is tests/workflows' business."""
    with service.database.write() as connection:
        append_model_step(connection, NewStep(version, "live", "u-1", "tried"), now=NOW)


def test_a_key_is_asked_for_once_a_second() -> None:
    clock, asked = [0.0], list[str]()
    principals = {"good": Principal("k-1", "key")}

    def recognise(token: str) -> Principal | None:
        asked.append(token)
        return principals.get(token)

    remembered = Remembered(recognise, monotonic=lambda: clock[0])
    assert remembered.fresh("good") is None
    assert [remembered("good") is not None, remembered("good") is not None, remembered("bad")] == [True, True, None]
    assert asked == ["good", "bad"]
    del principals["good"]
    clock[0] = 0.99
    assert remembered("good") is not None
    clock[0] = 1.0
    assert remembered("good") is None
    assert remembered.fresh("good") is None


def test_a_look_that_failed_leaves_no_score_behind_for_the_next_to_wait_on(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)

    def away(*_: object, **__: object) -> None:
        held.go.set()
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    with decider_of(service, seconds=30) as decider:
        with monkeypatch.context() as patch:
            patch.setattr(serve, "look_up", away)
            (failed,) = decider.submit([Ask(arrivals[0], ME)]).result(30)
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, sa.exc.OperationalError | StoreError)
        assert fallbacks([decider.submit([Ask(arrivals[0], ME)]).result(30)]) == [None]
    assert held.sizes == [1, 1]


def test_one_alone_that_was_sent_before_or_is_amended_is_what_it_would_be_in_a_group(
    service: Service, arrivals: list[Body]
) -> None:
    amended = {**arrivals[0], "manifest_id": "M2"}
    with decider_of(service, seconds=30) as decider:
        first, again, later = (decider.submit([Ask(body, ME)]).result(30)[0] for body in (*[arrivals[0]] * 2, amended))
    assert isinstance(first, Decided)
    assert isinstance(again, Replayed)
    assert isinstance(later, Decided)
    assert json.loads(again.text) == first.body
    assert later.body["declaration_version"] == 2
    assert later.body["fraud_probability"] == first.body["fraud_probability"]


def test_what_was_scored_in_a_group_is_not_scored_again_alone(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    held.go.set()
    break_placing(monkeypatch, arrivals[0]["declaration_id"])
    with decider_of(service, seconds=30) as decider:
        found = decider.submit([Ask(body, ME) for body in arrivals[:2]]).result(30)
    assert [type(getattr(one, "error", one)) for one in found] == [ZeroDivisionError, Decided]
    assert held.sizes == [2]


def test_scoring_is_not_begun_when_no_time_is_left_for_it(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, clock, look = Held(monkeypatch), [0.0], serve.look_up
    held.go.set()

    def slow(*arguments: Any, **named: Any) -> Any:
        clock[0] += 2
        return look(*arguments, **named)

    monkeypatch.setattr(serve, "look_up", slow)
    with decider_of(service, seconds=1, monotonic=lambda: clock[0]) as decider:
        assert fallbacks([decider.submit([Ask(body, ME) for body in arrivals[:2]]).result(30)]) == ["timeout"] * 2
    assert held.sizes == []
