"""How much the stake weighs in the balanced order: held against the administration's own later results.

Enters: what the model said of later declarations that it was not fitted on, and their results. Leaves: the scale of
stakes, and for the card what each order would have found of them. Never here: a result that was not known when the
model was made; a stake learned from the result that it is judged by.

The later declarations stand in each order; counted is what the first 1, 2, 5, 10 and 20 % hold, as a mean of the five
shares. With some hundred results most differences between two exponents are chance (taken outright, the best one was 0
in one simulated world and .3 in another of the same making), so the documented default stands until the results speak
against it by their 95 % interval:

- it gives up more findings than `LEAST_KEPT` allows, for certain: a smaller exponent of which that is not certain;
- a larger exponent surely keeps that many findings, and surely brings more revenue: the one that brings most.

With fewer than `FEWEST` findings, or fewer of them with a revenue, nothing is held against it. Where there are results
and none has a revenue, there is nothing to weigh a finding by, and findings alone count.
docs/explanation/selection.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basira.schema.json_values import JsonObject
from basira.schema.stake import DEFAULT_EXPONENT, StakeScale, balanced_values

Floats = NDArray[np.float64]
Draws = Sequence[NDArray[np.uint8] | None]

EXPONENTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
LEAST_KEPT = 0.95
FEWEST = 20
# The first so many are looked at; more than the largest share, since a draw may have fewer of the first.
_LOOKED_AT = 0.3
_RESAMPLES, _FEWEST_RESAMPLES = 200, 50
# Draws of more rows than this cost seconds, and their intervals are narrow with fewer draws.
_MOST_CELLS = 5_000_000
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class LaterDeclarations:
    """What the model said of later declarations, and what came of them: one entry each.

    ``probability``: that it is irregular. ``expected_revenue``: amount. ``findings``: irregular items, weighted as
    labels are, 0 where regular. ``revenue``: additional revenue, weighted alike, 0 where none is recorded.
    """

    probability: Floats
    expected_revenue: Floats
    findings: Floats
    revenue: Floats


def by_declaration(
    declaration: NDArray[Any] | None, probability: Floats, stake: Floats, findings: Floats, revenue: Floats
) -> LaterDeclarations:
    """Items put together as selection sees them. ``declaration``: of each item; None: each item is one by itself.
    ``stake``: revenue if irregular, amount."""
    number = np.arange(len(probability))
    if declaration is not None:
        number = np.unique(declaration, return_inverse=True)[1]
    count = int(number.max()) + 1 if len(number) else 0

    def total(of_items: Floats) -> Floats:
        sums = np.zeros(count)
        np.add.at(sums, number, of_items)
        return sums

    none_irregular = np.ones(count)
    np.multiply.at(none_irregular, number, 1.0 - probability)
    return LaterDeclarations(1.0 - none_irregular, total(probability * stake), total(findings), total(revenue))


def typical_stake(stake: Floats) -> float | None:
    """The median revenue if irregular of those that have one; None when none has."""
    positive = stake[np.isfinite(stake) & (stake > 0)]
    return float(np.median(positive)) if len(positive) else None


def choose_stake_scale(
    later: LaterDeclarations | None, typical_amount: float | None, *, seed: int
) -> tuple[StakeScale | None, JsonObject]:
    """The scale, and what the card says of it.

    Parameters
    ----------
    later : None when too few results are later ones to hold anything against.
    typical_amount : see `typical_stake`; None: nothing is at stake anywhere, and there is no scale.
    seed : of the resampling behind the intervals.

    Returns the scale (None without one), and for the card: "exponent", "typical_amount", "basis" ("later_results",
    "default", "no_revenue" or "no_stake") and, where there are later results, "later", see `_trial`.
    """
    if typical_amount is None:
        return None, {"exponent": None, "typical_amount": None, "basis": "no_stake"}
    card: JsonObject = {"exponent": DEFAULT_EXPONENT, "typical_amount": typical_amount, "basis": "default"}
    if later is None or not later.findings.any():
        return StakeScale(typical_amount), card
    draws = _draw(len(later.probability), seed)
    curve = _Curve.of(later, typical_amount, draws)
    found, paid = int(np.count_nonzero(later.findings > 0)), int(np.count_nonzero(later.revenue > 0))
    if found >= FEWEST and paid == 0:
        card |= {"exponent": 0.0, "basis": "no_revenue"}
    elif min(found, paid) >= FEWEST:
        card |= {"exponent": curve.best(), "basis": "later_results"}
    scale = StakeScale(typical_amount, card["exponent"])
    return scale, card | {"later": _trial(later, scale, curve, draws)}


def _draw(rows: int, seed: int) -> Draws:
    """None, for every row once; then how often each row is drawn, draw by draw."""
    generator = np.random.default_rng(seed)
    times = max(_FEWEST_RESAMPLES, min(_RESAMPLES, _MOST_CELLS // max(rows, 1)))
    return [
        None,
        *(np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.uint8) for _ in range(times)),
    ]


@dataclass(frozen=True)
class _Ranked:
    """The first declarations of an order. ``last``: the place of the last one of each value, since equal values share
    their places; ``rows``: of the whole order."""

    order: NDArray[np.intp]
    last: NDArray[np.intp]
    rows: int

    @classmethod
    def by(cls, value: Floats) -> _Ranked:
        order = np.argsort(-value, kind="stable")
        last = np.append(np.flatnonzero(np.diff(value[order])), len(value) - 1)
        groups = int(np.searchsorted(last, _LOOKED_AT * len(value))) + 1
        last = last[:groups]
        return cls(order[: last[-1] + 1], last, len(value))

    def captured(self, quantity: Floats, draws: Draws) -> Floats:
        """Shares of a quantity held by the first `SHARES`, one row per draw; 0 where a draw has none of it."""
        cuts = np.maximum(1.0, np.array(SHARES) * self.rows)
        found = np.zeros((len(draws), len(SHARES)))
        ranked = quantity[self.order]
        for number, drawn in enumerate(draws):
            if drawn is None:
                total, ends, amounts = float(quantity.sum()), self.last + 1.0, ranked
            else:
                times = drawn[self.order].astype(np.float64)
                total, ends, amounts = float((quantity * drawn).sum()), np.cumsum(times)[self.last], ranked * times
            if total > 0:
                sums = np.append(0.0, np.cumsum(amounts)[self.last])
                found[number] = np.interp(cuts, np.append(0.0, ends), sums) / total
        return found


@dataclass(frozen=True)
class _Curve:
    """By exponent (columns) and draw (rows, the first being no draw): the findings kept of those by probability, and
    the revenue captured; both of the means over the shares."""

    kept: Floats
    revenue: Floats

    @classmethod
    def of(cls, later: LaterDeclarations, typical_amount: float, draws: Draws) -> _Curve:
        found, revenue = [], []
        for exponent in EXPONENTS:
            scale = StakeScale(typical_amount, exponent)
            ranked = _Ranked.by(np.array(balanced_values(later.probability, later.expected_revenue, scale)))
            found.append(ranked.captured(later.findings, draws).mean(axis=1))
            revenue.append(ranked.captured(later.revenue, draws).mean(axis=1))
        of_findings = np.array(found).T
        return cls(of_findings / np.maximum(of_findings[:, :1], 1e-12), np.array(revenue).T)

    def best(self) -> float:
        """The exponent: see the module."""
        default = EXPONENTS.index(DEFAULT_EXPONENT)
        low, high = np.quantile(self.kept[1:], _INTERVAL, axis=0)
        if high[default] < LEAST_KEPT:
            return max(a for a, at_most in zip(EXPONENTS, high, strict=True) if at_most >= LEAST_KEPT)
        gained = self.revenue[1:] / np.maximum(self.revenue[1:, [default]], 1e-12)
        surely = (low >= LEAST_KEPT) & (np.quantile(gained, _INTERVAL[0], axis=0) > 1)
        better = [place for place in range(default + 1, len(EXPONENTS)) if surely[place]]
        return EXPONENTS[max(better, key=lambda place: self.revenue[0, place], default=default)]


def _trial(later: LaterDeclarations, scale: StakeScale, curve: _Curve, draws: Draws) -> JsonObject:
    """What each order would have found of the later declarations, and what the balanced one gives up.

    Returns "declarations", "findings" and "revenue" of them all; "shares" inspected; "found": by order and quantity the
    "value", "low" and "high" of the share captured, one each for every share inspected; "price": "findings_kept" of the
    order by probability, "revenue_gained" over it (1: as much), "revenue_kept" of the order by expected revenue, each
    [value, low, high] of the mean over the shares; "curve": by exponent, findings kept and revenue captured. Intervals
    of 95 %, declarations drawn again, the same draws for every order; None where nothing is to be captured.
    """
    balanced = np.array(balanced_values(later.probability, later.expected_revenue, scale))
    values = {"balanced": balanced, "findings": later.probability, "revenue": later.expected_revenue}
    quantities = {"findings": later.findings, "revenue": later.revenue}
    found = {
        (name, what): _Ranked.by(value).captured(amount, draws)
        for name, value in values.items()
        for what, amount in quantities.items()
    }
    low, high = np.quantile(curve.kept[1:], _INTERVAL, axis=0)
    return {
        "declarations": len(later.probability),
        "findings": float(later.findings.sum()),
        "revenue": float(later.revenue.sum()),
        "shares": list(SHARES),
        "found": {
            name: {what: _describe(found[name, what]) for what in quantities if quantities[what].any()}
            for name in values
        },
        "price": {
            "findings_kept": _ratio(found["balanced", "findings"], found["findings", "findings"]),
            "revenue_gained": _ratio(found["balanced", "revenue"], found["findings", "revenue"]),
            "revenue_kept": _ratio(found["balanced", "revenue"], found["revenue", "revenue"]),
        },
        "curve": {
            "exponent": list(EXPONENTS),
            "findings_kept": curve.kept[0].tolist(),
            "findings_kept_low": low.tolist(),
            "findings_kept_high": high.tolist(),
            "revenue": curve.revenue[0].tolist(),
        },
    }


def _describe(found: Floats) -> dict[str, list[float]]:
    low, high = np.quantile(found[1:], _INTERVAL, axis=0)
    return {"value": found[0].tolist(), "low": low.tolist(), "high": high.tolist()}


def _ratio(one: Floats, other: Floats) -> list[float] | None:
    """[value, low, high] of the ratio of the means over the shares; None where the other captures nothing."""
    below = other.mean(axis=1)
    if below[0] <= 0 or not (below[1:] > 0).any():
        return None
    ratio = one.mean(axis=1) / np.maximum(below, 1e-12)
    low, high = np.quantile(ratio[1:][below[1:] > 0], _INTERVAL)
    return [float(ratio[0]), float(low), float(high)]
