"""Slices tell seen from novel; curves and calibration say what the rows say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from basira.evaluate.assemble import Contender, MeasuredRows, assemble_evaluation
from basira.evaluate.curves import compute_calibration, compute_capture_curves, wilson_interval
from basira.evaluate.metrics import Scored
from basira.evaluate.slices import build_slices
from basira.evaluate.standing import standings

TRAIN = pl.DataFrame(
    {
        "commodity_code": ["851713", "851713", "610910"],
        "net_mass_kg": [12.5, 3.0, None],
        "importer_id": ["A", "B", None],
    }
)
TEST = pl.DataFrame(
    {
        "commodity_code": ["851713", "851713", "610910", "090111"],
        "net_mass_kg": [12.5, 13.0, None, 1.0],
        "importer_id": ["A", "C", None, "A"],
    }
)


def test_seen_pair_needs_the_same_code_and_mass_and_never_a_null() -> None:
    slices = build_slices(TRAIN, TEST)
    assert slices["seen_pair"].tolist() == [True, False, False, False]
    assert slices["novel_pair"].tolist() == [False, True, True, True]


def test_new_importers_and_codes() -> None:
    slices = build_slices(TRAIN, TEST)
    assert slices["new_importer"].tolist() == [False, True, True, False]
    assert slices["new_code"].tolist() == [False, False, False, True]


def test_slices_without_their_columns_are_left_out() -> None:
    assert set(build_slices(TRAIN.select("commodity_code"), TEST)) == {"all", "known_code", "new_code"}


def test_only_large_offices_make_slices() -> None:
    test = pl.DataFrame({"office": ["20"] * 600 + ["30"] * 500 + ["40"] * 10})
    assert {name for name in build_slices(test, test) if ":" in name} == {"office:20", "office:30"}


def test_curve_ends_at_everything() -> None:
    truth = np.array([True, False, False, True])
    curve = compute_capture_curves(truth, {"m": Scored([4, 3, 2, 1])}, [1.0, 0, 0, 3.0], resamples=20, seed=1)["m"]
    assert curve.recall is not None
    assert curve.revenue is not None
    assert curve.recall.value[-1] == curve.revenue.value[-1] == 1.0
    assert curve.precision.value[-1] == 0.5
    assert curve.recall.low is not None


def test_curve_without_revenue_basis_has_no_revenue() -> None:
    assert compute_capture_curves([True, False], {"m": Scored([1, 2])}, resamples=0, seed=1)["m"].revenue is None


def test_calibration_of_a_calibrated_model_lies_in_its_intervals() -> None:
    generator = np.random.default_rng(1)
    chance = generator.random(20_000)
    bins = compute_calibration(generator.random(20_000) < chance, chance)
    assert len(bins) == 10
    assert sum(b.low <= b.predicted <= b.high for b in bins) >= 8


def test_calibration_never_parts_equal_probabilities() -> None:
    bins = compute_calibration([0, 1, 0, 1, 1, 0], [0.2, 0.2, 0.2, 0.2, 0.9, 0.9], bins=3)
    assert [(b.rows, b.predicted) for b in bins] == [(4, pytest.approx(0.2)), (2, 0.9)]


def test_calibration_of_nothing_is_nothing() -> None:
    assert compute_calibration([], []) == ()


def test_wilson_interval_against_the_published_form() -> None:
    # 10 of 50: centre (p + z2/2n)/(1 + z2/n), worked by hand with z = 1.96.
    low, high = wilson_interval(10, 50)
    assert (round(low, 4), round(high, 4)) == (0.1124, 0.3304)


def evaluation(**extras: object) -> tuple[dict[str, object], object]:
    generator = np.random.default_rng(2)
    truth = generator.random(900) < 0.3
    good = truth + generator.normal(size=900) * 0.5
    contenders = {
        "basira": Contender(good, np.clip(good, 0, 1), 1.0, 0.1),
        "constant": Contender(np.zeros(900), np.full(900, 0.3), 0.0, 0.0),
    }
    half = np.arange(900) % 2 == 0
    slices = {"all": np.ones(900, bool), "seen_pair": half, "novel_pair": ~half, "new_code": np.zeros(900, bool)}
    return assemble_evaluation(
        MeasuredRows(truth, slices), contenders, dataset="made up", resamples=50, seed=1, extras=extras
    )


def test_assembled_metrics_have_the_contract_form() -> None:
    metrics, _ = evaluation(trained_rows=10)
    assert metrics["dataset"] == "made up"
    assert metrics["trained_rows"] == 10
    models = metrics["models"]
    assert isinstance(models, dict)
    assert set(models["basira"]) == {"slices", "fit_cpu_seconds", "score_cpu_seconds"}
    assert models["basira"]["slices"]["new_code"]["rows"] == 0


def test_standing_is_decided_by_the_paired_interval() -> None:
    metrics, _ = evaluation()
    by_cell = {(s.slice, s.measure, s.percent): s for s in standings(metrics)}
    assert by_cell["all", "auc", None].verdict == "ahead"
    assert by_cell["all", "auc", None].baseline == "constant"


def test_another_order_of_our_model_is_no_baseline() -> None:
    metrics, _ = evaluation()
    models = metrics["models"]
    assert isinstance(models, dict)
    models["basira_revenue"] = models["basira"]
    assert {s.baseline for s in standings(metrics)} == {"constant"}


def test_standing_without_our_model_is_empty() -> None:
    metrics, _ = evaluation()
    models = metrics["models"]
    assert isinstance(models, dict)
    assert standings({"models": {"constant": models["constant"]}}) == []
