"""The balanced order: what it weighs, what it does where something is unknown, and the same in a batch and online."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from basira.schema.records import Candidate
from basira.schema.stake import StakeScale, balanced_value
from basira.selection import allocate
from basira.selection.online.decide import _value, decide_online
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recover_day
from basira.selection.online.replan import replan_day
from basira.selection.online.state import begin_day, read_plan, read_state
from basira.selection.online.tally import Tally, bin_of
from basira.selection.policy.model import Objective
from basira.selection.ranking import in_force, rank, value_of
from tests.selection.online.test_decide import NINE
from tests.support.selection_world import MONDAY, counts, policy

SCALE = StakeScale(2_000.0, 0.2)
BALANCED = policy(objective={"order": "balanced"}, capacity=[{"office": "*", "lanes": counts(6, 2, 2)}])


def scored(name: str, p: float | None, stake: float = 0.0, scale: StakeScale | None = SCALE) -> Candidate:
    return Candidate(name, 1, "A", p, None if p is None else p * stake, stake_scale=scale)


def some(count: int, seed: int) -> list[Candidate]:
    rng = random.Random(seed)
    return [scored(f"D{i:04d}", rng.random() ** 3, rng.lognormvariate(8, 2)) for i in range(count)]


def order(candidates: list[Candidate], objective: Objective) -> tuple[int, ...]:
    return rank(candidates, list(range(len(candidates))), objective).order


@pytest.mark.parametrize("exponent", [0.05, 0.2, 0.5, 1.0])
def test_the_value_rises_with_probability_and_with_stake(exponent):
    rng = random.Random(3)
    objective = Objective(stake_exponent=exponent)
    for _ in range(500):
        p, stake = rng.uniform(1e-6, 0.9), rng.lognormvariate(7, 3)
        value = value_of(scored("D", p, stake), objective)
        assert value_of(scored("D", p * 1.05, stake), objective) > value
        assert value_of(scored("D", p, stake * 1.5), objective) > value
        assert value >= p


def test_with_exponent_0_it_is_the_order_by_probability_to_the_bit():
    candidates = some(300, 1)
    at_zero = rank(candidates, [0] * 300, Objective(stake_exponent=0.0))
    by_probability = rank(candidates, [0] * 300, Objective(order="findings"))
    assert at_zero == by_probability


def test_the_currency_of_the_amounts_changes_no_place():
    candidates = some(300, 2)
    other = [
        replace(c, expected_revenue=c.expected_revenue * 4096.0, stake_scale=StakeScale(2_000.0 * 4096.0, 0.2))
        for c in candidates
    ]
    assert order(candidates, Objective()) == order(other, Objective())


def test_the_stake_of_a_declaration_is_its_revenue_if_irregular():
    # Two items of .5 and .2 with 1,000 and 4,000 at stake: 1,300 expected, and .6 that one of them is irregular.
    p, expected = 1 - 0.5 * 0.8, 0.5 * 1_000 + 0.2 * 4_000
    value = value_of(Candidate("D", 1, "A", p, expected, stake_scale=StakeScale(1_000.0, 0.5)), Objective())
    assert value == pytest.approx(0.6 * math.sqrt(1 + 1.3 / 0.6))


def test_what_is_unknown_ranks_by_its_probability_and_is_reported():
    nothing = scored("D0", 0.3)
    assert value_of(nothing, Objective()) == 0.3
    # The same probability with a stake comes first, a smaller one that no stake lifts over it comes behind.
    candidates = [nothing, scored("D1", 0.3, 10.0), scored("D2", 0.2, 10.0), scored("D3", None)]
    assert order(candidates, Objective()) == (1, 0, 2)
    notices = {one.code: one.figures["count"] for one in allocate(candidates, BALANCED, day=MONDAY, seed=1).notices}
    assert notices["stake_unknown"] == 1
    before = [replace(one, stake_scale=None) for one in candidates]
    assert order(before, Objective()) == order(before, Objective(order="findings"))
    notices = {one.code: one.figures["count"] for one in allocate(before, BALANCED, day=MONDAY, seed=1).notices}
    assert notices["stake_not_weighed"] == 3
    for other in ("findings", "revenue"):
        found = allocate(candidates, BALANCED.with_order(other), day=MONDAY, seed=1).notices
        assert not {"stake_unknown", "stake_not_weighed"} & {one.code for one in found}


def test_possible_numbers_at_the_edge_give_a_number():
    for p, expected in ((5e-324, 1e300), (1.0, 1e308), (0.0, 5.0), (0.0, 0.0), (1.0, 0.0)):
        value = balanced_value(p, expected, StakeScale(1e-3, 1.0))
        assert 0 <= value < math.inf
        bin_of(value)


@pytest.mark.parametrize(
    ("amount", "exponent"), [(0.0, 0.2), (-1.0, 0.2), (math.nan, 0.2), (1.0, 1.1), (1.0, math.nan)]
)
def test_a_scale_that_weighs_nothing_is_rejected(amount, exponent):
    with pytest.raises(ValueError, match="typical amount above 0"):
        StakeScale(amount, exponent)


def test_the_policy_s_exponent_holds_before_the_card_s():
    one = scored("D", 0.5, 6_000.0)
    assert value_of(one, Objective(stake_exponent=0.5)) == 1.0
    assert in_force(SCALE, Objective(stake_exponent=0.5)) == StakeScale(2_000.0, 0.5)
    assert in_force(SCALE, Objective()) == SCALE
    assert in_force(SCALE, Objective(order="revenue")) is None
    assert in_force(None, Objective()) is None


def test_online_and_batch_rank_by_the_same_value_to_the_bit():
    candidates = some(400, 5)
    ranked = rank(candidates, [0] * 400, BALANCED.objective)
    state = begin_day(plan_day("A", BALANCED, day=MONDAY, past=[], expected_count=400))
    for position, one in enumerate(candidates):
        assert _value(one, state, BALANCED) == ranked.value[position]
        _, state = decide_online(one, state, BALANCED, moment=NINE + timedelta(seconds=position), seed=1)


def after(rules, candidates):
    """The tally of a day of these candidates, ranked under this policy."""
    state = begin_day(plan_day("A", rules, day=MONDAY - timedelta(days=1), past=[], expected_count=len(candidates)))
    for position, one in enumerate(candidates):
        moment = NINE - timedelta(days=1) + timedelta(seconds=position)
        _, state = decide_online(one, state, rules, moment=moment, seed=1)
    return state


def test_values_of_another_order_are_no_values_of_this_one():
    # Amounts rank above every probability: counted in, they would close the model's slots until evening.
    revenue = BALANCED.with_order("revenue")
    day = MONDAY - timedelta(days=1)
    for old, new in ((revenue, BALANCED), (BALANCED, revenue)):
        today = after(old, some(60, 6)).today
        plan = plan_day("A", new, day=MONDAY, past=[(day, today)])
        assert plan.recent.count == 0
        assert plan.expected_count == pytest.approx(60)
        same = plan_day("A", old, day=MONDAY, past=[(day, today)])
        assert same.recent.count > 0
    # A policy that changes in the middle of the day drops the recent days, and marks the day as of no order.
    begun = begin_day(plan_day("A", revenue, day=MONDAY, past=[(day, after(revenue, some(60, 6)).today)]))
    changed = replan_day(begun, BALANCED)
    assert changed.plan.recent.count == 0
    assert changed.today.order == "mixed"
    assert plan_day("A", BALANCED, day=MONDAY + timedelta(days=1), past=[(MONDAY, changed.today)]).recent.count == 0
    _, changed = decide_online(some(1, 7)[0], changed, BALANCED, moment=NINE, seed=1)
    assert read_state(changed.to_json(), read_plan(changed.plan.canonical)) == changed


def test_plans_of_older_orders_keep_their_text():
    plan = plan_day("A", BALANCED.with_order("revenue"), day=MONDAY, past=[])
    assert "order" not in plan.canonical
    assert Tally().content() == {
        name: value for name, value in Tally(order="balanced").content().items() if name != "order"
    }


def test_a_day_made_again_from_its_record_counts_the_same_values():
    candidates = some(80, 8)
    state = begin_day(plan_day("A", BALANCED, day=MONDAY, past=[], expected_count=80))
    arrivals = []
    for position, one in enumerate(candidates):
        moment = NINE + timedelta(seconds=position)
        selection, state = decide_online(one, state, BALANCED, moment=moment, seed=1)
        arrivals.append(
            RecordedArrival(
                moment, one.fraud_probability, one.expected_revenue, selection.basis, "", in_force(SCALE, Objective())
            )
        )
    again = recover_day(state.plan, BALANCED, arrivals=arrivals, used=state.used, beyond={}, sequence=state.sequence)
    assert again.today == state.today
