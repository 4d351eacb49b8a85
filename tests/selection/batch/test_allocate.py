"""Allocation: its invariants over arbitrary days, and each rule on a day small enough to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.schema.detail import BEYOND_CAPACITY, detail_text
from basira.schema.errors import UsageError
from basira.schema.records import Candidate
from basira.selection import Allocation, Policy
from basira.selection.batch.allocate import allocate
from tests.support.selection_world import MONDAY, best_value, candidate, counts, listed, policy

SCORE = st.one_of(st.none(), st.floats(0, 1000, allow_nan=False), st.sampled_from([0.0, 5.0, 5.0]))
RELIEF = st.fixed_dictionaries(
    {
        "maximum_lane": st.sampled_from([None, "green", "blue", "yellow", "orange", "red"]),
        "minimum_fraud_probability": st.sampled_from([0.0, 0.3]),
    }
)


FALLBACKS = [
    {"lane": "green"},
    {"lane": "blue"},
    {"lane": "yellow"},
    {"lane": "red"},
    {"lane": "red", "beyond_capacity": "yellow"},
    {"lane": "yellow", "beyond_capacity": "blue"},
    {"lane": "orange", "beyond_capacity": "green"},
]


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Candidate], Policy]:
    candidates = [
        candidate(
            f"D{i}",
            draw(SCORE),
            office=draw(st.sampled_from("ABC")),
            oea=draw(st.booleans()),
            commodity_code=draw(st.sampled_from(["9301", "8517", "8471"])),
            procedure=draw(st.sampled_from(["010", "022"])),
        )
        for i in range(draw(st.integers(0, 25)))
    ]
    share = st.fixed_dictionaries({"share": st.floats(0, 0.4), "minimum": st.integers(0, 1)})
    count = st.fixed_dictionaries({"count": st.integers(0, 4)})
    room = {lane: draw(st.one_of(share, count)) for lane in ("yellow", "orange", "red")}
    rules = policy(
        capacity=[{"office": "*", "lanes": room}, {"office": "B", "weekdays": ["monday"], "lanes": counts(1, 1, 0)}],
        mandatory=[listed(draw(st.sampled_from(["yellow", "red"])), commodity_code=["93"])],
        random_control={
            "share": draw(st.floats(0, 0.3)),
            "minimum": draw(st.integers(0, 2)),
            "lane": draw(st.sampled_from(["yellow", "orange", "red"])),
            "strata": draw(st.sampled_from([[], ["is_oea"], ["procedure", "is_oea"]])),
        },
        oea=draw(RELIEF),
        objective=draw(
            st.sampled_from(
                [
                    {"rank_by": "revenue"},
                    {"rank_by": "findings", "minimum_fraud_probability": 0.1},
                    {"rank_by": "blend", "revenue_weight": 0.4},
                ]
            )
        ),
        fallback=draw(st.sampled_from(FALLBACKS)),
    )
    return candidates, rules


@settings(max_examples=150, deadline=None)
@given(day=days(), seed=st.integers(-5, 2**40))
def test_invariants(day, seed):
    candidates, rules = day
    allocation = allocate(candidates, rules, day=MONDAY, seed=seed)

    # Every candidate in exactly one lane of the policy, in input order.
    assert [s.declaration_id for s in allocation.selections] == [c.declaration_id for c in candidates]
    assert all(s.lane in rules.intensity for s in allocation.selections)

    # Capacity is never exceeded but by those that say so, and its use is what the selections say.
    used = Counter((s.office, s.lane) for s in allocation.selections)
    over = Counter((s.office, s.lane) for s in allocation.selections if s.is_beyond_capacity)
    for row in allocation.capacity:
        assert row.used == used[row.office, row.lane] <= row.capacity + over[row.office, row.lane]

    for c, s in zip(candidates, allocation.selections, strict=True):
        lane = rules.lane(s.lane)
        assert 0 <= s.inclusion_probability <= 1
        # What is inspected could be inspected; what is certain is inspected; what is impossible is not.
        assert s.inclusion_probability > 0 or not lane.inspects
        assert lane.inspects or s.inclusion_probability < 1
        # No score is never a quiet release: the mandatory rules, the draw or the fallback answers for it.
        if c.expected_revenue is None:
            assert s.basis in ("mandatory", "random", "fallback")
            assert s.rank is None
            assert lane.inspects or (s.basis == "fallback" and not rules.lanes[rules.beyond_capacity].inspects)
            assert s.lane != "green" or "green" in (rules.fallback.lane, rules.fallback.beyond_capacity)
        assert lane.inspects or s.basis != "mandatory"
        assert detail_text(s) != BEYOND_CAPACITY or (c.expected_revenue is None and lane.inspects)
        # A mandatory rule keeps its basis whatever lane it got.
        assert (s.basis == "mandatory") == (c.attributes["commodity_code"] == ("9301",))
        if s.basis in ("none", "exempt"):
            assert lane == rules.lanes[0]
        if s.basis == "exempt":
            assert c.is_oea
        if s.basis == "model" and c.is_oea and rules.oea.maximum_lane:
            assert rules.intensity[s.lane] <= rules.intensity[rules.oea.maximum_lane]


@settings(max_examples=80, deadline=None)
@given(day=days(), seed=st.integers(0, 2**40), shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_declarations_changes_nothing(day, seed, shuffle):
    candidates, rules = day
    shuffled = list(candidates)
    shuffle.shuffle(shuffled)
    one, other = (allocate(c, rules, day=MONDAY, seed=seed) for c in (candidates, shuffled))
    assert {s.declaration_id: s for s in one.selections} == {s.declaration_id: s for s in other.selections}
    assert (one.capacity, one.warnings) == (other.capacity, other.warnings)


@settings(max_examples=80, deadline=None)
@given(day=days(), seed=st.integers(0, 2**40))
def test_another_office_changes_nothing(day, seed):
    candidates, rules = day
    alone = allocate([c for c in candidates if c.office == "A"], rules, day=MONDAY, seed=seed)
    together = allocate(candidates, rules, day=MONDAY, seed=seed)
    assert alone.selections == tuple(s for s in together.selections if s.office == "A")


@settings(max_examples=80, deadline=None)
@given(
    revenues=st.lists(st.integers(1, 50), max_size=6),
    oea=st.lists(st.booleans(), min_size=6, max_size=6),
    room=st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
    cap=st.sampled_from(["yellow", "orange", "red"]),
)
def test_the_total_value_is_the_best_possible(revenues, oea, room, cap):
    candidates = [candidate(f"D{i}", float(r), oea=o) for i, (r, o) in enumerate(zip(revenues, oea, strict=False))]
    rules = policy(capacity=[{"office": "*", "lanes": counts(*room)}], oea={"maximum_lane": cap})
    effect = {lane.id: lane.effectiveness for lane in rules.lanes}
    selections = allocate(candidates, rules, day=MONDAY, seed=0).selections
    got = sum((c.expected_revenue or 0) * effect[s.lane] for c, s in zip(candidates, selections, strict=True))
    slots = [effect[lane] for lane, n in zip(("yellow", "orange", "red"), room, strict=True) for _ in range(n)]
    caps = [effect[cap] if c.is_oea else 1.0 for c in candidates]
    assert got == pytest.approx(best_value([c.expected_revenue or 0 for c in candidates], caps, slots))


def lanes(allocation: Allocation) -> dict[str, str]:
    return {s.declaration_id: s.lane for s in allocation.selections}


def test_the_highest_value_takes_the_most_intensive_lane():
    candidates = [candidate(f"D{v}", float(v)) for v in (10, 30, 50, 40, 20)]
    found = lanes(allocate(candidates, policy(), day=MONDAY, seed=1))
    assert found == {"D50": "red", "D40": "orange", "D30": "yellow", "D20": "yellow", "D10": "green"}


def test_ranks_follow_the_value():
    candidates = [candidate(f"D{v}", float(v)) for v in (10, 30, 20)]
    assert [s.rank for s in allocate(candidates, policy(), day=MONDAY, seed=1).selections] == [3, 1, 2]


def test_findings_rank_by_probability():
    sure, dear = Candidate("D1", 1, "A", 0.9, 1.0), Candidate("D2", 1, "A", 0.1, 900.0)
    rules = policy(objective={"rank_by": "findings"})
    assert lanes(allocate([sure, dear], rules, day=MONDAY, seed=1)) == {"D1": "red", "D2": "orange"}


@pytest.mark.parametrize(("weight", "first"), [(0.0, "sure"), (1.0, "dear"), (0.5, "both")])
def test_blend_weighs_money_and_probability_by_their_means(weight, first):
    candidates = [
        Candidate("sure", 1, "A", 0.9, 10.0),
        Candidate("dear", 1, "A", 0.1, 900.0),
        Candidate("both", 1, "A", 0.8, 800.0),
    ]
    rules = policy(objective={"rank_by": "blend", "revenue_weight": weight})
    assert lanes(allocate(candidates, rules, day=MONDAY, seed=1))[first] == "red"


def test_nothing_under_the_minimum_is_selected_by_the_model():
    rules = policy(objective={"rank_by": "revenue", "minimum_fraud_probability": 0.05})
    found = allocate([candidate("D1", 10.0), candidate("D2", 60.0)], rules, day=MONDAY, seed=1).selections
    assert [(s.lane, s.basis) for s in found] == [("green", "none"), ("red", "model")]


def test_ties_are_not_broken_by_the_order_of_ids():
    candidates = [candidate(f"D{i:03d}", 5.0) for i in range(100)]
    rules = policy(capacity=[{"office": "*", "lanes": counts(0, 0, 10)}])
    taken = [s.declaration_id for s in allocate(candidates, rules, day=MONDAY, seed=1).selections if s.lane == "red"]
    assert not set(taken) <= {f"D{i:03d}" for i in range(30)}


def test_a_mandatory_declaration_over_capacity_goes_to_the_next_lane_with_a_warning():
    rules = policy(mandatory=[listed("red", "arms", commodity_code=["93"])])
    candidates = [candidate(f"D{i}", float(i), commodity_code="9301") for i in range(5)]
    allocation = allocate(candidates, rules, day=MONDAY, seed=1)
    assert lanes(allocation) == {"D4": "red", "D3": "orange", "D2": "yellow", "D1": "yellow", "D0": "yellow"}
    assert [detail_text(s) for s in allocation.selections] == [
        f"arms {BEYOND_CAPACITY}",
        *["arms lane_full"] * 3,
        "arms",
    ]
    assert len(allocation.warnings) == 3
    assert ["instead of “red”" in warning for warning in allocation.warnings] == [True, False, True]


def test_the_most_intensive_entries_take_slots_first():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(1, 0, 0)}],
        mandatory=[listed("yellow", "a", procedure=["010"]), listed("red", "b", procedure=["022"])],
    )
    candidates = [candidate("D1", 9.0, procedure="010"), candidate("D2", 1.0, procedure="022")]
    found = allocate(candidates, rules, day=MONDAY, seed=1).selections
    assert [(s.lane, detail_text(s)) for s in found] == [("yellow", f"a {BEYOND_CAPACITY}"), ("yellow", "b lane_full")]


def test_the_most_intensive_entry_wins():
    rules = policy(mandatory=[listed("yellow", "a", procedure=["010"]), listed("red", "b", commodity_code=["93"])])
    found = allocate([candidate("D1", 1.0, procedure="010", commodity_code="93")], rules, day=MONDAY, seed=1)
    assert (found.selections[0].lane, detail_text(found.selections[0])) == ("red", "b")


def test_an_authorised_operator_is_lighter():
    rules = policy(oea={"maximum_lane": "yellow"})
    found = lanes(allocate([candidate("D1", 90.0, oea=True), candidate("D2", 10.0)], rules, day=MONDAY, seed=1))
    assert found == {"D1": "yellow", "D2": "red"}


def test_an_authorised_operator_under_its_threshold_is_exempt():
    rules = policy(oea={"minimum_expected_revenue": 50.0})
    found = allocate([candidate("D1", 40.0, oea=True)], rules, day=MONDAY, seed=1).selections[0]
    assert (found.lane, found.basis, found.rank) == ("green", "exempt", 1)


def test_an_authorised_operator_is_never_out_of_random_control():
    rules = policy(oea={"maximum_lane": "green"}, random_control={"share": 1.0, "lane": "orange"})
    found = allocate([candidate("D1", 40.0, oea=True)], rules, day=MONDAY, seed=1).selections[0]
    assert (found.lane, found.basis, found.inclusion_probability) == ("orange", "random", 1.0)


def test_random_control_does_not_look_at_scores():
    chance = np.random.default_rng(1)
    candidates = [candidate(f"D{i}", float(chance.uniform(0, 900))) for i in range(50)]
    other = [replace(c, expected_revenue=float(chance.uniform(0, 900))) for c in candidates]
    rules = policy(
        random_control={"share": 0.05, "minimum": 3, "lane": "orange"},
        capacity=[{"office": "*", "lanes": counts(9, 9, 9)}],
    )
    drawn = [
        {s.declaration_id for s in allocate(c, rules, day=MONDAY, seed=4).selections if s.basis == "random"}
        for c in (candidates, other)
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 3


def test_random_control_reduced_by_capacity_is_reported():
    rules = policy(random_control={"share": 1.0, "lane": "orange"})
    allocation = allocate([candidate(f"D{i}", 1.0) for i in range(10)], rules, day=MONDAY, seed=1)
    assert Counter(s.basis for s in allocation.selections)["random"] == 3
    assert allocation.warnings == (
        "Office A: random control reduced to 3 declaration(s) instead of 10, for want of capacity.",
    )


def test_the_seed_changes_the_draw_and_the_day_too():
    candidates = [candidate(f"D{i}", 1.0) for i in range(200)]
    rules = policy(random_control={"share": 0.01, "lane": "orange"})

    def drawn(day: date, seed: int) -> set[str]:
        found = allocate(candidates, rules, day=day, seed=seed).selections
        return {s.declaration_id for s in found if s.basis == "random"}

    assert drawn(MONDAY, 1) != drawn(MONDAY, 2)
    assert drawn(MONDAY, 1) != drawn(date(2021, 1, 5), 1)


def test_without_a_score_the_fallback_answers_and_is_reported():
    rules = policy(fallback={"lane": "yellow", "beyond_capacity": "blue"})
    allocation = allocate([candidate(f"D{i}", None) for i in range(3)], rules, day=MONDAY, seed=1)
    assert sorted((s.lane, s.basis) for s in allocation.selections) == [
        ("blue", "fallback"),
        ("yellow", "fallback"),
        ("yellow", "fallback"),
    ]
    assert len(allocation.warnings) == 2
    assert {s.inclusion_probability for s in allocation.selections} == {2 / 3}


def test_without_a_score_and_a_slot_the_fallback_takes_beyond_its_capacity_and_says_so():
    allocation = allocate([candidate(f"D{i}", None) for i in range(5)], policy(), day=MONDAY, seed=1)
    assert {(s.lane, s.basis, s.inclusion_probability) for s in allocation.selections} == {("yellow", "fallback", 1.0)}
    assert sorted(detail_text(s) for s in allocation.selections) == ["", "", *[BEYOND_CAPACITY] * 3]
    assert [row.used for row in allocation.capacity] == [5, 0, 0]
    assert "3 declaration(s) without a score put in “yellow” beyond its capacity." in allocation.warnings[0]


def test_a_listed_declaration_without_a_slot_goes_where_the_fallback_goes():
    rules = policy(
        capacity=[{"office": "*", "lanes": counts(0, 0, 0)}], mandatory=[listed("red", commodity_code=["93"])]
    )
    candidates = [candidate("D0", None, commodity_code="9301"), candidate("D1", 1.0, commodity_code="9301")]
    allocation = allocate(candidates, rules, day=MONDAY, seed=1)
    assert [(s.lane, s.basis) for s in allocation.selections] == [("yellow", "mandatory")] * 2
    assert any("beyond its capacity" in warning for warning in allocation.warnings)


@pytest.mark.parametrize(
    ("probability", "revenue"), [(float("nan"), 1.0), (1.2, 1.0), (-0.1, 1.0), (0.5, float("inf")), (0.5, -3.0)]
)
def test_an_impossible_score_counts_as_none_and_is_reported(probability, revenue):
    allocation = allocate([Candidate("D1", 1, "A", probability, revenue)], policy(), day=MONDAY, seed=1)
    assert allocation.selections[0].basis == "fallback"
    assert "not a possible number" in allocation.warnings[-1]


def test_warnings_speak_the_language_of_the_policy():
    allocation = allocate([candidate("D1", None)], policy(language="fr"), day=MONDAY, seed=1)
    assert allocation.warnings[0].startswith("Bureau A : 1 déclaration(s) sans score")
    assert allocation.notices[0].text("ar").startswith("المكتب A")


def test_a_declaration_given_twice_is_rejected():
    with pytest.raises(UsageError, match="each declaration once, found 1 of them several times, first 'D1'"):
        allocate([candidate("D1", 1.0), candidate("D1", 2.0, office="B")], policy(), day=MONDAY, seed=1)


def test_a_day_without_declarations():
    assert allocate([], policy(), day=MONDAY, seed=1) == Allocation((), (), (), ())
