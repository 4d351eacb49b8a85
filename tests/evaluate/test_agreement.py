"""Found over expected: by hand on small groups, right where the figures are right, wrong where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from basira.evaluate.agreement import Revenue, compute_agreement


def group(found, by, name="all"):
    return next(one for one in found["groups"] if (one["by"], one["group"]) == (by, name))


def honest(rows: int = 20_000, seed: int = 1):
    rng = np.random.default_rng(seed)
    p, stake = rng.beta(1, 9, rows), rng.lognormal(8, 1, rows)
    irregular = rng.random(rows) < p
    return irregular, p, stake


def test_figures_that_come_true_have_a_ratio_and_a_slope_of_one():
    irregular, p, stake = honest()
    found = compute_agreement(
        irregular, p, revenue=Revenue(irregular * stake, p * stake), value=stake * 5, resamples=100, seed=1
    )
    assert found["slope"][1] < 1 < found["slope"][2]
    for one in found["groups"]:
        assert one["ratio"] == pytest.approx(one["found"] / one["expected"])
        assert one["ratio_ci"][0] <= one["ratio"] <= one["ratio_ci"][1]
    whole = group(found, "all")
    assert whole["ratio_ci"][0] < 1 < whole["ratio_ci"][1]
    assert whole["revenue_ratio_ci"][0] < 1 < whole["revenue_ratio_ci"][1]
    assert whole["revenue"] == pytest.approx((irregular * stake).sum())
    tenths = [one for one in found["groups"] if one["by"] == "probability" and one["group"] != "first_100th"]
    assert [one["rows"] for one in tenths] == [2_000] * 10
    assert sum(one["found"] for one in tenths) == irregular.sum()
    assert {one["group"] for one in found["groups"] if one["by"] == "value"} == {
        "lower_half", "upper_half", "largest_tenth", "largest_100th"
    }  # fmt: skip


def test_overstated_money_of_the_largest_is_seen_where_it_is():
    irregular, p, stake = honest()
    large = stake >= np.quantile(stake, 0.9)
    revenue = np.where(irregular, stake * np.where(large, 0.5, 1.0), np.nan)
    found = compute_agreement(irregular, p, revenue=Revenue(revenue, p * stake), value=stake, resamples=100, seed=1)
    assert group(found, "value", "largest_tenth")["revenue_ratio_ci"][1] < 0.7
    assert group(found, "value", "lower_half")["revenue_ratio_ci"][1] > 0.85
    assert group(found, "value", "largest_tenth")["ratio"] == pytest.approx(1, abs=0.15)


def test_probabilities_that_are_too_sure_have_a_slope_under_one():
    irregular, p, _ = honest()
    odds = p / (1 - p)
    sure = odds**2 / (1 + odds**2)
    assert compute_agreement(irregular, sure, resamples=0, seed=1)["slope"][2] < 0.7


def test_lanes_are_groups_and_the_unknown_is_in_none():
    irregular = np.array([True] * 30 + [False] * 90)
    lanes = ["red"] * 40 + ["yellow"] * 40 + ["blue"] * 10 + [None] * 30
    found = compute_agreement(irregular, np.full(120, 0.25), lane=lanes, resamples=0, seed=1)
    assert group(found, "lane", "red")["ratio"] == 3.0
    assert group(found, "lane", "red")["ratio_ci"] is None
    # Ten rows say nothing.
    assert [one["group"] for one in found["groups"] if one["by"] == "lane"] == ["red", "yellow"]
    assert group(found, "all")["revenue_ratio"] is None
    assert found["slope"] is None


def test_a_value_that_is_not_known_is_in_no_group_of_size():
    value = np.concatenate([np.full(100, np.nan), np.arange(100.0)])
    found = compute_agreement(np.zeros(200, bool), np.full(200, 0.1), value=value, resamples=0, seed=1)
    sizes = {one["group"]: one["rows"] for one in found["groups"] if one["by"] == "value"}
    assert sizes == {"lower_half": 50, "upper_half": 40}


def test_no_rows_are_no_figures():
    found = compute_agreement([], [], resamples=20, seed=1)
    assert found == {
        "slope": None,
        "groups": [
            {"by": "all", "group": "all", "rows": 0, "found": 0, "expected": 0.0, "ratio": None, "ratio_ci": None,
             "revenue": None, "expected_revenue": None, "revenue_ratio": None, "revenue_ratio_ci": None}
        ],
    }  # fmt: skip
