"""What a declared price stands beside: the price that code, origin and supplier lead to expect, or the comparables.

Enters: an item's features and declared values. Leaves: the code and figures of a reason, references in the same
measure. Never here: a word; a reason and an interval that stand beside different things.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from basira.explain.figures import count_of, from_log_of, number_of, ratio_of
from basira.schema.reasons import ReasonCatalog
from basira.schema.records import EXPECTED, ItemRow, Reason, Reference

Row = ItemRow
Built = tuple[str, dict[str, Any]] | None

# A unit value within 10 % of the median is usual: it may have moved the trees, it is no reason for a person.
USUAL_GAP = 0.10
YEAR_MONTHS = 12
# A price is expected of a code with ten prices, and named after its origin and supplier with three of their own, which
# count as much as what they are shrunk towards.
ENOUGH_OF_CODE = 10
ENOUGH_OF_OWN = 3
# A quarter of a normal distribution lies beyond so many deviations, on either side. Beyond e to the 20th is no price.
QUARTILE = 0.6745
MOST_LOGGED = 20.0
# What a value is divided by.
_BELOW = {"value_per_kg": "net_mass_kg", "value_per_unit": "quantity"}


@dataclass(frozen=True)
class _Expected:
    """The price that one item leads to expect, per kg or per unit. ``basis``: of what it is, for `Reference.level`.

    ``low``, ``high``: between them lie half of the normal deviations of the code's items. ``count``: prices of the
    code, or of the code from ``origin_country``, that it rests on.
    """

    value: float
    low: float
    high: float
    basis: str
    count: int
    origin_country: str | None


def _expected(row: Row, measure: str) -> _Expected | None:
    """None without a price of its own, and where the code has too few."""
    name = f"expected_{measure}"
    value, deviation = number_of(row, name), number_of(row, f"{name}_deviation")
    code, origin, supplier = (count_of(row, f"{name}_{whose}_count") for whose in ("code", "origin", "supplier"))
    if value is None or deviation is None or code < ENOUGH_OF_CODE:
        return None
    if abs(value) > MOST_LOGGED or not 0 < deviation < MOST_LOGGED:
        return None
    by_origin = origin >= ENOUGH_OF_OWN and row.get("origin_country") is not None
    basis = "_".join(["code", *(["origin"] if by_origin else []), *(["supplier"] if supplier >= ENOUGH_OF_OWN else [])])
    return _Expected(
        math.exp(value),
        math.exp(value - QUARTILE * deviation),
        math.exp(value + QUARTILE * deviation),
        basis,
        origin if by_origin else code,
        row["origin_country"] if by_origin else None,
    )


# A price this far outside the interval of comparables is one that an expected price must not hide.
_HIDDEN_GAP = 0.15
_ENOUGH_COMPARABLES = 5


def without_hiding(row: Row) -> Row:
    """The row without an expected price that hides what its comparables show: the expected price follows the supplier,
    and one who always declares low is expected to. Then the comparables stand in its place, for reason and interval
    alike."""
    hiding = [measure for measure in _BELOW if _is_hiding(row, measure)]
    return {**row, **{f"expected_{measure}": None for measure in hiding}} if hiding else row


def _is_hiding(row: Row, measure: str) -> bool:
    value, expected = ratio_of(row, "customs_value_amount", _BELOW[measure]), _expected(row, measure)
    low, median, high = (from_log_of(row, f"{measure}_reference_{c}") for c in ("low", "median", "high"))
    if value is None or expected is None or low is None or median is None or high is None:
        return False
    if not expected.low <= value <= expected.high or count_of(row, f"{measure}_reference_count") < _ENOUGH_COMPARABLES:
        return False
    return not low <= value <= high and abs(value / median - 1) >= _HIDDEN_GAP


def unit_value(measure: str, unit_field: str) -> Callable[[Row], Built]:
    """What builds the reason of a price per ``measure``: its code and figures beside the expected price, or else the
    comparables' median; None where it is usual, or stands beside nothing. ``unit_field``: which names the unit."""

    def build(row: Row) -> Built:
        value = ratio_of(row, "customs_value_amount", _BELOW[measure])
        if value is not None and (expected := _expected(row, measure)) is not None:
            gap = value / expected.value - 1
            if abs(gap) < USUAL_GAP:
                return None
            return f"{measure}_{'low' if gap < 0 else 'high'}", {
                "value": value,
                "unit": "kg" if measure == "value_per_kg" else (row.get(unit_field) or "unit"),
                "expected": expected.value,
                "basis": expected.basis,
                "gap": gap,
                "count": expected.count,
                "commodity_code": row.get("commodity_code"),
                "origin_country": expected.origin_country,
                "window_months": YEAR_MONTHS,
            }
        median = from_log_of(row, f"{measure}_reference_median")
        count = count_of(row, f"{measure}_reference_count")
        level = number_of(row, f"{measure}_reference_level")
        if value is None or median is None or not median or count == 0:
            return None
        gap = value / median - 1
        if abs(gap) < USUAL_GAP:
            return None
        is_by_origin = measure == "value_per_kg" and level == 0
        return f"{measure}_{'low' if gap < 0 else 'high'}", {
            "value": value,
            "unit": "kg" if measure == "value_per_kg" else (row.get(unit_field) or "unit"),
            "median": median,
            "gap": gap,
            "count": count,
            "commodity_code": row.get("commodity_code"),
            "origin_country": row.get("origin_country") if is_by_origin else None,
            "window_months": YEAR_MONTHS,
        }

    return build


