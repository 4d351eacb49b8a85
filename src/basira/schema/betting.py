"""Bets against a claim, whose wealth may be looked at on any day.

Enters: outcomes in their order, the chance that a claim gives each. Leaves: what a gambler's wealth is multiplied by,
and the most that it ever was. Never here: what is claimed; what follows from it.

A gambler bets a part of his wealth on each outcome, at the odds that the claim says are fair. If the claim is true, the
wealth exceeds w times what it began with, however often it is looked at, with probability 1 / w at most (Ville). After
Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting (JRSS B 86, 2024), and Shafer, Testing
by betting (JRSS A 184, 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Parts of the wealth that are bet; none is known to be the best beforehand, so wealth is the mean over all of them.
STAKES = tuple(step / 10 for step in range(1, 10))


def factor(usual: float, stake: float, *, is_true: bool) -> float:
    """What wealth is multiplied by after ``stake`` (0 to 1) of it was bet on true, whose probability is ``usual`` at
    most, above 0 and below 1: 1 + s (1 - usual) / usual after a true, 1 - s after a false. Its mean is 1 at most.

    >>> 0.25 * factor(0.25, 0.5, is_true=True) + 0.75 * factor(0.25, 0.5, is_true=False)
    1.0
    """
    return 1.0 + stake * (1.0 - usual) / usual if is_true else 1.0 - stake


def most_wealth(outcomes: Sequence[bool], usual: float) -> float:
    """The most that a gambler ever had who began with 1 and bets on true, of which the probability is ``usual`` at
    most; 1 without an outcome.

    >>> most_wealth([True] * 6, 0.5) > 15, most_wealth([False] * 6, 0.5)
    (True, 1.0)
    """
    logs = [0.0] * len(STAKES)
    most = 1.0
    for one in outcomes:
        for number, stake in enumerate(STAKES):
            logs[number] += math.log(factor(usual, stake, is_true=one))
        most = max(most, math.fsum(math.exp(min(log, 700.0)) for log in logs) / len(logs))
    return most
