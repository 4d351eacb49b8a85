"""Before a day is targeted: what a second run changes, and what became of the last list."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.history.store import History
from basira.workflows.targeting.earlier import find_earlier_run, previous_results
from basira.workflows.targeting.record import record
from basira.workflows.targeting.target import Order, target
from tests.support.workflow_world import AS_OF, ENGINE, NOW

DAY = AS_OF + timedelta(days=1)
NEXT = Order(day=DAY + timedelta(days=1), as_of=DAY, seed=1)


@pytest.fixture(scope="module")
def policy():
    return load_policy(shipped("policies") / "morocco", DAY)


@pytest.fixture
def store(history, tmp_path) -> History:
    return History.open(shutil.copytree(history.root, tmp_path / "store"))


@pytest.fixture(scope="module")
def make(history, model, policy):
    made = {}

    def run(**order):
        key = tuple(order.items())
        if key not in made:
            wanted = replace(Order(day=DAY, as_of=AS_OF, seed=7), **order)
            made[key] = target(history, wanted, model=model, policy=policy, now=NOW, engine=ENGINE)
        return made[key]

    return run


def test_a_first_run_has_none_before_it(store, make):
    assert find_earlier_run(store, make()) is None
    assert previous_results(store, NEXT) is None


def test_the_same_again_changes_nothing_and_another_draw_names_each_lane(store, make):
    first = make()
    record(store, first)
    same = find_earlier_run(store, replace(make(), run=replace(make().run, run_id="another")))
    assert same is not None
    assert (same.run_id, same.changes, same.inspected_before) == (first.run.run_id, (), same.inspected_after)
    lanes = {one.declaration_id: one.lane for one in first.decisions}
    other = next(run for seed in range(8, 60) if (run := make(seed=seed)).decisions != first.decisions)
    found = find_earlier_run(store, other)
    changed = {one.declaration_id: one.lane for one in other.decisions if one.lane != lanes[one.declaration_id]}
    assert {one.declaration_id: one.after for one in found.changes} == changed
    assert all(one.before == lanes[one.declaration_id] for one in found.changes)


def test_a_run_of_one_office_is_compared_with_its_own_declarations(store, make):
    first = make()
    record(store, first)
    office = first.decisions[0].office
    part = make(office=office)
    # The draw of an office depends on its own declarations alone.
    assert find_earlier_run(store, part).changes == ()
    other = next(one.office for one in first.decisions if one.office != office)
    alone = History.open(shutil.copytree(store.root, store.root.with_name("alone")))
    (alone.root / "operations.sqlite").unlink()
    record(alone, part)
    assert find_earlier_run(alone, make(office=other)) is None


def test_a_declaration_that_came_later_was_absent_before(store, make):
    first = make()
    record(store, replace(first, decisions=first.decisions[1:]))
    new = replace(first, run=replace(first.run, run_id="another"))
    (change,) = find_earlier_run(store, new).changes
    assert (change.declaration_id, change.before) == (first.decisions[0].declaration_id, None)


def test_results_of_the_last_list_are_those_known_by_then(store, make, policy, world):
    first = make()
    record(store, first)
    late = Order(day=DAY + timedelta(days=60), as_of=DAY + timedelta(days=59), seed=1)
    found = previous_results(store, late)
    inspecting = {lane.id for lane in policy.lanes if lane.inspects}
    listed = [one.declaration_id for one in first.decisions if one.lane in inspecting]
    assert (found.day, found.run_ids) == (DAY, (first.run.run_id,))
    assert sum(one.selected for one in found.lanes) == len(listed)
    known = world.outcomes.filter(pl.col("declaration_id").is_in(listed), pl.col("known_at").dt.date() <= late.as_of)
    assert known.height > 0, "the world has results for this day"
    assert sum(one.inspected for one in found.lanes) == known["declaration_id"].n_unique()
    irregular = known.filter(pl.col("is_irregular"))
    assert sum(one.irregular for one in found.lanes) == irregular["declaration_id"].n_unique()
    assert sum(one.revenue_amount for one in found.lanes) == pytest.approx(irregular["additional_revenue_amount"].sum())
    # The day after, what becomes known later does not count.
    soon = previous_results(store, NEXT)
    now = known.filter(pl.col("known_at").dt.date() <= NEXT.as_of)
    assert sum(one.inspected for one in soon.lanes) == now["declaration_id"].n_unique()
    assert {one.lane for one in found.lanes} <= inspecting


def test_only_the_office_asked_for_and_only_earlier_days_count(store, make):
    first = make()
    record(store, first)
    office = first.listing.lines[0].office
    part = previous_results(store, replace(NEXT, office=office))
    assert sum(one.selected for one in part.lanes) == sum(line.office == office for line in first.listing.lines)
    assert previous_results(store, Order(day=DAY, as_of=AS_OF, seed=1)) is None
