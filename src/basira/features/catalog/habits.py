"""The usual and the expected price of an item, and the habits of traders and codes: what earlier items were like.

Enters: nothing. Leaves: which entities carry which sums, and the SQL of the usual price over them. Never here:
outcomes; every declaration counts, inspected or not.

    heading      mean of ln(value per kg) over the 52 weeks before the item's week
    code         the same, shrunk towards the heading's
    code_origin  the same, shrunk towards the code's: the usual price
    price gap    ln(value per kg) less the usual price; below 0, the item is cheaper

The supplier comes in once the code and the origin are out, and then the spread of what is left:

    supplier's part the mean price gap of the supplier's items over the same 52 weeks, shrunk towards 0
    expected price  usual price + supplier's part
    price residual  ln(value per kg) less the expected price
    price spread    the mean distance of the code's items from their expected prices over these weeks, shrunk

The same once more for the value per supplementary unit, from the code and unit to the code, unit and origin; a unit has
no heading to lean on.

A price counts in the sums of code and origin as far as it lies within `PRICE_CLIP` of its widest level's mean: a mass
with three zeros too many moves a mean of few prices by a little, not by seven. The sums move on once a week, so that
each item of the past has one gap and one residual, which never change: a trader's habit is a sum of such gaps.

The sums of an entity's profile (SQL: basira.features.batch.sql), besides those of items and results:

    over a year       p  items that claim a preference      t  their duty rates, ten-thousandths
    over all history  g  items with a price gap             d  their gaps    l  how many of them were low

and, over 52 weeks, those of `WEEKLY`.
"""

from __future__ import annotations

# The entities whose prices are summed, from wide to narrow, and those whose gaps are.
PRICE_LEVELS = ("heading", "code", "code_origin")
GAP_TRADERS = ("importer", "declarant", "exporter", "importer_exporter")
# Their prices per unit: levels of comparables, from wide to narrow.
UNIT_LEVELS = ("ref_unit_code", "ref_unit_code_origin")
PRICE_COLUMNS = ("price_count", "price_sum")
# Of the supplier: its price gaps; of the code: the distances from the expected price. Each per kg, then per unit.
PART_COLUMNS = ("part_count", "part_sum", "unit_part_count", "unit_part_sum")
SPREAD_COLUMNS = ("spread_count", "spread_sum", "unit_spread_count", "unit_spread_sum")
# The tables of sums by week that an entity or a level of comparables carries, each with its columns.
WEEKLY: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "heading": (("heading", PRICE_COLUMNS),),
    "code": (("code", PRICE_COLUMNS), ("spread", SPREAD_COLUMNS)),
    "code_origin": (("code_origin", PRICE_COLUMNS),),
    "exporter": (("supplier", PART_COLUMNS),),
    "ref_unit_code": (("ref_unit_code", PRICE_COLUMNS),),
    "ref_unit_code_origin": (("ref_unit_code_origin", PRICE_COLUMNS),),
}
WEEKLY_TABLES = tuple(table for tables in WEEKLY.values() for table, _ in tables)
# Of these, what the expected price alone is made of: the supplier's part, the spread, and all prices per unit.
EXPECTED_TABLES = frozenset({"supplier", "spread", *UNIT_LEVELS})
# The entities whose preferences are counted, and those whose duty rates are summed.
PREFERENCE_HOLDERS = ("importer", "exporter", "code_origin")
DUTY_HOLDERS = ("chapter", "heading", "code", "importer")
YEAR_SUMS = {"p": PREFERENCE_HOLDERS, "t": DUTY_HOLDERS}

