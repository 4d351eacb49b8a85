"""The revenue that was expected, held against the revenue that was found later.

Enters: what was expected of later items, and what their inspection brought. Leaves: a correction of the revenue if
irregular by its size. Never here: a share of the potential duties (`ShareHead`), a result that the share was learned
from, a correction of the probability.

    expected = probability x revenue x exp(level + slope x log(revenue / centre))

Amounts have heavy tails: the few largest hold most of the revenue and are the ones of which the model says most too
much, because they are the largest of what it says. So level and slope are estimated with each item weighed by one over
the root of its revenue; their error is taken from the residuals themselves (a sandwich estimate, which knows the tails
as far as the results do), and both are drawn to 0 by that error. Probability and amount are calibrated together: what
is compared is the revenue of all later items, found or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Not NumPy's: its logarithm and exponential differ in the last bit from one processor to another, and a recorded
# decision has to come out the same on any.
from scipy.special import expm1, xlogy

Floats = NDArray[np.float64]

# How far level and slope are taken to be off before any result says so: standard deviations. The few largest amounts
# say more of themselves than of the level, so little is believed of it.
LEVEL_DOUBT, SLOPE_DOUBT = 0.08, 0.2
# With fewer amounts nothing is corrected.
FEWEST_AMOUNTS = 20
# Beyond e^4 of the centre (50 times) nothing is extrapolated; at the centre no correction is larger than threefold.
_FARTHEST = 4.0
_BOUNDS = np.array([[-1.1, -0.8], [1.1, 0.8]])
_STEPS, _LONGEST_STEP = 50, 0.5


@dataclass(frozen=True)
class AmountCalibration:
    """The correction. ``centre``: the amount at which it is exp(``level``)."""

    level: float = 0.0
    slope: float = 0.0
    centre: float = 1.0

    def apply(self, revenue: Floats) -> Floats:
        """Corrected amounts; 0 stays 0.

        >>> AmountCalibration(0.0, -0.5, 100.0).apply(np.array([0.0, 25.0, 100.0, 400.0])).round(6).tolist()
        [0.0, 50.0, 100.0, 200.0]
        """
        found = revenue * (expm1(self.level + self.slope * _distance(revenue, self.centre)) + 1.0)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True)
class ShrunkAmounts:
    """A correction and what is known of it. ``level``, ``slope``: [value, low, high], intervals of 95 %."""

    calibration: AmountCalibration
    level: tuple[float, float, float]
    slope: tuple[float, float, float]


def fit_amounts(probability: Floats, revenue: Floats, recovered: Floats, weight: Floats) -> ShrunkAmounts | None:
    """The correction of the revenue if irregular, from later items.

    Parameters
    ----------
    probability, revenue : what was expected of each item, by fits that did not see it; revenue if irregular, an amount.
    recovered : what its inspection brought; 0 where nothing, NaN where an irregularity has no amount.
    weight : what each row counts.

    Returns None with fewer than `FEWEST_AMOUNTS` amounts, or where they don't differ in size.
    """
    usable = (revenue > 0) & np.isfinite(recovered)
    if int(np.count_nonzero(recovered[usable] > 0)) < FEWEST_AMOUNTS:
        return None
    revenue = revenue[usable]
    expected = probability[usable] * revenue
    steady = weight[usable] / np.sqrt(revenue)
    centre = float(np.exp(np.average(np.log(revenue), weights=steady * expected)))
    away = _distance(revenue, centre)
    if float(np.ptp(away)) < 1e-6:
        return None
    level, slope = _estimate(np.stack([np.ones(len(away)), away], axis=1), expected, recovered[usable], steady)
    if slope[0] > 0:
        # What is said to be largest is said too high, for having been chosen as the largest: nothing makes it too low,
        # and a rise would be carried to the largest amounts by the word of the middle ones.
        level, slope = _estimate(np.ones((len(away), 1)), expected, recovered[usable], steady)[0], (0.0, 0.0, 0.0)
    return ShrunkAmounts(AmountCalibration(level[0], slope[0], centre), level, slope)


def _estimate(design: Floats, expected: Floats, recovered: Floats, steady: Floats) -> list[tuple[float, float, float]]:
    """[value, low, high] of the level, and of the slope where the design has one, drawn to 0 by their error.

    ``steady``: what each row counts against its heavy tail.
    """
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        said = expected * np.exp(design @ found)
        curve = (design * (steady * said)[:, None]).T @ design
        step = np.linalg.solve(curve, design.T @ (steady * (recovered - said)))
        found = found + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        if float(np.abs(step).max()) < 1e-8:
            break
    said = expected * np.exp(design @ found)
    inverse = np.linalg.inv((design * (steady * said)[:, None]).T @ design)
    off = (steady * (recovered - said))[:, None] * design
    doubt = np.diag([LEVEL_DOUBT**2, SLOPE_DOUBT**2][: len(found)])
    error = inverse @ (off.T @ off) @ inverse
    # Of two normal opinions of the same numbers: the doubt's, which says 0, and the error's.
    trust = doubt @ np.linalg.inv(error + doubt)
    drawn = np.clip(trust @ found, *_BOUNDS[:, : len(found)])
    side = 1.96 * np.sqrt(np.maximum(0.0, np.diag(trust @ error)))
    return [(float(v), float(v - s), float(v + s)) for v, s in zip(drawn, side, strict=True)]


def _distance(revenue: Floats, centre: float) -> Floats:
    """log(revenue / centre), bounded; 0 where there is no revenue."""
    away = xlogy(1.0, np.where(revenue > 0, revenue, centre) / centre)
    return np.asarray(np.clip(away, -_FARTHEST, _FARTHEST), dtype=np.float64)
