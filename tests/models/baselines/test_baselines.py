"""The baselines: one interface, no look at the test's labels, and the strength they ought to have."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from basira.evaluate.metrics import compute_slice_metrics
from basira.evaluate.slices import stood_in
from basira.models.baselines.baselines import BASELINES, Baseline, split_late
from basira.models.baselines.columns import choose_columns, fit_encoder
from basira.schema.errors import ModelError
from tests.support.tree import KCS

BY_NAME = {b.name: b for b in BASELINES}
every_baseline = pytest.mark.parametrize("baseline", BASELINES, ids=lambda b: b.name)


def items(rows: int = 1500, *, seed: int = 0) -> pl.DataFrame:
    """Declarations where country "AE" and a low value per kg go with irregularity."""
    generator = np.random.default_rng(seed)
    country = generator.choice(["CN", "FR", "AE"], rows)
    mass = np.round(generator.lognormal(4, 1, rows), 1)
    value = mass * generator.lognormal(2, 0.7, rows)
    odds = -2.5 + 2.0 * (country == "AE") - 1.2 * (np.log(value / mass) - 2)
    return pl.DataFrame({
        "declaration_id": [f"d{seed}-{i}" for i in range(rows)],
        "declared_at": [datetime(2025, 1, 1) + timedelta(hours=i) for i in range(rows)],
        "importer_id": generator.choice(["A", "B", "C", None], rows),  # type: ignore[arg-type]  # a null among texts
        "commodity_code": generator.choice(["851713", "610910", "090111"], rows),
        "origin_country": country,
        "net_mass_kg": mass,
        "customs_value_amount": value,
        "x_use": generator.choice(["11", "21"], rows),
        "is_irregular": generator.random(rows) < 1 / (1 + np.exp(-odds)),
    })  # fmt: skip


TRAIN, TEST = items(seed=0), items(600, seed=1)


def auc(score: np.ndarray, test: pl.DataFrame = TEST) -> float:
    found = compute_slice_metrics(test["is_irregular"].to_numpy(), score, resamples=0, seed=1)["auc"]
    assert found is not None
    return float(found)


def test_names_are_those_of_the_contract() -> None:
    assert [b.name for b in BASELINES] == [
        "constant", "random", "price_order", "importer_history", "pair_lookup", "logistic_regression", "xgboost",
        "lightgbm_raw",
    ]  # fmt: skip


@every_baseline
def test_one_finite_score_a_row_and_probabilities_within_bounds(baseline: Baseline) -> None:
    result = baseline.fit_score(TRAIN, None, TEST, seed=1)
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
    scores = [baseline.fit_score(TRAIN, None, t, seed=1).score for t in (TEST, flipped, bare)]
    assert (scores[0] == scores[1]).all()
    assert (scores[0] == scores[2]).all()


@every_baseline
def test_each_row_is_scored_by_itself(baseline: Baseline) -> None:
    if baseline.name == "random":
        pytest.skip("a random draw depends on the place of the row, and says so")
    turned = baseline.fit_score(TRAIN, None, TEST.reverse(), seed=1).score[::-1]
    assert turned == pytest.approx(baseline.fit_score(TRAIN, None, TEST, seed=1).score)


@every_baseline
def test_same_seed_same_score(baseline: Baseline) -> None:
    one, other = (baseline.fit_score(TRAIN[:600], None, TEST, seed=3).score for _ in range(2))
    assert (one == other).all()


@every_baseline
def test_values_never_seen_nulls_and_absent_columns_are_scored(baseline: Baseline) -> None:
    strange = TEST[:5].with_columns(
        importer_id=pl.lit("never"), origin_country=pl.lit(None, pl.String), net_mass_kg=pl.lit(None, pl.Float64),
        customs_value_amount=pl.lit(None, pl.Float64), x_use=pl.lit("99"),
    )  # fmt: skip
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


def test_rows_without_a_result_are_left_out() -> None:
    unknown = TRAIN.with_columns(is_irregular=pl.when(pl.col("declared_at").dt.hour() < 20).then("is_irregular"))
    known = unknown.filter(pl.col("is_irregular").is_not_null())
    for name in ("constant", "pair_lookup"):
        one, other = (BY_NAME[name].fit_score(t, None, TEST, seed=1).score for t in (unknown, known))
        assert (one == other).all()


def test_rows_of_the_validation_are_learned_from_too() -> None:
    result = BY_NAME["constant"].fit_score(TRAIN[:500], TRAIN[500:], TEST, seed=1)
    assert result.score[0] == pytest.approx(TRAIN["is_irregular"].mean())


def test_without_validation_the_last_fifth_by_time_takes_its_place() -> None:
    early, late = split_late(TRAIN.sample(fraction=1.0, shuffle=True, seed=1))
    assert len(late) == len(TRAIN) // 5
    assert early["declared_at"].max() < late["declared_at"].min()  # type: ignore[operator]


def test_price_order_is_the_value_highest_first() -> None:
    score = BY_NAME["price_order"].fit_score(TRAIN, None, TEST, seed=1).score
    assert score.argmax() == TEST["customs_value_amount"].arg_max()


def test_pair_lookup_backs_off_from_pair_to_code_to_base() -> None:
    train = pl.DataFrame({
        "declared_at": [datetime(2025, 1, 1 + i) for i in range(8)], "commodity_code": ["11"] * 4 + ["22"] * 4,
        "net_mass_kg": [1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0], "is_irregular": [True] * 2 + [False] * 6,
    })  # fmt: skip
    test = pl.DataFrame({"commodity_code": ["11", "11", "22", "33"], "net_mass_kg": [1.0, 9.0, 9.0, 1.0]})
    pair, code, other, base = BY_NAME["pair_lookup"].fit_score(train, None, test, seed=1).score
    assert base == 0.25
    assert code == pytest.approx((2 + 10 * 0.25) / 14)
    assert pair == pytest.approx((2 + 0.2 * code) / 2.2)
    assert other < base < code < pair


@pytest.mark.parametrize("name", ["logistic_regression", "xgboost", "lightgbm_raw"])
def test_learned_baselines_find_what_was_planted(name: str) -> None:
    truth = (
        -2.5
        + 2.0 * (TEST["origin_country"] == "AE").to_numpy()
        - 1.2 * (np.log((TEST["customs_value_amount"] / TEST["net_mass_kg"]).to_numpy()) - 2)
    )
    ceiling = auc(truth)
    assert auc(BY_NAME[name].fit_score(TRAIN, None, TEST, seed=1).score) > ceiling - 0.07


def test_columns_leave_out_keys_dates_and_constants() -> None:
    columns = choose_columns(TRAIN.with_columns(payment_mode=pl.lit("11")))
    assert columns.numbers == ("net_mass_kg", "customs_value_amount")
    assert columns.categories == ("importer_id", "commodity_code", "origin_country", "x_use")


def test_an_extra_column_full_of_numbers_is_a_measure() -> None:
    columns = choose_columns(TRAIN.with_columns(x_engine=pl.int_range(len(TRAIN)).cast(pl.String)))
    assert "x_engine" in columns.numbers


def test_encoder_gives_the_mark_for_what_it_never_saw() -> None:
    matrix = fit_encoder(TRAIN).matrix(TEST[:1].with_columns(origin_country=pl.lit("ZW")), unknown=-1.0)
    assert matrix[0, -2] == -1.0


def kcs(name: str) -> pl.DataFrame:
    codes = (
        "Office ID",
        "Import Type",
        "Import Use",
        "Payment Type",
        "Mode of Transport",
        "HS6 Code",
        "Declaration ID",
    )
    rows = pl.read_csv(KCS / name, schema_overrides=dict.fromkeys(codes, pl.String), try_parse_dates=True)
    return rows.select(
        declaration_id="Declaration ID", declared_at=pl.col("Date").cast(pl.Datetime("us")), office="Office ID",
        procedure="Process Type", payment_mode="Payment Type", transport_mode="Mode of Transport",
        declarant_id="Declarant ID", importer_id="Importer ID", exporter_id="Seller ID", x_courier="Courier ID",
        x_import_type="Import Type", x_import_use="Import Use", x_marking="Country of Origin Indicator",
        commodity_code=pl.col("HS6 Code").str.zfill(6), dispatch_country="Country of Departure",
        origin_country="Country of Origin", duty_rate=pl.col("Tax Rate") / 100, preference="Tax Type",
        net_mass_kg="Net Mass", customs_value_amount="Item Price", is_irregular=pl.col("Fraud") == 1,
    )  # fmt: skip


def test_strength_on_the_kcs_data() -> None:
    if not (KCS / "valid.csv").is_file():
        pytest.skip("the KCS data set is absent")
    train, test = kcs("train.csv"), kcs("valid.csv")
    novel = ~stood_in(train, test, ("commodity_code", "net_mass_kg"))
    assert int(novel.sum()) == 1295
    truth = test["is_irregular"].to_numpy()

    def figures(name: str) -> tuple[float, float]:
        score = BY_NAME[name].fit_score(train, None, test, seed=1).score
        whole = compute_slice_metrics(truth, score, resamples=0, seed=1)
        honest = compute_slice_metrics(truth[novel], score[novel], resamples=0, seed=1)
        return whole["precision"]["10"], honest["auc"]

    assert figures("pair_lookup")[0] > 0.97
    for name, precision in (("xgboost", 0.6), ("logistic_regression", 0.3)):
        whole, honest = figures(name)
        assert whole > precision
        assert 0.55 < honest < 0.65
