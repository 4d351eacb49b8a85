"""How much irregularity there is, estimated from declarations that were inspected with a known chance.

Enters: one row per declaration of a domain: its chance of a known result, the result where it is known, what a model
expected. Leaves: totals with intervals. Never here: a store; a declaration without a chance (it is counted apart).

Three estimators of a total over N declarations, with y the result and q the chance that it is known:

- Horvitz-Thompson, sum of y / q: no assumption; noisy.
- Hájek, N sum(y / q) / sum(1 / q): takes the noise of the sample's own size away.
- difference, sum of m over all, plus Hájek's of y - m: what a model m expected, corrected by what it missed. Without
  bias whatever the model, as long as it was fixed before the results; the better the model, the narrower.

Variances are those of independent draws, which are no smaller than those of the fixed sizes that are drawn
(Särndal, Swensson and Wretman 1992, sections 5.6, 5.7 and 6.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from basira.schema.errors import UsageError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Estimator = Literal["horvitz_thompson", "hajek", "difference"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)

LEVEL = 0.95
# Of the interval, chosen on simulated worlds (benchmarks/proof_coverage.py); all make it wider.
_LARGE = 0.8
_FEWEST_HITS = 5
_MOST_UNEQUAL = 5.0  # squared coefficient of variation
_MOST_WRONG = 3.0  # how many times too high or low a model is believed to be
_WIDEST = 1.3
# Variance, in units of r, at which a boundary for every day is narrowest at the usual levels.
_NARROWEST = 8.0


@dataclass(frozen=True)
class Sampled:
    """The declarations of a domain, one row each.

    ``chance``: that the declaration is inspected and its result known, above 0 and at most 1. ``is_known``: whether it
    is. ``value``: the result (1 irregular, 0 not; or an amount of at least 0); read where it is known alone.
    ``prior``: the probability of irregularity that a model gave before (0 to 1). ``stake``: the value that it expected
    of an irregular declaration, above 0; 1 where irregularities are counted.
    """

    chance: Floats
    is_known: Flags
    value: Floats
    prior: Floats
    stake: Floats

    def __post_init__(self) -> None:
        columns = (self.chance, self.is_known, self.value, self.prior, self.stake)
        if len({len(column) for column in columns}) > 1:
            raise UsageError("Expected columns of one length, found several.", hint="Give one row per declaration.")
        if not bool(((self.chance > 0) & (self.chance <= 1)).all()):
            raise UsageError(
                "Expected chances above 0 and at most 1, found others.",
                hint="What could not be inspected says nothing of the rest: count it apart.",
            )
        known = self.value[self.is_known]
        is_right = np.isfinite(known).all() and (known >= 0).all() and np.isfinite(self.stake).all()
        if not is_right or not ((self.prior >= 0) & (self.prior <= 1) & (self.stake > 0)).all():
            raise UsageError(
                "Expected known results of at least 0, priors from 0 to 1 and stakes above 0, found others.",
                hint="Give a declaration without a score the average of those with one.",
            )

    @property
    def expected(self) -> Floats:
        """What the model expected of each row."""
        return self.prior * self.stake

    def select(self, rows: Flags) -> Sampled:
        """Some of the rows."""
        return Sampled(self.chance[rows], self.is_known[rows], self.value[rows], self.prior[rows], self.stake[rows])


@dataclass(frozen=True)
class Estimate:
    """A total with its interval. ``error``: standard error; 0 when everything is known or nothing was found.
    ``effective``: how many plain draws of one size would say as much. None: nothing is known at all."""

    total: float
    low: float
    high: float
    error: float
    effective: float


def estimate_total(sampled: Sampled, estimator: Estimator = "difference", *, level: float = LEVEL) -> Estimate | None:
    """The total of ``value`` over all rows; None without a single known result.

    ``level``: that the interval covers the true total in repeated draws; how well it does: docs/explanation/proof.md.

    >>> all_known = Sampled(np.ones(4), np.ones(4, bool), np.array([1.0, 0, 0, 1]), np.zeros(4), np.ones(4))
    >>> estimate_total(all_known, "hajek")
    Estimate(total=2.0, low=2.0, high=2.0, error=0.0, effective=4.0)
    """
    known = sampled.is_known
    if not known.any():
        return None
    size = len(known)
    q, y = sampled.chance[known], sampled.value[known]
    expected = sampled.expected
    m = expected[known] if estimator == "difference" else np.zeros(len(q))
    left = y - m
    spread = (1 - q) / q**2
    if estimator == "horvitz_thompson":
        total, centred = float((y / q).sum()), left
    else:
        mean = float((left / q).sum() / (1 / q).sum())
        beyond = float(expected.sum()) if estimator == "difference" else 0.0
        total, centred = beyond + size * mean, left - mean
    correction = len(q) / (len(q) - 1) if len(q) > 1 else 1.0
    error = math.sqrt(float((spread * centred**2).sum()) * correction)
    low, high = _offsets(sampled, error, level=level, is_half_way=estimator == "difference")
    found = float(y.sum())
    effective = float((1 / q).sum() ** 2 / (1 / q**2).sum())
    return Estimate(max(total, found), max(found, total - low), max(found, total + high), error, effective)


def level_for_every_day(part: float, *, level: float = LEVEL) -> float:
    """The level of a single interval such that those of all days together cover with ``level``, looked at every day.

    The error of a total to date is a sum of independent ones, so it stays, on every day with probability 1 - a, within
    sqrt((v + r) log((v + r) / (r a^2))), with v its variance to date (Robbins 1970; for estimates Waudby-Smith and
    others, 2024). Given is how many standard errors that is, as the level of a normal interval: the shape of the
    interval itself remains that of few hits.

    ``part``: of a whole year's variance that there is to date, above 0; r is chosen for the narrowest at its end.

    >>> 0.997 < level_for_every_day(1.0) < 0.998 < level_for_every_day(0.1) < 1.0
    True
    """
    if not part > 0:
        raise UsageError(f"Expected a part of the year above 0, found {part}.", hint="Give the days to date over 365.")
    v = _NARROWEST * part
    errors = math.sqrt((1 + 1 / v) * math.log((1 + v) / (1 - level) ** 2))
    return math.erf(errors / math.sqrt(2))


def _offsets(sampled: Sampled, error: float, *, level: float, is_half_way: bool) -> tuple[float, float]:
    """How far below and above the estimate its interval reaches.

    Few hits of unequal weight have no normal distribution. What is found is certain; what one hit stands for beyond
    itself, k = y (1 / q - 1), is a weighted Poisson count, of which a gamma distribution bounds the sum: its lower end
    with the mean and variance found, its upper end after one more hit (Fay and Feuer 1997). That interval is scaled to
    the error of the estimator at hand. It covers more than it says: ``is_half_way`` takes both ends from the even
    mixture of the two distributions (mid-P; Fay and Kim 2017), which holds the level in the mean. The estimators
    without a model keep the wider one: their few heaviest weights are not in the sample oftener.

    A sample without the largest amounts looks precise. So its variance is at least the one that the stakes of all
    declarations, hit or not, make likely; and the one more hit has a weight that a fifth of the expected total exceeds.
    """
    known = sampled.is_known
    q, y = sampled.chance[known], sampled.value[known]
    weights = y * (1 / q - 1)
    s, v_found = float(weights.sum()), float(((1 - q) / q**2 * y**2).sum())
    v = max(v_found, _likely_variance(sampled))
    one = max(float(weights.max(initial=0.0)), _large_weight(sampled))
    if one == 0.0:
        return 0.0, 0.0
    tail = (1 - level) / 2
    before, after = _gamma_of(s, v), _gamma_of(s + one, v + one * one)
    low = _quantile(tail, before, after if is_half_way else before)
    high = _quantile(1 - tail, before if is_half_way else after, after)
    scale = min(_WIDEST, error / math.sqrt(v_found)) if v_found > 0 else 1.0
    return (s - low) * scale, (high - s) * scale


def _gamma_of(mean: float, variance: float) -> tuple[float, float]:
    """Shape and scale of a gamma distribution; a mean of 0: all of it lies there, and both are 0."""
    return (mean * mean / variance, variance / mean) if mean > 0 and variance > 0 else (0.0, 0.0)


def _quantile(share: float, before: tuple[float, float], after: tuple[float, float]) -> float:
    """The value below which ``share`` of an even mixture of two gamma distributions lies, by halving."""
    known = [(shape, scale) for shape, scale in (before, after) if scale > 0]
    at_zero = 1.0 - len(known) / 2
    if share <= at_zero or not known:
        return 0.0
    # It lies between the two distributions' own ones; where one of them is at zero, from there on.
    ends = [float(gammaincinv(shape, share)) * scale for shape, scale in known]
    low, high = (min(ends) if len(known) == 2 else 0.0), max(ends)
    for _ in range(60):
        middle = (low + high) / 2
        below = at_zero + sum(float(gammainc(shape, middle / scale)) for shape, scale in known) / 2
        low, high = (middle, high) if below < share else (low, middle)
    return high


def _likely_variance(sampled: Sampled) -> float:
    """The variance of Horvitz-Thompson's total that priors and stakes of all rows make likely, at the level found."""
    q, known = sampled.chance, sampled.is_known
    hits = known & (sampled.value > 0)
    unequal = 0.0
    if int(hits.sum()) >= _FEWEST_HITS:
        ratio = sampled.value[hits] / sampled.stake[hits]
        unequal = min(float(ratio.var() / ratio.mean() ** 2), _MOST_UNEQUAL)
    expected = float(sampled.expected.sum())
    if expected == 0.0:
        return 0.0
    level = float((sampled.value[known] / q[known]).sum()) / expected
    level = min(max(level, 1 / _MOST_WRONG), _MOST_WRONG)
    return float(((1 - q) / q * sampled.prior * sampled.stake**2).sum()) * (1 + unequal) * level**2


def _large_weight(sampled: Sampled) -> float:
    """A weight k of one hit that rows with `_LARGE` of the expected total do not exceed."""
    q = sampled.chance
    weights, share = (1 / q - 1) * sampled.stake, sampled.expected * (1 - q)
    if float(share.sum()) == 0.0:
        return float(weights.max(initial=0.0))
    order = np.argsort(weights, kind="stable")
    below = np.cumsum(share[order])
    return float(weights[order][np.searchsorted(below, _LARGE * below[-1])])
