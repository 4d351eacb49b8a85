"""Estimates from logged chances: without bias, with intervals that cover, and never below what was found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from basira.monitor.estimate import ESTIMATORS, Estimator, Sampled, estimate_total, level_for_every_day
from basira.schema.errors import UsageError


def sampled(**columns: Any) -> Sampled:
    plain = {
        "chance": np.array([0.5, 0.25, 1.0, 0.5]),
        "is_known": np.array([True, True, True, False]),
        "value": np.array([1.0, 0.0, 1.0, math.nan]),
        "prior": np.array([0.4, 0.1, 0.8, 0.2]),
        "stake": np.ones(4),
    }
    return Sampled(**{**plain, **columns})


def test_the_totals_are_those_of_the_formulas() -> None:
    made = {name: estimate_total(sampled(), name) for name in ESTIMATORS}
    totals = {name: None if one is None else one.total for name, one in made.items()}
    # 1 / .5 + 0 / .25 + 1 / 1; four times 3 / 7, and no less than the two that were found; 1.5 expected, and four times
    # (.6 / .5 - .1 / .25 + .2) / 7 more.
    assert totals == pytest.approx({"horvitz_thompson": 3.0, "hajek": 2.0, "difference": 1.5 + 4 / 7})
    error = made["horvitz_thompson"].error if made["horvitz_thompson"] else 0.0
    assert error == pytest.approx(math.sqrt((0.5 / 0.25) * 1.5))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_total_is_never_below_what_was_found(estimator: Estimator) -> None:
    hits = sampled(chance=np.array([1.0, 0.01, 1.0, 0.01]), value=np.array([5.0, 0.0, 7.0, math.nan]))
    one = estimate_total(hits, estimator)
    assert one is not None
    assert one.low >= 12.0
    assert one.total >= 12.0
    assert one.high > one.total


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_nothing_found_is_not_nothing_there(estimator: Estimator) -> None:
    """The rule of three: of 300 plain controls without a finding, a rate of about 1 % can't be excluded."""
    n = 30_000
    known = np.arange(n) < 300
    none = Sampled(np.full(n, 0.01), known, np.zeros(n), np.full(n, 0.002), np.ones(n))
    one = estimate_total(none, estimator)
    assert one is not None
    assert one.low == pytest.approx(0.0, abs=1e-6)
    assert 3 / 300 * 0.8 <= one.high / n <= 3 / 300 * 1.8


def test_without_a_known_result_there_is_no_estimate() -> None:
    assert estimate_total(sampled(is_known=np.zeros(4, dtype=bool))) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"chance": np.array([0.5, 0.0, 1.0, 0.5])},
        {"chance": np.array([0.5, 1.01, 1.0, 0.5])},
        {"chance": np.array([0.5, math.nan, 1.0, 0.5])},
        {"value": np.array([1.0, math.nan, 1.0, 0.0])},
        {"value": np.array([1.0, -1.0, 1.0, 0.0])},
        {"prior": np.array([0.4, 0.1, 1.2, 0.2])},
        {"stake": np.array([1.0, 0.0, 1.0, 1.0])},
        {"stake": np.ones(3)},
    ],
)
def test_what_is_no_sample_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        sampled(**wrong)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_without_bias_and_covered_in_repeated_draws_although_risk_decides_what_is_inspected(
    estimator: Estimator,
) -> None:
    rng = np.random.default_rng(5)
    n = 2_000
    prior = np.clip(rng.beta(0.6, 6, n), 1e-4, 0.95)
    irregular = rng.random(n) < np.clip(prior * 1.4, 0, 1)  # the model is wrong by a third
    chance = np.clip(prior * 1.5, 0.04, 0.9)
    truth, totals, covered, naive = float(irregular.sum()), [], 0, []
    for _ in range(400):
        known = rng.random(n) < chance
        one = estimate_total(Sampled(chance, known, irregular.astype(float), prior, np.ones(n)), estimator)
        assert one is not None
        totals.append(one.total)
        covered += one.low <= truth <= one.high
        naive.append(irregular[known].mean() * n)
    assert np.mean(totals) == pytest.approx(truth, rel=0.03)
    assert covered / 400 >= 0.93
    assert np.mean(naive) > 2 * truth  # what would be believed without the chances


def test_a_good_model_narrows_the_interval() -> None:
    rng = np.random.default_rng(7)
    n = 4_000
    prior = np.where(np.arange(n) < 800, 0.9, 0.01)
    values = (rng.random(n) < prior).astype(float)
    known = rng.random(n) < 0.1
    with_model = estimate_total(Sampled(np.full(n, 0.1), known, values, prior, np.ones(n)), "difference")
    without = estimate_total(Sampled(np.full(n, 0.1), known, values, np.full(n, 0.19), np.ones(n)), "difference")
    assert with_model is not None
    assert without is not None
    assert with_model.error < 0.6 * without.error


def test_an_error_that_is_looked_at_every_day_stays_within_the_level_for_every_day() -> None:
    """2,000 years of daily errors: looked at every day, at the level of each day; and at one level, which fails."""
    days = np.arange(1, 366)
    walks = np.cumsum(np.random.default_rng(1).normal(size=(2_000, 365)), axis=1) / np.sqrt(days)
    bounds = norm.ppf([0.5 + level_for_every_day(day / 365) / 2 for day in days])
    assert (np.abs(walks) > bounds).any(axis=1).mean() <= 0.05
    assert (np.abs(walks) > norm.ppf(0.975)).any(axis=1).mean() > 0.3
    assert bounds.min() == bounds[-1]
    with pytest.raises(UsageError, match="above 0"):
        level_for_every_day(0.0)


def test_the_assisted_interval_is_narrower_than_the_one_after_a_whole_hit_more() -> None:
    rng = np.random.default_rng(2)
    chance, prior = np.full(3_000, 0.05), np.full(3_000, 0.02)
    known = rng.random(3_000) < chance
    value = (rng.random(3_000) < 0.02).astype(np.float64)
    rows = Sampled(chance, known, value, prior, np.ones(3_000))
    one, other = estimate_total(rows, "difference"), estimate_total(rows, "hajek")
    assert one is not None
    assert other is not None
    # The prior is the same for all, so that both estimate the same with the same error.
    assert one.total == pytest.approx(other.total)
    assert one.high - one.low < 0.95 * (other.high - other.low)
