"""Shares with their intervals.

Enters: counts, or weighted truths. Leaves: a share with its 95 % score interval. Never here: a share of nothing: it is
None, and its interval from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """``hits`` of ``of``, both counts. ``rate``: 0 to 1; None of nothing. ``low``, ``high``: its 95 % interval."""

    hits: int
    of: int
    rate: float | None
    low: float
    high: float


def share_of(hits: int, of: int) -> Share:
    """A share of a count, with Wilson's score interval (1927): never outside 0 to 1, sound for few.

    >>> found = share_of(3, 10)
    >>> found.rate, round(found.low, 3), round(found.high, 3)
    (0.3, 0.108, 0.603)
    >>> share_of(0, 0).rate is None
    True
    """
    return _share(hits, of, hits / of if of else None, float(of))


def weighted_share(sample: Sequence[tuple[float, bool]]) -> Share:
    """The share of a population of which a sample was drawn with known probabilities. ``sample``: of each one drawn its
    probability, above 0, and whether it counts.

    Hajek's estimate, sum(y/p) / sum(1/p). The interval is Wilson's for as many as an equal draw would need to say as
    much, sum(1/p)² / sum(1/p²) (Kish 1965): with one probability for all it is that of `share_of`.

    >>> found = weighted_share([(0.1, True), (0.1, False), (0.5, False)])
    >>> round(found.rate, 3), found.of
    (0.455, 3)
    """
    weights = [1.0 / chance for chance, _ in sample]
    total = sum(weights)
    hits = sum(1 for _, counts in sample if counts)
    if not total:
        return _share(0, 0, None, 0.0)
    rate = sum(weight for weight, (_, counts) in zip(weights, sample, strict=True) if counts) / total
    return _share(hits, len(sample), rate, total**2 / sum(weight**2 for weight in weights))


def _share(hits: int, of: int, rate: float | None, effective: float) -> Share:
    if rate is None:
        return Share(hits, of, None, 0.0, 1.0)
    z2 = _Z95**2
    centre = (rate + z2 / (2 * effective)) / (1 + z2 / effective)
    half = _Z95 / (1 + z2 / effective) * sqrt(rate * (1 - rate) / effective + z2 / (4 * effective**2))
    return Share(hits, of, rate, max(0.0, centre - half), min(1.0, centre + half))
