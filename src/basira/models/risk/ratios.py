"""Found over expected: of all, by decile, and by size.

Enters: what was expected of items, what was found of them, what each counts. Leaves: `Ratio` records. Never here: a
fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from basira.models.risk.amounts import FEWEST_AMOUNTS
from basira.schema.json_values import JsonObject

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


DECILES = 10
_EACH_SIDE = 0.025
_NORMAL = 1.96
# How far the level of one season is off from that of those before it, in the logarithm, beside what few results leave
# open: a standard deviation. Assumed: no command measures it.
SEASON_SPREAD = 0.15


@dataclass(frozen=True)
class Ratio:
    """``found`` and ``expected``: sums, weighted. ``value``: their ratio, None where nothing was expected; ``low``,
    ``high``: 95 % of it. ``high`` is None where nothing was found of amounts whose size is not known then."""

    found: float
    expected: float
    value: float | None
    low: float | None
    high: float | None


def ratio_of(found: Floats, expected: Floats, weight: Floats) -> Ratio:
    """Found over expected, with an interval for few and for heavy tails.

    The found amounts are taken for a sum of that many equal ones that has their relative spread, (sum)^2 / (sum of
    squares); its interval is the Poisson one (Fay and Feuer 1997). The upper end allows for one more amount as large
    as the largest: a sum of few amounts mostly lacks the largest there could be. Of 60 lognormal amounts as heavy as
    revenue is (1.5 in the logarithm) it covers the truth .93 of the time, and .90 without.

    >>> one = ratio_of(np.array([1.0, 1, 1, 1, 0, 0]), np.full(6, 0.5), np.ones(6))
    >>> round(one.value, 2), round(one.low, 2), round(one.high, 2)
    (1.33, 0.36, 3.41)
    """
    total, said = float(np.sum(weight * found)), float(np.sum(weight * expected))
    if said <= 0:
        return Ratio(total, said, None, None, None)
    if total <= 0:
        is_count = bool(np.all(expected <= 1))
        most = float(chi2.ppf(1 - _EACH_SIDE, 2) / 2) * float(weight.mean()) / said
        return Ratio(total, said, 0.0, 0.0, most if is_count else None)
    each = weight * found
    squares, largest = float(np.sum(each**2)), float(each.max())
    low = _quantile(_EACH_SIDE, total, squares)
    high = _quantile(1 - _EACH_SIDE, total + largest, squares + largest**2)
    return Ratio(total, said, total / said, low / said, high / said)


def _quantile(at: float, total: float, squares: float) -> float:
    """Of the gamma distribution with this mean and this variance."""
    return float(chi2.ppf(at, 2 * total**2 / squares)) * squares / (2 * total)


def next_season(found: Bools, recovered: Floats, weight: Floats) -> JsonObject:
    """For the card: between what and what found over expected of a season to come is taken to lie.

    A level is known as well as the results it was calibrated on are many and alike in size, and the next season has its
    own, by an assumed `SEASON_SPREAD`. Both are taken for normal in the logarithm: exp(+-1.96 x root(1 / alike +
    `SEASON_SPREAD`^2)), with alike = (sum)^2 / (sum of squares). It is no interval of 95 %: the spread is assumed, and
    what the season's own few amounts add is not in it.

    Parameters
    ----------
    found, recovered, weight : of later items; ``recovered`` 0 where nothing was found, NaN where no amount is known.

    Returns "probability" and "revenue", each {"value": 1, "low", "high"}; None where nothing was found, and for revenue
    with fewer than `FEWEST_AMOUNTS` amounts.
    """

    def interval(each: Floats) -> JsonObject:
        spread = math.sqrt(float(np.sum(each**2)) / float(each.sum()) ** 2 + SEASON_SPREAD**2)
        far = math.exp(_NORMAL * spread)
        return {"value": 1.0, "low": 1 / far, "high": far}

    amounts = np.where(np.isfinite(recovered), weight * np.nan_to_num(recovered), 0.0)
    return {
        "probability": interval(weight * found) if found.any() else None,
        "revenue": interval(amounts) if int(np.count_nonzero(amounts > 0)) >= FEWEST_AMOUNTS else None,
    }


def groups_of(value: Floats) -> dict[str, Bools]:
    """Rows by tenth of ``value``, the highest first ("1" to "10"), and "first 1 %".

    >>> {name: int(of.sum()) for name, of in groups_of(np.arange(200.0)).items()}["first 1 %"]
    2
    """
    order = np.argsort(-value, kind="stable")
    place = np.empty(len(value), dtype=np.int64)
    place[order] = np.arange(len(value))
    tenth = place * DECILES // max(1, len(value))
    found = {"first 1 %": np.asarray(place < max(1, len(value) // 100), dtype=np.bool_)}
    return found | {str(number + 1): np.asarray(tenth == number, dtype=np.bool_) for number in range(DECILES)}


def compare(
    probability: Floats,
    revenue: Floats,
    found: Bools,
    recovered: Floats,
    weight: Floats,
    by: Mapping[str, Mapping[str, Bools]],
) -> JsonObject:
    """For the card: "all", then by name of a grouping its groups; each with "probability" and "revenue" (None of both
    where no amount is known), see `Ratio`. ``revenue``: expected. ``recovered``: 0 where nothing, NaN where unknown.
    """
    counted, has_amounts = found.astype(np.float64), bool(np.any(recovered > 0))
    known = np.isfinite(recovered)

    def both(of: Bools) -> JsonObject:
        at = of & known
        money = asdict(ratio_of(recovered[at], revenue[at], weight[at])) if has_amounts and at.any() else None
        return {"probability": asdict(ratio_of(counted[of], probability[of], weight[of])), "revenue": money}

    every = np.ones(len(probability), dtype=np.bool_)
    return {"all": both(every)} | {
        name: {group: both(of) for group, of in groups.items() if of.any()} for name, groups in by.items()
    }
