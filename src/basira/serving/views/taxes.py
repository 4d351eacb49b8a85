"""Duties and taxes of an item with what an inspector found, while the result is typed.

Enters: a service, the item as declared, found values as the result's form reads them. Leaves: amounts and what they
rest on, or why there are none. Never here: a record of it: what is recovered is what the result says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from basira.features.online.usual import UsualTaxes, find_usual_taxes
from basira.feedback.taxes import Missing, TaxesFound, Usual, compute_taxes, is_other_goods
from basira.schema.errors import StoreError
from basira.schema.json_values import JsonObject
from basira.serving.message import Rejected, read_outcome
from basira.serving.service import Service

# typing: a value is not complete yet. currency: declared in another currency than results are.
WhyNot = Missing | Literal["typing", "currency"]


@dataclass(frozen=True)
class Taxes:
    """``found``: the amounts; None, with ``why_not``. ``usual``: the share that they rest on, where they do.
    ``commodity_code``, ``origin_country``: of the goods as found."""

    found: TaxesFound | None = None
    why_not: WhyNot | None = None
    usual: UsualTaxes | None = None
    commodity_code: str = ""
    origin_country: str | None = None


def taxes_of(
    service: Service, declaration_id: str, declared: JsonObject, found: JsonObject, *, currency: str, now: datetime
) -> Taxes | None:
    """The taxes of an item. ``declared``: as the record has it. ``found``: ``found_`` fields as a result states them.
    ``currency``: of results. None where nothing was found that could change them."""
    if not found:
        return None
    body = {"known_at": now.isoformat(), "is_inspected": True, "is_irregular": True, **found}
    read = read_outcome(body, declaration_id, received_at=now)
    if isinstance(read, Rejected):
        return Taxes(why_not="typing")
    if (declared.get("value_currency") or currency) != currency:
        return Taxes(why_not="currency")
    values: dict[str, object] = {name: value for name, value in read.items() if name.startswith("found_")}
    code = str(values.get("found_commodity_code") or declared.get("commodity_code") or "")
    origin = values.get("found_origin_country") or declared.get("origin_country")
    origin_country = None if origin is None else str(origin)
    usual = _usual(service, code, origin_country) if is_other_goods(declared, values) else None
    made = compute_taxes(declared, values, None if usual is None else Usual(usual.share, usual.count))
    if isinstance(made, TaxesFound):
        return Taxes(made, None, usual, code, origin_country)
    return Taxes(None, made, usual, code, origin_country)


def _usual(service: Service, code: str, origin_country: str | None) -> UsualTaxes | None:
    try:
        return find_usual_taxes(service.profiles.profiles(), code, origin_country)
    except (StoreError, OSError):
        return None