def in_order_of(reasons: Sequence[Reason], references: Sequence[Reference]) -> tuple[Reference, ...]:
    """First the reference whose measure the first reason of a value is about: they are read side by side."""
    order = [r.code.rpartition("_")[0] for r in reasons]
    return tuple(sorted(references, key=lambda r: order.index(r.measure) if r.measure in order else len(order)))


def references_of(
    row: Row, comparables: Mapping[tuple[str, str | None], tuple[str, ...]], catalog: ReasonCatalog
) -> tuple[Reference, ...]:
    """The intervals that the declared prices stand beside, one a measure: the expected price's, or else comparables'.
    ``comparables``: see `basira.explain.reasons.explain_items`."""
    # An amended declaration is no comparable of its own amendment.
    own = f"{row.get('declaration_id')}/"
    found = []
    for measure, levels in catalog.references.items():
        declared = ratio_of(row, "customs_value_amount", _BELOW[measure])
        code = str(row.get("commodity_code") or "")
        if declared is not None and (expected := _expected(row, measure)) is not None:
            seen = comparables.get((code, expected.origin_country), ())
            found.append(
                Reference(
                    measure=measure,
                    unit="kg" if measure == "value_per_kg" else str(row.get("quantity_unit") or "unit"),
                    declared=declared,
                    low=expected.low,
                    median=expected.value,
                    high=expected.high,
                    count=expected.count,
                    level=f"{EXPECTED}{expected.basis}",
                    commodity_code=code,
                    origin_country=expected.origin_country,
                    window_days=catalog.window_days,
                    comparables=tuple(c for c in seen if not c.startswith(own)),
                )
            )
            continue
        low, median, high = (from_log_of(row, f"{measure}_reference_{c}") for c in ("low", "median", "high"))
        if declared is None or low is None or median is None or high is None:
            continue
        level = levels[count_of(row, f"{measure}_reference_level")]
        origin = row.get("origin_country") if level == "code_origin" else None
        found.append(
            Reference(
                measure=measure,
                unit="kg" if measure == "value_per_kg" else str(row.get("quantity_unit") or "unit"),
                declared=declared,
                low=low,
                median=median,
                high=high,
                count=count_of(row, f"{measure}_reference_count"),
                level=level,
                commodity_code=code,
                origin_country=origin,
                window_days=catalog.window_days,
                comparables=tuple(c for c in comparables.get((code, origin), ()) if not c.startswith(own)),
            )
        )
    return tuple(found)
