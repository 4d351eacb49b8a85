"""Daily counts as series to be watched: shares, levels, compositions.

Enters: counts and means by day. Leaves: `Series`. Never here: a test; a day that looks at a later one.

Results are watched against all that came before: their level is what matters. Trade has its season, its growth, its
quiet August: a day of it is compared with the days of the last weeks, so that what moves slowly is not a change, and
what jumps is one until it has become usual.
"""

from __future__ import annotations

import math

import numpy as np

from basira.monitor.detect import Floats, Integers, Series, Side

# Days with values that a day of trade is compared with: about five weeks.
RECENT = 28
_FEWEST_RECENT = 14


def share_series(
    name: str,
    days: Integers,
    counts: tuple[Integers, Integers],
    *,
    label: str = "",
    lag: int = 0,
    least: int = 20,
    sides: tuple[Side, ...] = ("high", "low"),
) -> Series:
    """The share of ``counts[0]`` in ``counts[1]``, days put together until they hold ``least`` of the latter.

    ``days``: rising; ``lag``: days after which a day's counts are final.
    """
    part, whole = counts
    groups = _groups(whole, least)
    ends = groups[1:]
    totals = _sums(whole, groups)
    shares = np.divide(_sums(part, groups), totals, out=np.zeros(len(totals)), where=totals > 0)
    of = days[ends - 1] if len(ends) else np.zeros(0, np.int64)
    return Series(name, label, of, of + lag, shares, shares, sides)


def level_series(name: str, days: Integers, levels: Floats, *, least: float, cycle: int = 1, label: str = "") -> Series:
    """Levels of days against the median of those before.

    ``least``: a departure up to this one is none, whatever its sign. ``cycle``: 7: compared with the same day of the
    weeks before. Days without a level (NaN) are left out.
    """
    kept = np.isfinite(levels)
    days, levels = days[kept], levels[kept]
    scores = np.full(len(levels), np.nan)
    for at in range(len(levels)):
        if cycle == 1:
            recent = levels[max(0, at - RECENT) : at]
        else:
            since = days[:at] >= days[at] - 2 * RECENT
            recent = levels[:at][since & (days[:at] % cycle == days[at] % cycle)]
        if len(recent) >= (_FEWEST_RECENT if cycle == 1 else 4):
            departs = levels[at] - float(np.median(recent))
            scores[at] = math.copysign(max(0.0, abs(departs) - least), departs)
    usable = np.isfinite(scores)
    of = days[usable]
    return Series(name, label, of, of, scores[usable], levels[usable], pause=RECENT if cycle == 1 else 2 * RECENT)


def mix_series(name: str, days: Integers, counts: Integers, *, least: int = 100) -> tuple[Series, Floats]:
    """How far each day's composition is from that of the days before: Pearson's sum over its degrees of freedom.

    ``counts``: (days, kinds). The second value: per entry of the series and kind, how much its share departs from the
    one before, in shares of all. A composition of one kind is none: an empty series.
    """
    whole = counts.sum(axis=1)
    groups = _groups(whole, least)
    parts = _sums(counts, groups)
    of = days[groups[1:] - 1] if len(groups) > 1 else np.zeros(0, np.int64)
    kinds = counts.shape[1] if counts.ndim == 2 else 0
    scores = np.full(len(of), np.nan)
    departs = np.zeros((len(of), max(kinds, 1)))
    for at in range(_FEWEST_RECENT, len(of)):
        if kinds < 2:
            break
        usual = parts[max(0, at - RECENT) : at].sum(axis=0) + 0.5
        usual = usual / usual.sum()
        n = float(parts[at].sum())
        departs[at] = parts[at] / n - usual
        scores[at] = n * float((departs[at] ** 2 / usual).sum()) / (kinds - 1)
    usable = np.isfinite(scores)
    of, scores = of[usable], scores[usable]
    return Series(name, "", of, of, scores, scores, ("high",), pause=RECENT), departs[usable]


def logit(chance: Floats) -> Floats:
    """Chances as the logarithm of their odds; those of 0 and 1 as those of a ten-thousandth."""
    clipped = np.clip(chance, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def log_counts(counts: Integers) -> Floats:
    """Counts on the logarithm; days without any have none."""
    return np.array([math.log(one) if one > 0 else math.nan for one in counts.tolist()], dtype=np.float64)


def _groups(whole: Integers, least: int) -> Integers:
    """Where groups of days begin, and where the last one ends: a group ends once it holds ``least``. What is left at
    the end is not used yet."""
    edges, held = [0], 0
    for at, count in enumerate(whole.tolist()):
        held += count
        if held >= least:
            edges.append(at + 1)
            held = 0
    return np.array(edges, dtype=np.int64)


def _sums(counts: Integers, edges: Integers) -> Integers:
    if len(edges) < 2:
        return np.zeros((0, *counts.shape[1:]), dtype=np.int64)
    return np.asarray(np.add.reduceat(counts[: edges[-1]], edges[:-1], axis=0), dtype=np.int64)
