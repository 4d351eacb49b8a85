"""The probability that the model's slots reach a declaration which the random control did not draw.

Enters: the ranking, the strata, how the random control divides its draw between them, the places. Leaves: one
probability per ranked declaration. Never here: simulation; the figures are exact to rounding (tests compare
them with every possible draw on small cases, and with frequencies on larger ones).

The declarations above i in the ranking that the random control takes leave their slots to those below. In a
stratum of N declarations of which n are drawn and a stand above i, the number taken from above is hypergeometric
(N, n, a); in i's own stratum, i not being drawn, (N - 1, n, a). The sizes n of the strata follow one
another as a chain with two states, so one pass over the strata gives the distribution of the total.
docs/explanation/selection.md derives the formula.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from basira.selection.batch.draw import Step, mean_drawn

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_BLOCK_CELLS = 1_000_000  # numbers held at once, which bounds the memory
_NEGLIGIBLE = 1e-18  # probability under which the ends of a distribution are cut off


@dataclass(frozen=True)
class Ranking:
    """The declarations that the model may select, best first.

    ``stratum``: stratum number of each. ``is_capped``: those that may not use the heavy slots. A stratum holds
    only capped or only uncapped ones, and the uncapped strata have the smaller numbers.
    """

    stratum: Integers
    is_capped: Flags


@dataclass(frozen=True)
class Places:
    """``heavy``: slots that capped declarations may not use. ``light``: slots that all may use."""

    heavy: int
    light: int


def reach_probability(
    ranking: Ranking, *, strata: Integers, steps: Sequence[Step], begin: int, places: Places
) -> Reals:
    """P(i is not drawn, and the model's slots reach it), for each ranked declaration i.

    Parameters
    ----------
    strata : size N_s of every stratum with scores, whether its declarations are ranked or not.
    steps, begin : the chain of the sizes drawn, and the state in which it enters the first stratum.

    With u uncapped and o capped declarations left above i, H heavy and L light slots: an uncapped i gets a slot
    when u < H or u + o < H + L; a capped one when o + max(0, u - H) < L.
    """
    spared = 1.0 - mean_drawn(steps, begin=begin) / strata
    first_capped = int(ranking.stratum[ranking.is_capped].min()) if ranking.is_capped.any() else len(strata)
    most = np.array([max(move.drawn for move in step) for step in steps], dtype=np.int64)
    fewest = np.array([min(move.drawn for move in step) for step in steps], dtype=np.int64)
    groups = (slice(0, first_capped), slice(first_capped, len(strata)))

    # Most rows are certain, whatever is drawn: far above the last slot, or far below it. More taken from above never
    # hurts, so where taking none and taking as many as possible agree, that is the answer.
    capped = ranking.is_capped.cumsum() - ranking.is_capped
    uncapped = np.arange(len(capped)) - capped
    left = tuple(np.maximum(0, n - most[g].sum()) for n, g in zip((uncapped, capped), groups, strict=True))
    low = _gets_place(ranking.is_capped, uncapped, capped, places)
    result = np.where(low, spared[ranking.stratum], 0.0)
    rows = np.flatnonzero(low != _gets_place(ranking.is_capped, left[0], left[1], places))
    if len(rows) == 0:
        return result

    end = int(rows[-1]) + 1
    above = np.zeros((end, len(strata)), dtype=np.int64)
    above[np.arange(end), ranking.stratum[:end]] = 1
    above = (above.cumsum(axis=0) - above)[rows]
    # The same again with what may be taken from above but for a negligible probability.
    taken = [_total_window(above[:, g], strata[g], fewest[g], most[g]) for g in groups]
    low = _gets_place(ranking.is_capped[rows], uncapped[rows] - taken[0][0], capped[rows] - taken[1][0], places)
    high = _gets_place(ranking.is_capped[rows], uncapped[rows] - taken[0][1], capped[rows] - taken[1][1], places)
    result[rows] = np.where(low, spared[ranking.stratum[rows]], 0.0)
    between = np.flatnonzero(low != high)
    if len(between) == 0:
        return result
    width = sum(int((last - first)[between].max()) + 1 for first, last in taken)
    for block in np.array_split(between, 1 + len(between) * width // _BLOCK_CELLS):
        chosen = rows[block]
        part = _Rows(above[block], ranking.stratum[chosen], ranking.is_capped[chosen], strata, list(steps))
        result[chosen] = np.clip(part.probability(first_capped, begin, places), 0.0, 1.0)
    return result


def _gets_place(is_capped: Flags, uncapped: Integers, capped: Integers, places: Places) -> Flags:
    """Whether i gets a slot with so many left above it."""
    reaches_light = capped + np.maximum(0, uncapped - places.heavy) < places.light
    return np.where(is_capped, reaches_light, (uncapped < places.heavy) | reaches_light).astype(np.bool_)


@dataclass(frozen=True)
class _Counts:
    """Distributions of a count, one a row, for each state of the chain.

    ``mass[state, row, k]``: probability of the value ``first[row] + k`` in that state (and of i not being drawn).
    """

    first: Integers
    mass: Reals

    def trim(self) -> _Counts:
        """Without the columns at both ends that hold nothing in any row."""
        kept = np.flatnonzero(self.mass.max(axis=(0, 1)) > _NEGLIGIBLE)
        if len(kept) == 0:
            return _Counts(self.first, self.mass[:, :, :1])
        return _Counts(self.first + kept[0], self.mass[:, :, kept[0] : kept[-1] + 1])


@dataclass(frozen=True)
class _Rows:
    """Some ranked declarations, with how many are above each in every stratum."""

    above: Integers
    own: Integers
    is_capped: Flags
    strata: Integers
    steps: list[Step]

    def probability(self, first_capped: int, begin: int, places: Places) -> Reals:
        """P(not drawn, and reached) by rows, over the state between uncapped and capped strata, and what is taken."""
        total = np.zeros(len(self.own))
        uncapped = self._through(range(first_capped), begin)
        all_uncapped = self.above[:, :first_capped].sum(axis=1)
        all_capped = self.above[:, first_capped:].sum(axis=1)
        left = (all_uncapped - uncapped.first)[:, None] - np.arange(uncapped.mass.shape[2])
        # How many capped ones must be taken from above for i to get a light slot; 0 or less: none need be.
        needed = all_capped[:, None] + np.maximum(0, left - places.heavy) - places.light + 1
        needed = np.where(~self.is_capped[:, None] & (left < places.heavy), 0, needed)
        for state in (0, 1):
            if uncapped.mass[state].any():
                capped = self._through(range(first_capped, len(self.strata)), state)
                total += (uncapped.mass[state] * _at_least(capped, needed)).sum(axis=1)
        return total

    def _through(self, strata: range, begin: int) -> _Counts:
        """What is taken from above in these strata, entered in the state ``begin``."""
        mass = np.zeros((2, len(self.own), 1))
        mass[begin] = 1.0
        counts = _Counts(np.zeros(len(self.own), dtype=np.int64), mass)
        for s in strata:
            first, taken = self._demand_from_above(s)
            width = counts.mass.shape[2] + next(iter(taken.values())).shape[1] - 1
            after = np.zeros((2, len(self.own), width))
            for move in self.steps[s]:
                if counts.mass[move.before].any():
                    _add_convolution(after[move.after], counts.mass[move.before] * move.probability, taken[move.drawn])
            counts = _Counts(counts.first + first, after).trim()
        return counts

    def _demand_from_above(self, s: int) -> tuple[Integers, dict[int, Reals]]:
        """For each number that may be drawn from stratum s: what it takes from above, i itself not being drawn."""
        is_own = self.own == s
        population = self.strata[s] - is_own
        above = self.above[:, s]
        drawn = sorted({move.drawn for move in self.steps[s]})
        windows = [_window(population, np.minimum(n, population), above) for n in drawn]
        first = np.minimum.reduce([window[0] for window in windows])
        width = int((np.maximum.reduce([window[1] for window in windows]) - first).max()) + 1
        value = first[:, None] + np.arange(width)
        return first, {
            n: _hypergeometric(population, np.minimum(n, population), above, value)
            * np.where(is_own, 1.0 - n / self.strata[s], 1.0)[:, None]
            for n in drawn
        }


def _at_least(counts: _Counts, value: Integers) -> Reals:
    """P(count >= value) over both states, for values of shape (rows, any)."""
    mass = counts.mass.sum(axis=0)
    tail = np.zeros((mass.shape[0], mass.shape[1] + 1))
    tail[:, :-1] = mass[:, ::-1].cumsum(axis=1)[:, ::-1]
    place = np.clip(value - counts.first[:, None], 0, mass.shape[1])
    reached: Reals = np.take_along_axis(tail, place, axis=1)
    return reached


def _add_convolution(result: Reals, one: Reals, other: Reals) -> None:
    """Add to ``result`` the distributions of the sums, row by row; the loop runs over the narrower of the two."""
    short, long = sorted((one, other), key=lambda mass: mass.shape[1])
    for k in range(short.shape[1]):
        result[:, k : k + long.shape[1]] += short[:, k : k + 1] * long


def _variance(population: Integers, drawn: Integers, above: Integers) -> Reals:
    share = above / np.maximum(population, 1)
    finite = (population - drawn) / np.maximum(population - 1, 1)
    return np.maximum(drawn * share * (1 - share) * finite, 0.0)


def _reach(variance: Reals) -> Reals:
    """Distance from the mean beyond which, by Bernstein's inequality, there is less than 1e-15 on either side."""
    return 9 * np.sqrt(variance) + 25


def _window(population: Integers, drawn: Integers, above: Integers) -> tuple[Integers, Integers]:
    """The values of a hypergeometric count that matter: its support, without the negligible tails."""
    mean = drawn * above / np.maximum(population, 1)
    reach = _reach(_variance(population, drawn, above))
    first = np.maximum(np.maximum(0, drawn + above - population), np.floor(mean - reach).astype(np.int64))
    last = np.minimum(np.minimum(drawn, above), np.ceil(mean + reach).astype(np.int64))
    return first, last


def _total_window(above: Integers, strata: Integers, fewest: Integers, most: Integers) -> tuple[Integers, Integers]:
    """The same for the sum over several strata, each with a size drawn between ``fewest`` and ``most``."""
    reach = _reach(np.maximum(_variance(strata, fewest, above), _variance(strata, most, above)).sum(axis=1))
    # One more on either side: i's own stratum counts without i, which moves its mean by less than that.
    first = np.floor((above / strata * fewest).sum(axis=1) - reach).astype(np.int64) - 1
    last = np.ceil((above / strata * most).sum(axis=1) + reach).astype(np.int64) + 1
    return np.maximum(first, 0), np.minimum(last, np.minimum(above, most).sum(axis=1))


def _hypergeometric(population: Integers, drawn: Integers, above: Integers, value: Integers) -> Reals:
    """P(``value`` of the ``above`` are among ``drawn`` of ``population``), row by row."""
    population, drawn, above = population[:, None], drawn[:, None], above[:, None]
    possible = (value <= above) & (value <= drawn) & (value >= drawn + above - population)
    value = np.where(possible, value, np.maximum(0, drawn + above - population))
    log_factorial = _log_factorials(1 << int(population.max()).bit_length())

    def log_choose(n: Integers, k: Integers) -> Reals:
        chosen: Reals = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
        return chosen

    log_mass = log_choose(above, value) + log_choose(population - above, drawn - value) - log_choose(population, drawn)
    mass = np.where(possible, np.exp(log_mass), 0.0)
    # The logarithms of large factorials cost some digits; the sum is known to be 1.
    normal: Reals = mass / mass.sum(axis=1, keepdims=True)
    return normal


@cache
def _log_factorials(size: int) -> Reals:
    """ln 0!, ln 1!, ... of all numbers below ``size``; a table, because the same few thousand are asked all day."""
    return np.array([math.lgamma(n + 1.0) for n in range(size)])
