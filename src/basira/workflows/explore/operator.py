"""One operator, seen from all sides: volumes, prices beside the market, results, partners, months.

Enters: a store, an operator in one of three parts, days. Leaves: an `OperatorFacts`. Never here: what a model thinks of
it; a market of which the operator itself is a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from basira.engines.engine import Engine
from basira.schema.days import date_of, day_of
from basira.schema.sql import quote_identifier
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.explore.facts import (
    IS_NEWEST,
    Condition,
    Days,
    Results,
    Totals,
    find_results,
    find_totals,
    open_past,
    pick_items,
)

Part = Literal["importer_id", "declarant_id", "exporter_id"]
PARTS: tuple[Part, ...] = get_args(Part)
# Goods of the same code and origin; of the same code.
Level = Literal["origin", "code"]
# By `grouping`: whether origins were taken together.
_LEVELS: Mapping[int, Level] = {0: "origin", 1: "code"}
MOST_PRICES = 15
MOST_PARTNERS = 10
# Fewer items of others than this are no market.
FEWEST_COMPARABLES = 10
_DAY = "date '1970-01-01' + declared_day"


@dataclass(frozen=True)
class Month:
    """``name``: YYYY-MM. ``value``: in the totals' currency. ``results``: of its declarations. ``price_ratio``: median
    of the operator's unit values, each over the market's median of the same goods and origin; None where no item has a
    market. ``new_partners``: operators of the other parts first seen in this month of the period."""

    name: str
    declarations: int
    items: int
    value: float
    results: Results
    price_ratio: float | None
    new_partners: int


@dataclass(frozen=True)
class Price:
    """Goods of one code and origin (None: not declared). ``items``: of the operator, with a unit value. Unit values are
    per kg of net mass, in the totals' currency: ``own`` the operator's median; ``low``, ``median``, ``high`` the
    quartiles of the ``others``, items of all other operators in the period. ``level``: what these are alike in, the
    narrowest that has `FEWEST_COMPARABLES` items; None, as the quartiles, where none has."""

    code: str
    origin: str | None
    items: int
    value: float
    own: float
    others: int
    level: Level | None
    low: float | None
    median: float | None
    high: float | None

    @property
    def ratio(self) -> float | None:
        """The operator's median over the market's; None without a market."""
        return self.own / self.median if self.median else None


@dataclass(frozen=True)
class Partner:
    """An operator of another part on the same declarations."""

    part: Part
    name: str
    declarations: int
    value: float
    first: date
    last: date
    results: Results


@dataclass(frozen=True)
class OperatorFacts:
    """``history_until``: day of the last declaration in the history; None of an empty one. ``results``: counted in
    declarations. ``partner_counts``: how many there are of each other part, of which ``partners`` has the largest."""

    part: Part
    name: str
    days: Days
    history_until: date | None
    totals: Totals
    results: Results
    months: Sequence[Month]
    prices: Sequence[Price]
    partners: Sequence[Partner]
    partner_counts: Mapping[Part, int]


def describe_operator(history: History, part: Part, name: str, days: Days, *, bounds: EngineBounds) -> OperatorFacts:
    """What is known now of an operator's declarations of a period. All zero, and empty, where it has none.

    Raises UsageError when it takes longer than ``bounds`` allow, StoreError for a damaged store.
    """
    others = tuple(one for one in PARTS if one != part)
    with open_past(history, bounds) as past:
        con = past.con
        pick_items(con, [Condition(part, name)], days)
        totals = find_totals(con)
        if totals.items == 0:
            none = Results(0, 0, 0.0)
            return OperatorFacts(part, name, days, past.last, totals, none, [], [], [], dict.fromkeys(others, 0))
        find_results(con, days)
        _sum_declarations(con, totals.currency)
        _find_market(con, part, name, days, totals.currency)
        return OperatorFacts(
            part,
            name,
            days,
            past.last,
            totals,
            _results(con),
            _months(con, others, past.months(days)),
            _prices(con),
            [partner for one in others for partner in _partners(con, one)],
            {one: _count_partners(con, one) for one in others},
        )


def _sum_declarations(con: Engine, currency: str | None) -> None:
    """A row for each declaration: its day, operators, value; whether a result is known, and what it found."""
    con.create_table(
        "declared",
        """with found as (
  select declaration_id, bool_or(is_irregular) as is_irregular, sum(revenue) as revenue from result group by all
)
select p.declaration_id, min(p.declared_day) as declared_day, any_value(p.importer_id) as importer_id,
  any_value(p.declarant_id) as declarant_id, any_value(p.exporter_id) as exporter_id, count(*) as items,
  coalesce(sum(p.customs_value_amount) filter (p.value_currency is not distinct from $currency), 0) as value,
  any_value(f.is_irregular) as is_irregular, any_value(f.revenue) as revenue
