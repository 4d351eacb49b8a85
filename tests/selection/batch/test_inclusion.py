"""The inclusion probability: against every possible draw, against frequencies, and against scipy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from basira.schema.records import Candidate
from basira.selection import Policy
from basira.selection.batch.allocate import allocate
from basira.selection.batch.draw import plan_draw
from basira.selection.batch.reach import Places, Ranking, reach_probability
from tests.support.selection_world import MONDAY, candidate, counts, every_draw, listed, policy

INSPECTING = {"yellow", "orange", "red"}


def exact(
    candidates: Sequence[Candidate], strata: Sequence[Sequence[int]], rules: Policy, wanted: Fraction
) -> list[float]:
    """Inclusion probabilities of one office by going through every possible draw and serving each one plainly.

    For policies with orange as random lane, yellow as fallback, red closed to authorised operators if any relief.
    """
    room = {lane: rules.capacity_of("A", lane, day=MONDAY, day_total=len(candidates)) for lane in INSPECTING}
    lanes = ["yellow", "orange", "red"]
    top = rules.oea.maximum_lane or "red"
    available = room["yellow"] + room["orange"]
    totals = {
        math.floor(wanted): 1 - (wanted - math.floor(wanted)),
        math.floor(wanted) + 1: wanted - math.floor(wanted),
    }
    included = [Fraction(0)] * len(candidates)

    def take(left: dict[str, int], heaviest: str) -> bool:
        for lane in reversed(lanes[: lanes.index(heaviest) + 1]):
            if left[lane]:
                left[lane] -= 1
                return True
        return False

    for total, weight in totals.items():
        if not weight:
            continue
        for probability, drawn in every_draw(strata, min(total, available)):
            left = dict(room)
            for one in drawn:
                assert take(left, "orange")
                included[one] += weight * probability
            unscored = [i for i, c in enumerate(candidates) if c.expected_revenue is None and i not in drawn]
            if unscored:
                given_places = sum([take(left, "yellow") for _ in unscored])
                if rules.fallback.beyond_capacity is None:
                    given_places = len(unscored)
                for one in unscored:
                    included[one] += weight * probability * Fraction(given_places, len(unscored))
            scored = [i for i, c in enumerate(candidates) if c.expected_revenue is not None and i not in drawn]
            for one in sorted(scored, key=lambda i: -(candidates[i].expected_revenue or 0)):
                if take(left, top if candidates[one].is_oea else "red"):
                    included[one] += weight * probability
    return [float(value) for value in included]


def strata_of(candidates: Sequence[Candidate], key: object) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for i, c in enumerate(candidates):
        groups.setdefault(key(c), []).append(i)  # type: ignore[operator]
    return [groups[k] for k in sorted(groups)]  # type: ignore[type-var]


@settings(max_examples=100, deadline=None)
@given(
    revenues=st.lists(
        st.one_of(st.none(), st.integers(1, 900)), min_size=1, max_size=7, unique_by=lambda r: r or object()
    ),
    oea=st.lists(st.booleans(), min_size=7, max_size=7),
    room=st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
    share=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]),
    minimum=st.integers(0, 2),
    cap=st.sampled_from([None, "yellow", "orange"]),
    by_oea=st.booleans(),
    beyond=st.sampled_from([None, "blue"]),
)
def test_equals_the_share_of_all_possible_draws(revenues, oea, room, share, minimum, cap, by_oea, beyond):
    candidates = [candidate(f"D{i}", r, oea=o) for i, (r, o) in enumerate(zip(revenues, oea, strict=False))]
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(*room)}],
        random_control={"share": share, "minimum": minimum, "lane": "orange", "strata": ["is_oea"] if by_oea else []},
        oea={"maximum_lane": cap},
        fallback={"lane": "yellow", "beyond_capacity": beyond},
    )

    def key(c: Candidate) -> tuple[bool, bool, bool]:
        scored = c.expected_revenue is not None
        return (scored, scored and c.is_oea and cap is not None, c.is_oea and by_oea)

    wanted = min(Fraction(len(candidates)), max(Fraction(minimum), Fraction(str(share)) * len(candidates)))
    # Groups that expect less than one draw are put together, but never across the first two parts of the key.
    size = Counter(key(c) for c in candidates)

    def stratum(c: Candidate) -> tuple[bool, ...]:
        return key(c)[:2] if wanted * size[key(c)] < len(candidates) else key(c)

    expected = exact(candidates, strata_of(candidates, stratum), rules, wanted)
    found = [s.inclusion_probability for s in allocate(candidates, rules, day=MONDAY, seed=1).selections]
    assert found == pytest.approx(expected, abs=1e-12)


def frequencies(candidates: Sequence[Candidate], rules: Policy, runs: int) -> tuple[list[float], list[float]]:
    """Stated probabilities, and the shares of ``runs`` seeds in which each is inspected."""
    seen: Counter[int] = Counter()
    for seed in range(runs):
        allocation = allocate(candidates, rules, day=MONDAY, seed=seed)
        seen.update(i for i, s in enumerate(allocation.selections) if s.lane in INSPECTING)
    return (
        [s.inclusion_probability for s in allocation.selections],
        [seen[i] / runs for i in range(len(candidates))],
    )


@pytest.mark.parametrize("strata", [[], ["is_oea", "transport_mode"]])
def test_matches_simulated_frequencies_with_strata_relief_list_and_missing_scores(strata):
    chance = np.random.default_rng(5)
    candidates = [
        candidate(
            f"D{i:02d}",
            None if i % 9 == 0 else float(chance.uniform(1, 900)),
            oea=i % 4 == 0,
            transport_mode=str(chance.integers(1, 4)),
            commodity_code="9301" if i % 15 == 0 else "8517",
        )
        for i in range(45)
    ]
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(5, 4, 4)}],
        mandatory=[listed("red", commodity_code=["93"])],
        random_control={"share": 0.05, "minimum": 1, "lane": "orange", "strata": strata},
        oea={"maximum_lane": "orange", "minimum_fraud_probability": 0.2},
    )
    runs = 700
    stated, seen = frequencies(candidates, rules, runs)
    assert any(0 < p < 0.2 for p in stated)
    assert any(0.2 < p < 1 for p in stated)
    for probability, frequency in zip(stated, seen, strict=True):
        # 5 standard errors over 45 x 2 comparisons: a false alarm once in some 10,000 runs of the suite.
        assert abs(frequency - probability) <= 5 * math.sqrt(probability * (1 - probability) / runs) + 1e-9


def test_sums_to_the_number_of_inspections_when_all_slots_are_used():
    chance = np.random.default_rng(3)
    candidates = [candidate(f"D{i}", float(chance.uniform(1, 900)), oea=i % 5 == 0) for i in range(400)]
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(30, 20, 10)}],
        random_control={"share": 0.033, "lane": "orange", "strata": ["is_oea"]},
        oea={"maximum_lane": "yellow"},
    )
    selections = allocate(candidates, rules, day=MONDAY, seed=1).selections
    assert sum(s.inclusion_probability for s in selections) == pytest.approx(60, abs=1e-9)


def test_is_the_hypergeometric_tail_without_strata():
    population, drawn, places = 3000, 100, 240
    ranking = Ranking(np.zeros(population, dtype=np.int64), np.zeros(population, dtype=bool))
    (branch,) = plan_draw([population], Fraction(drawn), available=drawn, key=()).branches
    found = reach_probability(
        ranking, strata=np.array([population]), steps=branch.steps, begin=0, places=Places(heavy=0, light=places)
    )
    above = np.arange(population)
    expected = (1 - drawn / population) * hypergeom.sf(above - places, population - 1, above, drawn)
    assert np.abs(found - expected).max() < 1e-10


def test_everybody_outside_the_list_can_be_drawn():
    candidates = [candidate(f"D{i}", float(i), oea=i == 3) for i in range(40)]
    rules = policy(
        random_control={"share": 0.01, "lane": "orange", "strata": ["is_oea"]},
        oea={"maximum_lane": "green"},
    )
    probabilities = [s.inclusion_probability for s in allocate(candidates, rules, day=MONDAY, seed=2).selections]
    assert min(probabilities) == pytest.approx(0.01)


def test_mandatory_is_certain():
    candidates = [candidate("D1", 1.0, procedure="010"), *(candidate(f"E{i}", 500.0 + i) for i in range(9))]
    rules = policy(mandatory=[listed("red", procedure=["010"])], random_control={"share": 0.5, "lane": "orange"})
    assert allocate(candidates, rules, day=MONDAY, seed=2).selections[0].inclusion_probability == 1.0


def test_mandatory_without_any_slot_left_is_certain_too():
    candidates = [candidate(f"D{i}", 1.0, procedure="010") for i in range(6)]
    selections = allocate(
        candidates, policy(mandatory=[listed("red", procedure=["010"])]), day=MONDAY, seed=2
    ).selections
    assert {(s.inclusion_probability, s.lane in INSPECTING) for s in selections} == {(1.0, True)}
