"""The usual price of an item, and the habits of traders and codes: what their earlier items were declared like.

Enters: nothing. Leaves: which entities carry which sums, and the SQL of the usual price over them. Never here:
outcomes; every declaration counts, inspected or not.

    heading      mean of ln(value per kg) over the 52 weeks before the item's week
    code         the same, shrunk towards the heading's
    code_origin  the same, shrunk towards the code's: the usual price
    price gap    ln(value per kg) less the usual price; below 0, the item is cheaper

A price counts in the sums of code and origin as far as it lies within `CLIP` of its heading's mean: a mass with
three zeros too many moves a mean of few prices by a little, not by seven. The sums move on once a week, so that each
item of the past has one gap, which never changes: the habit of a trader is a sum of such gaps.

The sums of an entity's profile (SQL: basira.features.batch.sql), besides those of items and results:

    over a year       p  items that claim a preference      t  their duty rates, ten-thousandths
    over all history  g  items with a price gap             d  their gaps    l  how many of them were low
"""

from __future__ import annotations

# The entities whose prices are summed, from wide to narrow, and those whose gaps are.
PRICE_LEVELS = ("heading", "code", "code_origin")
GAP_TRADERS = ("importer", "declarant", "exporter", "importer_exporter")
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
# Before any item, three in ten claim a preference, worth one item.
PREFERENCE_RATE = 0.3
# Of an item, whole numbers: whether a preference is claimed, and the duty rate; a rate of 1,000 is a broken column.
IS_PREFERRED = "case when preference is null then 0 else 1 end"
DUTY_PARTS = 10_000
DUTY = f"case when duty_rate < 1000 then cast(round(duty_rate * {DUTY_PARTS}) as integer) else 0 end"


def year_sums(entity: str) -> tuple[str, ...]:
    """Which of ``p`` and ``t`` an entity carries."""
    return tuple(s for s in YEAR_SUMS if entity in YEAR_SUMS[s])


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


def gap_sql(price: str) -> str:
    """The price gap in whole thousandths; null without a price or a usual one. ``price``: SQL of thousandths of ln."""
    return f"cast(round({clip_sql(price, LARGEST_PRICE)} - {USUAL_PRICE}) as integer)"


def clip_sql(sql: str, most: int) -> str:
    """A figure between -``most`` and ``most``; null stays null, which `least` and `greatest` do not hold everywhere."""
    return f"case when {sql} > {most} then {most} when {sql} < -{most} then -{most} else {sql} end"
