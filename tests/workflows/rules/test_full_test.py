"""A recorded rule on a day that a run decided, beside its model and its other rules; and what watching shows."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import timedelta

import pytest

from basira.decisions.records import Decision
from basira.models.risk.risk_model import RiskModel
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.rules.full_test import FullTestOrder, run_full_test, values_of_test
from basira.workflows.rules.period import PeriodDays
from basira.workflows.rules.watch import watch_rules
from basira.workflows.targeting.record import operations_of, record, rules_of
from basira.workflows.targeting.target import Order, target
from tests.support.live_rules import make_live, rule_content
from tests.support.workflow_world import AS_OF, ENGINE, NOW

DAY = AS_OF + timedelta(days=1)
DAYS = PeriodDays(DAY, DAY, DAY + timedelta(days=60))
POLICY = load_policy(shipped("policies") / "morocco", DAY)


@pytest.fixture(scope="module")
def decided(
    history: History, model: RiskModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[History, list[Decision]]:
    """A store with two live rules and the run of a day."""
    root = tmp_path_factory.mktemp("full") / "store"
    shutil.copytree(history.root, root)
    store = History.open(root)
    operations_of(store).unlink(missing_ok=True)
    with Database(operations_of(store)) as database:
        lane = POLICY.lanes[-1].id
        make_live(database, rule_content("heavy", "net_mass_kg > 1000", effect={"lane": lane}))
        make_live(database, rule_content("heavier", "net_mass_kg > 5000", effect={"tag": "heavier"}))
    order = Order(day=DAY, as_of=AS_OF, seed=7, rules=rules_of(store, DAY))
    targeted = target(store, order, model=model, policy=POLICY, now=NOW, engine=ENGINE, language="en")
    record(store, targeted)
    return store, list(targeted.decisions)


def test_hits_are_counted_by_what_would_have_taken_them(decided: tuple[History, list[Decision]]) -> None:
    store, decisions = decided
    with Database(operations_of(store)) as database:
        found = run_full_test(store, database, FullTestOrder("heavy", DAYS, NOW), lambda _day: POLICY, engine=ENGINE)
    hit = [one for one in decisions if any(j["rule_id"] == "heavy" and j["outcome"] == "hit" for j in one.rules)]
    assert found.test.hits == len(hit) > 0
    model = found.beside.model
    assert model is not None
    assert model.undecided == 0
    assert model.otherwise + model.selected + model.added == found.test.hits
    bases = Counter(one.basis for one in hit)
    assert model.otherwise == bases["random"] + bases["mandatory"] + bases["fallback"]
    # What the model took although the rule was there, it would have taken without it.
    assert model.selected >= bases["model"]
    (other,) = found.beside.others
    assert (other.rule_id, other.common) == ("heavier", other.hits)
    assert found.beside.alone <= model.added
    assert sum(one.hits for one in found.beside.classes) == found.test.hits
    values = values_of_test(found)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["first"] == DAY.isoformat()


def test_watching_weighs_controls_beside_the_random_control(decided: tuple[History, list[Decision]]) -> None:
    store, decisions = decided
    worths = {one.rule_id: one for one in watch_rules(store, DAYS, engine=ENGINE)}
    assert set(worths) == {"heavy", "heavier"}
    acted = [
        one
        for one in decisions
        if one.basis != "random"
        and POLICY.lane(one.lane).inspects
        and any(j["rule_id"] == "heavy" and j.get("acts") for j in one.rules)
    ]
    assert 0 <= worths["heavy"].evidence.pairs <= len(acted)
    # A day is too little to say anything.
    assert {one.evidence.advice for one in worths.values()} == {"unknown"}


def test_a_rule_that_wants_no_lane_pushes_nothing_out(decided: tuple[History, list[Decision]]) -> None:
    store, _ = decided
    with Database(operations_of(store)) as database:
        found = run_full_test(store, database, FullTestOrder("heavier", DAYS, NOW), lambda _day: POLICY, engine=ENGINE)
    assert found.beside.model is not None
    assert all(one.pushed_out == 0 for one in found.beside.model.office_days)
