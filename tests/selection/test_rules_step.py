"""The step of analysts' rules: both engines run it, capacity holds, and the random control keeps its slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import pytest

from basira.schema.errors import PolicyError, UsageError
from basira.schema.records import Candidate, Selection
from basira.selection import Policy
from basira.selection.batch.allocate import allocate
from basira.selection.online.decide import decide_online, decide_without_state
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recover_day
from basira.selection.online.state import OnlineState, begin_day
from basira.selection.steps import STEPS, Step, Wish, with_rules
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy

NINE = datetime(2021, 1, 4, 9)


class Wanted:
    """Wishes by declaration id."""

    def __init__(self, wishes: Mapping[str, Wish]) -> None:
        self._wishes = wishes

    @property
    def lanes(self) -> frozenset[str]:
        return frozenset(wish.lane for wish in self._wishes.values())

    def find(self, one: Candidate, day: date) -> Wish | None:
        assert day == MONDAY
        return self._wishes.get(one.declaration_id)

    def recall(self, rule_id: str) -> Wish | None:
        return next((wish for wish in self._wishes.values() if wish.rule_id == rule_id), None)


def wanting(*names: str, lane: str = "orange", is_mandatory: bool = False) -> tuple[Step, ...]:
    return with_rules(Wanted({name: Wish(lane, "phones-cn", is_mandatory) for name in names}))


def online(
    candidates: list[Candidate], rules: Policy, steps: tuple[Step, ...], *, seed: int = 1
) -> tuple[list[Selection], OnlineState]:
    state = begin_day(plan_day("A", rules, day=MONDAY, past=[], expected_count=float(len(candidates))))
    found = []
    for i, one in enumerate(candidates):
        moment = NINE + timedelta(minutes=i)
        selection, state = decide_online(one, state, rules, moment=moment, seed=seed, steps=steps)
        found.append(selection)
    return found, state


DAY = [candidate(f"D{i:02d}", float(i % 7), commodity_code="93" if i in (3, 14) else "85") for i in range(20)]
EVERYONE = [one.declaration_id for one in DAY]
ROOM = {
    "capacity": [{"office": "*", "lanes": counts(40, 40, 40)}],
    "mandatory": [listed("red", "arms", commodity_code=["93"])],
}


def test_with_slots_for_everyone_a_rule_has_its_lane_in_both_engines() -> None:
    steps = wanting("D01", "D03", "D05")
    batch = allocate(DAY, policy(**ROOM), day=MONDAY, seed=1, steps=steps).selections
    alone, _ = online(DAY, policy(**ROOM), steps)
    for selections in (batch, alone):
        by_rule = {s.declaration_id: (s.lane, s.rule_id) for s in selections if s.basis == "rule"}
        # D03 is under the policy's own list, which goes first.
        assert by_rule == {"D01": ("orange", "phones-cn"), "D05": ("orange", "phones-cn")}
        assert [s.rule_id for s in selections if s.basis == "mandatory"] == ["arms", "arms"]


def test_capacity_holds_in_both_engines() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.0, "lane": "orange"}
    )
    steps = wanting(*EVERYONE)
    batch = allocate(DAY, rules, day=MONDAY, seed=1, steps=steps)
    alone, state = online(DAY, rules, steps)
    for selections in (batch.selections, alone):
        assert Counter(s.basis for s in selections)["rule"] == 5
        assert not any(s.is_beyond_capacity for s in selections)
        assert sum(s.lane == "orange" for s in selections) == 5
    assert state.used == {"orange": 5}
    assert state.beyond == {}


def test_a_mandatory_rule_holds_beyond_capacity_in_both_engines() -> None:
    rules = policy(capacity=[{"office": "*", "lanes": counts(0, 5, 0)}])
    steps = wanting(*EVERYONE, is_mandatory=True)
    for selections in (
        allocate(DAY, rules, day=MONDAY, seed=1, steps=steps).selections,
        tuple(online(DAY, rules, steps)[0]),
    ):
        assert Counter((s.basis, s.lane, s.is_beyond_capacity) for s in selections) == {
            ("rule", "orange", False): 5,
            ("rule", "orange", True): 15,
        }


def test_rules_that_want_everything_leave_the_random_control_its_slots() -> None:
    """What a rule wants and does not get is in the pool of the random control, like every other declaration."""
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.1, "lane": "orange"}
    )
    batch = allocate(DAY, rules, day=MONDAY, seed=3, steps=wanting(*EVERYONE)).selections
    counted = Counter(s.basis for s in batch)
    assert counted["rule"] == 3  # a tenth of 20 is kept
    assert counted["random"] in (1, 2)  # of the 17 that are left, 1.7 on average
    left = [s for s in batch if s.basis != "rule"]
    assert all(0 < s.inclusion_probability < 1 for s in left)
    assert all(s.rule_id == "" for s in left)
    alone, _ = online(DAY, rules, wanting(*EVERYONE))
    assert 3 <= Counter(s.basis for s in alone)["rule"] < 5


def test_the_rest_of_the_day_is_as_if_what_got_no_slot_had_not_been_claimed() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.1, "lane": "orange"}
    )
    batch = allocate(DAY, rules, day=MONDAY, seed=3, steps=wanting(*EVERYONE)).selections
    got = [s.declaration_id for s in batch if s.basis == "rule"]
    again = allocate(DAY, rules, day=MONDAY, seed=3, steps=wanting(*got)).selections
    assert batch == again


def test_without_rules_nothing_changes() -> None:
    rules = policy(**ROOM)
    assert allocate(DAY, rules, day=MONDAY, seed=1, steps=wanting()) == allocate(DAY, rules, day=MONDAY, seed=1)
    assert online(DAY, rules, wanting()) == online(DAY, rules, STEPS)


def test_without_a_state_only_a_mandatory_rule_keeps_its_lane() -> None:
    rules = policy(**ROOM)
    free = decide_without_state(DAY[1], rules, day=MONDAY, seed=1, steps=wanting("D01"))
    bound = decide_without_state(DAY[1], rules, day=MONDAY, seed=1, steps=wanting("D01", is_mandatory=True))
    assert (free.basis, free.rule_id) == ("fallback", "")
    assert (bound.basis, bound.lane, bound.rule_id) == ("rule", "orange", "phones-cn")


def test_a_day_is_recovered_from_what_was_recorded() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 5, 0)}], random_control={"share": 0.1, "lane": "orange"}
    )
    steps = wanting(*EVERYONE)
    alone, state = online(DAY, rules, steps)
    arrivals = [
        RecordedArrival(NINE + timedelta(minutes=i), one.fraud_probability, one.expected_revenue, s.basis, s.rule_id)
        for i, (one, s) in enumerate(zip(DAY, alone, strict=True))
    ]
    recovered = recover_day(
        state.plan, rules, arrivals=arrivals, used=state.used, beyond=state.beyond, sequence=state.sequence, steps=steps
    )
    assert recovered.today == state.today


@pytest.mark.parametrize("lane", ["purple", "green"])
def test_a_lane_that_the_policy_lacks_or_that_does_not_inspect_is_no_lane(lane: str) -> None:
    with pytest.raises(PolicyError, match=lane):
        allocate(DAY, policy(**ROOM), day=MONDAY, seed=1, steps=wanting("D01", lane=lane))


def test_such_a_step_stands_before_the_random_control() -> None:
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 2, 0)}], random_control={"share": 0.05, "lane": "orange"}
    )
    late = wanting("D01")
    with pytest.raises(UsageError, match="before the random control"):
        allocate(DAY, rules, day=MONDAY, seed=1, steps=(late[0], late[2], late[3], late[4], late[1], late[5]))
