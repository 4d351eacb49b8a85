"""How good a ranking is: precision, recall and revenue in the first percents, AUC, and their intervals.

Enters: per row, whether it was irregular, a score (higher: inspect first), perhaps a probability and
the revenue at stake. Leaves: the figures of a slice as a plain dict, ready for metrics.json, and the
paired differences between models. Never here: which rows form a slice, files, a clock, unseeded chance.
Equal scores: see `basira.evaluate.ranking`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from basira.evaluate.ranking import Floats, Ranking, Weights, rank_rows, resample_weights

SliceMetrics = dict[str, Any]
DEFAULT_PERCENTS: tuple[int, ...] = (1, 2, 5, 10, 20)
_INTERVAL = (0.025, 0.975)  # 95 %, percentile bootstrap
_BY_PERCENT = ("precision", "recall", "revenue")
_WHOLE = ("auc", "average_precision", "brier")


@dataclass(frozen=True)
class Scored:
    """What one model says of each row: an order, and perhaps a probability (None: it only ranks)."""

    score: ArrayLike
    probability: ArrayLike | None = None


@dataclass(frozen=True)
class SliceFigures:
    """``metrics``: by model. ``differences``: by other model, the reference model minus it (see below)."""

    metrics: dict[str, SliceMetrics]
    differences: dict[str, SliceMetrics]


def inspected_count(rows: int, percent: float) -> int:
    """How many rows a percentage inspects: rounded down, at least one.

    >>> inspected_count(8134, 1), inspected_count(50, 1), inspected_count(100, 29)
    (81, 1, 29)
    """
    return max(1, int(rows * percent / 100 + 1e-9))  # 1e-9: 100 * .29 is 28.999999999999996 in floats


def compute_slice_metrics(
    irregular: ArrayLike,
    score: ArrayLike,
    probability: ArrayLike | None = None,
    revenue: ArrayLike | None = None,
    *,
    percents: Sequence[float] = DEFAULT_PERCENTS,
    resamples: int = 1000,
    seed: int,
) -> SliceMetrics:
    """The figures of one model on one slice, each with its 95 % bootstrap interval.

    Parameters
    ----------
    irregular : shape (n,), truth of each row, no nulls.
    score : shape (n,), higher is inspected first; NaN (the model gave no answer) goes last, tied.
    probability : shape (n,), 0 to 1, for the Brier score; None when the model gives only an order.
    revenue : shape (n,), additional revenue of each row, >= 0; NaN (unknown) adds nothing. None when
        there is no revenue basis: the revenue figures are then null.
    percents : shares inspected, in percent of the slice's rows.
    resamples : bootstrap draws of n rows with replacement; 0 gives null intervals.
    seed : of the draws.

    Returns
    -------
    "rows", "positives"; "precision", "recall", "revenue" by percent as text; "auc",
    "average_precision", "brier"; and under each name + "_ci" the interval [low, high]. Precision is
    the share irregular among the inspected; recall the share of all irregular rows inspected; revenue
    the share of all revenue. A figure that does not exist (empty slice, one class, no revenue) is None.

    >>> m = compute_slice_metrics([True, False, False, True], [4, 3, 2, 1], percents=(50,), resamples=0, seed=1)
    >>> m["precision"], m["recall"], m["auc"]
    ({'50': 0.5}, {'50': 0.5}, 0.5)
    """
    models = {"model": Scored(score, probability)}
    figures = compare_on_slice(irregular, models, revenue, percents=percents, resamples=resamples, seed=seed)
    return figures.metrics["model"]


def compare_on_slice(
    irregular: ArrayLike,
    models: Mapping[str, Scored],
    revenue: ArrayLike | None = None,
    *,
    reference: str | None = None,
    percents: Sequence[float] = DEFAULT_PERCENTS,
    resamples: int = 1000,
    seed: int,
) -> SliceFigures:
    """`compute_slice_metrics` for many models on the same draws, and how far ``reference`` is ahead.

    Differences have the same keys ("precision", "precision_ci", …, "auc", "auc_ci", …) and are the
    reference's figure minus the other's; their interval is of the paired difference, draw by draw, so
    it can exclude zero where the two single intervals overlap. The Brier score is better when lower.
    """
    truth = np.asarray(irregular, dtype=bool)
    n = len(truth)
    money = None if revenue is None else np.nan_to_num(np.asarray(revenue, dtype=np.float64), nan=0.0)
    keys = [f"{p:g}" for p in percents]
    cuts = np.array([inspected_count(n, p) for p in percents], dtype=np.float64)
    rankings = {name: rank_rows(truth, np.asarray(m.score, dtype=np.float64), money) for name, m in models.items()}
    losses = {name: _squared_error(truth, m.probability) for name, m in models.items()}
    points = {name: _figures(rankings[name], np.ones((1, n), dtype=np.int64), cuts, losses[name]) for name in models}
    blocks: dict[str, list[dict[str, Floats]]] = {name: [] for name in models}
    if n:
        for weights in resample_weights(n, resamples, seed=seed):
            for name in models:
                blocks[name].append(_figures(rankings[name], weights, cuts, losses[name]))
    draws = {name: _concatenate(blocks[name], like=points[name]) for name in models}

    counts = {"rows": n, "positives": int(truth.sum())}
    metrics = {name: {**counts, **_describe(points[name], draws[name], keys)} for name in models}
    differences = {}
    if reference is not None:
        for name in models:
            if name != reference:
                point = {k: points[reference][k] - v for k, v in points[name].items()}
                spread = {k: draws[reference][k] - v for k, v in draws[name].items()}
                differences[name] = _describe(point, spread, keys)
    return SliceFigures(metrics, differences)


def _squared_error(truth: NDArray[np.bool_], probability: ArrayLike | None) -> Floats | None:
    if probability is None:
        return None
    error: Floats = np.square(np.asarray(probability, dtype=np.float64) - truth)
    return error


def _figures(ranking: Ranking, weights: Weights, cuts: Floats, loss: Floats | None) -> dict[str, Floats]:
    """All figures under each row of ``weights`` (shape (draws, n)); NaN where a figure does not exist."""
    none = np.full(len(weights), np.nan)
    by_cut = np.full((len(weights), len(cuts)), np.nan)
    if ranking.rows == 0:
        return {**dict.fromkeys(_BY_PERCENT, by_cut), **dict.fromkeys(_WHOLE, none)}
    captured, money = ranking.capture(weights)
    hits = captured.at(cuts)
    return {
        "precision": hits / cuts,
        "recall": _share(hits, captured.total),
        "revenue": by_cut if money is None else _share(money.at(cuts), money.total),
        "auc": captured.auc(),
        "average_precision": captured.average_precision(),
        # float32 halves the cost of the product and is exact to 1e-6, far below any interval's width;
        # the point itself (integer weights) stays in float64.
        "brier": none
        if loss is None
        else (weights @ loss if weights.dtype == np.int64 else weights.astype(np.float32) @ loss.astype(np.float32))
        / ranking.rows,
    }


def _share(part: Floats, whole: Floats) -> Floats:
    return part / np.where(whole > 0, whole, np.nan)[:, None]


def _concatenate(blocks: list[dict[str, Floats]], *, like: dict[str, Floats]) -> dict[str, Floats]:
    if not blocks:
        return {name: values[:0] for name, values in like.items()}
    return {name: np.concatenate([block[name] for block in blocks]) for name in like}


def _describe(point: dict[str, Floats], draws: dict[str, Floats], keys: list[str]) -> SliceMetrics:
    """Figures and intervals by name. An interval comes only with a figure."""
    out: SliceMetrics = {}
    for name in _BY_PERCENT:
        out[name] = {key: _value(point[name][:, i]) for i, key in enumerate(keys)}
        out[f"{name}_ci"] = {key: _interval(draws[name][:, i], out[name][key]) for i, key in enumerate(keys)}
    for name in _WHOLE:
        out[name] = _value(point[name])
        out[f"{name}_ci"] = _interval(draws[name], out[name])
    return out


def _value(found: Floats) -> float | None:
    return None if np.isnan(found[0]) else float(found[0])


def _interval(draws: Floats, value: float | None) -> list[float] | None:
    real = draws[~np.isnan(draws)]
    if value is None or not len(real):
        return None
    return [float(q) for q in np.quantile(real, _INTERVAL)]
