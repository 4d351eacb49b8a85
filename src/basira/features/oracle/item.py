"""What an item's own figures say, in plain Python: the oracle of `basira.features.catalog.arithmetic`.

Enters: one item and the items of its declaration, as rows. Leaves: its figures and its measures. Never
here: SQL, other declarations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from basira.schema.records import ItemRow

Row = ItemRow
Figure = float | int | str | None


def over(numerator: float | None, denominator: float | None) -> float | None:
    """A ratio; None when either is missing or the denominator is zero."""
    return None if numerator is None or not denominator else numerator / denominator


def _ln(x: float | None) -> float | None:
    return math.log(x) if x is not None and 0 < x < math.inf else None


def _thousandths(x: float | None) -> int | None:
    """round(1000 ln x), halves away from zero; None when x is missing, not positive, or beyond any measure."""
    if x is None or not 0 < x < 1e300:
        return None
    logarithm = 1000 * math.log(x)
    return math.floor(logarithm + 0.5) if logarithm >= 0 else math.ceil(logarithm - 0.5)


def measures(row: Row) -> dict[str, int | None]:
    """The ratios whose usual level is looked up, as round(1000 ln x)."""
    value, mass, quantity = row["customs_value_amount"], row["net_mass_kg"], row["quantity"]
    return {
        "value_per_kg": _thousandths(over(value, mass)),
        "value_per_unit": _thousandths(over(value, quantity)),
        "kg_per_unit": _thousandths(over(mass, quantity)),
        "tax_share": _thousandths(over(row["total_tax_amount"], value)),
        "item_value": _thousandths(value),
    }


def _expected_tax(row: Row) -> float | None:
    """Duty, then VAT on value, duty and excise; None without a value or a rate."""
    value, duty, vat, excise = (row[n] for n in ("customs_value_amount", "duty_rate", "vat_rate", "excise_amount"))
    if value is None or duty is None or vat is None:
        return None
    excise = excise or 0.0
    return float(value * duty + excise + (value * (1 + duty) + excise) * vat)


def _trailing_zeros(value: float | None) -> int | None:
    if value is None or value <= 0:
        return None
    return next((zeros for zeros in (4, 3, 2, 1) if math.fmod(value, 10**zeros) == 0), 0)


def _next_round(value: float) -> float:
    """The smallest of 1, 2, 5 and 10 times the power of ten that is not under the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in (1, 2, 5) if value <= m * power), 10 * power)


def _finite(figure: float | None) -> float | None:
    """None for what a 32-bit float can't hold."""
    return figure if figure is not None and abs(figure) < 1e38 else None


def item_figures(row: Row, siblings: Sequence[Row]) -> dict[str, Figure]:
    """The figures of one item. ``siblings``: every item of its declaration and version, itself among them."""
    value, mass, quantity = row["customs_value_amount"], row["net_mass_kg"], row["quantity"]
    invoice, origin, dispatch = row["invoice_amount"], row["origin_country"], row["dispatch_country"]
    values = [s["customs_value_amount"] for s in siblings if s["customs_value_amount"] is not None]
    # Summed in cents: the order of the items must not show in the last bit.
    declaration_value = sum(math.floor(v * 100 + 0.5) for v in values) / 100 if values else None
    taxes = over(row["total_tax_amount"], _expected_tax(row))
    rate = 1.0 if row["exchange_rate"] is None else row["exchange_rate"]
    figures = {
        "item_value_log": _ln(value),
        "value_per_kg_log": _ln(over(value, mass)),
        "value_per_unit_log": _ln(over(value, quantity)),
        "kg_per_unit_log": _ln(over(mass, quantity)),
        "net_mass_log": _ln(mass),
        "net_to_gross_mass": over(mass, row["gross_mass_kg"]),
        "duty_rate_declared": row["duty_rate"],
        "tax_share_declared": over(row["total_tax_amount"], value),
        "tax_gap": None if taxes is None else taxes - 1,
        "invoice_to_customs_value": over(None if invoice is None else invoice * rate, value),
        "freight_share": over(row["freight_amount"] or 0.0, declaration_value),
        "value_trailing_zeros": _trailing_zeros(value),
        "value_to_next_round": over(value, _next_round(value)) if value is not None and value > 0 else None,
        "origin_differs_from_dispatch": None if origin is None or dispatch is None else int(origin != dispatch),
        "is_preference_claimed": int(row["preference"] is not None),
        "is_oea_importer": None if row["is_oea"] is None else int(row["is_oea"]),
        "declaration_items": len(siblings),
        "share_of_declaration": over(value, declaration_value),
        "description_length": None if row["description"] is None else len(row["description"]),
        "declared_weekday": row["declared_at"].isoweekday() % 7,
        "declared_hour": row["declared_at"].hour,
    }
    return {name: _finite(figure) for name, figure in figures.items()}
