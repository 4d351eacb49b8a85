"""The draw: sizes, divisions between strata, and who is drawn."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basira.selection.batch.draw import draw, hash_key, mean_drawn, plan_draw, wanted_size
from tests.support.selection_world import every_size

STRATA = st.lists(st.integers(1, 30), min_size=1, max_size=6)


@given(
    strata=STRATA, part=st.fractions(0, 1, max_denominator=100), available=st.integers(0, 200), seed=st.integers(0, 9)
)
def test_the_sizes_are_possible(strata, part, available, seed):
    wanted = part * sum(strata)
    plan = plan_draw(strata, wanted, available=available, key=(seed,))
    assert all(0 <= drawn <= size for drawn, size in zip(plan.drawn, strata, strict=True))
    assert sum(plan.drawn) in {min(available, math.floor(wanted)), min(available, math.ceil(wanted))}
    assert sum(branch.probability for branch in plan.branches) == pytest.approx(1)


@given(strata=STRATA, total=st.integers(0, 30), seed=st.integers(0, 99))
def test_each_stratum_gets_its_part_rounded_up_or_down(strata, total, seed):
    total = min(total, sum(strata))
    drawn = plan_draw(strata, Fraction(total), available=total, key=(seed,)).drawn
    assert sum(drawn) == total
    for size, got in zip(strata, drawn, strict=True):
        assert abs(got - Fraction(total * size, sum(strata))) < 1


@given(strata=STRATA, total=st.integers(0, 30))
def test_each_stratum_gets_its_part_on_the_mean(strata, total):
    total = min(total, sum(strata))
    (branch,) = plan_draw(strata, Fraction(total), available=total, key=(1,)).branches
    assert mean_drawn(branch.steps, begin=0, end=0) == pytest.approx([total * n / sum(strata) for n in strata])


def test_the_mean_size_is_the_share():
    plan = plan_draw([7, 3], wanted_size(0.03, 0, 10), available=10, key=(1,))
    assert plan.expected_total == pytest.approx(0.3)


def test_the_share_is_read_as_written():
    assert wanted_size(0.29, 0, 100) == 29


def test_the_minimum_never_asks_for_more_than_there_is():
    assert wanted_size(0.01, 5, 3) == 3


def test_divisions_come_as_often_as_they_should():
    strata, runs = [5, 2, 4, 3], 6000
    expected: dict[tuple[int, ...], float] = {}
    for total in (2, 3):  # 2.5 declarations: two or three, equally often
        for probability, sizes in every_size(strata, total):
            expected[sizes] = expected.get(sizes, 0.0) + float(probability) / 2
    seen = Counter(plan_draw(strata, Fraction(5, 2), available=9, key=(seed,)).drawn for seed in range(runs))
    assert seen.keys() <= expected.keys()
    for sizes, p in expected.items():
        assert abs(seen[sizes] / runs - p) < 5 * (p * (1 - p) / runs) ** 0.5


def test_an_empty_pool_draws_nothing():
    assert plan_draw([], Fraction(0), available=3, key=(1,)).drawn == ()


def test_the_draw_does_not_depend_on_the_order():
    members = [(hash_key(i), i) for i in range(20)]
    assert draw({0: members}, [4]) == draw({0: members[::-1]}, [4])


def test_hash_keys_keep_their_parts_apart():
    assert hash_key("ab", "c") != hash_key("a", "bc")
    assert hash_key("1", 2) == hash_key(1, 2)


def test_hash_key_never_changes():
    # The first 8 bytes of SHA-256 of '6:random1:710:2021-01-041:A2:D11:1'.
    # Another value here would break the replay of every run ever recorded.
    assert hash_key("random", 7, "2021-01-04", "A", "D1", 1) == 8311759092449170383
