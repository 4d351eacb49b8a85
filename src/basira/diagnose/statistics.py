"""Intervals and tests that several parts use.

Enters: counts, columns. Leaves: intervals, probabilities. Never here: a threshold of what is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm, poisson

from basira.diagnose.findings import Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
LEVEL = 0.95


def share_of(count: int, of: int, *, level: float = LEVEL) -> Interval:
    """A share with the exact interval of Clopper and Pearson (1934); of nothing: None, from 0 to 1.

    >>> share_of(0, 30).high < 0.12, share_of(3, 0)
    (True, Interval(value=None, low=0.0, high=1.0))
    """
    if of == 0:
        return Interval(None, 0.0, 1.0)
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, of - count + 1))
    high = 1.0 if count == of else float(beta.ppf(1 - tail, count + 1, of - count))
    return Interval(count / of, low, high)


def median_of(values: Sequence[float] | Floats, *, level: float = LEVEL) -> Interval:
    """A median with the interval of order statistics (normal approximation of the binomial); of nothing: None, 0 to 0.

    >>> median_of([3.0, 1.0, 2.0])
    Interval(value=2.0, low=1.0, high=3.0)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    if n == 0:
        return Interval(None, 0.0, 0.0)
    half = float(norm.ppf(1 - (1 - level) / 2)) * np.sqrt(n) / 2
    low, high = int(np.floor(n / 2 - half)), int(np.ceil(n / 2 + half))
    return Interval(float(np.median(ordered)), float(ordered[max(0, low)]), float(ordered[min(n - 1, high)]))


def adjust(chances: Sequence[float]) -> list[float]:
    """Probabilities adjusted for the number of tests (Holm 1979), in the same order; at most 1.

    >>> adjust([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    order = sorted(range(len(chances)), key=lambda n: chances[n])
    found, largest = [0.0] * len(chances), 0.0
    for place, n in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - place) * chances[n]))
        found[n] = largest
    return found


def adjust_possible(chances: Sequence[float], smallest: Sequence[float], *, rare: float) -> list[float]:
    """As `adjust`, over the tests that could be rare at all (Tarone 1990); of the others 1.

    ``smallest``: the smallest probability that each test could have had, known before its count is. A test that cannot
    stay below ``rare`` after adjustment for the tests that can is none that raises a false alarm: it counts for none.

    >>> adjust_possible([0.004, 0.4, 0.4], [0.001, 0.4, 0.4], rare=0.01)
    [0.004, 1.0, 1.0]
    """
    ordered = sorted(smallest)
    count = next((k for k in range(1, len(ordered) + 1) if k == len(ordered) or ordered[k] > rare / k), 0)
    possible = [n for n, one in enumerate(smallest) if count and one <= rare / count]
    found = [1.0] * len(chances)
    for n, chance in zip(possible, adjust([chances[n] for n in possible]), strict=True):
        found[n] = chance
    return found


def sum_by(place: Ints, values: Floats, size: int) -> Floats:
    """Sums of ``values`` at each of ``size`` places, added in the order of the rows: the same at every run."""
    return np.bincount(place, weights=values, minlength=size).astype(np.float64)


def at_most(count: int, expected: float) -> float:
    """Probability of ``count`` or fewer when ``expected`` are (Poisson)."""
    return float(poisson.cdf(count, expected)) if expected > 0 else 1.0


def at_least(count: int, expected: float) -> float:
    """Probability of ``count`` or more when ``expected`` are (Poisson)."""
    if count == 0:
        return 1.0
    return float(poisson.sf(count - 1, expected)) if expected > 0 else 0.0


def two_sided(z: float) -> float:
    """Probability of a standard normal at least as far from 0."""
    return float(2 * norm.sf(abs(z)))


def drawn_by_chance(values: Floats, drawn: Flags, strata: Ints) -> float | None:
    """How far the mean of the drawn is from what a draw by chance within strata expects, in standard deviations.

    ``strata``: number of each row's stratum. The count drawn of each stratum is taken as given: mean and variance are
    those of simple random sampling without replacement. None: no stratum has both drawn and other rows, or all values
    are equal.
    """
    size = np.bincount(strata)
    taken = np.bincount(strata, weights=drawn.astype(np.float64), minlength=len(size))
    total = np.bincount(strata, weights=values, minlength=len(size))
    mean = total / np.maximum(1, size)
    around = np.bincount(strata, weights=(values - mean[strata]) ** 2, minlength=len(size))
    spread = around / np.maximum(1, size - 1)
    variance = float((taken * (size - taken) / np.maximum(1, size) * spread).sum())
    if variance <= 0:
        return None
    return float((values * drawn).sum() - (taken * mean).sum()) / float(np.sqrt(variance))
