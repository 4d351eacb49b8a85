"""Rows put in order of score, and what has been captured once the first k are inspected.

Enters: truth, score and revenue per row; bootstrap weights. Leaves: sums along the order, group of
equal scores by group, and the figures that follow from them. Never here: lists of percents,
intervals, names of models.

Ties. A model that gives many rows the same score leaves their order to chance, never to the row order
of the file. Every figure is the expectation over that chance, computed exactly: what is captured is
linear in k inside a group of equal scores. A constant score therefore gets the base rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Weights = NDArray[Any]

# Cells of one block of bootstrap weights, one byte each: small enough to stay near the cache, large
# enough that NumPy's cost per call does not show.
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class Captured:
    """What the order captures of one quantity (irregular rows, or money), one row per draw.

    Columns are the groups of equal scores that hold any of it. ``before`` and ``end``: rows inspected
    when the group begins and ends; ``sums``: the quantity captured at its end; ``rows``: all rows,
    shape (draws,).
    """

    before: Floats
    end: Floats
    sums: Floats
    rows: Floats

    @property
    def total(self) -> Floats:
        """All there is to capture; shape (draws,)."""
        return self.sums[:, -1] if self.sums.shape[1] else np.zeros(len(self.sums))

    @property
    def steps(self) -> Floats:
        """The quantity in each group; shape (draws, groups)."""
        return np.diff(self.sums, axis=1, prepend=0.0)

    def at(self, cuts: Floats) -> Floats:
        """Expected quantity among the first ``cuts`` rows; shape (draws, cuts)."""
        out = np.zeros((len(self.sums), len(cuts)))
        if not self.sums.shape[1]:
            return out
        started = self.sums - self.steps
        points = np.stack([self.before, self.end], axis=2).reshape(len(self.sums), -1)
        values = np.stack([started, self.sums], axis=2).reshape(len(self.sums), -1)
        for draw in range(len(out)):
            out[draw] = np.interp(cuts, points[draw], values[draw])
        return out

    def auc(self) -> Floats:
        """Probability that an irregular row comes before a regular one, a tie counting one half.

        NaN for a draw of one class. Shape (draws,). Mann and Whitney's statistic.
        """
        steps, total = self.steps, self.total
        regular = self.rows - total
        regular_end = self.end - self.sums
        regular_before = self.before - (self.sums - steps)
        after = regular[:, None] - (regular_end + regular_before) / 2
        pairs = total * regular
        return np.where(pairs > 0, np.einsum("dg,dg->d", steps, after) / np.where(pairs > 0, pairs, 1.0), np.nan)

    def average_precision(self) -> Floats:
        """Sum over groups of the recall gained times the precision at the group's end; NaN without irregular rows."""
        total = self.total
        area = np.einsum("dg,dg->d", self.steps, self.sums / np.maximum(self.end, 1.0))
        return np.where(total > 0, area / np.where(total > 0, total, 1.0), np.nan)


@dataclass(frozen=True)
class _Marks:
    """Where a quantity is not zero along the order: row positions, amounts, and their groups."""

    positions: Ints
    amounts: Floats
    first_of_group: Ints  # index into ``positions``
    group_start: Ints  # row position where each such group begins
    group_last: Ints  # row position where it ends, inclusive


@dataclass(frozen=True)
class Ranking:
    """The order of the rows, highest score first, with the places of the irregular rows and of the money."""

    order: Ints
    truth: _Marks
    revenue: _Marks | None

    @property
    def rows(self) -> int:
        return len(self.order)

    def capture(self, weights: Weights) -> tuple[Captured, Captured | None]:
        """Irregular rows and revenue captured under ``weights``, shape (draws, rows), in the file's row order."""
        ordered = weights[:, self.order]
        running = np.zeros((len(weights), self.rows + 1), dtype=np.int32)
        np.cumsum(ordered, axis=1, out=running[:, 1:])
        hits = _capture(ordered, running, self.truth)
        return hits, None if self.revenue is None else _capture(ordered, running, self.revenue)


def rank_rows(truth: Bools, score: Floats, revenue: Floats | None = None) -> Ranking:
    """Put rows in order of score, highest first; NaN scores last, as one group.

    >>> rank_rows(np.array([True, False, True]), np.array([1.0, 2.0, 1.0])).order.tolist()
    [1, 0, 2]
    """
    if len(truth) != len(score) or (revenue is not None and len(revenue) != len(score)):
        raise ValueError(f"expected one score and one revenue per row, found {len(truth)} rows and {len(score)} scores")
    key = np.where(np.isnan(score), -np.inf, score)
    order = np.argsort(-key, kind="stable")
    ordered = key[order]
    new_group = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(new_group)
    lasts = np.append(starts[1:] - 1, len(order) - 1) if len(order) else starts
    group = np.cumsum(new_group) - 1
    return Ranking(
        order=order,
        truth=_mark(truth[order].astype(np.float64), group, starts, lasts),
        revenue=None if revenue is None else _mark(revenue[order], group, starts, lasts),
    )


def resample_weights(rows: int, resamples: int, *, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Bootstrap draws as counts per row, in blocks of shape (draws, rows); each draw sums to ``rows``.

    The draws depend on ``rows``, ``resamples`` and ``seed`` only, so that models compared on the same
    slice are compared on the same draws. One byte holds a count: above 255 rows a count of 256 has no
    chance worth the name, and below it none can occur.
    """
    generator = np.random.default_rng(seed)
    block = max(1, min(resamples, _BLOCK_CELLS // max(rows, 1)))
    for first in range(0, resamples, block):
        draws = min(block, resamples - first)
        picked = generator.integers(0, rows, size=(draws, rows), dtype=np.int64)
        picked += (np.arange(draws) * rows)[:, None]
        yield np.bincount(picked.ravel(), minlength=draws * rows).reshape(draws, rows).astype(np.uint8)


def _mark(values: Floats, group: Ints, starts: Ints, lasts: Ints) -> _Marks:
    positions = np.flatnonzero(values)
    groups = group[positions]
    first = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]])) if len(groups) else positions
    held = groups[first]
    return _Marks(positions, values[positions], first, starts[held], lasts[held])


def _capture(ordered: Weights, running: NDArray[np.int32], marks: _Marks) -> Captured:
    amounts = ordered[:, marks.positions] * marks.amounts
    if len(marks.first_of_group) < len(marks.positions):
        amounts = np.add.reduceat(amounts, marks.first_of_group, axis=1)
    return Captured(
        before=running[:, marks.group_start].astype(np.float64),
        end=running[:, marks.group_last + 1].astype(np.float64),
        sums=np.cumsum(amounts, axis=1),
        rows=running[:, -1].astype(np.float64),
    )
