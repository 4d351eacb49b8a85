"""What the hits of a rule were worth, as far as results show it, corrected for who was inspected.

Enters: the number of hits; of those inspected the result, and the probability with which they were to be inspected.
Leaves: a hit rate with its interval, or "unknown" with bounds. Never here: a rate where nothing was inspected; a rate
that takes those whom the model or an officer chose as if they were all.

The estimate is that of Hájek: findings and hits each weighted by 1 / probability. Its variance is linearised, for draws
that are independent (Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 5.7): the interval is normal
in log-odds. Of a sample without a finding it is as of a simple sample, which a weighted one may not be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# With fewer, a normal interval is a guess.
FEWEST_INSPECTED = 30


@dataclass(frozen=True)
class Inspected:
    """One hit that was inspected. ``probability``: of inspection, before the draw; None: not recorded."""

    is_finding: bool
    probability: float | None


@dataclass(frozen=True)
class HitRate:
    """``rate``: of all hits, None when it is unknown; ``low``, ``high``: its interval of 95 %, or what is possible.

    ``reason``: why it is unknown: "none_inspected", "few_inspected", "no_probability"; "" when it is known.
    """

    hits: int
    inspected: int
    findings: int
    rate: float | None
    low: float
    high: float
    reason: str = ""


def estimate_hit_rate(hits: int, inspected: Iterable[Inspected]) -> HitRate:
    """The share of the hits that are irregular. Raises ValueError for a probability outside 0 to 1, or too many.

    >>> estimate_hit_rate(100, []).reason, estimate_hit_rate(100, []).high
    ('none_inspected', 1.0)
    >>> estimate_hit_rate(40, [Inspected(number < 10, 1.0) for number in range(40)]).rate
    0.25
    """
    found = list(inspected)
    count, findings = len(found), sum(one.is_finding for one in found)
    if count > hits:
        raise ValueError(f"Expected at most {hits} inspected hits, found {count}.")
    if any(one.probability is not None and not 0 < one.probability <= 1 for one in found):
        raise ValueError("Expected probabilities of inspection above 0, up to 1.")
    low = findings / hits if hits else 0.0
    high = (findings + hits - count) / hits if hits else 1.0
    if count == hits and hits:  # a census: nothing is estimated
        return HitRate(hits, count, findings, low, low, low)
    reason = "none_inspected" if not count else "no_probability" if any(o.probability is None for o in found) else ""
    if not reason and count < FEWEST_INSPECTED:
        reason = "few_inspected"
    if reason:
        return HitRate(hits, count, findings, None, low, high, reason)
    weights = [1.0 / (one.probability or 1.0) for one in found]
    total = sum(weights)
    rate = sum(weight for weight, one in zip(weights, found, strict=True) if one.is_finding) / total
    parts = [weight * (weight - 1.0) * (one.is_finding - rate) ** 2 for weight, one in zip(weights, found, strict=True)]
    below, above = _interval(rate, _deviations(parts) * math.sqrt(sum(parts)) / total, count)
    # What was found and what is left bound it whatever the weights.
    return HitRate(hits, count, findings, min(max(rate, low), high), max(below, low), min(above, high))


def _deviations(parts: Sequence[float]) -> float:
    """How many deviations 95 % take, when a few hits of a small probability make most of the variance: Student's, with
    the degrees of freedom of Satterthwaite."""
    from scipy.special import stdtrit

    squares = sum(part * part for part in parts)
    return float(stdtrit(max(1.0, sum(parts) ** 2 / squares), 0.975)) if squares else 0.0


def _interval(rate: float, wide: float, count: int) -> tuple[float, float]:
    """On the scale of log-odds, where the estimate of a small rate is less skewed. Of a sample without a finding, or of
    findings alone, the rule of three."""
    if rate in (0.0, 1.0):
        widest = min(1.0, 3.0 / count)
        return (0.0, widest) if rate == 0.0 else (1.0 - widest, 1.0)
    centre, half = math.log(rate / (1.0 - rate)), wide / (rate * (1.0 - rate))
    below, above = (1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, centre + sign * half)))) for sign in (-1, 1))
    return below, above