WEEK_DAYS = 7
WEEKS = 52
# So many prices of its own count as much as the mean of the wider level.
PRICE_WEIGHT = 3
# All in thousandths of ln. A value of 485 million a kilogram is a broken column and counts nowhere; a price counts
# within a factor of 4.5 of its heading's mean, a gap within one of 2.7.
LARGEST_PRICE = 20_000
PRICE_CLIP = 1500
GAP_CLIP = 1000
# A price a quarter below the usual one (e to the -.3) is low.
LOW_GAP = -300
# So many gaps of nothing stand beside a trader's own, one in ten of them low.
GAP_WEIGHT = 3
LOW_RATE = 0.1
# A supplier's part of the price: so many gaps of nothing stand beside its own.
PART_WEIGHT = 3
# Before any item of a code, prices are a quarter away from what is expected (in the mean), worth ten items.
SPREAD_WEIGHT = 10
USUAL_SPREAD = 250
# A normal deviation in mean distances (the root of pi / 2), and the least one that a price is measured by.
DEVIATION = 1.2533
LEAST_DEVIATION = 50
# Before any item, three in ten claim a preference, worth one item.
PREFERENCE_RATE = 0.3
# Of an item, whole numbers: whether a preference is claimed, and the duty rate; a rate of 1,000 is a broken column.
IS_PREFERRED = "case when preference is null then 0 else 1 end"
DUTY_PARTS = 10_000
DUTY = f"case when duty_rate < 1000 then cast(round(duty_rate * {DUTY_PARTS}) as integer) else 0 end"


def year_sums(entity: str) -> tuple[str, ...]:
    """Which of ``p`` and ``t`` an entity carries."""
    return tuple(s for s in YEAR_SUMS if entity in YEAR_SUMS[s])


def weekly_tables(relation: str, *, has_expected: bool = True) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The entry of `WEEKLY`, () where there is none. ``has_expected``: with what expected prices alone are made of."""
    tables = WEEKLY.get(relation, ())
    return tables if has_expected else tuple(entry for entry in tables if entry[0] not in EXPECTED_TABLES)


def week_sql(day: str) -> str:
    """The number of a day's week; both count from 1970-01-01."""
    return f"cast(floor({day} / {WEEK_DAYS}.0) as integer)"


# Over `price_count` and `price_sum` of each level: thousandths of ln. Null where the heading has no price. An origin
# that is missing has the price of its code.
HEADING_PRICE = "heading.price_sum / nullif(heading.price_count, 0)"
_CODE = f"(code.price_sum + {PRICE_WEIGHT} * ({HEADING_PRICE})) / (code.price_count + {PRICE_WEIGHT})"
USUAL_PRICE = (
    f"(coalesce(code_origin.price_sum, 0) + {PRICE_WEIGHT} * ({_CODE}))"
    f" / (coalesce(code_origin.price_count, 0) + {PRICE_WEIGHT})"
)


_UNIT_CODE = "ref_unit_code.price_sum / nullif(ref_unit_code.price_count, 0)"
USUAL_UNIT_PRICE = (
    f"(coalesce(ref_unit_code_origin.price_sum, 0) + {PRICE_WEIGHT} * ({_UNIT_CODE}))"
    f" / (coalesce(ref_unit_code_origin.price_count, 0) + {PRICE_WEIGHT})"
)


def gap_sql(price: str, usual: str = USUAL_PRICE) -> str:
    """The price gap in whole thousandths; null without a price or a usual one. ``price``: SQL of thousandths of ln."""
    return f"cast(round({clip_sql(price, LARGEST_PRICE)} - {usual}) as integer)"


def part_sql(supplier: str, *, unit: str = "") -> str:
    """The supplier's part of the price, in thousandths of ln; 0 where no supplier is named or none was seen.

    ``supplier``: the relation with `PART_COLUMNS`. ``unit``: "unit_" for the price of a unit.
    """
    return f"coalesce({supplier}.{unit}part_sum / ({supplier}.{unit}part_count + {PART_WEIGHT}), 0)"


def residual_sql(gap: str, supplier: str, *, unit: str = "") -> str:
    """A gap less the supplier's part, in whole thousandths; null without a gap."""
    return f"cast(round({gap} - {part_sql(supplier, unit=unit)}) as integer)"


def deviation_sql(code: str, *, unit: str = "") -> str:
    """One robust deviation of the code's prices from their expected ones, in thousandths of ln.

    ``code``: the relation with `SPREAD_COLUMNS`.
    """
    mean = f"({code}.{unit}spread_sum + {SPREAD_WEIGHT * USUAL_SPREAD}) / ({code}.{unit}spread_count + {SPREAD_WEIGHT})"
    return f"greatest({DEVIATION} * {mean}, {LEAST_DEVIATION})"


def clip_sql(sql: str, most: int) -> str:
    """A figure between -``most`` and ``most``; null stays null, which `least` and `greatest` do not hold everywhere."""
    return f"case when {sql} > {most} then {most} when {sql} < -{most} then -{most} else {sql} end"
