"""A day whose state is lost is made again from its recorded decisions, and gives no slot a second time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from basira.selection.online.decide import decide_online
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recover_day
from basira.selection.online.state import begin_day
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy


def test_a_recovered_day_knows_its_slots_and_its_arrivals():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(3, 2, 1)}],
        mandatory=[listed("red", "arms", commodity_code=["93"])],
        random_control={"share": 0.1, "lane": "orange"},
    )
    plan = plan_day("A", rules, day=MONDAY, past=[], expected_count=40)
    state, arrivals, used, beyond = begin_day(plan), [], Counter(), Counter()
    for i in range(40):
        one = candidate(f"D{i}", None if i % 3 == 0 else float(i), commodity_code="9301" if i % 5 == 1 else "8517")
        moment = datetime(2021, 1, 4, 8) + timedelta(minutes=10 * i)
        s, state = decide_online(one, state, rules, moment=moment, seed=1)
        arrivals.append(RecordedArrival(moment, one.fraud_probability, one.expected_revenue, s.basis, s.rule_id))
        if rules.lane(s.lane).inspects:
            (beyond if s.is_beyond_capacity else used)[s.lane] += 1
    again = recover_day(plan, rules, arrivals=arrivals, used=used, beyond=beyond, sequence=state.sequence)
    assert beyond["yellow"] > 0
    assert {lane: n for lane, n in again.used.items() if n} == {lane: n for lane, n in state.used.items() if n}
    assert {lane: n for lane, n in again.beyond.items() if n} == {lane: n for lane, n in state.beyond.items() if n}
    assert again.today == state.today
    assert (again.sequence, again.latest_at) == (state.sequence, state.latest_at)
    assert again.unscored_rate == state.unscored_rate


def test_slots_of_a_lane_that_the_policy_lacks_stay_counted():
    rules = policy(capacity=[{"office": "*", "lanes": counts(3, 2, 1)}])
    plan = plan_day("A", rules, day=MONDAY, past=[], expected_count=40)
    again = recover_day(plan, rules, arrivals=[], used={"violet": 2}, beyond={"violet": 1}, sequence=7)
    assert (again.used["violet"], again.beyond["violet"]) == (2, 1)
