"""Found over expected: its interval covers, and groups hold every row once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from basira.models.risk.ratios import SEASON_SPREAD, compare, groups_of, next_season, ratio_of


def test_the_interval_of_a_count_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.01, 0.1, 600)
    inside = 0
    for _ in range(400):
        one = ratio_of((rng.random(600) < p).astype(float), p, np.ones(600))
        assert one.low is not None
        assert one.high is not None
        inside += one.low <= 1 <= one.high
    assert inside / 400 >= 0.94


def test_heavy_amounts_have_a_wider_interval_than_equal_ones():
    expected, weight = np.full(100, 10.0), np.ones(100)
    equal, heavy = np.full(100, 10.0), np.concatenate([[910.0], np.full(99, 10 / 11)])
    one, other = ratio_of(equal, expected, weight), ratio_of(heavy, expected, weight)
    assert one.value == pytest.approx(other.value) == pytest.approx(1.0)
    assert other.high is not None
    assert one.high is not None
    assert other.high > 3 > 1.5 > one.high


def test_the_interval_of_heavy_amounts_covers_though_the_largest_are_seldom_among_them():
    """Sums of some 60 lognormal amounts: without the heavier next one .90 were covered."""
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(600):
        amounts = np.exp(rng.normal(0, 1.5, rng.poisson(60)))
        one = ratio_of(amounts, np.full(len(amounts), 60 * np.exp(1.125) / len(amounts)), np.ones(len(amounts)))
        assert one.low is not None
        assert one.high is not None
        inside += one.low <= 1 <= one.high
    assert inside / 600 >= 0.92


def test_the_next_season_is_known_no_better_than_the_results_and_the_seasons_allow():
    found = np.arange(4000) < 400
    equal, one = np.where(found, 100.0, 0.0), np.where(np.arange(4000) == 0, 1e6, np.where(found, 100.0, 0.0))
    said, heavy = (next_season(found, amounts, np.ones(4000)) for amounts in (equal, one))
    assert said["probability"] == said["revenue"]
    assert math.log(said["revenue"]["high"]) == pytest.approx(1.96 * math.sqrt(1 / 400 + SEASON_SPREAD**2))
    assert said["revenue"]["low"] * said["revenue"]["high"] == pytest.approx(1.0)
    # Of one amount that is nearly all of the sum, nothing is known of the level.
    assert heavy["revenue"]["high"] > 5
    assert heavy["probability"] == said["probability"]


def test_of_few_amounts_and_of_no_finding_no_season_is_foretold():
    found, few = np.arange(100) < 30, np.where(np.arange(100) < 19, 50.0, np.nan)
    assert next_season(found, few, np.ones(100))["revenue"] is None
    assert next_season(np.zeros(100, bool), np.zeros(100), np.ones(100)) == {"probability": None, "revenue": None}


def test_nothing_expected_has_no_ratio_and_nothing_found_has_an_upper_end_for_counts_alone():
    none = np.zeros(5)
    assert ratio_of(none, none, np.ones(5)).value is None
    counts = ratio_of(none, np.full(5, 0.5), np.ones(5))
    assert (counts.value, counts.low, round(counts.high or 0, 2)) == (0.0, 0.0, 1.48)
    assert ratio_of(none, np.full(5, 900.0), np.ones(5)).high is None


def test_tenths_hold_every_row_once_and_the_highest_come_first():
    value = np.random.default_rng(1).normal(size=237)
    groups = groups_of(value)
    assert sum(of.astype(int) for name, of in groups.items() if name != "first 1 %").tolist() == [1] * 237
    assert value[groups["1"]].min() > value[groups["2"]].max()
    assert value[groups["first 1 %"]].min() >= np.sort(value)[-2]


def test_an_amount_that_is_not_known_is_in_the_count_alone():
    found, recovered = np.array([True, True, False]), np.array([50.0, np.nan, 0.0])
    said = compare(np.full(3, 0.5), np.full(3, 25.0), found, recovered, np.ones(3), {"by": {"a": found}})
    assert said["all"]["probability"]["found"] == 2
    assert (said["all"]["revenue"]["found"], said["all"]["revenue"]["expected"]) == (50.0, 50.0)
    assert said["by"]["a"]["revenue"]["expected"] == 25.0
    without = compare(np.full(3, 0.5), np.full(3, 25.0), found, np.array([np.nan, np.nan, 0.0]), np.ones(3), {})
    assert without["all"]["revenue"] is None
