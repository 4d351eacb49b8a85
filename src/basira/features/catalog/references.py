"""Reference values: what comparable imports were declared at, before this one.

Enters: nothing. Leaves: the measures (value per kg, value per unit, kg per unit, tax share) and the
levels of comparables at which their trailing medians and quartiles are taken. Never here: outcomes;
references come from every declaration, inspected or not, so they say what is usual, not what is true.

Logs are kept as integers, round(1000 x ln x), so that every engine agrees to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_DAYS = 365
# Below this many comparables a median says little, and the next wider level stands in.
MINIMUM_COUNT = 10


@dataclass(frozen=True)
class Measure:
    """A ratio whose usual level is looked up. ``sql``: positive number or null."""

    name: str
    sql: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Level:
    """A set of comparables. ``key``: SQL expressions; ``measures``: which medians are taken there.

    ``quartiles``: measures that also get quartiles at this level and so can back the reference
    interval shown to officers. ``minimum``: how many comparables the feature needs.
    """

    name: str
    key: tuple[str, ...]
    measures: tuple[str, ...]
    quartiles: tuple[str, ...]
    meaning: str


MEASURES: tuple[Measure, ...] = (
    Measure(
        "value_per_kg",
        "customs_value_amount / nullif(net_mass_kg, 0)",
        "value currency per kg",
        "customs value per kg net",
    ),
    Measure(
        "value_per_unit",
        "customs_value_amount / nullif(quantity, 0)",
        "value currency per unit",
        "customs value per supplementary unit",
    ),
    Measure("kg_per_unit", "net_mass_kg / nullif(quantity, 0)", "kg per unit", "net mass per supplementary unit"),
    Measure(
        "tax_share",
        "total_tax_amount / nullif(customs_value_amount, 0)",
        "share of customs value",
        "all taxes over customs value",
    ),
    Measure("item_value", "customs_value_amount", "value currency", "customs value of the item"),
)

_UNIT = "coalesce(quantity_unit, '')"

LEVELS: tuple[Level, ...] = (
    Level("code_origin", ("commodity_code", "origin_country"), ("value_per_kg", "tax_share"), ("value_per_kg",), "same code and origin"),
    Level("code", ("commodity_code",), ("value_per_kg", "item_value", "tax_share"), ("value_per_kg",), "same code"),
    Level("heading", ("substr(commodity_code, 1, 4)",), ("value_per_kg",), (), "same heading (4 digits)"),
    Level("code_dispatch", ("commodity_code", "dispatch_country"), ("value_per_kg",), (), "same code and dispatch"),
    Level("exporter_code", ("exporter_id", "substr(commodity_code, 1, 6)"), ("value_per_kg",), (), "same exporter and HS6"),
    Level("importer_code", ("importer_id", "substr(commodity_code, 1, 6)"), ("value_per_kg",), (), "same importer and HS6"),
    Level("unit_code_origin", ("commodity_code", "origin_country", _UNIT), ("value_per_unit",), (), "same code, origin and unit"),
    Level("unit_code", ("commodity_code", _UNIT), ("value_per_unit", "kg_per_unit"), ("value_per_unit",), "same code and unit"),
)  # fmt: skip

# From narrow to wide: the first with enough comparables is the reference shown to the officer.
BACK_OFF: dict[str, tuple[str, ...]] = {
    "value_per_kg": ("code_origin", "code"),
    "value_per_unit": ("unit_code",),
}
