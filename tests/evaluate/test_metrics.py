"""The figures of a slice: against plain loops, against scikit-learn, and where they do not exist."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, roc_auc_score  # type: ignore[import-untyped]  # no stubs

from basira.evaluate.metrics import Scored, compare_on_slice, compute_slice_metrics, inspected_count
from basira.evaluate.ranking import rank_rows, resample_weights

CONTRACT = {
    "rows",
    "positives",
    "precision",
    "recall",
    "revenue",
    "auc",
    "average_precision",
    "brier",
    "precision_ci",
    "recall_ci",
    "revenue_ci",
    "auc_ci",
    "average_precision_ci",
    "brier_ci",
}


def sample(rows: int = 400, *, seed: int = 0, ties: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.random(rows) < 0.2
    score = generator.normal(size=rows) + truth
    revenue = truth * generator.lognormal(size=rows)
    return truth, np.round(score) if ties else score, revenue


def test_keys_are_the_contract() -> None:
    truth, score, revenue = sample()
    metrics = compute_slice_metrics(truth, score, None, revenue, resamples=10, seed=1)
    assert set(metrics) == CONTRACT
    assert list(metrics["precision"]) == list(metrics["recall_ci"]) == ["1", "2", "5", "10", "20"]


def test_precision_recall_and_revenue_of_a_small_order_by_hand() -> None:
    metrics = compute_slice_metrics(
        [True, False, True, False], [4, 3, 2, 1], None, [6.0, 0.0, 2.0, 0.0], percents=(25, 50), resamples=0, seed=1
    )
    assert metrics["precision"] == {"25": 1.0, "50": 0.5}
    assert metrics["recall"] == {"25": 0.5, "50": 0.5}
    assert metrics["revenue"] == {"25": 0.75, "50": 0.75}


@pytest.mark.parametrize("ties", [False, True])
def test_auc_and_average_precision_equal_scikit_learn(ties: bool) -> None:
    truth, score, _ = sample(ties=ties)
    metrics = compute_slice_metrics(truth, score, resamples=0, seed=1)
    assert metrics["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert metrics["average_precision"] == pytest.approx(average_precision_score(truth, score))


def test_brier_is_the_mean_squared_error() -> None:
    metrics = compute_slice_metrics([True, False], [2, 1], [0.8, 0.4], resamples=0, seed=1)
    assert metrics["brier"] == pytest.approx((0.04 + 0.16) / 2)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=6),
    st.integers(min_value=1, max_value=100),
)
def test_precision_is_the_mean_over_all_orders_of_the_tied(rows: list[tuple[bool, int]], percent: int) -> None:
    truth, score = [r[0] for r in rows], [float(r[1]) for r in rows]
    k = inspected_count(len(rows), percent)
    orders = [sorted(order, key=lambda i: -score[i]) for order in itertools.permutations(range(len(rows)))]
    expected = float(np.mean([np.mean([truth[i] for i in order[:k]]) for order in orders]))
    found = compute_slice_metrics(truth, score, percents=(percent,), resamples=0, seed=1)
    assert found["precision"][f"{percent}"] == pytest.approx(expected)


def test_a_constant_score_gets_the_base_rate() -> None:
    truth, score, _ = sample()
    metrics = compute_slice_metrics(truth, np.zeros_like(score), resamples=0, seed=1)
    assert_allclose(list(metrics["precision"].values()), truth.mean())
    assert metrics["auc"] == 0.5


def test_row_order_does_not_matter() -> None:
    truth, score, revenue = sample(ties=True)
    shuffled = np.random.default_rng(3).permutation(len(truth))
    one = compute_slice_metrics(truth, score, None, revenue, resamples=0, seed=1)
    other = compute_slice_metrics(truth[shuffled], score[shuffled], None, revenue[shuffled], resamples=0, seed=1)
    assert_allclose(list(one["precision"].values()), list(other["precision"].values()))
    assert_allclose(list(one["revenue"].values()), list(other["revenue"].values()))


def test_a_row_without_score_goes_last() -> None:
    metrics = compute_slice_metrics([True, False], [np.nan, -1e9], percents=(50,), resamples=0, seed=1)
    assert metrics["precision"]["50"] == 0.0


@pytest.mark.parametrize(("truth", "absent"), [([], "precision"), ([True, True], "auc"), ([False, False], "recall")])
def test_a_figure_that_does_not_exist_is_null_and_so_is_its_interval(truth: list[bool], absent: str) -> None:
    metrics = compute_slice_metrics(truth, np.arange(len(truth)), None, np.zeros(len(truth)), resamples=20, seed=1)
    for name in (absent, f"{absent}_ci"):
        value = metrics[name]
        assert all(v is None for v in value.values()) if isinstance(value, dict) else value is None


def test_no_revenue_basis_gives_null_revenue() -> None:
    truth, score, _ = sample()
    metrics = compute_slice_metrics(truth, score, resamples=20, seed=1)
    assert set(metrics["revenue"].values()) == set(metrics["revenue_ci"].values()) == {None}


def test_same_seed_same_intervals_other_seed_others() -> None:
    truth, score, revenue = sample()
    one, same, other = (compute_slice_metrics(truth, score, None, revenue, resamples=50, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one["auc_ci"] != other["auc_ci"]


def test_draws_hold_the_same_number_of_rows_whatever_the_block() -> None:
    blocks = list(resample_weights(50_000, 90, seed=1))
    assert sum(len(b) for b in blocks) == 90
    assert len(blocks) > 1
    assert {int(s) for b in blocks for s in b.sum(axis=1, dtype=np.int64)} == {50_000}


def test_bootstrap_draw_equals_the_figures_of_its_repeated_rows() -> None:
    truth, score, revenue = sample(60, ties=True)
    weights = next(resample_weights(60, 5, seed=4))
    hits, money = rank_rows(truth, score, revenue).capture(weights)
    assert money is not None
    for draw in range(5):
        rows = np.repeat(np.arange(60), weights[draw])
        plain = compute_slice_metrics(
            truth[rows], score[rows], None, revenue[rows], percents=(10,), resamples=0, seed=1
        )
        assert hits.auc()[draw] == pytest.approx(plain["auc"])
        assert hits.average_precision()[draw] == pytest.approx(plain["average_precision"])
        assert hits.at(np.array([6.0]))[draw, 0] / 6 == pytest.approx(plain["precision"]["10"])
        assert money.at(np.array([6.0]))[draw, 0] / money.total[draw] == pytest.approx(plain["revenue"]["10"])


def test_interval_of_the_base_rate_covers_it_as_often_as_it_says() -> None:
    # A constant score's average precision is the base rate; its interval should cover .3 in about 95 % of worlds.
    covered = 0
    for world in range(200):
        truth = np.random.default_rng(world).random(300) < 0.3
        low, high = compute_slice_metrics(truth, np.zeros(300), resamples=200, seed=world)["average_precision_ci"]
        covered += low <= 0.3 <= high
    assert 180 <= covered <= 199


def test_difference_to_an_equal_model_is_zero_in_every_draw() -> None:
    truth, score, revenue = sample()
    models = {"basira": Scored(score), "twin": Scored(score * 2)}
    found = compare_on_slice(truth, models, revenue, reference="basira", resamples=50, seed=1)
    assert found.differences["twin"]["auc"] == 0
    assert found.differences["twin"]["auc_ci"] == [0.0, 0.0]
    assert "basira" not in found.differences


def test_paired_difference_is_narrower_than_two_single_intervals() -> None:
    truth, score, _ = sample(2000)
    close = score + np.random.default_rng(5).normal(size=2000) * 0.1
    found = compare_on_slice(truth, {"basira": Scored(score), "near": Scored(close)}, reference="basira", seed=1)
    low, high = found.differences["near"]["auc_ci"]
    single = found.metrics["basira"]["auc_ci"]
    assert high - low < (single[1] - single[0]) / 3


@pytest.mark.parametrize(("rows", "percent", "count"), [(8134, 10, 813), (100, 29, 29), (3, 1, 1), (200, 0.5, 1)])
def test_inspected_count_rounds_down_to_at_least_one(rows: int, percent: float, count: int) -> None:
    assert inspected_count(rows, percent) == count


def test_lengths_that_differ_are_rejected() -> None:
    with pytest.raises(ValueError, match="one score"):
        compute_slice_metrics([True, False], [1.0], seed=1)
