"""Intervals cover, adjusted probabilities hold their level, a draw by chance looks like one."""

from __future__ import annotations

import numpy as np

from basira.diagnose.statistics import adjust, at_least, at_most, drawn_by_chance, median_of, share_of


def test_intervals_of_a_share_cover_it() -> None:
    generator = np.random.default_rng(3)
    hits = generator.binomial(40, 0.1, 500)
    found = [share_of(int(n), 40) for n in hits]
    assert np.mean([one.low <= 0.1 <= one.high for one in found]) >= 0.95


def test_intervals_of_a_median_cover_it() -> None:
    generator = np.random.default_rng(4)
    found = [median_of(generator.exponential(1.0, 60)) for _ in range(500)]
    assert np.mean([one.low <= np.log(2) <= one.high for one in found]) >= 0.93


def test_adjusted_probabilities_grow_and_stay_in_order() -> None:
    assert adjust([]) == []
    found = adjust([0.2, 0.001, 0.04])
    assert found[1] < found[2] < found[0] <= 1.0
    assert found[1] == 0.003


def test_tails_of_a_count() -> None:
    assert at_least(0, 5.0) == 1.0
    assert round(at_most(0, 3.0), 4) == round(float(np.exp(-3)), 4)
    assert at_least(3, 0.0) == 0.0
    assert at_most(3, 0.0) == 1.0


def test_a_draw_within_strata_has_a_standard_normal_distance() -> None:
    generator = np.random.default_rng(5)
    strata = np.repeat(np.arange(100), 20)
    values = generator.lognormal(size=2000) * (1 + strata / 10)
    distances = []
    for _ in range(300):
        # Another number of each stratum: a comparison without strata would find the difference of their means.
        drawn = generator.random(2000) < 0.05 + strata / 250
        distances.append(drawn_by_chance(values, drawn, strata))
    found = np.array(distances, dtype=float)
    assert abs(found.mean()) < 0.25
    assert 0.85 < found.std() < 1.15


def test_nothing_drawn_says_nothing() -> None:
    assert drawn_by_chance(np.ones(4), np.array([True, False] * 2), np.zeros(4, np.int64)) is None
    assert drawn_by_chance(np.arange(4.0), np.zeros(4, bool), np.zeros(4, np.int64)) is None
