"""The baselines beside the suite that each of them passes (tests/contracts): the strength they ought to have."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from basira.evaluate.metrics import compute_slice_metrics
from basira.evaluate.slices import occurs_in
from basira.models.baselines.baselines import BASELINES, split_late
from basira.models.baselines.columns import choose_columns, fit_encoder
from tests.support.baseline_items import TEST, TRAIN
from tests.support.tree import KCS

BY_NAME = {b.name: b for b in BASELINES}


def auc(score: np.ndarray, test: pl.DataFrame = TEST) -> float:
    found = compute_slice_metrics(test["is_irregular"].to_numpy(), score, resamples=0, seed=1)["auc"]
    assert found is not None
    return float(found)


def test_names_are_those_of_the_contract() -> None:
    assert [b.name for b in BASELINES] == [
        "constant",
        "random",
        "price_order",
        "importer_history",
        "pair_lookup",
        "logistic_regression",
        "xgboost",
        "lightgbm_raw",
    ]


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
        declaration_id="Declaration ID",
        declared_at=pl.col("Date").cast(pl.Datetime("us")),
        office="Office ID",
        procedure="Process Type",
        payment_mode="Payment Type",
        transport_mode="Mode of Transport",
        declarant_id="Declarant ID",
        importer_id="Importer ID",
        exporter_id="Seller ID",
        x_courier="Courier ID",
        x_import_type="Import Type",
        x_import_use="Import Use",
        x_marking="Country of Origin Indicator",
        commodity_code=pl.col("HS6 Code").str.zfill(6),
        dispatch_country="Country of Departure",
        origin_country="Country of Origin",
        duty_rate=pl.col("Tax Rate") / 100,
        preference="Tax Type",
        net_mass_kg="Net Mass",
        customs_value_amount="Item Price",
        is_irregular=pl.col("Fraud") == 1,
    )


def test_strength_on_the_kcs_data() -> None:
    if not (KCS / "valid.csv").is_file():
        pytest.skip("the KCS data set is absent")
    train, test = kcs("train.csv"), kcs("valid.csv")
    novel = ~occurs_in(train, test, ("commodity_code", "net_mass_kg"))
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
