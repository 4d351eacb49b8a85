"""Circumstances that raised an item: how often a trader declares, that it was never inspected, the level of the duty.

Enters: an item's features and declared values. Leaves: the code of a reason and its figures, or None. Never here: a
word, the model, a claim that a circumstance is a fault.

They moved the score, and a figure of record stands beside another one. They accuse nobody, and say so little of one
item that versions of evidence before `basira.explain.reasons.CIRCUMSTANCES` did not record them.
"""

from __future__ import annotations

import math
from typing import Any

from basira.schema.records import Figure, ItemRow

Built = tuple[str, dict[str, Figure]] | None

TRADERS = ("importer", "declarant", "exporter")
# Families of features that have words since there are circumstances.
LATER_FAMILIES = frozenset({*(f"activity_{trader}" for trader in TRADERS), "invoice_differs"})
# A trader with fewer items than these is new rather than never inspected.
FEWEST_ITEMS = 10
# As few as a price may rest on elsewhere; the count is shown.
FEWEST_PRICES = 3
# Two points of duty and more are a difference.
DUTY_STEP = 0.02
# A net mass under three quarters of the gross one is more packaging than most goods have.
LEAST_NET = 0.75
# Logarithms: a price 18 % below the usual one; beyond e to the 20th is no price.
LOW_PRICE = -0.2
MOST_LOGGED = 20.0
# Invoice and customs value differ from a fiftieth on: below are rates of exchange and rounding.
INVOICE_STEP = 0.02
# As the features keep them.
_DAYS_KEPT = 180


def circumstance(family: str, built: Built, row: ItemRow) -> Built:
    """What is recorded of a family. ``built``: what was before there were circumstances; None: nothing."""
    kind, _, trader = family.rpartition("_")
    if kind == "activity":
        return _activity(trader, row)
    if kind == "history" and trader in TRADERS:
        return built or _never_inspected(trader, row)
    if family == "duty_rate":
        # A payment above the usual one speaks for the item, and a rate alone is compared with nothing.
        return built if built is not None and built[0] == "duty_rate_low" else _duty_level(row) or built
    if family == "value_per_kg":
        return built or _usual_price(row)
    if family == "mass_ratio":
        return built or _net_mass(row)
    return _invoice(row) if family == "invoice_differs" else built


def _usual_price(row: ItemRow) -> Built:
    """A price far below what is usual for its heading, drawn towards its code and origin; for goods with too few
    comparables of their own. The count is of the heading's items."""
    gap, count = _number(row, "price_gap"), _count(row, "heading_items_365d")
    value, mass = _number(row, "customs_value_amount"), _number(row, "net_mass_kg")
    if gap is None or value is None or not mass or count < FEWEST_PRICES or not -MOST_LOGGED < gap <= LOW_PRICE:
        return None
    return "usual_price_low", {
        "value": value / mass,
        "unit": "kg",
        "expected": value / mass / math.exp(gap),
        "gap": math.exp(gap) - 1,
        "count": count,
        "commodity_code": str(row.get("commodity_code") or "")[:4],
        "window_months": 12,
    }


def _activity(trader: str, row: ItemRow) -> Built:
    """How often a trader declared in the past year and month, and how long ago; None where it did not."""
    year, month = _count(row, f"{trader}_items_365d"), _count(row, f"{trader}_items_30d")
    if year < 1:
        return None
    days = _number(row, f"{trader}_days_since_last")
    return f"activity_{trader}", {
        "count_365d": year,
        "count_30d": month,
        "usual_30d": year / 12,
        # They stop at half a year.
        "days": None if days is None or days >= _DAYS_KEPT else int(days),
    }


def _never_inspected(trader: str, row: ItemRow) -> Built:
    """A trader with items enough and no inspection whose result is known."""
    items = _count(row, f"{trader}_items")
    if items < FEWEST_ITEMS or _number(row, f"{trader}_inspected") != 0:
        return None
    return f"never_inspected_{trader}", {"count": items, "window_months": None}


def _duty_level(row: ItemRow) -> Built:
    """A duty rate away from the usual one of the importer's items, or else of the chapter: where it is higher, a low
    value saves more; where it is lower, another code may be the right one."""
    rate = _number(row, "duty_rate")
    for entity in ("importer", "chapter"):
        usual = _number(row, f"{entity}_usual_duty")
        if rate is not None and usual is not None and abs(rate - usual) >= DUTY_STEP:
            return f"{'high' if rate > usual else 'low'}_duty_{entity}", {
                "rate": rate,
                "usual_rate": usual,
                "commodity_code": row.get("commodity_code"),
                "window_months": 12,
            }
    return None


def _net_mass(row: ItemRow) -> Built:
    """A net mass small for the gross one, or larger than it."""
    net, gross = _number(row, "net_mass_kg"), _number(row, "gross_mass_kg")
    if net is None or not gross or LEAST_NET <= net / gross <= 1 or not math.isfinite(net / gross):
        return None
    return "mass_ratio", {"ratio": net / gross}


def _invoice(row: ItemRow) -> Built:
    """A customs value below what was invoiced."""
    ratio, value = _number(row, "invoice_to_customs_value"), _number(row, "customs_value_amount")
    if ratio is None or value is None or not ratio >= 1 + INVOICE_STEP:
        return None
    invoiced = ratio * value
    return ("invoice_differs", {"value": value, "invoiced": invoiced}) if math.isfinite(invoiced) else None


def _number(row: ItemRow, name: str) -> float | None:
    value: Any = row.get(name)
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _count(row: ItemRow, name: str) -> int:
    return int(_number(row, name) or 0)
