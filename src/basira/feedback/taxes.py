"""What duties and taxes become with what an inspection found: value, quantity, mass, code, origin.

Enters: an item as declared, what was found, the usual share of taxes of the goods found. Leaves: the customs value and
the taxes, with what they rest on, or why they can't be computed. Never here: a rate of a tariff: none is kept; a fine.

Goods of the declared code and origin keep the declared rates: what changes is what these make of the value. Other goods
have the usual share of theirs, which is an estimate and is shown as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Basis = Literal["rates", "share", "usual"]
Missing = Literal["value", "taxes", "usual"]
# What is scaled by what was found, the first that both have.
_MEASURES = (("found_quantity", "quantity"), ("found_net_mass_kg", "net_mass_kg"))


@dataclass(frozen=True)
class Usual:
    """A share of customs value. ``count``: of so many imports."""

    share: float
    count: int


@dataclass(frozen=True)
class TaxesFound:
    """Amounts in the currency of the declaration. ``value``: customs value with what was found; ``is_scaled``: the
    declared one, by the quantity or mass found. ``declared``, ``due``: duties and taxes. ``basis``: declared rates, the
    declared share of the value, or the usual share of the goods found. ``share``: due over value."""

    value: float
    is_scaled: bool
    declared: float
    due: float
    basis: Basis

    @property
    def additional(self) -> float:
        """What is due beyond what was declared; negative where less is."""
        return self.due - self.declared

    @property
    def share(self) -> float:
        """Due over value."""
        return self.due / self.value if self.value else 0.0


def compute_taxes(
    declared: Mapping[str, object], found: Mapping[str, object], usual: Usual | None
) -> TaxesFound | Missing:
    """Duties and taxes with what was found, or what is missing.

    Parameters
    ----------
    declared : the schema's fields of the item; absent or None where nothing was declared.
    found : the schema's ``found_`` fields; absent where nothing was found.
    usual : of the goods found; used where their code or origin differs from the declared one.
    """
    value = _number(found, "found_value_amount")
    before = _number(declared, "customs_value_amount")
    ratio = _ratio(declared, found)
    is_scaled = value is None and ratio is not None
    if value is None:
        value = None if before is None else before * (1.0 if ratio is None else ratio)
    if value is None:
        return "value"
    total = _number(declared, "total_tax_amount")
    rates = _number(declared, "duty_rate"), _number(declared, "vat_rate")
    excise = _number(declared, "excise_amount") or 0.0
    if is_other_goods(declared, found):
        if usual is None:
            return "usual"
        if total is None:
            return "taxes"
        return TaxesFound(value, is_scaled, total, usual.share * value, "usual")
    if rates[0] is not None and rates[1] is not None and before is not None:
        was = _by_rates(before, excise, rates[0], rates[1])
        # Excise is by quantity. What was declared beside these rates, such as a levy, is left as it was.
        by_rates = _by_rates(value, excise * (1.0 if ratio is None else ratio), rates[0], rates[1])
        base = was if total is None else total
        return TaxesFound(value, is_scaled, base, base + by_rates - was, "rates")
    if total is None or not before:
        return "taxes"
    return TaxesFound(value, is_scaled, total, total / before * value, "share")


def is_other_goods(declared: Mapping[str, object], found: Mapping[str, object]) -> bool:
    """Whether a code or an origin was found that is not the declared one."""
    return any(
        found.get(f"found_{name}") not in (None, declared.get(name)) for name in ("commodity_code", "origin_country")
    )


def _by_rates(value: float, excise: float, duty_rate: float, vat_rate: float) -> float:
    """Duty, excise, then VAT on value, duty and excise."""
    return value * duty_rate + excise + (value * (1 + duty_rate) + excise) * vat_rate


def _ratio(declared: Mapping[str, object], found: Mapping[str, object]) -> float | None:
    for name, of in _MEASURES:
        measured, before = _number(found, name), _number(declared, of)
        if measured is not None and before:
            return measured / before
    return None


def _number(values: Mapping[str, object], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
