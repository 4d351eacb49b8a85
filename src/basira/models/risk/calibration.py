"""From a raw score to a probability that means what it says.

Enters: raw scores and outcomes of a later period than the model was fitted on. Leaves: a slope and
an intercept on the log-odds (Platt 1999). Never here: the fitting rows.

Two numbers, not a step function: results of a later period are few, and an isotonic curve would tie
items that the ranking tells apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

Floats = NDArray[np.float64]

FEWEST_POSITIVES = 20
# How far the level (in log-odds) and the slope of a fit by log loss are taken to be off before any result says so:
# standard deviations. Levels of one half-year are off by more than that, but the next one's is then another: with .15
# the levels of 23 worlds came out no nearer to the truth, and more of them surely beside it.
# Fits on the few results of earlier days are bolder than the one on all, so less is believed of the slope.
LEVEL_DOUBT, SLOPE_DOUBT = 0.08, 0.1
_LEAST_SLOPE = 0.05


@dataclass(frozen=True)
class Calibration:
    """probability = expit(slope x raw + intercept)."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, raw: Floats) -> Floats:
        """
        >>> Calibration().apply(np.array([0.0])).tolist()
        [0.5]
        """
        return np.asarray(expit(self.slope * raw + self.intercept), dtype=np.float64)


def fit_calibration(
    raw: Floats, irregular: NDArray[np.bool_], weight: Floats | None = None, *, otherwise: Calibration | None = None
) -> Calibration:
    """Fit on later rows; ``otherwise`` (the identity by default) when either class has fewer than 20 rows."""
    positives = int(irregular.sum())
    negatives = len(irregular) - positives
    if min(positives, negatives) < FEWEST_POSITIVES:
        return otherwise or Calibration()
    target = np.where(irregular, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    w = np.ones(len(raw)) if weight is None else weight

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = parameters[0] * raw + parameters[1]
        value = -float(np.sum(w * (target * log_expit(z) + (1 - target) * log_expit(-z)))) / w.sum()
        slope = w * (expit(z) - target) / w.sum()
        return value, np.array([np.sum(slope * raw), np.sum(slope)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 20.0), (-20.0, 20.0)])
    return Calibration(float(found.x[0]), float(found.x[1]))


@dataclass(frozen=True)
class ShrunkCalibration:
    """A calibration and what is known of it. ``slope``: [value, low, high], an interval of 95 %; ``level``: alike, the
    log-odds added where most is known. ``effective_rows``: what weighted rows are worth as plain ones."""

    calibration: Calibration
    slope: tuple[float, float, float]
    level: tuple[float, float, float]
    effective_rows: float


def fit_shrunk_calibration(
    raw: Floats, irregular: NDArray[np.bool_], weight: Floats, *, shift: float = 0.0
) -> ShrunkCalibration:
    """Fit a slope and a level, each drawn towards what a fit by log loss has of itself: a slope of 1, a level of 0.

    Parameters
    ----------
    raw : scores of fits that did not see the row. weight : what each row counts; taken together they are worth
        (sum of weights)^2 / (sum of squares) rows, not more.
    shift : log-odds that the fit has too much (the logarithm of the weight of irregular items). Trees of few rounds
        have only some of it, so the level is doubted by as much more.

    Drawn by normal priors with `LEVEL_DOUBT` and `SLOPE_DOUBT`, the level at the mean score weighted by p (1 - p),
    where it is nearly independent of the slope. Without a row both stand as they were.
    """
    if len(raw) == 0:
        return ShrunkCalibration(Calibration(intercept=-shift), (1.0,) * 3, (0.0,) * 3, 0.0)
    own = raw - shift
    effective = float(weight.sum() ** 2 / np.sum(weight**2))
    w = weight * effective / weight.sum()
    chance = expit(own)
    middle = float(np.average(own, weights=w * chance * (1 - chance) + 1e-12))
    y, away = irregular.astype(np.float64), own - middle
    doubted = np.array([LEVEL_DOUBT + abs(shift), SLOPE_DOUBT])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = own + parameters[0] + parameters[1] * away
        value = -float(np.sum(w * (y * log_expit(z) + (1 - y) * log_expit(-z))))
        doubt = parameters / doubted
        off = w * (expit(z) - y)
        gradient = np.array([off.sum(), np.sum(off * away)]) + doubt / doubted
        return value + float(doubt @ doubt) / 2, gradient

    bounds = [(-20.0, 20.0), (_LEAST_SLOPE - 1, 20.0)]
    level, turn = (float(v) for v in minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x)
    fitted = expit(own + level + turn * away)
    known = w * fitted * (1 - fitted)
    information = np.array([[known.sum(), np.sum(known * away)], [np.sum(known * away), np.sum(known * away**2)]])
    spread = np.linalg.inv(information + np.diag(doubted**-2))
    of_level, of_slope = (1.96 * math.sqrt(v) for v in np.diag(spread))
    slope = 1 + turn
    return ShrunkCalibration(
        Calibration(slope, level - turn * middle - slope * shift),
        (slope, max(0.0, slope - of_slope), slope + of_slope),
        (level, level - of_level, level + of_level),
        effective,
    )
