"""Shares and their intervals cover the truth as often as they say."""

from __future__ import annotations

import random

import pytest

from basira.evaluate.curves import wilson_interval
from basira.evaluate.shares import share_of, weighted_share


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (3, 10), (50, 100), (999, 1000)])
def test_it_is_the_score_interval(hits: int, of: int) -> None:
    found = share_of(hits, of)
    assert (found.low, found.high) == pytest.approx(wilson_interval(hits, of))


def test_of_nothing_nothing_is_known() -> None:
    found = share_of(0, 0)
    assert (found.rate, found.low, found.high) == (None, 0.0, 1.0)
    assert weighted_share([]) == found


def test_with_one_probability_for_all_the_weights_change_nothing() -> None:
    found = weighted_share([(0.05, number < 3) for number in range(10)])
    plain = share_of(3, 10)
    assert (found.rate, found.low, found.high) == pytest.approx((plain.rate, plain.low, plain.high))


def test_a_draw_with_unequal_probabilities_covers_the_truth() -> None:
    draw = random.Random(4)
    # Irregular ones are drawn more often: the plain share of the sample would be some .27.
    people = [(0.3, True)] * 300 + [(0.3, False)] * 700 + [(0.1, True)] * 100 + [(0.1, False)] * 2900
    truth, covered, rates = 400 / 4000, 0, []
    for _ in range(400):
        found = weighted_share([one for one in people if draw.random() < one[0]])
        covered += found.low <= truth <= found.high
        rates.append(found.rate or 0.0)
    assert sum(rates) / len(rates) == pytest.approx(truth, abs=0.003)
    assert covered / 400 >= 0.93
