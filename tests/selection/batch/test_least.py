"""What a rule wants is the least: raised without another number of inspections, and without another probability."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from basira.schema.records import Candidate, Selection, Wish
from basira.selection import Policy
from basira.selection.batch.allocate import Allocation, allocate
from basira.selection.batch.least import raise_least
from basira.selection.places import OfficePlaces
from tests.support.selection_world import MONDAY, candidate, counts, listed, policy


def test_the_raised_one_has_the_slot_of_the_last_that_the_model_put_there() -> None:
    # Lanes 1 to 3 inspect. Position 0 stands first and is in lane 1 by its rule; 1 to 4 are the model's.
    lanes = {0: 1, 1: 3, 2: 3, 3: 2, 4: 1}
    found = raise_least(
        lanes, OfficePlaces([None, 0, 0, 0]), order=[0, 1, 2, 3, 4], reach={0: 3}, by_model=[1, 2, 3, 4]
    )
    # 2 makes room for 0, 3 for 2, and has the slot that 0 left.
    assert found == {0: 3, 2: 2, 3: 1}


def test_nothing_ahead_in_the_order_makes_room() -> None:
    lanes = {0: 3, 1: 1}
    assert raise_least(lanes, OfficePlaces([None, 0, 0, 0]), order=[0, 1], reach={1: 3}, by_model=[0]) == {}


def test_a_slot_that_is_left_is_taken_before_another_s() -> None:
    lanes = {0: 1, 1: 3}
    assert raise_least(lanes, OfficePlaces([None, 0, 0, 1]), order=[0, 1], reach={0: 3}, by_model=[1]) == {0: 3}


def test_one_beyond_capacity_has_no_slot_to_exchange() -> None:
    lanes = {0: 1, 1: 3}
    full, free = OfficePlaces([None, 0, 0, 0]), OfficePlaces([None, 0, 1, 0])
    assert raise_least(lanes, full, order=[0, 1], reach={0: 3}, by_model=[1], beyond=[0]) == {}
    assert raise_least(lanes, free, order=[0, 1], reach={0: 3}, by_model=[1], beyond=[0]) == {0: 3, 1: 2}


def day_of(draw: Random) -> tuple[list[Candidate], Policy]:
    """A drawn day of one office: scores, authorised operators, and rules that want lanes of some."""
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(*(draw.randrange(6) for _ in range(3)))}],
        objective={"order": "findings"},
        random_control={"share": draw.choice([0.0, 0.1]), "lane": draw.choice(["yellow", "orange", "red"])},
        oea={"maximum_lane": draw.choice([None, "yellow", "orange"])},
        mandatory=[listed("yellow", "arms", commodity_code=["93"])],
    )
    day = []
    for number in range(draw.randrange(1, 25)):
        one = candidate(
            f"D{number:02d}",
            draw.choice([None, *[float(value) for value in range(40)]]),
            oea=draw.random() < 0.2,
            commodity_code="93" if draw.random() < 0.1 else "85",
        )
        if draw.random() < 0.4:
            lane = draw.choice(["yellow", "orange", "red"])
            one = replace(one, wish=Wish(lane, "rule", draw.random() < 0.2, is_least=True))
        day.append(one)
    return day, rules


def with_least(day: list[Candidate], *, is_least: bool) -> list[Candidate]:
    return [one if one.wish is None else replace(one, wish=replace(one.wish, is_least=is_least)) for one in day]


def passed_over(found: Allocation, day: list[Candidate], rules: Policy) -> list[tuple[str, str]]:
    """Pairs of one that a rule claims and one of the model's behind it, in a lane that the first might have."""
    intensity = rules.intensity
    most = len(rules.lanes) - 1 if rules.oea.maximum_lane is None else intensity[rules.oea.maximum_lane]

    def reach(one: Candidate) -> int:
        return most if one.is_oea else len(rules.lanes) - 1

    return [
        (mine.declaration_id, other.declaration_id)
        for one, mine in zip(day, found.selections, strict=True)
        for other in found.selections
        if mine.basis == "rule"
        and not mine.is_beyond_capacity
        and mine.rank is not None
        and other.basis == "model"
        and other.rank is not None
        and mine.rank < other.rank
        and intensity[mine.lane] < intensity[other.lane] <= reach(one)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_days_with_least_lanes_keep_every_probability_and_pass_over_no_claim(seed: int) -> None:
    """Drawn days beside the same without: who is inspected, and how probably, does not change; no lane is lowered."""
    draw = Random(seed)
    for _ in range(15):
        day, rules = day_of(draw)
        found = allocate(day, rules, day=MONDAY, seed=seed)
        plain = allocate(with_least(day, is_least=False), rules, day=MONDAY, seed=seed)
        assert passed_over(found, day, rules) == []
        for one, before in zip(found.selections, plain.selections, strict=True):
            same = ("basis", "inclusion_probability", "rank", "rule_id")
            assert [getattr(one, name) for name in same] == [getattr(before, name) for name in same]
            assert rules.lanes[rules.intensity[one.lane]].inspects == rules.lanes[rules.intensity[before.lane]].inspects
            if one.basis == "rule":
                assert rules.intensity[one.lane] >= rules.intensity[before.lane]
        assert slots_hold(found.selections, found)


def slots_hold(selections: tuple[Selection, ...], found: Allocation) -> bool:
    within = Counter(s.lane for s in selections if not s.is_beyond_capacity)
    return all(within[use.lane] <= use.capacity for use in found.capacity)
