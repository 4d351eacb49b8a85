"""Who inspects whom, against an assignment by chance: pairs to be looked at.

Enters: controls with their inspector, another party, the roster they were drawn from, the result. Leaves: pairs with an
exact p-value, a shrunk effect and what else is known of them. Never here: guilt; a name (parties are labels); a pair
that stands out in a thousand because a thousand were looked at.

Within a stratum (office, day, shift) the rule is that controls fall on the inspectors on duty by chance. How many each
inspector made that day is kept, and so is whose declarations were inspected: only who got whose is drawn again. A
pair's count in a stratum is then hypergeometric, and its count over all strata a sum of independent ones, whose
distribution is computed whole. Replays of the assignment give the same p-values (a test compares them), but 999 of
them can't give one below .001, which no control of false discoveries over thousands of pairs would let pass.

A second test asks whether an inspector finds less than others do in the same party's declarations. Which of a party's
controls he got says nothing of what they hold, if the rule was kept. Both p-values are put together after Fisher, and
false discoveries are held after Benjamini and Hochberg (1995) among the pairs that could stand out at all (Tarone
1990).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, false_discovery_control, hypergeom

from basira.schema.errors import UsageError

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

# Of the pairs that are to be looked at, at most so many by chance, in the mean.
FALSE_SHARE = 0.05
# A pair whose whole overlap would still not be rarer than this can't stand out: it is not tested.
LEAST_ATTAINABLE = 1e-3
# How many expected controls speak for a ratio of 1 before any is counted. Most pairs have that ratio: learned from all
# of them, it would draw the few others to it too.
PRIOR = 5.0
# Controls of a party below which nothing is said of it.
FEWEST_CONTROLS = 4


@dataclass(frozen=True)
class Controls:
    """One row a control. ``stratum``, ``inspector``, ``party``: numbers from 0. ``is_known``: with a result;
    ``is_found``: irregular."""

    stratum: Integers
    inspector: Integers
    party: Integers
    is_known: Flags
    is_found: Flags

    def __post_init__(self) -> None:
        columns = (self.stratum, self.inspector, self.party, self.is_known, self.is_found)
        if len({len(one) for one in columns}) > 1:
            raise UsageError("Expected columns of one length, found several.", hint="Give one row per control.")


@dataclass(frozen=True)
class Pair:
    """``count``: controls of the party by the inspector; ``expected``: in the mean by chance. ``effect``: their ratio,
    drawn towards 1 where little is known. ``found``, ``known``: of the pair; ``others_found``, ``others_known``: of the
    same party by others. ``p_assigned``, ``p_found``: of so many, and of so few findings, by chance; ``p``: of both;
    ``adjusted``: the share of false discoveries if everything down to this pair is looked at."""

    inspector: int
    party: int
    count: int
    expected: float
    effect: float
    found: int
    known: int
    others_found: int
    others_known: int
    p_assigned: float
    p_found: float
    p: float
    adjusted: float


@dataclass(frozen=True)
class Pairs:
    """``tested``: pairs that could stand out. ``standing``: those to be looked at, the rarest first."""

    controls: int
    tested: int
    standing: tuple[Pair, ...]


def find_pairs(controls: Controls, *, false_share: float = FALSE_SHARE) -> Pairs:
    """The pairs that chance does not explain.

    ``false_share``: of those found, at most so many false ones in the mean, whatever the number of pairs.

    >>> n = 12
    >>> same = Controls(np.arange(n) // 3, np.arange(n) % 3, np.arange(n) % 3, np.ones(n, bool), np.zeros(n, bool))
    >>> [(one.inspector, one.party, one.count) for one in find_pairs(same).standing]
    []
    """
    tests = list(_tests(controls))
    if not tests:
        return Pairs(len(controls.stratum), 0, ())
    adjusted = false_discovery_control([one.p for one in tests], method="bh")
    standing = [
        Pair(
            **{
                **vars(one),
                "adjusted": float(level),
                "effect": (one.count + PRIOR) / (one.expected + PRIOR),
            }
        )
        for one, level in zip(tests, adjusted, strict=True)
        if level <= false_share
    ]
    return Pairs(len(controls.stratum), len(tests), tuple(sorted(standing, key=lambda one: (one.p, -one.count))))


def _tests(controls: Controls) -> Iterable[Pair]:
    """Each pair that could stand out."""
    sizes = np.bincount(controls.stratum)
    on_duty = _counts(controls.stratum, controls.inspector)
    # A stratum with one inspector, or one party, has one assignment only.
    of_party: dict[int, list[int]] = {}
    for row, party in enumerate(controls.party.tolist()):
        of_party.setdefault(party, []).append(row)
    for party, rows in sorted(of_party.items()):
        if len(rows) < FEWEST_CONTROLS:
            continue
        at = np.array(rows)
        strata, theirs = np.unique(controls.stratum[at], return_counts=True)
        inspectors = sorted({one for stratum in strata.tolist() for one in on_duty[stratum]})
        for inspector in inspectors:
            draws = [
                (int(sizes[s]), on_duty[s][inspector], int(d))
                for s, d in zip(strata.tolist(), theirs.tolist(), strict=True)
                if inspector in on_duty[s]
            ]
            if not can_stand_out(draws):
                continue
            yield _test(controls, at, inspector, party, draws)


def _counts(stratum: Integers, inspector: Integers) -> dict[int, dict[int, int]]:
    """By stratum, how many controls each inspector made."""
    found: dict[int, dict[int, int]] = {}
    for one, who in zip(stratum.tolist(), inspector.tolist(), strict=True):
        here = found.setdefault(one, {})
        here[who] = here.get(who, 0) + 1
    return found


def can_stand_out(draws: Sequence[tuple[int, int, int]]) -> bool:
    """Whether the largest count that is possible would be rare enough. What was counted plays no part.

    >>> can_stand_out([(4, 1, 1)] * 4), can_stand_out([(4, 1, 1)] * 5), can_stand_out([(1, 1, 1)] * 50)
    (False, True, False)
    """
    log = 0.0
    for size, mine, theirs in draws:
        small, large = min(mine, theirs), max(mine, theirs)
        log += math.log(math.comb(large, small)) - math.log(math.comb(size, small))
    return log <= math.log(LEAST_ATTAINABLE)


def count_distribution(draws: Sequence[tuple[int, int, int]]) -> Floats:
    """The chances of each count, from 0, of a sum of hypergeometric draws (size, of the inspector, of the party)."""
    whole = np.ones(1)
    for size, mine, theirs in draws:
        most = min(mine, theirs)
        if most == 1:
            # The commonest case, without the library's overhead.
            one = mine * theirs / size
            part = np.array([1.0 - one, one])
        else:
            part = hypergeom.pmf(np.arange(most + 1), size, mine, theirs)
        whole = np.convolve(whole, part)
    return whole


def _test(controls: Controls, at: Integers, inspector: int, party: int, draws: Sequence[tuple[int, int, int]]) -> Pair:
    mine = controls.inspector[at] == inspector
    known, found = controls.is_known[at], controls.is_known[at] & controls.is_found[at]
    count = int(mine.sum())
    chances = count_distribution(draws)
    p_assigned = min(1.0, float(chances[count:].sum()))
    pair_known, pair_found = int((mine & known).sum()), int((mine & found).sum())
    # As few findings as this among the pair's, of all of the party's.
    p_found = float(hypergeom.cdf(pair_found, int(known.sum()), int(found.sum()), pair_known))
    p = float(chi2.sf(-2.0 * (math.log(max(p_assigned, 1e-300)) + math.log(max(p_found, 1e-300))), 4))
    return Pair(
        inspector=inspector,
        party=party,
        count=count,
        expected=float((np.arange(len(chances)) * chances).sum()),
        effect=1.0,
        found=pair_found,
        known=pair_known,
        others_found=int(found.sum()) - pair_found,
        others_known=int(known.sum()) - pair_known,
        p_assigned=p_assigned,
        p_found=min(1.0, p_found),
        p=p,
        adjusted=1.0,
    )
