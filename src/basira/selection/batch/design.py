"""The design of the random control: which declarations it draws more often, because their results teach more.

Enters: the scores of an office's pool, the policy's design. Leaves: a level per declaration; the draw is plain within a
level, and proportional to the level's weight between them. Never here: a draw; a declaration without a chance.

Plain: every declaration alike. Thirds: above a floor, a mixture of three thirds, each with mean one: even, the root of
the probability of irregularity (what is most uncertain), and the tax at stake times that root (where the revenue gap
is). Neyman's rule for a total says that much of a stratum is drawn as its results vary. The weights are rounded to
powers of two, so that the levels are strata of the draw and every probability stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from basira.selection.policy.random_control import Design

# Share of the control that is drawn evenly whatever the scores say.
FLOOR = 0.3
# Weights are 2 ** level, in halves: from half as often as even to eight times as often.
LOWEST, HIGHEST = -1, 3
EVEN = 0


def design_levels(design: Design, scores: Sequence[tuple[float, float] | None]) -> list[int]:
    """The level of each declaration, from `LOWEST` to `HIGHEST`.

    ``scores``: fraud probability and expected revenue; None without a usable score, which is drawn evenly.

    >>> design_levels("plain", [(0.5, 900.0), None])
    [0, 0]
    >>> design_levels("thirds", [(0.01, 1.0)] * 50 + [(0.4, 9000.0), None])[-3:]
    [0, 3, 0]
    """
    known = [one for one in scores if one is not None]
    if design == "plain" or not known:
        return [EVEN] * len(scores)
    roots = [math.sqrt(max(0.0, probability)) for probability, _ in known]
    # Tax at stake times the root: expected revenue is probability times tax.
    stakes = [0.0 if root == 0.0 else max(0.0, money) / root for root, (_, money) in zip(roots, known, strict=True)]
    mean_root, mean_stake = math.fsum(roots) / len(known), math.fsum(stakes) / len(known)
    found = iter(
        _level(root / mean_root if mean_root else 1.0, stake / mean_stake if mean_stake else 1.0)
        for root, stake in zip(roots, stakes, strict=True)
    )
    return [EVEN if one is None else next(found) for one in scores]


def _level(root: float, stake: float) -> int:
    wanted = FLOOR + (1 - FLOOR) * (1 + root + stake) / 3
    return min(HIGHEST, max(LOWEST, round(math.log2(wanted))))


def stratum_weights(sizes: Sequence[int], levels: Sequence[int], *, most: int) -> list[Fraction]:
    """The weight of one declaration of each stratum, such that no stratum gets more draws than it has declarations.

    ``most``: the largest total that may be drawn. A weight that would draw all of a stratum is lowered until it draws
    just all: the rest goes to the others in proportion.

    >>> stratum_weights([10, 10], [0, 1], most=3)
    [Fraction(1, 1), Fraction(2, 1)]
    >>> stratum_weights([9, 1], [0, 3], most=5)
    [Fraction(1, 1), Fraction(9, 4)]
    """
    weights = [Fraction(2) ** level for level in levels]
    full: set[int] = set()
    while True:
        # Of the draws, each full stratum takes all of its declarations.
        open_total = sum(
            (w * n for s, (w, n) in enumerate(zip(weights, sizes, strict=True)) if s not in full), Fraction()
        )
        left = most - sum(sizes[s] for s in full)
        over = {s for s, w in enumerate(weights) if s not in full and left > 0 and w * left > open_total}
        if not over:
            break
        full |= over
    if full and left > 0 and open_total:
        for s in full:
            weights[s] = open_total / left
    return weights
