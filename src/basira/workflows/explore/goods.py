"""Goods of a commodity code, an origin, or both: volumes, unit values, controls and what they found.

Enters: a store, how a code begins and an origin, days. Leaves: a `GoodsFacts`. Never here: an operator; a result that
does not say of which item it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from basira.engines.engine import Engine
from basira.schema.sql import quote_identifier
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.explore.facts import (
    Condition,
    Days,
    Results,
    Totals,
    find_results,
    find_totals,
    open_past,
    pick_items,
)

MOST_PARTS = 15
BINS = 20
By = Literal["commodity_code", "origin_country"]
_COLUMNS = (
    "declaration_id",
    "item_number",
    "declared_day",
    "office",
    "commodity_code",
    "origin_country",
    "customs_value_amount",
    "value_currency",
    "total_tax_amount",
    "net_mass_kg",
)
_DAY = "date '1970-01-01' + declared_day"


@dataclass(frozen=True)
class UnitValues:
    """Per kg of net mass, in the totals' currency. ``items``: with one; the quartiles are None without any."""

    items: int
    low: float | None
    median: float | None
    high: float | None


@dataclass(frozen=True)
class Bin:
    """Unit values from ``low`` to below ``high`` (the last one: and ``high`` itself), and how many items have one."""

    low: float
    high: float
    items: int


@dataclass(frozen=True)
class GoodsPart:
    """Items of one month (YYYY-MM), one code, or one origin (``name`` None: not declared). ``value``: in the totals'
    currency. ``results``: counted in items."""

    name: str | None
    items: int
    value: float
    unit_values: UnitValues
    results: Results


@dataclass(frozen=True)
class GoodsFacts:
    """``history_until``: day of the last declaration in the history; None of an empty one. ``results``: counted in
    items. ``unclear``: declarations of several items with a result that names none, and is counted in none. ``bins``:
    equal on a logarithmic scale, from the first to the 99th percentile; ``outside``: items beyond them. ``parts``: by
    ``by``, those of the largest value; ``part_count``: how many there are."""

    days: Days
    history_until: date | None
    totals: Totals
    results: Results
    unclear: int
    unit_values: UnitValues
    bins: Sequence[Bin]
    outside: int
    months: Sequence[GoodsPart]
    by: By
    parts: Sequence[GoodsPart]
    part_count: int


def describe_goods(history: History, code: str, origin: str, days: Days, *, bounds: EngineBounds) -> GoodsFacts:
    """What is known now of the goods whose code begins with ``code``, of an origin; "" for whichever. All zero, and
    empty, where there are none. Raises UsageError when it takes longer than ``bounds`` allow, StoreError for a damaged
    store."""
    conditions = [Condition("commodity_code", code, is_prefix=True)] if code else []
    conditions += [Condition("origin_country", origin)] if origin else []
    by: By = "commodity_code" if origin else "origin_country"
    with open_past(history, bounds) as past:
        con = past.con
        pick_items(con, conditions, days, columns=_COLUMNS)
        totals = find_totals(con)
        find_results(con, days)
        unclear = _attribute_results(con, totals.currency)
        bins, outside = _bins(con)
        whole = _parts(con, "'all'", most=1)
        part_column = quote_identifier(by)
        return GoodsFacts(
            days,
            past.last,
            totals,
            whole[0].results if whole else Results(0, 0, 0.0),
            unclear,
            whole[0].unit_values if whole else UnitValues(0, None, None, None),
            bins,
            outside,
            _months(con, past.months(days)),
            by,
            _parts(con, part_column, most=MOST_PARTS),
            int(con.fetch_rows(f"select count(distinct coalesce({part_column}, '')) from picked")[0][0]),
        )


def _attribute_results(con: Engine, currency: str | None) -> int:
    """Make `goods`: each item with its unit value and its result; how many declarations have a result that may be of
    any of their items. A result of a whole declaration is that of its only item."""
    con.create_table(
        "sized",
        """select i.declaration_id, count(distinct i.item_number) as items from items i
semi join (select declaration_id from result where item_number = 0) r on r.declaration_id = i.declaration_id
group by i.declaration_id""",
    )
    con.create_table(
        "goods",
        """select p.declaration_id, p.declared_day, p.commodity_code, p.origin_country,
  case when p.value_currency is not distinct from $currency then p.customs_value_amount end as value,
  case when p.net_mass_kg > 0 and p.customs_value_amount > 0 and p.value_currency is not distinct from $currency
    then p.customs_value_amount / p.net_mass_kg end as unit_value,
  coalesce(r.is_irregular, w.is_irregular) as is_irregular,
  case when r.is_irregular is not null then r.revenue else w.revenue end as revenue
from picked p
left join result r on r.declaration_id = p.declaration_id and r.item_number = p.item_number and r.item_number > 0
left join (select result.* from result join sized using (declaration_id) where item_number = 0 and items = 1) w
  on w.declaration_id = p.declaration_id""",
        {"currency": currency},
    )
    ((unclear,),) = con.fetch_rows("select count(*) from sized where items > 1")
    return int(unclear)


def _parts(con: Engine, key: str, *, most: int, order: str = "value desc, name") -> list[GoodsPart]:
    """``key``: a column or a constant, as SQL."""
    rows = con.fetch_rows(
        f"""select {key} as name, count(*), coalesce(sum(value), 0) as value, count(unit_value),
  quantile_cont(unit_value, [0.25, 0.5, 0.75]) as quartiles,
  count(is_irregular), count(*) filter (is_irregular), coalesce(sum(revenue), 0)
from goods group by {key} order by {order} limit $most""",
        {"most": most},
    )
    return [
        GoodsPart(
            name,
            items,
            float(value),
            UnitValues(priced, *(quartiles or (None, None, None))),
            Results(known, irregular, float(revenue)),
        )
        for name, items, value, priced, quartiles, known, irregular, revenue in rows
    ]


def _months(con: Engine, names: Sequence[str]) -> list[GoodsPart]:
    found = {one.name: one for one in _parts(con, f"strftime({_DAY}, '%Y-%m')", most=len(names), order="name")}
    nothing = UnitValues(0, None, None, None), Results(0, 0, 0.0)
    return [found.get(name) or GoodsPart(name, 0, 0.0, *nothing) for name in names]


def _bins(con: Engine) -> tuple[list[Bin], int]:
    ((known, edges),) = con.fetch_rows(
        "select count(unit_value), quantile_cont(unit_value, [0.01, 0.99]) from goods where unit_value is not null"
    )
    if not known:
        return [], 0
    low, high = edges
    if not low < high:
        return [Bin(low, high, known)], 0
    step = (high / low) ** (1 / BINS)
    limits = [low * step**number for number in range(BINS)] + [high]
    rows = con.fetch_rows(
        """with placed as (
  select cast(floor($bins * ln(unit_value / $low) / ln($high / $low)) as integer) as place
  from goods where unit_value between $low and $high
)
select least($bins - 1, place) as place, count(*) from placed group by all""",
        {"bins": BINS, "low": low, "high": high},
    )
    counted = dict(rows)
    bins = [Bin(limits[n], limits[n + 1], counted.get(n, 0)) for n in range(BINS)]
    return bins, known - sum(one.items for one in bins)
