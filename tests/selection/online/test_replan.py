"""A policy that changes during the day: the day is planned again from where it stands, and no slot is given twice."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from basira.selection.online.decide import decide_online
from basira.selection.online.forecast import plan_day
from basira.selection.online.replan import replan_day
from basira.selection.online.state import begin_day, capacity_use, read_plan, read_state
from basira.selection.online.tally import Tally
from tests.selection.online.test_decide import NINE, begin, run
from tests.support.selection_world import MONDAY, candidate, content, counts, listed, policy, wording

EVENING = NINE + timedelta(hours=8)
ARMS = [listed("red", "arms", commodity_code=["93"])]


def morning(rules):
    candidates = [candidate(f"D{i}", 9.0 + i, commodity_code="9301" if i % 9 == 0 else "8517") for i in range(40)]
    return run([*candidates, *(candidate(f"U{i}", None) for i in range(6))], rules, expected=100, hours=6)[1]


def test_slots_arrivals_and_the_control_are_carried_over_under_the_new_policy_s_digest():
    old = policy(
        capacity=[{"office": "*", "lanes": counts(4, 2, 1)}],
        mandatory=ARMS,
        random_control={"share": 0.1, "lane": "orange", "strata": ["is_oea"]},
    )
    new = policy(
        capacity=[{"office": "*", "lanes": counts(9, 2, 1)}],
        mandatory=ARMS,
        random_control={"share": 0.1, "lane": "orange", "strata": ["is_oea"]},
    )
    state = morning(old)
    assert state.beyond
    assert state.used
    again = replan_day(state, new)
    assert again.plan == plan_day("A", new, day=MONDAY, past=[], expected_count=100)
    assert again.plan.policy_digest == new.digest
    assert (again.used, again.beyond, again.control, again.today) == (
        state.used,
        state.beyond,
        state.control,
        state.today,
    )
    assert (again.sequence, again.latest_at, again.unscored_rate) == (
        state.sequence,
        state.latest_at,
        state.unscored_rate,
    )
    # It is a state like any other: written, read, and the day goes on within the new capacity.
    assert read_state(again.to_json(), read_plan(again.plan.canonical)) == again
    for i in range(60):
        _, again = decide_online(candidate(f"E{i}", 50.0), again, new, moment=EVENING, seed=1)
    for row in capacity_use(again, new):
        assert row.used == row.capacity + again.beyond.get(row.lane, 0)


def test_what_the_old_policy_gave_counts_against_fewer_slots():
    old = policy(capacity=[{"office": "*", "lanes": counts(6, 6, 6)}])
    state = run([candidate(f"D{i}", 9.0) for i in range(30)], old, hours=10)[1]
    new = policy(capacity=[{"office": "*", "lanes": counts(1, 1, 1)}])
    state = replan_day(state, new)
    for i in range(20):
        s, state = decide_online(candidate(f"E{i}", 99.0), state, new, moment=EVENING, seed=1)
        assert s.basis == "none"


def test_lanes_that_are_gone_or_no_longer_inspect_take_no_slot_and_break_nothing():
    old = policy(mandatory=ARMS)
    state = morning(old)
    lanes = [one for one in content()["lanes"] if one["id"] in ("green", "yellow")]
    new = policy(
        lanes=[*lanes, {"id": "purple", "label": wording("purple"), "inspects": True, "effectiveness": 0.9}],
        capacity=[{"office": "*", "lanes": {"yellow": {"count": 30}, "purple": {"count": 3}}}],
        random_control={"share": 0.1, "lane": "purple"},
    )
    again = replan_day(state, new)
    assert (again.used, again.beyond) == (state.used, state.beyond)
    assert {row.lane for row in capacity_use(again, new)} == {"yellow", "purple"}
    assert again.today.count == state.today.count
    s, _ = decide_online(candidate("E", 99.0), again, new, moment=EVENING, seed=1)
    assert s.lane in ("green", "yellow", "purple")


def test_workers_of_two_policies_in_turn_give_no_slot_of_a_lane_twice_that_one_of_them_lacks():
    old = policy(capacity=[{"office": "*", "lanes": counts(4, 2, 1)}])
    new = policy(
        lanes=[one for one in content()["lanes"] if one["id"] != "orange"],
        capacity=[{"office": "*", "lanes": {"yellow": {"count": 4}, "red": {"count": 1}}}],
        random_control={"share": 0.1, "lane": "yellow"},
    )
    state = run([candidate(f"D{i}", 9.0 + i) for i in range(40)], old, hours=10)[1]
    given = state.used["orange"]
    assert given == 2
    _, state = decide_online(candidate("M", 1.0), replan_day(state, new), new, moment=EVENING, seed=1)
    state = replan_day(state, old)
    for i in range(20):
        s, state = decide_online(candidate(f"E{i}", 99.0), state, old, moment=EVENING, seed=1)
        assert s.lane != "orange"
    assert state.used["orange"] == given


def test_past_days_of_a_policy_with_more_lanes_can_be_planned_from():
    old = policy(mandatory=ARMS)
    today = morning(old).today
    assert max(today.mandatory) == 4
    lanes = [one for one in content()["lanes"] if one["id"] in ("green", "yellow")]
    new = policy(
        lanes=lanes,
        capacity=[{"office": "*", "lanes": {"yellow": {"count": 3}}}],
        random_control={"share": 0.1, "lane": "yellow"},
    )
    plan = plan_day("A", new, day=MONDAY, past=[(date(2021, 1, 3), today)])
    assert set(plan.recent.mandatory) == {1}
    assert plan.recent.mandatory_count > 0
    decide_online(candidate("E", 9.0), begin_day(plan), new, moment=NINE, seed=1)


def test_the_same_policy_plans_nothing_again():
    state = begin(policy())
    assert replan_day(state, policy()) is state


def test_the_past_weighs_what_the_new_policy_says():
    rules = policy()
    plan = plan_day("A", rules, day=MONDAY, past=[(date(2021, 1, 3), morning(rules).today)])
    again = replan_day(begin_day(plan), policy(online={"history_weight": 5}))
    assert again.plan.recent.count == pytest.approx(5)
    assert (again.plan.expected_count, again.plan.profile) == (plan.expected_count, plan.profile)


def test_the_moment_seen_before_the_change_holds_after_it():
    rules, new = policy(), policy(version="2")
    _, state = decide_online(candidate("D", 1.0), begin(rules), rules, moment=EVENING, seed=1)
    again = replan_day(state, new)
    _, after = decide_online(candidate("E", 1.0), again, new, moment=datetime(2021, 1, 4, 8), seed=1)
    assert after.latest_at == EVENING
    assert isinstance(after.today, Tally)
