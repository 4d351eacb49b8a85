"""The balanced order online: the batch's value to the bit, recorded with what weighed it, made again from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from basira.decisions.records import Decision
from basira.ingest.mapping.model import load_mapping
from basira.schema.stake import balanced_value
from basira.selection.policy.load import load_policy
from basira.serving.decide.placement import restore_state
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.online.office_state import find_state
from basira.storage.record.events import find_events
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.targeting.score import choose_model
from basira.workflows.targeting.target import Order, target
from tests.support.api_world import AS_OF, ENGINE, TODAY, Desk, at, desk_of

Body = dict[str, Any]
OFFICE = "SIM-A"


@pytest.fixture
def balanced(whole: Service, tmp_path: Path) -> Iterator[Desk]:
    """A service under the same policy in the balanced order."""
    folder = tmp_path / "balanced"
    folder.mkdir()
    text = (whole.policies / "policy.toml").read_text(encoding="utf-8")
    text = text.replace('order = "blend"\nrevenue_weight = 0.5\n', 'order = "balanced"\n')
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    assert load_policy(folder, TODAY).objective.order == "balanced"
    service = replace(whole, policies=folder, database=Database(tmp_path / "operations.sqlite"))
    yield desk_of(service)
    service.close()


def decision_of(service: Service, name: str) -> Decision:
    with service.database.read() as connection:
        (row,) = [one for one in find_events(connection, name) if one["kind"] == "decision"]
    return Decision.from_event(row)


def test_the_value_is_that_of_the_batch_to_the_bit(
    balanced: Desk, history: History, arrivals: list[Body], tmp_path: Path
) -> None:
    balanced.post(arrivals)
    copy = shutil.copytree(history.root, tmp_path / "copy")
    rows = [{**{k: v for k, v in b.items() if k != "items"}, **item} for b in arrivals for item in b["items"]]
    (tmp_path / "day.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    store = History.open(copy)
    ingest_files(store, [tmp_path / "day.jsonl"], load_mapping("basira"), received_at=datetime(2024, 1, 2))
    model = choose_model(store, as_of=AS_OF)
    batch = target(
        store,
        Order(day=TODAY, as_of=AS_OF, seed=1, any_office=True),
        model=model,
        policy=load_policy(balanced.service.policies, TODAY),
        now=datetime(2024, 1, 2),
        engine=ENGINE,
    )
    weighed = batch.run.options["order"]
    assert weighed == {"typical_amount": model.stake_scale.typical_amount, "exponent": model.stake_scale.exponent}
    sent = {body["declaration_id"] for body in arrivals}
    compared = 0
    for one in batch.decisions:
        if one.declaration_id not in sent:
            continue
        online = decision_of(balanced.service, one.declaration_id)
        assert online.order == weighed
        in_batch = balanced_value(one.fraud_probability, one.expected_revenue, model.stake_scale)
        assert balanced_value(online.fraud_probability, online.expected_revenue, online.stake_scale) == in_batch
        compared += 1
    assert compared == len(arrivals)


def test_the_day_comes_out_the_same_with_the_model_and_without_it(
    balanced: Desk, history: History, arrivals: list[Body], tmp_path: Path
) -> None:
    balanced.post([{**body, "office": OFFICE} for body in arrivals])
    balanced.clock[0] = at(11)
    failing = desk_of(replace(balanced.service, model=None))
    failing.clock[0] = at(11)
    failing.post({**arrivals[0], "office": OFFICE, "declaration_id": "NO-SCORE"})
    assert decision_of(balanced.service, "NO-SCORE").order is None
    for root in (history.root, tmp_path / "nothing kept"):
        report = replay_online(balanced.service, root, OFFICE, TODAY)
        assert (report.lanes, report.differences, report.is_state_same) == (len(arrivals) + 1, (), True)
    with balanced.service.database.read() as connection:
        state = restore_state(find_state(connection, OFFICE, TODAY.isoformat()).state)
    # Values of the balanced order lie near probabilities, far under amounts.
    assert state.today.order == "balanced"
    assert max(state.today.open_scores.bins, default=0) < 60


def test_another_scale_on_record_is_found(balanced: Desk, history: History, arrivals: list[Body], monkeypatch) -> None:
    balanced.post([{**body, "office": OFFICE} for body in arrivals])
    honest = Decision.stake_scale.fget

    def other(self: Decision) -> Any:
        scale = honest(self)
        return None if scale is None else replace(scale, typical_amount=scale.typical_amount / 1e6, exponent=1.0)

    monkeypatch.setattr(Decision, "stake_scale", property(other))
    assert replay_online(balanced.service, history.root, OFFICE, TODAY).is_state_same is False


def test_what_is_recorded_of_other_orders_is_as_before(whole: Service, arrivals: list[Body], tmp_path: Path) -> None:
    service = replace(whole, database=Database(tmp_path / "blend.sqlite"))
    desk_of(service).post(arrivals[0])
    with service.database.read() as connection:
        (row,) = [one for one in find_events(connection, arrivals[0]["declaration_id"]) if one["kind"] == "decision"]
    assert "order" not in row["payload"]
    service.close()
