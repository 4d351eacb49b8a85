"""The order of selection: a step of one's own is one entry of the tuple, and both engines run it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import cast

import pytest

from basira.schema.records import Basis, Candidate, Selection
from basira.selection import Policy
from basira.selection.batch.allocate import allocate
from basira.selection.online.decide import decide_online, decide_without_state
from basira.selection.online.forecast import plan_day
from basira.selection.online.recovery import RecordedArrival, recover_day
from basira.selection.online.state import OnlineState, begin_day
from basira.selection.steps import STEPS, Claim, Step
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy

PICK = cast("Basis", "pick")
NINE = datetime(2021, 1, 4, 9)


class Picks:
    """What an officer picked: the step that these tests add."""

    def __init__(self, is_picked: Callable[[Candidate], bool], lane: int) -> None:
        self._is_picked, self._claim = is_picked, Claim(lane, lane, "pick-7")

    def find(self, one: Candidate) -> Claim | None:
        return self._claim if self._is_picked(one) else None

    def recall(self, candidate: Candidate, rule_id: str) -> Claim | None:
        return self._claim if rule_id == "pick-7" else None


def picking(*names: str, lane: str = "orange") -> Step:
    def claims(rules: Policy, day: date) -> Picks:
        assert day == MONDAY
        return Picks(lambda one: one.declaration_id in names, rules.intensity[lane])

    return Step(PICK, claims=claims)


def with_step(step: Step, *, at: int) -> tuple[Step, ...]:
    return (*STEPS[:at], step, *STEPS[at:])


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


DAY = [
    *(candidate(f"D{i}", float(i % 7), commodity_code="93" if i in (3, 14) else "85") for i in range(20)),
    *(candidate(f"U{i}", None) for i in range(3)),
]
# Slots for everyone, so that only the steps say who is inspected.
ROOM = {
    "capacity": [{"office": "*", "lanes": counts(40, 40, 40)}],
    "mandatory": [listed("red", "arms", commodity_code=["93"])],
    "objective": {"rank_by": "revenue", "minimum_expected_revenue": 4.0},
}


@pytest.mark.parametrize("at", range(len(STEPS)))
def test_one_step_more_gives_the_same_lanes_in_a_batch_and_one_by_one(at):
    rules, steps = policy(**ROOM), with_step(picking("D1", "D3", "D5", "U1"), at=at)
    batch = allocate(DAY, rules, day=MONDAY, seed=1, steps=steps)
    one_by_one, _ = online(DAY, rules, steps)
    for made, alone in zip(batch.selections, one_by_one, strict=True):
        assert (made.lane, made.basis, made.rule_id) == (alone.lane, alone.basis, alone.rule_id), made.declaration_id
        assert made.inclusion_probability == alone.inclusion_probability
    picked = {s.declaration_id for s in one_by_one if s.basis == PICK}
    # The first step that claims a declaration has it: D3 is under a mandatory rule as well.
    assert picked == ({"D1", "D3", "D5", "U1"} if at == 0 else {"D1", "D5", "U1"})
    assert all(s.rule_id == "pick-7" and s.inclusion_probability == 1.0 for s in one_by_one if s.basis == PICK)


def test_without_slots_what_a_step_claims_is_inspected_all_the_same_in_both():
    rules = policy(capacity=[{"office": "*", "lanes": counts(1, 2, 5)}])
    day = [candidate(f"D{i}", 1.0) for i in range(6)]
    steps = with_step(picking(*(one.declaration_id for one in day)), at=1)
    batch = allocate(day, rules, day=MONDAY, seed=1, steps=steps).selections
    alone, _ = online(day, rules, steps)
    for selections in (batch, alone):
        assert Counter((s.lane, s.is_lane_full, s.is_beyond_capacity) for s in selections) == {
            ("orange", False, False): 2,
            ("yellow", True, False): 1,
            ("orange", False, True): 3,
        }


def test_without_a_state_a_step_keeps_its_lane():
    found = decide_without_state(DAY[1], policy(**ROOM), day=MONDAY, seed=1, steps=with_step(picking("D1"), at=0))
    assert (found.lane, found.basis, found.rule_id, found.is_without_state) == ("orange", PICK, "pick-7", False)


def test_what_a_step_claims_counts_like_what_the_list_asks_for():
    """The same declarations, claimed by a step or listed: every lane and probability is the same."""
    tight = {"capacity": [{"office": "*", "lanes": counts(3, 2, 1)}], "random_control": {"share": 0.2, "lane": "red"}}
    named = [candidate(f"D{i}", float(i), importer_id="I1" if i % 5 == 2 else "I2") for i in range(25)]
    picked = [one.declaration_id for one in named if one.attributes["importer_id"] == ("I1",)]
    by_list = policy(**tight, mandatory=[listed("orange", "pick-7", importer_id=["I1"])])
    by_step = allocate(named, policy(**tight), day=MONDAY, seed=4, steps=with_step(picking(*picked), at=0))
    for made, expected in zip(by_step.selections, allocate(named, by_list, day=MONDAY, seed=4).selections, strict=True):
        assert (made.lane, made.rank, made.rule_id) == (expected.lane, expected.rank, expected.rule_id)
        assert made.inclusion_probability == expected.inclusion_probability


@pytest.mark.parametrize("at", [1, 2, 3])
def test_the_probabilities_hold_wherever_the_step_stands(at):
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(1, 1, 1)}], random_control={"share": 0.25, "lane": "orange"}
    )
    day = [*(candidate(f"D{i}", float(i + 1)) for i in range(6)), candidate("U0", None), candidate("U1", None)]
    steps, seeds = with_step(picking("D0", lane="yellow"), at=at), 500
    inspected: Counter[str] = Counter()
    for seed in range(seeds):
        made = allocate(day, rules, day=MONDAY, seed=seed, steps=steps).selections
        inspected.update(s.declaration_id for s in made if rules.lane(s.lane).inspects)
    for s in made:
        # Four standard deviations of a frequency.
        p = s.inclusion_probability
        assert abs(inspected[s.declaration_id] / seeds - p) <= 4 * (p * (1 - p) / seeds) ** 0.5 + 1e-12, s


def test_a_day_that_is_made_again_knows_what_a_step_claimed():
    rules, steps = policy(**ROOM), with_step(picking("D1", "D5"), at=1)
    found, state = online(DAY, rules, steps)
    arrivals = [
        RecordedArrival(NINE + timedelta(minutes=i), one.fraud_probability, one.expected_revenue, s.basis, s.rule_id)
        for i, (one, s) in enumerate(zip(DAY, found, strict=True))
    ]
    again = recover_day(
        state.plan,
        rules,
        arrivals=arrivals,
        used=state.used,
        beyond=state.beyond,
        sequence=state.sequence,
        steps=steps,
    )
    assert again.today.mandatory == state.today.mandatory
    assert sum(again.today.mandatory.values()) == 4


class Asks:
    """A rule over what a candidate carries: cheap goods of a code, of a trader who is new."""

    def __init__(self, rules: Policy, day: date) -> None:
        self._claim = Claim(rules.intensity["orange"], rules.intensity["orange"], "cheap-and-new")

    def find(self, one: Candidate) -> Claim | None:
        items_seen = one.features.get("importer_items", ())
        for row, seen in zip(one.items, items_seen, strict=len(items_seen) > 0):
            if row["commodity_code"] == "8517" and row["customs_value_amount"] < 10 and seen == 0:
                return self._claim
        return None

    def recall(self, rule_id: str) -> Claim | None:
        return self._claim if rule_id == "cheap-and-new" else None


def carrying(name: str, values: list[float], *, seen: list[int] | None, score: float | None = 1.0) -> Candidate:
    items = [{"commodity_code": "8517", "customs_value_amount": value} for value in values]
    bare = candidate(name, score)
    return replace(bare, items=items, features={} if seen is None else {"importer_items": seen})


def test_a_step_asks_declared_values_of_every_item_and_features_also_without_a_score():
    rules = policy(capacity=[{"office": "*", "lanes": counts(9, 9, 9)}])
    day = [
        carrying("D0", [50.0, 5.0], seen=[3, 0]),
        carrying("D1", [50.0, 5.0], seen=[0, 3]),
        carrying("D2", [5.0], seen=[0], score=None),
        carrying("D3", [5.0], seen=None, score=None),
    ]
    steps = with_step(Step(PICK, claims=Asks), at=1)
    batch = allocate(day, rules, day=MONDAY, seed=1, steps=steps).selections
    one_by_one, _ = online(day, rules, steps)
    for selections in (batch, one_by_one):
        assert [s.declaration_id for s in selections if s.rule_id == "cheap-and-new"] == ["D0", "D2"]
