"""The random control's draw: fixed-size samples within strata, from a hash.

Enters: strata sizes, the wanted size, a seed. Leaves: how many each stratum gives, who is drawn, and the
exact probabilities of it all. Never here: a score; a generator whose stream another library version
could change. A hash lets an auditor repeat one draw years later with nothing but SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

_BITS = 64


def hash_key(*parts: object) -> int:
    """A number in [0, 2**64) that depends on all the parts, and on their order and limits.

    >>> hash_key("a", "bc") == hash_key("ab", "c")
    False
    """
    text = "".join(f"{len(str(part))}:{part}" for part in parts)  # the lengths keep the limits apart
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[: _BITS // 8])


@dataclass(frozen=True)
class Move:
    """One way of passing a stratum: from a state to a state, with what probability, drawing how many.

    The state says whether the number drawn so far is the proportional one rounded down (0) or up (1).
    """

    before: int
    after: int
    probability: float
    drawn: int


Step = tuple[Move, ...]  # the ways of passing one stratum


@dataclass(frozen=True)
class Branch:
    """One possible total, with the chain that divides it between the strata."""

    probability: float
    total: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class DrawPlan:
    """The distribution of the sizes, and the sizes that the seed picked."""

    branches: tuple[Branch, ...]
    drawn: tuple[int, ...]

    @property
    def expected_total(self) -> float:
        """Mean number of declarations drawn."""
        return sum(branch.probability * branch.total for branch in self.branches)


def wanted_size(share: float, minimum: int, pool: int) -> Fraction:
    """Mean size of the draw from a pool: the share of it, at least the minimum, at most all of it."""
    return min(Fraction(pool), max(Fraction(minimum), Fraction(repr(share)) * pool))


def plan_draw(
    strata: Sequence[int],
    wanted: Fraction,
    *,
    available: int,
    key: Sequence[object],
    weights: Sequence[Fraction] | None = None,
) -> DrawPlan:
    """Round the wanted size, and each stratum's part of it, at random but with the exact mean.

    Parameters
    ----------
    strata : number of declarations of each stratum, in a fixed order.
    wanted : mean total size, not above their sum. A total of 0.3 means one declaration on three days of ten.
    available : slots; a larger total is cut to it.
    key : what the roundings are derived from: seed, day, office.
    weights : of one declaration of each stratum, see `design.stratum_weights`; None: all alike.

    The total is ``wanted`` rounded up or down, with that mean. A total of n is divided stratum by stratum: the number
    drawn from the first s strata is n (N_1 + ... + N_s) / N rounded up or down, with that mean, and depends on the past
    only through the last rounding (the ordered pivotal method, Deville and Tillé 1998). So each stratum gets its
    proportional part rounded up or down, the parts add up to n, and every declaration of the office has the same
    probability n / N of random control: no stratum is too small to be drawn. With weights, N_s is the sum of those of
    the stratum, and the probability is n w / N.
    """
    sums = weighted_sizes(strata, weights)
    low, fraction = divmod(wanted, 1)
    totals = [(int(low), 1 - fraction), (int(low) + 1, fraction)] if fraction else [(int(low), Fraction(1))]
    picked = min(available, int(low) + (1 if _coin(*key, "size") < fraction else 0))
    branches: dict[int, Branch] = {}
    for size, chance in totals:
        total = min(available, size)
        before = branches[total].probability if total in branches else 0.0
        branches[total] = Branch(before + float(chance), total, _chain(sums, total))
    state, drawn = 0, []
    for number, step in enumerate(branches[picked].steps):
        coin = _coin(*key, "division", number)
        ways = [move for move in step if move.before == state]
        move = ways[0] if len(ways) == 1 or coin < ways[0].probability else ways[1]
        state = move.after
        drawn.append(move.drawn)
    return DrawPlan(tuple(branches.values()), tuple(drawn))


def _coin(*key: object) -> Fraction:
    return Fraction(hash_key(*key), 2**_BITS)


def weighted_sizes(strata: Sequence[int], weights: Sequence[Fraction] | None) -> list[Fraction]:
    """The sum of the weights of each stratum; its size where there are none."""
    return [Fraction(n) if weights is None else n * weights[s] for s, n in enumerate(strata)]


def _chain(strata: Sequence[Fraction], total: int) -> tuple[Step, ...]:
    """The ways of passing each stratum; those to the state 1 come first.

    With r the fraction of the proportional number so far (the probability of state 1) and f that of the stratum's own
    part: while r + f < 1 a rounding up is kept, or made with probability f / (1 - r); beyond, the whole that has
    filled up is drawn, and a rounding up is kept with probability (r + f - 1) / r.
    """
    pool, carried, steps = sum(strata, Fraction(0)), Fraction(0), []
    for size in strata:
        whole, fraction = divmod(total * size / pool, 1)
        if carried + fraction < 1:
            up = fraction / (1 - carried)
            moves = [(1, 1, Fraction(1), 0), (0, 1, up, 1), (0, 0, 1 - up, 0)]
            possible = carried > 0
            carried += fraction
        else:
            up = (carried + fraction - 1) / carried
            moves = [(1, 1, up, 1), (1, 0, 1 - up, 0), (0, 0, Fraction(1), 1)]
            possible = True
            carried += fraction - 1
        steps.append(
            tuple(
                Move(before, after, float(chance), int(whole) + extra)
                for before, after, chance, extra in moves
                if chance and (possible or before == 0)
            )
        )
    return tuple(steps)


def mean_drawn(steps: Sequence[Step], *, begin: int, end: int | None = None) -> npt.NDArray[np.float64]:
    """Mean number drawn from each stratum by a chain entered in state ``begin``.

    With ``end``: the mean times the probability that the chain leaves in that state, over those paths only.
    """
    onward = [[1.0, 1.0] if end is None else [1.0 - end, float(end)]]
    for step in reversed(steps):
        later = onward[-1]
        onward.append([sum(m.probability * later[m.after] for m in step if m.before == state) for state in (0, 1)])
    onward.reverse()
    here, means = [1.0 - begin, float(begin)], []
    for step, later in zip(steps, onward[1:], strict=True):
        means.append(sum(here[m.before] * m.probability * m.drawn * later[m.after] for m in step))
        here = [sum(here[m.before] * m.probability for m in step if m.after == state) for state in (0, 1)]
    return np.array(means)


def draw(members: Mapping[int, Sequence[tuple[int, int]]], drawn: Sequence[int]) -> list[int]:
    """Who is drawn: in each stratum, those with the smallest keys; all of them in the order of their keys.

    ``members``: stratum number to (key, declaration) pairs. The keys are hashes of the seed, so each subset of
    the given size is equally likely, and the result does not depend on the order of the declarations.
    """
    chosen = [pair for stratum, size in enumerate(drawn) if size for pair in sorted(members[stratum])[:size]]
    return [declaration for _, declaration in sorted(chosen)]