from picked p left join found f on f.declaration_id = p.declaration_id group by p.declaration_id""",
        {"currency": currency},
    )


_RESULTS = "count(is_irregular), count(*) filter (is_irregular), coalesce(sum(revenue), 0)"


def _results(con: Engine) -> Results:
    ((known, irregular, revenue),) = con.fetch_rows(f"select {_RESULTS} from declared")
    return Results(known, irregular, float(revenue))


def _find_market(con: Engine, part: Part, name: str, days: Days, currency: str | None) -> None:
    """Make `priced`, the operator's items with a unit value, and `market`, the quartiles of everyone else's for the
    goods of the largest value."""
    con.create_table(
        "priced",
        """select declared_day, commodity_code, coalesce(origin_country, '') as origin_country, customs_value_amount,
  customs_value_amount / net_mass_kg as unit_value
from picked where net_mass_kg > 0 and customs_value_amount > 0 and value_currency is not distinct from $currency""",
        {"currency": currency},
    )
    con.create_table(
        "own",
        """select commodity_code, origin_country, count(*) as items, sum(customs_value_amount) as value,
  median(unit_value) as own from priced group by all order by value desc, commodity_code, origin_country limit $most""",
        {"most": MOST_PRICES},
    )
    column = quote_identifier(part)
    con.create_table(
        "others",
        f"""select i.commodity_code, coalesce(i.origin_country, '') as origin_country,
  grouping(coalesce(i.origin_country, '')) as level, count(*) as others,
  quantile_cont(i.customs_value_amount / i.net_mass_kg, [0.25, 0.5, 0.75]) as quartiles
from items i semi join own w on w.commodity_code = i.commodity_code
left join amended a on a.declaration_id = i.declaration_id
where i.declared_day between $first and $last and {IS_NEWEST} and i.{column} is distinct from $name
  and i.net_mass_kg > 0 and i.customs_value_amount > 0 and i.value_currency is not distinct from $currency
group by grouping sets ((1, 2), (1)) having count(*) >= $fewest""",
        {
            "first": day_of(days.first),
            "last": day_of(days.last),
            "name": name,
            "currency": currency,
            "fewest": FEWEST_COMPARABLES,
        },
    )
    con.create_table(
        "market",
        """select o.commodity_code, o.origin_country, m.level, m.others, m.quartiles
from own o join others m on m.commodity_code = o.commodity_code and (m.level = 1 or m.origin_country = o.origin_country)
qualify row_number() over (partition by o.commodity_code, o.origin_country order by m.level) = 1""",
    )


def _prices(con: Engine) -> list[Price]:
    rows = con.fetch_rows(
        """select o.commodity_code, nullif(o.origin_country, ''), o.items, o.value, o.own, coalesce(m.others, 0),
  m.level, m.quartiles[1], m.quartiles[2], m.quartiles[3]
from own o left join market m using (commodity_code, origin_country)
order by o.value desc, o.commodity_code, o.origin_country"""
    )
    return [
        Price(code, origin, items, value, own, others, None if level is None else _LEVELS[level], *quartiles)
        for code, origin, items, value, own, others, level, *quartiles in rows
    ]


def _months(con: Engine, others: Sequence[Part], names: Sequence[str]) -> list[Month]:
    sums = {
        month: (declarations, items, float(value), Results(known, irregular, float(revenue)))
        for month, declarations, items, value, known, irregular, revenue in con.fetch_rows(
            f"""select strftime({_DAY}, '%Y-%m') as month, count(*), sum(items), sum(value), {_RESULTS}
from declared group by month"""
        )
    }
    ratios = dict(
        con.fetch_rows(
            f"""select strftime({_DAY}, '%Y-%m') as month, median(p.unit_value / m.quartiles[2])
from priced p join market m using (commodity_code, origin_country) group by month"""
        )
    )
    first = " union all ".join(
        f"select {quote_identifier(one)} as name, min(declared_day) as declared_day from declared "
        f"where {quote_identifier(one)} is not null group by 1"
        for one in others
    )
    new = dict(con.fetch_rows(f"select strftime({_DAY}, '%Y-%m') as month, count(*) from ({first}) group by month"))
    nothing = (0, 0, 0.0, Results(0, 0, 0.0))
    return [Month(name, *sums.get(name, nothing), ratios.get(name), new.get(name, 0)) for name in names]


def _partners(con: Engine, part: Part) -> list[Partner]:
    column = quote_identifier(part)
    rows = con.fetch_rows(
        f"""select {column}, count(*), sum(value) as value, min(declared_day), max(declared_day), {_RESULTS}
from declared where {column} is not null group by {column} order by value desc, {column} limit $most""",
        {"most": MOST_PARTNERS},
    )
    return [
        Partner(
            part, name, count, float(value), date_of(first), date_of(last), Results(known, irregular, float(revenue))
        )
        for name, count, value, first, last, known, irregular, revenue in rows
    ]


def _count_partners(con: Engine, part: Part) -> int:
    ((found,),) = con.fetch_rows(f"select count(distinct {quote_identifier(part)}) from declared")
    return int(found)
