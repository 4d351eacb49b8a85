"""What a fitted model says: probabilities that mean what they say, revenue that adds up, exact contributions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from basira.models.risk import trees
from basira.models.risk.amounts import AmountCalibration
from basira.models.risk.calibration import Calibration, fit_calibration, fit_shrunk_calibration
from basira.models.risk.matrix import FEWEST_ROWS, MOST_CODES, choose_encoding
from basira.models.risk.risk_model import POTENTIAL
from basira.schema.errors import ModelError
from tests.support.models_items import NUMBERS, chance, fit


def test_the_planted_irregularity_is_ranked_on_top(model, later):
    order = np.argsort(-model.predict(later.features).fraud_probability)
    best = np.argsort(-chance(later.features["signal"].to_numpy()))
    top = len(order) // 10
    # No model can do better than the planted chance itself.
    assert later.is_irregular[order[:top]].mean() > 0.9 * later.is_irregular[best[:top]].mean()
    assert later.is_irregular[order[:top]].mean() > 2.5 * later.is_irregular.mean()


def test_the_mean_probability_is_the_rate_of_a_later_year(model, later):
    assert model.predict(later.features).fraud_probability.mean() == pytest.approx(later.is_irregular.mean(), rel=0.15)


def test_in_each_fifth_of_the_order_the_probability_is_the_rate(model, later):
    probability = model.predict(later.features).fraud_probability
    for part in np.array_split(np.argsort(probability), 5):
        assert probability[part].mean() == pytest.approx(later.is_irregular[part].mean(), abs=0.08)


def test_the_probability_of_a_kind_is_within_that_of_an_irregularity(model, later):
    found = model.predict(later.features)
    assert set(found.kind_probabilities) == {"value", "origin"}
    for kind in found.kind_probabilities.values():
        assert (kind >= 0).all()
        assert (kind <= found.fraud_probability).all()


def test_kinds_tell_the_planted_kinds_apart(model, later):
    found = model.predict(later.features)
    known = later.is_irregular
    is_value = later.kinds["value"][known] == 1
    share = (found.kind_probabilities["value"] / found.fraud_probability)[known]
    assert share[is_value].mean() > share[~is_value].mean() + 0.3


def test_a_kind_too_rare_for_trees_is_its_plain_share(items):
    rare = np.zeros(len(items.is_irregular))
    rare[np.flatnonzero(items.is_irregular)[:12]] = 1
    head = fit(replace(items, kinds={"prohibited": rare})).kinds["prohibited"]
    assert head.booster is None
    assert head.share == pytest.approx(12.5 / (items.is_irregular.sum() + 1))


def test_a_kind_never_seen_has_no_probability(items):
    model = fit(replace(items, kinds={"quantity": np.zeros(len(items.is_irregular))}))
    assert "quantity" not in model.predict(items.features).kind_probabilities


def test_expected_revenue_is_probability_times_revenue(model, later):
    found = model.predict(later.features)
    assert np.array_equal(found.expected_revenue, found.fraud_probability * found.revenue_if_fraud)


def test_the_evaded_share_is_within_the_potential(model, later):
    found = model.predict(later.features)
    assert (found.revenue_if_fraud >= 0).all()
    assert (found.revenue_if_fraud <= later.features[POTENTIAL].to_numpy()).all()


def test_before_later_results_correct_it_the_revenue_of_the_irregular_items_adds_up(model, items):
    known = items.is_irregular
    plain = replace(model, share=replace(model.share, amount=AmountCalibration()))
    predicted = plain.predict(items.features).revenue_if_fraud[known].sum()
    assert predicted == pytest.approx(np.nansum(items.revenue[known]), rel=0.02)


def test_the_expected_revenue_of_a_later_year_is_what_its_inspections_bring(model, later):
    # 700 amounts, of which the largest 40 hold half: their sum scatters by a tenth.
    assert model.predict(later.features).expected_revenue.sum() == pytest.approx(np.nansum(later.revenue), rel=0.2)


def test_the_share_follows_what_was_planted(model, later):
    share = model.predict(later.features).revenue_if_fraud / later.features[POTENTIAL].to_numpy()
    high = later.features["noise"].to_numpy() > 0.2
    assert share[high].mean() == pytest.approx(0.5, abs=0.06)
    assert share[later.features["noise"].to_numpy() < -0.2].mean() == pytest.approx(0.2, abs=0.06)


def test_without_any_revenue_the_whole_potential_is_assumed_and_the_card_says_so(items):
    model = fit(replace(items, revenue=np.full(len(items.is_irregular), np.nan)))
    assert model.card["share"] == {"mean": 1.0, "scale": 1.0, "is_learned": False, "is_assumed": True}
    assert np.array_equal(model.predict(items.features).revenue_if_fraud, items.features[POTENTIAL].to_numpy())


def test_with_few_revenues_the_share_is_their_mean(items):
    few = np.full(len(items.is_irregular), np.nan)
    some = np.flatnonzero(items.is_irregular)[:20]
    few[some] = items.revenue[some]
    model = fit(replace(items, revenue=few))
    assert (model.share.booster, model.card["share"]["is_assumed"]) == (None, False)
    potential = items.features[POTENTIAL].to_numpy()
    assert model.share.mean == pytest.approx(few[some].sum() / potential[some].sum())


@pytest.mark.parametrize("missing", [None, float("nan"), 0.0, -5.0])
def test_an_item_without_a_value_has_no_revenue_and_keeps_its_probability(missing, model, later):
    features = later.features.head(3).with_columns(pl.lit(missing, pl.Float64).alias(POTENTIAL))
    found = model.predict(features)
    assert found.revenue_if_fraud.tolist() == [0.0, 0.0, 0.0]
    assert (found.fraud_probability > 0).all()


def test_one_item_alone_gets_what_it_gets_among_others(model, later):
    together = model.predict(later.features)
    for i in (0, 17, 999):
        alone = model.predict(later.features[i : i + 1])
        assert alone.fraud_probability[0] == together.fraud_probability[i]
        assert alone.expected_revenue[0] == together.expected_revenue[i]


def test_no_item_no_prediction(model, later):
    found = model.predict(later.features.head(0))
    assert len(found.fraud_probability) == len(found.kind_probabilities["value"]) == 0
    assert model.contributions(later.features.head(0)).shape == (0, len(model.encoding.names))


def test_a_missing_feature_is_named(model, later):
    with pytest.raises(ModelError, match="'signal'"):
        model.predict(later.features.drop("signal"))


def test_a_further_feature_changes_nothing(model, later):
    more = later.features.with_columns(extra=pl.lit(1.0))
    assert np.array_equal(model.predict(more).fraud_probability, model.predict(later.features).fraud_probability)


def test_contributions_and_base_add_up_to_the_raw_score(model, later):
    x = model.encoding.matrix(later.features)
    parts = trees.contributions(model.boosters, x)
    assert parts.shape == (len(x), len(model.encoding.names) + 1)
    assert np.allclose(parts.sum(axis=1), trees.predict_raw(model.boosters, x), rtol=0, atol=1e-9)


def test_contributions_are_in_calibrated_log_odds(model, later):
    x = model.encoding.matrix(later.features)
    parts = trees.contributions(model.boosters, x)
    probability = model.predict(later.features).fraud_probability
    log_odds = np.log(probability / (1 - probability))
    base = model.calibration.slope * parts[:, -1] + model.calibration.intercept
    assert np.allclose(model.contributions(later.features).sum(axis=1) + base, log_odds, atol=1e-8)


# The matrix.


def test_an_unknown_or_absent_category_is_nan(model):
    features = pl.DataFrame({n: [0.0] * 3 for n in NUMBERS} | {"category_office": ["A", "never seen", None]})
    column = model.encoding.matrix(features)[:, model.encoding.names.index("category_office")]
    assert np.isfinite(column).tolist() == [True, False, False]


def test_a_null_number_is_nan(model):
    features = pl.DataFrame(
        {"signal": [None, 1.0], "noise": [0.0, 0.0], "gap": [1.0, 1.0], "category_office": ["A", "B"]}
    )
    assert np.isnan(model.encoding.matrix(features)[:, 0]).tolist() == [True, False]


def test_rare_codes_and_codes_beyond_the_limit_are_left_out():
    often = [f"C{i:03d}" for i in range(MOST_CODES + 5) for _ in range(FEWEST_ROWS)]
    features = pl.DataFrame({"n": range(len(often) + 29), "category_c": [*often, *["RARE"] * (FEWEST_ROWS - 1)]})
    codes = choose_encoding(features, ["n"], ["category_c"]).categories["category_c"]
    assert len(codes) == MOST_CODES
    assert "RARE" not in codes
    # All as frequent: the order is the code's own, whatever the order of the rows.
    assert list(codes) == sorted(codes)
    assert choose_encoding(features.reverse(), ["n"], ["category_c"]).categories["category_c"] == codes


# Calibration.


def test_calibration_recovers_a_slope_and_an_intercept():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=20_000)
    irregular = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * raw - 1.5)))
    found = fit_calibration(raw, irregular)
    assert found.slope == pytest.approx(0.5, abs=0.06)
    assert found.intercept == pytest.approx(-1.5, abs=0.06)


def test_calibration_never_turns_the_order_round():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=2000)
    irregular = rng.random(2000) < 1 / (1 + np.exp(raw + 1))
    assert fit_calibration(raw, irregular).slope > 0


def drawn(rows: int, slope: float, level: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    raw = rng.normal(-3, 1.5, size=rows)
    return raw, rng.random(rows) < 1 / (1 + np.exp(-(slope * raw + level)))


def test_a_shrunk_calibration_follows_many_results_and_stays_near_its_own_with_few():
    many = fit_shrunk_calibration(*drawn(60_000, 1.3, 0.8), np.ones(60_000))
    few = fit_shrunk_calibration(*drawn(150, 1.3, 0.8), np.ones(150))
    assert many.calibration.slope == pytest.approx(1.3, abs=0.05)
    assert many.calibration.intercept == pytest.approx(0.8, abs=0.12)
    assert abs(few.calibration.slope - 1) < 0.2
    assert few.slope[1] < 1 < few.slope[2]
    assert many.slope[2] - many.slope[1] < 0.1 < few.slope[2] - few.slope[1]
    none = fit_shrunk_calibration(np.empty(0), np.empty(0, bool), np.empty(0), shift=0.5)
    assert none.calibration == Calibration(1.0, -0.5)


def test_weights_count_as_rows_when_they_are_alike_and_for_less_when_they_are_not():
    raw, irregular = drawn(4000, 1.0, 0.4)
    plain, threefold = (fit_shrunk_calibration(raw, irregular, np.full(4000, w)) for w in (1.0, 3.0))
    assert threefold == plain
    uneven = fit_shrunk_calibration(raw, irregular, np.where(np.arange(4000) % 10 == 0, 10.0, 0.1))
    assert uneven.effective_rows < 500 < plain.effective_rows
    assert uneven.level[2] - uneven.level[1] > 1.4 * (plain.level[2] - plain.level[1])


def test_a_shrunk_calibration_never_turns_the_order_round():
    raw, irregular = drawn(4000, -1.0, -6.0)
    assert fit_shrunk_calibration(raw, irregular, np.ones(4000)).calibration.slope > 0


@pytest.mark.parametrize("positives", [0, 19, 181])
def test_calibration_on_too_few_is_left_as_it_was(positives):
    irregular = np.arange(200) < positives
    raw = np.linspace(-1, 1, 200)
    assert fit_calibration(raw, irregular) == Calibration()
    assert fit_calibration(raw, irregular, otherwise=Calibration(1.0, -2.0)) == Calibration(1.0, -2.0)
