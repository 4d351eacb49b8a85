"""Whether the model's figures mean what they say: found over expected, for findings and for money.

Enters: per row the truth, the revenue found, the probability and the expected revenue; groups of rows. Leaves: for each
group what was found, what was expected and their ratio with its 95 % interval, and the slope of the probabilities.
Never here: a group of a result's own making; which rows are tested.

Groups are of what was known before the result: tenths of the probability and of the expected revenue, the first
hundredth by expected revenue, the lane by which the inspection came, the size of the value. With a ratio of 1 what is
said comes true on average. A slope under 1: high probabilities are too high and low ones too low.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from basira.evaluate.ranking import Floats, resample_weights

# Smaller groups have an interval that says nothing.
_FEWEST_ROWS = 30
_INTERVAL = (0.025, 0.975)
_Z95 = 1.959963984540054
# Sizes of the declared value, as shares of the rows from the smallest on.
_SIZES = (
    ("lower_half", 0.0, 0.5),
    ("upper_half", 0.5, 0.9),
    ("largest_tenth", 0.9, 0.99),
    ("largest_100th", 0.99, 1.0),
)


@dataclass(frozen=True)
class Revenue:
    """Amounts of every row, shape (n,), in one currency. ``found``: NaN (unknown) adds nothing."""

    found: ArrayLike
    expected: ArrayLike


class Sums(TypedDict):
    """What a group found and what was expected of it; intervals [low, high] of 95 %. Amounts are null without a
    revenue, a ratio where nothing was expected."""

    found: int
    expected: float
    ratio: float | None
    ratio_ci: list[float] | None
    revenue: float | None
    expected_revenue: float | None
    revenue_ratio: float | None
    revenue_ratio_ci: list[float] | None


class Group(Sums):
    """The sums of one group. ``by``: what the rows are grouped by."""

    by: str
    group: str
    rows: int


class Agreement(TypedDict):
    """``slope``: [value, low, high] of the log odds, or null."""

    slope: list[float] | None
    groups: list[Group]


def compute_agreement(
    irregular: ArrayLike,
    probability: ArrayLike,
    *,
    revenue: Revenue | None = None,
    value: ArrayLike | None = None,
    lane: Sequence[str | None] | None = None,
    resamples: int = 1000,
    seed: int,
) -> Agreement:
    """Found over expected by group, and the slope.

    Parameters
    ----------
    irregular, probability : shape (n,), no nulls.
    revenue : None: no revenue was recorded.
    value : shape (n,), declared customs value; NaN in no group of size. None: no such groups.
    lane : by which the inspection came; None in no group of lanes.
    resamples, seed : of the bootstrap over rows; 0 gives null intervals.

    Returns
    -------
    "slope": [value, low, high] of the log odds, null with one class only or a probability that does not vary;
    "groups": each with "by", "group", "rows", "found", "expected", "ratio", "ratio_ci", and the same of money under
    "revenue", "expected_revenue", "revenue_ratio", "revenue_ratio_ci" (null without a revenue). A group of fewer than
    30 rows is left out. A ratio is null where nothing was expected.

    >>> found = compute_agreement([True] * 20 + [False] * 20, [0.25] * 40, resamples=0, seed=1)
    >>> found["groups"][0]["by"], found["groups"][0]["found"], found["groups"][0]["ratio"]
    ('all', 20, 2.0)
    """
    truth = np.asarray(irregular, dtype=bool)
    said = np.asarray(probability, dtype=np.float64)
    money = None if revenue is None else np.nan_to_num(np.asarray(revenue.found, dtype=np.float64))
    expected = None if revenue is None else np.asarray(revenue.expected, dtype=np.float64)
    sums = [truth.astype(np.float64), said, *([] if money is None or expected is None else [money, expected])]
    columns = np.column_stack(sums)
    groups = [
        (by, name, np.flatnonzero(mask))
        for by, name, mask in _groups(said, expected, value, lane)
        if by == "all" or int(mask.sum()) >= _FEWEST_ROWS
    ]
    drawn = _drawn_sums(columns, [rows for _, _, rows in groups], resamples, seed)
    return {
        "slope": _slope(truth, said),
        "groups": [
            {"by": by, "group": name, "rows": len(rows), **_describe(columns[rows].sum(axis=0), drawn[number])}
            for number, (by, name, rows) in enumerate(groups)
        ],
    }


def _groups(
    said: Floats, expected: Floats | None, value: ArrayLike | None, lane: Sequence[str | None] | None
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    yield "all", "all", np.ones(len(said), dtype=bool)
    for by, figures in (("probability", said), ("expected_revenue", expected)):
        if figures is not None:
            place = _places(figures)
            for tenth in range(10, 0, -1):
                yield by, str(tenth), (place >= (tenth - 1) / 10) & (place < tenth / 10)
            yield by, "first_100th", place >= 0.99
    if value is not None:
        amounts = np.asarray(value, dtype=np.float64)
        place = _places(amounts)
        for name, low, high in _SIZES:
            yield "value", name, (place >= low) & (place < high) & ~np.isnan(amounts)
    if lane is not None:
        lanes = np.array([one or "" for one in lane], dtype=object)
        for one in sorted({name for name in lanes if name}):
            yield "lane", str(one), lanes == one


def _places(figures: Floats) -> Floats:
    """Share of the known rows that come before each, by rising figure; equal ones in the order given; NaN of a NaN."""
    known = np.flatnonzero(~np.isnan(figures))
    place = np.full(len(figures), np.nan)
    place[known[np.argsort(figures[known], kind="stable")]] = np.arange(len(known)) / max(len(known), 1)
    return place


def _drawn_sums(columns: Floats, groups: Sequence[NDArray[np.intp]], resamples: int, seed: int) -> list[Floats]:
    """Per group the sums of the columns in each draw, shape (draws, columns)."""
    found: list[list[Floats]] = [[] for _ in groups]
    for weights in resample_weights(len(columns), resamples, seed=seed) if len(columns) else ():
        for number, rows in enumerate(groups):
            # float32 halves the cost, and is exact far below any interval's width.
            sums = weights[:, rows].astype(np.float32) @ columns[rows].astype(np.float32)
            found[number].append(sums.astype(np.float64))
    return [np.concatenate(part) if part else np.empty((0, columns.shape[1])) for part in found]


def _describe(sums: Floats, drawn: Floats) -> Sums:
    has_money = len(sums) > 2
    return {
        "found": round(float(sums[0])),
        "expected": float(sums[1]),
        "ratio": _ratio(sums[0], sums[1]),
        "ratio_ci": _interval(drawn[:, 0], drawn[:, 1]),
        "revenue": float(sums[2]) if has_money else None,
        "expected_revenue": float(sums[3]) if has_money else None,
        "revenue_ratio": _ratio(sums[2], sums[3]) if has_money else None,
        "revenue_ratio_ci": _interval(drawn[:, 2], drawn[:, 3]) if has_money else None,
    }


def _ratio(found: float, expected: float) -> float | None:
    return float(found / expected) if expected > 0 else None


def _interval(found: Floats, expected: Floats) -> list[float] | None:
    real = expected > 0
    if not real.any():
        return None
    return [float(q) for q in np.quantile(found[real] / expected[real], _INTERVAL)]


def _slope(truth: NDArray[np.bool_], said: Floats) -> list[float] | None:
    """Slope of a logistic regression of the truth on the log odds, with its interval by the information matrix.

    Newton's steps, halved while they raise the loss: two parameters of a convex one.
    """
    inside = np.clip(said, 1e-9, 1 - 1e-9)
    x = np.column_stack([np.log(inside / (1 - inside)), np.ones(len(inside))])
    if not 0 < truth.sum() < len(truth) or np.ptp(x[:, 0]) == 0:
        return None

    def loss(b: Floats) -> float:
        z = x @ b
        return -float(log_expit(z[truth]).sum() + log_expit(-z[~truth]).sum())

    b = np.array([1.0, 0.0])
    for _ in range(100):
        fitted = expit(x @ b)
        information = x.T @ (x * (fitted * (1 - fitted))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, x.T @ (truth - fitted))
        while loss(b + step) > loss(b) and np.abs(step).max() > 1e-9:
            step = step / 2
        b = b + step
        if np.abs(step).max() <= 1e-9:
            break
    error = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return [float(b[0]), float(b[0]) - _Z95 * error, float(b[0]) + _Z95 * error]
