"""The step of analysts' rules: both engines run it, capacity holds, and the random control keeps its slots."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from basira.schema.errors import PolicyError, UsageError
from basira.schema.records import Candidate, Selection, Wish
from basira.selection import Policy
from basira.selection.batch.allocate import allocate
from basira.selection.online.decide import decide_online, decide_without_state
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recover_day
from basira.selection.online.state import OnlineState, begin_day
from basira.selection.steps import STEPS
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy

NINE = datetime(2021, 1, 4, 9)


def wanting(*names: str, lane: str = "orange", is_mandatory: bool = False, is_least: bool = False) -> list[Candidate]:
    """The day, with what the rules want of some."""
    wish = Wish(lane, "phones-cn", is_mandatory, is_least=is_least)
    return [replace(one, wish=wish) if one.declaration_id in names else one for one in DAY]


def online(candidates: list[Candidate], rules: Policy, *, seed: int = 1) -> tuple[list[Selection], OnlineState]:
    state = begin_day(plan_day("A", rules, day=MONDAY, past=[], expected_count=float(len(candidates))))
    found = []
    for i, one in enumerate(candidates):
        moment = NINE + timedelta(minutes=i)
        selection, state = decide_online(one, state, rules, moment=moment, seed=seed)
        found.append(selection)
    return found, state


DAY = [candidate(f"D{i:02d}", float(i % 7), commodity_code="93" if i in (3, 14) else "85") for i in range(20)]
EVERYONE = [one.declaration_id for one in DAY]
ROOM = {
    "capacity": [{"office": "*", "lanes": counts(40, 40, 40)}],
    "mandatory": [listed("red", "arms", commodity_code=["93"])],
}


def test_with_slots_for_everyone_a_rule_has_its_lane_in_both_engines() -> None:
    day = wanting("D01", "D03", "D05")
    batch = allocate(day, policy(**ROOM), day=MONDAY, seed=1).selections
    alone, _ = online(day, policy(**ROOM))
    for selections in (batch, alone):
        by_rule = {s.declaration_id: (s.lane, s.rule_id) for s in selections if s.basis == "rule"}
        # D03 is under the policy's own list, which goes first.
        assert by_rule == {"D01": ("orange", "phones-cn"), "D05": ("orange", "phones-cn")}
        assert [s.rule_id for s in selections if s.basis == "mandatory"] == ["arms", "arms"]


def test_capacity_holds_in_both_engines() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.0, "lane": "orange"}
    )
    day = wanting(*EVERYONE)
    batch = allocate(day, rules, day=MONDAY, seed=1)
    alone, state = online(day, rules)
    for selections in (batch.selections, alone):
        assert Counter(s.basis for s in selections)["rule"] == 5
        assert not any(s.is_beyond_capacity for s in selections)
        assert sum(s.lane == "orange" for s in selections) == 5
    assert state.used == {"orange": 5}
    assert state.beyond == {}


def test_a_mandatory_rule_holds_beyond_capacity_in_both_engines() -> None:
    rules = policy(capacity=[{"office": "*", "lanes": counts(0, 5, 0)}])
    day = wanting(*EVERYONE, is_mandatory=True)
    for selections in (allocate(day, rules, day=MONDAY, seed=1).selections, tuple(online(day, rules)[0])):
        assert Counter((s.basis, s.lane, s.is_beyond_capacity) for s in selections) == {
            ("rule", "orange", False): 5,
            ("rule", "orange", True): 15,
        }


def test_rules_that_want_everything_leave_the_random_control_its_slots() -> None:
    """What a rule wants and does not get is in the pool of the random control, like every other declaration."""
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.1, "lane": "orange"}
    )
    batch = allocate(wanting(*EVERYONE), rules, day=MONDAY, seed=3).selections
    counted = Counter(s.basis for s in batch)
    assert counted["rule"] == 3  # a tenth of 20 is kept
    assert counted["random"] in (1, 2)  # of the 17 that are left, 1.7 on average
    left = [s for s in batch if s.basis != "rule"]
    assert all(0 < s.inclusion_probability < 1 for s in left)
    assert all(s.rule_id == "" for s in left)
    alone, _ = online(wanting(*EVERYONE), rules)
    assert 3 <= Counter(s.basis for s in alone)["rule"] < 5


def test_the_rest_of_the_day_is_as_if_what_got_no_slot_had_not_been_claimed() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.1, "lane": "orange"}
    )
    batch = allocate(wanting(*EVERYONE), rules, day=MONDAY, seed=3).selections
    got = [s.declaration_id for s in batch if s.basis == "rule"]
    again = allocate(wanting(*got), rules, day=MONDAY, seed=3).selections
    assert batch == again


def test_without_a_state_only_a_mandatory_rule_keeps_its_lane() -> None:
    rules = policy(**ROOM)
    free = decide_without_state(wanting("D01")[1], rules, day=MONDAY, seed=1)
    bound = decide_without_state(wanting("D01", is_mandatory=True)[1], rules, day=MONDAY, seed=1)
    assert (free.basis, free.rule_id) == ("fallback", "")
    assert (bound.basis, bound.lane, bound.rule_id) == ("rule", "orange", "phones-cn")


def test_a_day_is_recovered_from_what_was_recorded() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.1, "lane": "orange"}
    )
    day = wanting(*EVERYONE)
    alone, state = online(day, rules)
    arrivals = [
        RecordedArrival(
            NINE + timedelta(minutes=i), one.fraud_probability, one.expected_revenue, s.basis, s.rule_id, wish=one.wish
        )
        for i, (one, s) in enumerate(zip(day, alone, strict=True))
    ]
    recovered = recover_day(
        state.plan, rules, arrivals=arrivals, used=state.used, beyond=state.beyond, sequence=state.sequence
    )
    assert recovered.today == state.today


@pytest.mark.parametrize("lane", ["purple", "green"])
def test_a_lane_that_the_policy_lacks_or_that_does_not_inspect_is_no_lane(lane: str) -> None:
    with pytest.raises(PolicyError, match=lane):
        allocate(wanting("D01", lane=lane), policy(**ROOM), day=MONDAY, seed=1)


def test_such_a_step_stands_before_the_random_control() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 2, 0)}], random_control={"share": 0.05, "lane": "orange"}
    )
    late = (STEPS[0], STEPS[2], STEPS[3], STEPS[4], STEPS[1], STEPS[5])
    with pytest.raises(UsageError, match="before the random control"):
        allocate(wanting("D01"), rules, day=MONDAY, seed=1, steps=late)


def weighed(name: str, **wish: Any) -> list[Candidate]:
    return [replace(one, wish=Wish(**wish)) if one.declaration_id == name else one for one in DAY]


@pytest.mark.parametrize(
    "objective", [{"rank_by": "revenue"}, {"order": "balanced"}, {"rank_by": "blend", "revenue_weight": 0.5}]
)
def test_a_weight_moves_a_declaration_in_the_order_of_both_engines(objective: dict[str, Any]) -> None:
    rules = policy(capacity=[{"office": "*", "lanes": counts(0, 3, 0)}], objective=objective)
    plain = allocate(DAY, rules, day=MONDAY, seed=1).selections
    heavy = allocate(weighed("D05", weight=10.0), rules, day=MONDAY, seed=1).selections
    light = allocate(weighed("D06", weight=0.1), rules, day=MONDAY, seed=1).selections
    assert heavy[5].rank == 1
    assert (plain[5].rank or 0) > 1
    assert (plain[6].rank or 0) <= 3 < (light[6].rank or 0)
    assert "model" not in {s.basis for s in (light[6],)}
    state = begin_day(plan_day("A", rules, day=MONDAY, past=[], expected_count=20.0))
    values = [
        decide_online(day[5], state, rules, moment=NINE, seed=1)[1].today.open_scores
        for day in (DAY, weighed("D05", weight=10.0))
    ]
    assert max(values[0].bins) < max(values[1].bins)


def test_an_exemption_ends_the_selection_by_rank_and_no_control() -> None:
    """Never out of the random control, of the mandatory list, or of the fallback without a score."""
    everyone = [replace(one, wish=Wish(is_exempt=True)) for one in DAY]
    rules = policy(**ROOM, random_control={"share": 0.25, "lane": "orange"})
    batch = allocate(everyone, rules, day=MONDAY, seed=1).selections
    alone, _ = online(everyone, rules)
    for selections in (batch, alone):
        counted = Counter(s.basis for s in selections)
        assert counted["mandatory"] == 2
        assert counted["model"] == 0
        assert set(counted) == {"mandatory", "random", "exempt"}
        assert all(s.inclusion_probability > 0 for s in selections)
    unscored = replace(candidate("D99", None), wish=Wish(is_exempt=True))
    [only] = allocate([unscored], rules, day=MONDAY, seed=1).selections
    assert only.basis in ("fallback", "random")


RANKED = policy(
    capacity=[{"office": "*", "lanes": counts(3, 20, 4)}],
    objective={"order": "findings"},
    random_control={"share": 0.0, "lane": "orange"},
)
# By falling probability: D06 and D13 stand first, D00, D07 and D14 last, with nothing.
FIRST, LAST = "D06", "D07"


@pytest.mark.parametrize("is_mandatory", [False, True])
def test_a_rule_that_wants_orange_does_not_lower_what_the_model_puts_in_red(is_mandatory: bool) -> None:
    wanted = wanting(FIRST, LAST, is_mandatory=is_mandatory, is_least=True)
    batch = allocate(wanted, RANKED, day=MONDAY, seed=1)
    without = allocate(DAY, RANKED, day=MONDAY, seed=1)
    assert next(s.lane for s in without.selections if s.declaration_id == FIRST) == "red"
    found = {s.declaration_id: s for s in batch.selections}
    assert (found[FIRST].lane, found[FIRST].basis, found[FIRST].rule_id) == ("red", "rule", "phones-cn")
    assert (found[LAST].lane, found[LAST].basis) == ("orange", "rule")
    assert found[FIRST].inclusion_probability == found[LAST].inclusion_probability == 1.0
    assert not any(s.is_lane_full or s.is_beyond_capacity for s in batch.selections)
    assert {use.lane: use.used for use in batch.capacity}["red"] == 4


def test_a_wish_of_a_record_before_lanes_were_the_least_keeps_the_lane_of_the_rule() -> None:
    wanted = wanting(FIRST)
    for selections in (allocate(wanted, RANKED, day=MONDAY, seed=1).selections, online(wanted, RANKED)[0]):
        assert {s.declaration_id: s.lane for s in selections}[FIRST] == "orange"


def test_online_the_lane_is_that_of_the_same_arrival_without_the_rule_where_that_is_more_intensive() -> None:
    state = begin_day(plan_day("A", RANKED, day=MONDAY, past=[], expected_count=40.0))
    raised = 0
    for number, (free, claimed) in enumerate(zip(DAY, wanting(*EVERYONE, is_least=True), strict=True)):
        moment = NINE + timedelta(minutes=number)
        with_rule, after = decide_online(claimed, state, RANKED, moment=moment, seed=5)
        without, _ = decide_online(free, state, RANKED, moment=moment, seed=5)
        if with_rule.basis == "rule":
            lanes = RANKED.intensity[with_rule.lane], RANKED.intensity[without.lane]
            assert lanes[0] == max(lanes[1], RANKED.intensity["orange"])
            assert with_rule.inclusion_probability == 1.0
            raised += with_rule.lane == "red"
        state = after
    assert 0 < raised == state.used["red"] <= 4


def test_what_is_exempt_without_a_score_or_kept_from_heavy_lanes_by_relief_is_not_raised() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(3, 6, 20)}],
        objective={"order": "findings"},
        oea={"maximum_lane": "orange"},
    )
    wish = Wish("yellow", "phones-cn", is_least=True)
    best = candidate("D90", 900.0)
    day = [
        replace(best, wish=wish),
        replace(best, declaration_id="D91", wish=replace(wish, is_exempt=True)),
        replace(candidate("D92", None), wish=wish),
        replace(best, declaration_id="D93", is_oea=True, wish=wish),
    ]
    for selections in (allocate(day, rules, day=MONDAY, seed=1).selections, online(day, rules)[0]):
        assert [(s.lane, s.basis) for s in selections[:3]] == [("red", "rule"), ("yellow", "rule"), ("yellow", "rule")]
        assert selections[3].lane in ("yellow", "orange")
