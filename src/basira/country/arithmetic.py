"""Arithmetic that gives the same bits on every machine.

Enters: arrays and a `numpy.random.Generator`. Leaves: arrays. Never here: `numpy.exp`, `numpy.power`,
unstable sorts or pairwise sums, whose last bit (or order of ties) depends on the processor.

A world is compared byte by byte between machines. Addition, multiplication, division, square root
and rounding are exact by IEEE 754 everywhere; so everything that reaches a file is made of these.
"""

from __future__ import annotations

from functools import cached_property
from math import factorial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_LN2 = 0.6931471805599453
# Taylor coefficients of e^r on |r| <= ln2/2: the first term left out is under 3e-17 of the result.
_TAYLOR = tuple(1.0 / factorial(k) for k in range(14))


def exp(x: Floats) -> Floats:
    """e to the power x, element by element, made of exactly rounded operations only.

    Relative error under 1e-14 for ``|x| < 50``.

    >>> [round(float(v), 12) for v in exp(np.array([0.0, 1.0, -2.0]))]
    [1.0, 2.718281828459, 0.135335283237]
    """
    turns = np.rint(x * (1.0 / _LN2))
    rest = x - turns * _LN2
    total = np.full(np.shape(x), _TAYLOR[-1])
    for coefficient in _TAYLOR[-2::-1]:
        total *= rest
        total += coefficient
    out: Floats = np.ldexp(total, turns.astype(np.int32))
    return out


def log(values: Floats) -> Floats:
    """Natural logarithm of values between 1e-6 and 1e6, by Halley's steps on `exp`: slow, the same everywhere.

    >>> [round(float(v), 12) for v in log(np.array([1.0, 10.0]))]
    [0.0, 2.302585092994]
    """
    out = np.zeros(np.shape(values))
    for _ in range(40):
        power = exp(out)
        out = out + 2 * (values - power) / (values + power)  # never overshoots
    return out


def draw(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Indices drawn with probability proportional to ``weights`` (non-negative, not all zero)."""
    return between(rng, np.concatenate(([0.0], np.cumsum(weights))), np.zeros(size, np.int64), len(weights))


def between(rng: np.random.Generator, cumulative: Floats, first: Ints, last: Ints | int) -> Ints:
    """Weighted draws, each within its own slice ``first[i] <= index < last[i]``.

    ``cumulative`` has one entry more than there are weights and begins with 0.
    """
    low, high = cumulative[first], cumulative[last]
    found = np.searchsorted(cumulative, low + rng.random(len(first)) * (high - low), side="right") - 1
    out: Ints = np.minimum(np.maximum(found, first), np.asarray(last) - 1)
    return out


def offsets(counts: Ints) -> Ints:
    """Where each group of consecutive rows begins; one entry more than groups.

    >>> offsets(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate(([0], np.cumsum(counts)))


def unique_numbers(rng: np.random.Generator, digits: int, size: int) -> Ints:
    """``size`` different numbers of ``digits`` digits in random order: identifiers that say nothing."""
    found = np.unique(rng.integers(10 ** (digits - 1), 10**digits, size=size + size // 4 + 64))
    while len(found) < size:
        found = np.unique(np.concatenate((found, rng.integers(10 ** (digits - 1), 10**digits, size=size))))
    return rng.permutation(found)[:size]


class Streams:
    """Independent random streams by purpose and block: what one room draws never shifts another's.

    This is why a strategy may inspect what it likes and still meet the same trade (until the traders
    answer to it): the trade's stream does not know how many numbers the inspection took.
    """

    _PURPOSES = (
        "nomenclature",
        "markets",
        "traders",
        "conduct",
        "trade",
        "act",
        "selectivity",
        "inspection",
        "answer",
        "prices",
        "faults",
    )

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, purpose: str, block: int = 0) -> np.random.Generator:
        """The stream of one purpose in one block of days."""
        key = (self._numbers[purpose], block)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {purpose: number for number, purpose in enumerate(self._PURPOSES)}
