"""The curves of the report: what is captured by share inspected, and calibration.

Enters: truth, score, probability and revenue per row. Leaves: points with their 95 % intervals, as
records that know how to become plain dicts. Never here: drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from basira.evaluate.metrics import Scored
from basira.evaluate.ranking import Floats, rank_rows, resample_weights

# Percent inspected: fine where targeting happens, coarse beyond.
SHARES: tuple[float, ...] = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12.5, 15, 20, 25, 30, 40, 50, 65, 80, 100)
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Band:
    """A figure along a curve; ``low`` and ``high`` are None without resamples."""

    value: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


@dataclass(frozen=True)
class CaptureCurve:
    """What one model captures when ``percents`` of the rows are inspected. ``revenue`` is None without a basis."""

    percents: tuple[float, ...]
    precision: Band
    recall: Band | None
    revenue: Band | None


@dataclass(frozen=True)
class CalibrationBin:
    """Rows whose probability lies together: mean predicted, share found irregular, Wilson interval of the share."""

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


def compute_capture_curves(
    irregular: ArrayLike,
    models: Mapping[str, Scored],
    revenue: ArrayLike | None = None,
    *,
    percents: tuple[float, ...] = SHARES,
    resamples: int = 300,
    seed: int,
) -> dict[str, CaptureCurve]:
    """One curve per model, on the same bootstrap draws; nothing for an empty slice.

    300 draws: a band on a chart needs its width, not its third digit.
    """
    truth = np.asarray(irregular, dtype=bool)
    n = len(truth)
    if n == 0:
        return {}
    money = None if revenue is None else np.nan_to_num(np.asarray(revenue, dtype=np.float64), nan=0.0)
    cuts = np.maximum(1.0, np.floor(np.array(percents) * n / 100 + 1e-9))
    curves = {}
    for name, scored in models.items():
        ranking = rank_rows(truth, np.asarray(scored.score, dtype=np.float64), money)
        blocks: list[np.ndarray] = [np.ones((1, n), dtype=np.int64), *resample_weights(n, resamples, seed=seed)]
        precision, recall, captured_revenue = [], [], []
        for weights in blocks:
            captured, gained = ranking.capture(weights)
            hits = captured.at(cuts)
            precision.append(hits / cuts)
            recall.append(hits / np.where(captured.total > 0, captured.total, np.nan)[:, None])
            if gained is not None:
                captured_revenue.append(gained.at(cuts) / np.where(gained.total > 0, gained.total, np.nan)[:, None])
        curves[name] = CaptureCurve(
            percents=tuple(float(p) for p in percents),
            precision=_band(precision) or Band(()),
            recall=_band(recall),
            revenue=_band(captured_revenue),
        )
    return curves


def compute_calibration(irregular: ArrayLike, probability: ArrayLike, *, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Bins of about equal numbers of rows, cut only between different probabilities.

    A probability shared by more rows than a bin holds makes one bin by itself; fewer bins then come out.
    Rows with a NaN probability are left out.

    >>> [(b.rows, b.predicted, b.observed) for b in compute_calibration([0, 0, 1, 1], [.1, .1, .9, .9], bins=2)]
    [(2, 0.1, 0.0), (2, 0.9, 1.0)]
    """
    truth = np.asarray(irregular, dtype=bool)
    chance = np.asarray(probability, dtype=np.float64)
    known = ~np.isnan(chance)
    order = np.argsort(chance[known], kind="stable")
    truth, chance = truth[known][order], chance[known][order]
    n = len(chance)
    if n == 0:
        return ()
    wanted = np.unique(np.round(np.linspace(0, n, bins + 1)).astype(int))[1:-1]
    # A cut inside a run of equal probabilities moves to the run's end.
    moved = np.unique(np.searchsorted(chance, chance[wanted - 1], side="right")) if len(wanted) else wanted
    edges = [0, *(int(e) for e in moved if 0 < e < n), n]
    found = []
    for first, last in pairwise(edges):
        rows, hits = last - first, int(truth[first:last].sum())
        low, high = wilson_interval(hits, rows)
        found.append(CalibrationBin(rows, float(chance[first:last].mean()), hits / rows, low, high))
    return tuple(found)


def wilson_interval(hits: int, rows: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927): never outside 0 to 1, sound for few rows.

    >>> [round(x, 3) for x in wilson_interval(0, 10)]
    [0.0, 0.278]
    """
    if rows == 0:
        return 0.0, 1.0
    share, z2 = hits / rows, _Z95**2
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = _Z95 / (1 + z2 / rows) * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _band(blocks: list[Floats]) -> Band | None:
    """First block: the point; the others: draws. None when the figure does not exist."""
    if not blocks or np.isnan(blocks[0]).any():
        return None
    value = tuple(float(v) for v in blocks[0][0])
    if len(blocks) == 1:
        return Band(value)
    low, high = np.nanquantile(np.concatenate(blocks[1:]), [0.025, 0.975], axis=0)
    return Band(value, tuple(float(v) for v in low), tuple(float(v) for v in high))
