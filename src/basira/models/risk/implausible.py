"""Features that foretell a result better than an honest one can: the result itself, written down before its time.

Enters: features of inspected items and their results. Leaves: the features to look at, each with its figures and
examples. Never here: a feature left out, a fit, a threshold learned from the rows.

A status filled in after the control, a decision's number or a risk level of the old system makes a model that is
perfect on the past and blind on the day. Honest features stay far below an area (AUC) of .98: of the simulated country
and of the public Korean data, where consignments seen before repeat, none alone reaches .90.

One item a declaration and result is looked at: forty items of one seized declaration are one observation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.schema.fields import EXTRA_PREFIX

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# A point estimate of so much is implausible; it is sure when the true one is above `SURE_AUC` with 95 %. A perfect
# separation is sure from 30 results of each kind on.
IMPLAUSIBLE_AUC = 0.98
SURE_AUC = 0.95
FEWEST_OF_A_CLASS = 10
# A value with one result only: from so many declarations on, and so improbable by chance.
FEWEST_OF_A_VALUE = 30
CHANCE = 1e-6
# Values that are never irregular are ordinary where irregularities are rare; of a source's own attribute, those that
# together hold this share of the compliant results are not.
COMPLIANT_SHARE = 0.2
# An area is known well enough from so many items of each result, however many there are.
_MOST_OF_A_CLASS = 10_000
# Below this a value reveals nothing by itself; together such values may (a decision's number, present or absent).
_RARE = 5
_MOST_EXAMPLES = 5
_CATEGORY = "category_"
_ONE_SIDED_95 = 1.645
_ABSENT, _SELDOM = "(absent)", "(seldom)"


@dataclass(frozen=True)
class ValueCount:
    """Inspected declarations with one value of a feature, and how many of them were irregular."""

    value: str
    rows: int
    irregular: int


@dataclass(frozen=True)
class Implausible:
    """A feature that foretells the result implausibly well.

    ``feature``: as the catalog or the history names it (`x_status`, `importer_hit_rate`). ``auc``: of the feature
    alone; ``auc_low``: its one-sided lower bound of 95 %. ``rows``, ``irregular``: what was looked at. ``values``:
    examples, the most frequent first. ``is_sure``: enough for a training to stop; else a person is warned.
    """

    feature: str
    auc: float
    auc_low: float
    rows: int
    irregular: int
    values: tuple[ValueCount, ...]
    is_sure: bool

    @property
    def sentence(self) -> str:
        """What was seen, for a person."""
        seen = ", ".join(f"{v.value!r} {v.irregular:,} irregular of {v.rows:,}" for v in self.values)
        area = f"AUC {self.auc:.3f}, at least {self.auc_low:.3f}, over {self.rows:,} inspected declarations"
        return f"{self.feature} ({area}, {self.irregular:,} irregular{f'; {seen}' if seen else ''})"


def find_implausible(features: pl.DataFrame, is_irregular: Bools, *, numbers: Sequence[str]) -> tuple[Implausible, ...]:
    """Every feature that alone foretells the result implausibly well, the strongest first.

    Parameters
    ----------
    features : one row an inspected item, in order of declaration, with `declaration_id`.
    numbers : the numeric features to look at; text columns called ``category_…`` are looked at too.

    An area of `IMPLAUSIBLE_AUC` and more, up or down, absent values lowest, highest or left out; or values of a
    category with one result only.
    """
    seen = features.with_columns(irregular=pl.Series(is_irregular)).unique(
        ["declaration_id", "irregular"], keep="first", maintain_order=True
    )
    irregular = seen["irregular"].to_numpy().astype(bool)
    if min(int(irregular.sum()), int((~irregular).sum())) < FEWEST_OF_A_CLASS:
        return ()
    found = []
    some = np.sort(np.concatenate([_evenly(np.flatnonzero(irregular)), _evenly(np.flatnonzero(~irregular))]))
    sample, sampled = seen[some], irregular[some]
    for name in numbers:
        if name in seen.columns:
            best = _best_area(sample[name].cast(pl.Float64).fill_null(float("nan")).to_numpy(), sampled)
            if best is not None and best[0] >= IMPLAUSIBLE_AUC:
                found.append(Implausible(name, *best, len(seen), int(irregular.sum()), (), best[1] >= SURE_AUC))
    for column in seen.columns:
        name = column.removeprefix(_CATEGORY)
        if column.startswith(_CATEGORY) and seen[column].null_count() < len(seen):
            entry = _examine_category(name, seen[column].cast(pl.String), irregular)
            found += [] if entry is None else [entry]
    return tuple(sorted(found, key=lambda entry: (-entry.is_sure, -entry.auc, entry.feature)))


def lowest_area(auc: float, irregular: int, compliant: int) -> float:
    """One-sided lower bound of 95 % of an area under the ROC curve.

    The area at which Hanley and McNeil's error (1982) makes the one seen just improbable: Newcombe's method 5 (2006).
    The error at the area seen would be 0 for a perfect separation of three rows.

    >>> round(lowest_area(1.0, 30, 30), 3), round(lowest_area(1.0, 3, 3), 3), round(lowest_area(0.99, 200, 800), 3)
    (0.953, 0.589, 0.978)
    """
    low, high = 0.5, auc
    for _ in range(40):
        area = (low + high) / 2
        q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
        spread = area * (1 - area) + (irregular - 1) * (q1 - area**2) + (compliant - 1) * (q2 - area**2)
        if area + _ONE_SIDED_95 * math.sqrt(max(0.0, spread) / (irregular * compliant)) < auc:
            low = area
        else:
            high = area
    return low


def _evenly(rows: NDArray[Any]) -> NDArray[Any]:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_OF_A_CLASS)).astype(np.int64)]


def _area(values: Floats, irregular: Bools) -> float:
    compliant = np.sort(values[~irregular])
    lower = np.searchsorted(compliant, values[irregular], side="left")
    upper = np.searchsorted(compliant, values[irregular], side="right")
    return float((lower + upper).mean() / 2 / len(compliant))


def _best_area(values: Floats, irregular: Bools) -> tuple[float, float] | None:
    """The largest area, up or down, and its lower bound: absent values lowest, highest, or left out."""
    absent = np.isnan(values)
    ways = [(np.where(absent, -np.inf, values), irregular)]
    if absent.any():
        ways += [(np.where(absent, np.inf, values), irregular), (values[~absent], irregular[~absent])]
    best: tuple[float, float] | None = None
    for given, results in ways:
        positives, negatives = int(results.sum()), int((~results).sum())
        if min(positives, negatives) >= FEWEST_OF_A_CLASS:
            area = _area(given, results)
            area = max(area, 1 - area)
            entry = (lowest_area(area, positives, negatives), area)
            best = entry if best is None or entry > best else best
    return None if best is None else (best[1], best[0])


def _examine_category(name: str, column: pl.Series, irregular: Bools) -> Implausible | None:
    """A category, by the rate of each value learned from one half of the rows and tried on the other."""
    frame = pl.DataFrame({"value": column.fill_null(_ABSENT), "irregular": irregular})
    seldom = pl.col("value").count().over("value") < _RARE
    frame = frame.with_columns(value=pl.when(seldom).then(pl.lit(_SELDOM)).otherwise("value")).with_row_index("row")
    rate = float(irregular.mean())
    scores = np.empty(len(frame))
    for half in (0, 1):
        learned = (
            frame.filter(pl.col("row") % 2 != half)
            .group_by("value")
            .agg(rate=(pl.col("irregular").sum() + rate) / (pl.len() + 1))
        )
        tried = frame.filter(pl.col("row") % 2 == half).join(learned, on="value", how="left", maintain_order="left")
        scores[half::2] = tried["rate"].fill_null(rate).to_numpy()
    ways = [_best_area(scores, irregular)]
    is_own = name.startswith(EXTRA_PREFIX)
    if is_own:
        figures = column.str.strip_chars().cast(pl.Float64, strict=False).fill_null(float("nan"))
        ways.append(_best_area(figures.to_numpy(), irregular))
    auc, low = max((way for way in ways if way is not None), key=lambda way: way[1], default=(0.5, 0.5))
    counts = (
        frame.group_by("value")
        .agg(rows=pl.len(), irregular=pl.col("irregular").sum())
        .sort(["rows", "value"], descending=[True, False])
    )
    values = [ValueCount(str(v)[:60], int(n), int(k)) for v, n, k in counts.rows()]
    pure = _values_with_one_result(values, rate, compliant=int((~irregular).sum()), is_own=is_own)
    if auc < IMPLAUSIBLE_AUC and not pure:
        return None
    is_sure = (auc >= IMPLAUSIBLE_AUC and low >= SURE_AUC) or (bool(pure) and is_own)
    examples = tuple((pure or values)[:_MOST_EXAMPLES])
    return Implausible(name, auc, low, len(irregular), int(irregular.sum()), examples, is_sure)


def _values_with_one_result(
    values: Sequence[ValueCount], rate: float, *, compliant: int, is_own: bool
) -> list[ValueCount]:
    """The values that go with one result only, too often for chance."""
    chance = CHANCE / len(values)
    enough = [v for v in values if v.rows >= FEWEST_OF_A_VALUE]
    found = [v for v in enough if v.irregular == v.rows and rate**v.rows < chance]
    never = [v for v in enough if v.irregular == 0 and (1 - rate) ** v.rows < chance]
    if is_own and sum(v.rows for v in never) >= COMPLIANT_SHARE * compliant:
        found += never
    return found
