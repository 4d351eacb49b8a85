"""From a raw score to a probability that means what it says.

Enters: raw scores and outcomes of a later period than the model was fitted on. Leaves: a slope and
an intercept on the log-odds (Platt 1999, with his target smoothing). Never here: the fitting rows.

Two numbers, not a step function: results of a later period are few, and an isotonic curve would tie
items that the ranking tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

Floats = NDArray[np.float64]

FEWEST_POSITIVES = 20


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
