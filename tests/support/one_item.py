"""Reasons on one item: what moved the score is given, and the evidence comes back. The item is plain in all else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from basira.explain.reasons import EVIDENCE, Evidence, explain_items
from basira.explain.words import say
from basira.features.catalog.catalog import CATALOG, FEATURE, REASONS
from basira.schema.fields import FIELDS
from basira.schema.records import Reason

FAMILY = {f.name: f.reason for f in CATALOG}
PARENT = {one.entity: one.parent for past in REASONS.past.values() for one in past}
DECLARED = {f.name for f in FIELDS}


def thousandths(ratio: float) -> int:
    return round(1000 * math.log(ratio))


# An item at 4 a kg where 214 comparables stood at 10, and nothing else remarkable about it.
PLAIN: dict[str, Any] = {
    "declaration_id": "D1",
    "commodity_code": "8517130000",
    "origin_country": "CN",
    "dispatch_country": "CN",
    "customs_value_amount": 4_321.0,
    "net_mass_kg": 432.1,
    "gross_mass_kg": 460.0,
    "quantity": 100.0,
    "quantity_unit": "U",
    "total_tax_amount": 864.2,
    "duty_rate": 0.025,
    "preference": None,
    "all_hit_rate": 0.05,
}

REFERENCE = {
    "customs_value_amount": 400.0,
    "net_mass_kg": 100.0,
    "value_per_kg_reference_low": thousandths(8),
    "value_per_kg_reference_median": thousandths(10),
    "value_per_kg_reference_high": thousandths(13),
    "value_per_kg_reference_count": 214,
    "value_per_kg_reference_level": 0,
}


class Spied(dict[str, Any]):
    """A row that may not be asked for what neither the catalog nor the schema has."""

    def get(self, name: str, default: Any = None) -> Any:
        assert name in FEATURE or name in DECLARED, f"no feature and no field: {name}"
        return super().get(name, default)


def explained(
    family: str,
    *,
    weight: float = 1.0,
    kinds: Mapping[str, float] | None = None,
    version: int = EVIDENCE,
    **row: Any,
) -> Evidence:
    """The evidence on one item of which one family moved the score."""
    names = [n for n, f in FAMILY.items() if f == family]
    if not names:
        names = [family]
    values = np.zeros((1, len(names)))
    values[0, 0] = weight
    catalog = replace(REASONS, families=dict.fromkeys(names, family))
    return explain_items(values, names, catalog, [Spied(PLAIN | row)], kinds=[kinds or {}], version=version)[0]


def said(family: str, **row: Any) -> Reason | None:
    found = explained(family, **row).reasons
    assert len(found) <= 1
    if not found:
        return None
    for language in ("fr", "en", "ar"):
        assert say(found[0], language=language, currency="MAD", strict=True)
    return found[0]


def history(entity: str, *, irregular: int, inspected: int, rate: float, **parents: float) -> dict[str, float]:
    return {f"{entity}_irregular": irregular, f"{entity}_inspected": inspected, f"{entity}_hit_rate": rate, **parents}
