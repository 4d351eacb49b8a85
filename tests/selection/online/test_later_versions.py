"""A later version of a declaration on its office's day: decided again, and no arrival more."""

from __future__ import annotations

from datetime import datetime

from basira.selection.online.decide import decide_online
from basira.selection.online.forecast import plan_day
from basira.selection.online.state import OnlineState, begin_day, capacity_use
from basira.selection.policy.model import Policy
from tests.support.selection_world import MONDAY, candidate, policy

NINE = datetime(2021, 1, 4, 9)


def begin(rules: Policy) -> OnlineState:
    return begin_day(plan_day("A", rules, day=MONDAY, past=[], expected_count=1.0))


def shares() -> Policy:
    lanes = {name: {"share": 0.1, "minimum": 0} for name in ("yellow", "orange", "red")}
    return policy(capacity=[{"office": "*", "lanes": lanes}])


def test_capacity_that_is_a_share_does_not_grow_by_amendments() -> None:
    rules = shares()
    state = begin(rules)
    for number in range(9):
        _, state = decide_online(candidate(f"D{number}", 100.0 + number), state, rules, moment=NINE, seed=1)
    before = state
    for _ in range(30):
        _, state = decide_online(candidate("D1", 100.0), state, rules, moment=NINE, seed=1, is_counted=True)
    assert (state.today, state.control) == (before.today, before.control)
    assert [use.capacity for use in capacity_use(state, rules)] == [use.capacity for use in capacity_use(before, rules)]


def test_the_first_of_a_day_is_counted_whatever_was_before() -> None:
    """Its earlier version was decided without a state, which had nothing to count it in."""
    _, state = decide_online(candidate("D1", 100.0), begin(shares()), shares(), moment=NINE, seed=1, is_counted=True)
    assert state.today.count == 1
    assert sum(one.pool_count for one in state.control.values()) == 1
