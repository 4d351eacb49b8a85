"""What each source of inspections is worth: the rules, the model, the random control, the officers' own picks.

Enters: one row per declaration that a source proposed: carried out, irregular, revenue. Leaves: counts and rates with
intervals. Never here: an estimate of what was not inspected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from basira.monitor.estimate import LEVEL, Flags, Floats


@dataclass(frozen=True)
class Share:
    """A rate (0 to 1) with its interval. None in its place: of nothing."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Worth:
    """Of one source. ``proposed``: declarations; ``carried_out``: of them, with a known result; ``found``: of those,
    irregular. ``revenue``: of those found, an amount in the history's currency; ``unknown_amounts``: found without one.
    ``rate``: found of carried out. ``per_control``: revenue per control carried out, with an interval on the logarithm;
    None below two findings."""

    source: str
    proposed: int
    carried_out: int
    found: int
    revenue: float
    unknown_amounts: int
    carried_out_share: Share | None
    rate: Share | None
    per_control: Share | None


def share_of(count: int, of: int, *, level: float = LEVEL) -> Share | None:
    """A proportion with the exact interval of Clopper and Pearson (1934): it covers at least as often as it says.

    >>> share_of(0, 30).high < 0.12, share_of(3, 0) is None
    (True, True)
    """
    if of == 0:
        return None
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, of - count + 1))
    high = 1.0 if count == of else float(beta.ppf(1 - tail, count + 1, of - count))
    return Share(count / of, low, high)


def worth_of(source: str, is_known: Flags, is_irregular: Flags, revenue: Floats) -> Worth:
    """The worth of a source that proposed these declarations.

    ``revenue``: of each, in the history's currency; NaN where no amount is known. Shapes (n,).
    """
    hits = is_known & is_irregular
    amounts = revenue[hits & np.isfinite(revenue)]
    done, found = int(is_known.sum()), int(hits.sum())
    return Worth(
        source=source,
        proposed=len(is_known),
        carried_out=done,
        found=found,
        revenue=float(amounts.sum()),
        unknown_amounts=found - len(amounts),
        carried_out_share=share_of(done, len(is_known)),
        rate=share_of(found, done),
        per_control=_per_control(amounts, done),
    )


def _per_control(amounts: Floats, controls: int) -> Share | None:
    """A mean over all controls, most of them zero: on the logarithm, where few large amounts are less skewed."""
    if controls < 2 or np.count_nonzero(amounts) < 2:
        return None
    mean = float(amounts.sum() / controls)
    variance = float((amounts**2).sum() / controls - mean**2) / (controls - 1)
    half = 1.959964 * math.sqrt(max(0.0, variance)) / mean
    return Share(mean, mean * math.exp(-half), mean * math.exp(half))


def naive_rate(worths: Sequence[Worth]) -> Share | None:
    """The rate among all that was inspected, whatever selected it: what is not the rate of the trade."""
    return share_of(sum(one.found for one in worths), sum(one.carried_out for one in worths))
