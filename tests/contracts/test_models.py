"""What every baseline keeps to: one interface, and no look at the test's labels."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from basira.models.baselines.baselines import BASELINES, Baseline, BaselineResult
from basira.schema.errors import ModelError
from tests.support.baseline_items import TEST, TRAIN

every_baseline = pytest.mark.parametrize("baseline", BASELINES, ids=lambda b: b.name)


@cache
def plain(baseline: Baseline) -> BaselineResult:
    """Learned from all of the past, scored on all of the test."""
    return baseline.fit_score(TRAIN, None, TEST, seed=1)


@every_baseline
def test_one_finite_score_a_row_and_probabilities_within_bounds(baseline: Baseline) -> None:
    result = plain(baseline)
    assert result.score.shape == (len(TEST),)
    assert np.isfinite(result.score).all()
    assert min(result.fit_cpu_seconds, result.score_cpu_seconds) >= 0
    if baseline.gives_probability:
        assert result.probability is not None
        assert ((result.probability >= 0) & (result.probability <= 1)).all()
        assert abs(result.probability.mean() - TEST["is_irregular"].mean()) < 0.08
    else:
        assert result.probability is None


@every_baseline
def test_labels_of_the_test_change_nothing(baseline: Baseline) -> None:
    flipped = TEST.with_columns(~pl.col("is_irregular"))
    bare = TEST.drop("is_irregular")
    for test in (flipped, bare):
        assert (baseline.fit_score(TRAIN, None, test, seed=1).score == plain(baseline).score).all()


@every_baseline
def test_each_row_is_scored_by_itself(baseline: Baseline) -> None:
    if baseline.name == "random":
        pytest.skip("a random draw depends on the place of the row, and says so")
    turned = baseline.fit_score(TRAIN, None, TEST.reverse(), seed=1).score[::-1]
    assert turned == pytest.approx(plain(baseline).score)


@every_baseline
def test_same_seed_same_score(baseline: Baseline) -> None:
    one, other = (baseline.fit_score(TRAIN[:600], None, TEST, seed=3).score for _ in range(2))
    assert (one == other).all()


@every_baseline
def test_values_never_seen_nulls_and_absent_columns_are_scored(baseline: Baseline) -> None:
    strange = TEST[:5].with_columns(
        importer_id=pl.lit("never"),
        origin_country=pl.lit(None, pl.String),
        net_mass_kg=pl.lit(None, pl.Float64),
        customs_value_amount=pl.lit(None, pl.Float64),
        x_use=pl.lit("99"),
    )
    assert np.isfinite(baseline.fit_score(TRAIN, None, strange, seed=1).score).all()
    bare = TEST[:5].select("declaration_id", "declared_at", "commodity_code")
    assert np.isfinite(baseline.fit_score(TRAIN, None, bare, seed=1).score).all()


@every_baseline
def test_a_thin_source_and_an_empty_test_are_enough(baseline: Baseline) -> None:
    thin = TRAIN.select("declaration_id", "declared_at", "commodity_code", "is_irregular")
    assert len(baseline.fit_score(thin, None, TEST, seed=1).score) == len(TEST)
    assert len(baseline.fit_score(TRAIN[:300], None, TEST[:0], seed=1).score) == 0


@every_baseline
def test_one_class_is_a_model_error(baseline: Baseline) -> None:
    with pytest.raises(ModelError, match="1 class"):
        baseline.fit_score(TRAIN.filter("is_irregular"), None, TEST, seed=1)
