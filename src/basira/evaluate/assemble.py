"""From scores to metrics.json: every model on every slice, on the same bootstrap draws.

Enters: truth, revenue, the slices' masks, and each model's scores with its CPU seconds. Leaves: the
dict of metrics.json and the curves that the report draws. Never here: fitting, files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from basira.evaluate.curves import CalibrationBin, CaptureCurve, compute_calibration, compute_capture_curves
from basira.evaluate.metrics import DEFAULT_PERCENTS, Scored, SliceMetrics, compare_on_slice
from basira.schema.json_values import JsonObject

OUR_MODEL = "basira"
# Other orders of our own model, such as "basira_revenue" (by expected revenue): shown beside, never counted as rivals.
OUR_OTHER_ORDERS = f"{OUR_MODEL}_"
# Slices whose curves the report draws.
_DRAWN = ("all", "seen_pair", "novel_pair")


@dataclass(frozen=True)
class Contender:
    """One model's answers on the whole test, in the test's row order, and what they cost."""

    score: ArrayLike
    probability: ArrayLike | None
    fit_cpu_seconds: float
    score_cpu_seconds: float


@dataclass(frozen=True)
class MeasuredRows:
    """What is known of the test's rows, in one order.

    ``irregular``: shape (n,), the truth of every row; rows without a known result are left out before.
    ``slices``: masks of shape (n,), by name, see `basira.evaluate.slices.build_slices`.
    ``revenue``: shape (n,), additional revenue; None when the source has no revenue basis.
    """

    irregular: ArrayLike
    slices: Mapping[str, NDArray[np.bool_]]
    revenue: ArrayLike | None = None


@dataclass(frozen=True)
class EvaluationCurves:
    """What the report draws. ``capture``: slice, then model. ``calibration``: model, on all rows."""

    capture: Mapping[str, Mapping[str, CaptureCurve]] = field(default_factory=dict)
    calibration: Mapping[str, tuple[CalibrationBin, ...]] = field(default_factory=dict)


def assemble_evaluation(
    rows: MeasuredRows,
    contenders: Mapping[str, Contender],
    *,
    dataset: str,
    percents: Sequence[float] = DEFAULT_PERCENTS,
    resamples: int = 1000,
    seed: int,
    extras: JsonObject | None = None,
) -> tuple[JsonObject, EvaluationCurves]:
    """Metrics of every contender on every slice, and their curves.

    Parameters
    ----------
    rows : the test. Rows without a known result must be counted in ``extras``.
    contenders : by name; our own model under "basira", other orders of it under "basira_<order>".
    dataset : what the figures speak of; always shown beside them.
    extras : further keys of the top level, such as "revenue_basis", "value_currency", "quarantined",
        "trained_rows", "tested_rows", "unlabelled_rows", "is_simulated", "software".

    Returns
    -------
    The dict of metrics.json: "dataset", "seed", "resamples", the extras, "models" as the contract
    says, and "differences" (slice, then model: "basira" minus it, paired); and the curves.
    """
    truth = np.asarray(rows.irregular, dtype=bool)
    money = None if rows.revenue is None else np.asarray(rows.revenue, dtype=np.float64)
    scores = {name: np.asarray(c.score, dtype=np.float64) for name, c in contenders.items()}
    chances = {
        n: None if c.probability is None else np.asarray(c.probability, np.float64) for n, c in contenders.items()
    }
    reference = OUR_MODEL if OUR_MODEL in contenders else None

    by_model: dict[str, dict[str, SliceMetrics]] = {name: {} for name in contenders}
    differences: dict[str, dict[str, SliceMetrics]] = {}
    capture: dict[str, Mapping[str, CaptureCurve]] = {}
    for slice_name, mask in rows.slices.items():
        inside = {n: Scored(s[mask], _within(chances[n], mask)) for n, s in scores.items()}
        part = None if money is None else money[mask]
        figures = compare_on_slice(
            truth[mask], inside, part, reference=reference, percents=percents, resamples=resamples, seed=seed
        )
        for name, metrics in figures.metrics.items():
            by_model[name][slice_name] = metrics
        if figures.differences:
            differences[slice_name] = figures.differences
        if slice_name in _DRAWN:
            capture[slice_name] = compute_capture_curves(
                truth[mask], inside, part, resamples=min(resamples, 300), seed=seed
            )

    metrics_file: JsonObject = {
        "dataset": dataset,
        "seed": seed,
        "resamples": resamples,
        **(extras or {}),
        "models": {
            name: {
                "slices": by_model[name],
                "fit_cpu_seconds": float(c.fit_cpu_seconds),
                "score_cpu_seconds": float(c.score_cpu_seconds),
            }
            for name, c in contenders.items()
        },
        "differences": differences,
    }
    calibration = {n: compute_calibration(truth, p) for n, p in chances.items() if p is not None}
    return metrics_file, EvaluationCurves(capture, calibration)


def _within(values: NDArray[np.float64] | None, mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    return None if values is None else values[mask]
