"""Figures over periods and seeds."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from basira.laboratory.report.figures import cumulate, over_seeds, period_counts, summary, with_measures
from basira.laboratory.worlds.world import Inspected

TRUTH = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d", "e"],
        "is_irregular": [True, True, False, None, True],
        "revenue": [10.0, 30.0, 0.0, 0.0, 60.0],
    }
)


def row(period: int, *, seed: int = 1, found: int, answered: int = 10) -> dict[str, Any]:
    return {
        "strategy": "s",
        "seed": seed,
        "period": period,
        "selected": answered,
        "answered": answered,
        "found": found,
        "revenue": found * 1.0,
        "possible_found": 20,
        "possible_revenue": 20.0,
        "best_found": 10,
        "best_revenue": 10.0,
        "truly_irregular": None,
        "truly_evaded": None,
        "choose_cpu_seconds": 1.0,
        "fit_cpu_seconds": 0.5,
        "fallback": 0,
        "features_cpu_seconds": 0.0,
        "peak_memory_mb": 300,
    }


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    numbers = {"truly_irregular": pl.Int64, "truly_evaded": pl.Float64}
    return pl.DataFrame(list(rows), schema_overrides=numbers)


def test_a_period_is_measured_against_the_best_possible_choice() -> None:
    chosen = ("a", "c", "d")
    results = TRUTH.filter(pl.col("item_id").is_in(chosen), pl.col("is_irregular").is_not_null())
    counts = period_counts(3, Inspected(None, results, TRUTH), chosen, has_oracle=True)
    assert (counts["selected"], counts["answered"], counts["found"], counts["revenue"]) == (3, 2, 1, 10.0)
    assert (counts["best_found"], counts["best_revenue"]) == (3, 100.0)
    assert (counts["truly_irregular"], counts["truly_evaded"]) == (1, 10.0)


def test_the_best_choice_of_two_takes_the_two_largest() -> None:
    counts = period_counts(2, Inspected(None, TRUTH.clear(), TRUTH), (), has_oracle=False)
    assert (counts["best_found"], counts["best_revenue"]) == (2, 90.0)


def test_over_periods_figures_are_ratios_of_sums() -> None:
    found = cumulate(frame(row(0, found=1, answered=1), row(1, found=0, answered=9)))
    assert found["precision"].to_list() == [1.0, 0.1]


def test_nothing_selected_has_no_precision() -> None:
    assert with_measures(frame(row(0, found=0, answered=0)))["precision"].to_list() == [None]


def test_the_interval_is_students() -> None:
    """Mean .2 of .1, .2, .3: t(2) = 4.303 times .1/sqrt(3)."""
    rows = with_measures(frame(*(row(0, seed=s, found=s) for s in (1, 2, 3))))
    (found,) = over_seeds(rows, ("strategy",)).to_dicts()
    assert found["precision"] == pytest.approx(0.2)
    assert found["precision_high"] - found["precision"] == pytest.approx(4.303 * 0.1 / 3**0.5)
    assert found["precision_low"] == 0.0


def test_one_seed_has_no_interval() -> None:
    (found,) = summary(with_measures(frame(row(0, found=3)))).to_dicts()
    assert (found["precision"], found["precision_low"]) == (0.3, None)
