"""The SQL of the features, written from the catalog.

Enters: the catalog. Leaves: the statements, in order, that turn `items`, `outcomes` and the wanted
items into one row of features each. Never here: a connection.

The plan (docs/explanation/features.md): one table of facts with every history item and every wanted
item; per entity a daily table of integer sums, each result on the day it became known; cumulative
sums before each day; windows as differences of cumulatives; then an equality join back. References
are windowed quantiles over the same facts; usual prices are means over the weeks before. Every summed or ranked
quantity is an integer.
"""

from __future__ import annotations

from itertools import chain

from basira.features.catalog.arithmetic import CATEGORIES, ITEM_FEATURES
from basira.features.catalog.catalog import CATALOG, EXPECTED_PRICES, MONTH_DAYS
from basira.features.catalog.entities import ENTITIES, Entity
from basira.features.catalog.feature import YEAR_DAYS
from basira.features.catalog.habits import (
    DUTY,
    GAP_CLIP,
    GAP_TRADERS,
    IS_PREFERRED,
    LARGEST_PRICE,
    LOW_GAP,
    PART_COLUMNS,
    PRICE_CLIP,
    PRICE_COLUMNS,
    PRICE_LEVELS,
    SPREAD_COLUMNS,
    UNIT_LEVELS,
    USUAL_UNIT_PRICE,
    WEEKS,
    clip_sql,
    gap_sql,
    residual_sql,
    week_sql,
    weekly_tables,
    year_sums,
)
from basira.features.catalog.references import LEVELS, MEASURES, WINDOW_DAYS, Level
from basira.schema.sql import quote_identifier

# A table to create: its name, and the query that gives its rows.
Table = tuple[str, str]

PROFILE_COLUMNS = ("n_all", "i_all", "r_all", "v_all", "first_day", "last_day", "hit_day")
WINDOW_COLUMNS = ("n_year", "i_year", "r_year", "n_month")
GAP_COLUMNS = ("g_all", "d_all", "l_all")

EVERYTHING = Entity("everything", ("1",), "", 0, "the whole history", is_long=False)


# Every expression that is a part of a key, by its number: equal texts of two parts are different parts of a key.
_KEYS = (*(e.key for e in ENTITIES), *(level.key for level in LEVELS))
_PARTS = {part: n for n, part in enumerate(dict.fromkeys(chain.from_iterable(_KEYS)))}


def key_integer(parts: tuple[str, ...]) -> str:
    """One key of several parts: the exclusive or of the SHA-256 of each (its first 60 bits); null when a part is.

    Each part is hashed once for all keys, and an engine that reads a column by its dictionary hashes each of its values
    once; a hash of the parts together would be taken row by row.
    """
    digests = [f"sha_key('{_PARTS[part]}:' || cast({part} as varchar))" for part in parts]
    key = digests[0]
    for digest in digests[1:]:
        key = f"xor({key}, {digest})"
    return key


def log_integer(sql: str) -> str:
    # A ratio over a mass of 1e-300 is infinite, and casting that would stop the whole batch: unknown instead.
    return f"case when ({sql}) > 0 and ({sql}) < 1e300 then cast(round(1000 * ln({sql})) as integer) end"


def prepare_statements(wanted: str, items: str = "items") -> list[Table]:
    """History and wanted items as one table of facts; results as events on their known day.

    ``wanted``: a relation with declaration_id, declaration_version, item_number. ``items``: the view `items`, or what
    has its rows and further versions of their declarations. Parameters
    ``$as_of_day``: the last day of history that may be seen. The views `items`, `outcomes` must exist.

    A declaration counts in history once, as first registered: an amendment, and an item that only
    an amendment has, may result from an inspection. A wanted declaration is scored on the figures of the
    wanted version, as of the day before its first registration, so that its own history never holds
    it. A result dated before its declaration counts from the declaration's day.
    """
    keys = ",\n  ".join(f"{key_integer(e.key)} as k_{e.name}" for e in ENTITIES)
    level_keys = ",\n  ".join(f"{key_integer(level.key)} as k_ref_{level.name}" for level in LEVELS)
    measures = ",\n  ".join(f"{log_integer(m.sql)} as m_{m.name}" for m in MEASURES)
    return [
        (
            "first_version",
            f"""select declaration_id, min(declaration_version) as first_version,
  arg_min(declared_day, declaration_version) as first_day
from {items} where declared_day <= $as_of_day group by declaration_id""",
        ),
        # Numbered by day, so that a range of numbers is a range of days (see `join_statement`).
        (
            "wanted_key",
            f"""select row_number() over (order by declared_day, named.declaration_id, declaration_version, item_number) as target_id,
  named.*, cast(least(declared_day, first_day, $as_of_day + 1) as integer) as day
from (
  select distinct i.declaration_id, i.declaration_version, i.item_number, i.declared_day
  from {items} i join {wanted} w on i.declaration_id = w.declaration_id
    and i.declaration_version = w.declaration_version and i.item_number = w.item_number
) named left join first_version on first_version.declaration_id = named.declaration_id""",
        ),
        (
            "facts",
            f"""with picked as (
  select i.*, f.declaration_id is not null as is_history, w.target_id, coalesce(w.day, i.declared_day) as day
  from {items} i
  left join first_version f on f.declaration_id = i.declaration_id and f.first_version = i.declaration_version
  left join wanted_key w on w.declaration_id = i.declaration_id and w.item_number = i.item_number
    and w.declaration_version = i.declaration_version
  where f.declaration_id is not null or w.target_id is not null
)
select declaration_id, item_number, declaration_version, target_id, is_history, day,
  cast(1 as bigint) as k_everything,
  {keys},
  {level_keys},
  {measures}, {IS_PREFERRED} as p, {DUTY} as t
from picked""",
        ),
        (
            "results",
            """with matched as (
  select f.declaration_id, f.item_number, greatest(o.known_day, f.day) as known_day, o.known_at, o.received_at,
    o.source, o.source_row, o.is_irregular, o.additional_revenue_amount
  from outcomes o join facts f on f.declaration_id = o.declaration_id and f.item_number = o.item_number
  where f.is_history and o.item_number is not null
  union all
  select f.declaration_id, f.item_number, greatest(o.known_day, f.day) as known_day, o.known_at, o.received_at,
    o.source, o.source_row, o.is_irregular, o.additional_revenue_amount
  from outcomes o join facts f on f.declaration_id = o.declaration_id
  where f.is_history and o.item_number is null
), result as (
  select declaration_id, item_number, known_day, cast(is_irregular as integer) as irregular,
    case when is_irregular then cast(round(coalesce(additional_revenue_amount, 0) * 100) as bigint) else 0 end as cents,
    row_number() over w as nth, lag(cast(is_irregular as integer)) over w as irregular_before,
    lag(case when is_irregular then cast(round(coalesce(additional_revenue_amount, 0) * 100) as bigint) else 0 end)
      over w as cents_before
  from matched
  where is_irregular is not null and known_day <= $as_of_day
  window w as (partition by declaration_id, item_number order by known_at, received_at, source, source_row)
)
select declaration_id, item_number, known_day as day, case when nth = 1 then 1 else 0 end as inspected,
  irregular - coalesce(irregular_before, 0) as irregular, cents - coalesce(cents_before, 0) as cents
from result""",
        ),
        (
            "events",
            f"""select r.day, r.inspected, r.irregular, r.cents, {", ".join(f"f.k_{e.name}" for e in (EVERYTHING, *ENTITIES))}
from results r join facts f using (declaration_id, item_number) where f.is_history""",
        ),
    ]


def price_statements(*, has_expected: bool = True) -> list[Table]:
    """What is usual and expected, and how far each item of the history was from it.

    ``has_expected``: False leaves out the tables of `EXPECTED_TABLES`, and the gap per unit.

    `w_<table>`: sums of each week; `u_<table>`: those of the 52 weeks before, for each key and week of the facts (key,
    week, then the columns of `WEEKLY`): of prices by level, of the gaps of suppliers, of the distances of codes.
    `gaps`: one row per item of the history that had a price per kg or per unit and a usual one: its day and week, the
    keys of its traders and code; the gap per kg, as it counts in sums, and whether it is low; the gap per unit.
    """
    statements: list[Table] = []
    measured = [(PRICE_LEVELS, "m_value_per_kg"), *([(UNIT_LEVELS, "m_value_per_unit")] if has_expected else [])]
    for levels, measure in measured:
        for level in levels:
            statements += _price_level(level, levels[0], measure)
    week = week_sql("day")
    traders = ", ".join(f"k_{name}" for name in GAP_TRADERS)
    joins = "\n".join(
        f"  left join u_{level} as {level} on {level}.key = k_{level} and {level}.week = {week}"
        for levels, _ in measured
        for level in levels
    )
    unit_gap = gap_sql("m_value_per_unit", USUAL_UNIT_PRICE) if has_expected else "null"
    statements.append(
        (
            "gaps",
            f"""select day, week, {traders}, k_code, gap, {clip_sql("gap", GAP_CLIP)} as counted,
  case when gap < {LOW_GAP} then 1 else 0 end as low, unit_gap
from (
  select day, {week} as week, {traders}, k_code, {gap_sql("m_value_per_kg")} as gap,
    {unit_gap} as unit_gap
  from facts
{joins}
  where is_history and (m_value_per_kg is not null or m_value_per_unit is not null)
) measured where gap is not null or unit_gap is not null""",
        )
    )
    if not has_expected:
        return statements
    # What is wanted has its row in each, with nothing in it, so that the sums before its week are found by equality.
    parts = [f"count(gap) as {PART_COLUMNS[0]}", _whole_sum("gap", PART_COLUMNS[1])]
    parts += [f"count(unit_gap) as {PART_COLUMNS[2]}", _whole_sum("unit_gap", PART_COLUMNS[3])]
    statements += [
        (
            "w_supplier",
            f"""select key, week, {", ".join(parts)}
from (
  select k_exporter as key, week, counted as gap, {clip_sql("unit_gap", GAP_CLIP)} as unit_gap
  from gaps where k_exporter is not null
  union all
  select k_exporter, {week}, null, null from facts where target_id is not null and k_exporter is not null
) part group by key, week""",
        ),
        _weeks_before("supplier", PART_COLUMNS),
    ]
    away = f"abs({clip_sql(residual_sql('gap', 'supplier'), GAP_CLIP)})"
    unit_away = f"abs({clip_sql(residual_sql('unit_gap', 'supplier', unit='unit_'), GAP_CLIP)})"
    spreads = [f"count(away) as {SPREAD_COLUMNS[0]}", _whole_sum("away", SPREAD_COLUMNS[1])]
    spreads += [f"count(unit_away) as {SPREAD_COLUMNS[2]}", _whole_sum("unit_away", SPREAD_COLUMNS[3])]
    statements += [
        (
            "w_spread",
            f"""select key, week, {", ".join(spreads)}
from (
  select k_code as key, gaps.week, {away} as away, {unit_away} as unit_away
  from gaps left join u_supplier as supplier on supplier.key = k_exporter and supplier.week = gaps.week
  union all
  select k_code, {week}, null, null from facts where target_id is not null
) spread group by key, week""",
        ),
        _weeks_before("spread", SPREAD_COLUMNS),
    ]
    return statements


def _whole_sum(sql: str, name: str) -> str:
    return f"cast(coalesce(sum({sql}), 0) as bigint) as {name}"


def _weeks_before(table: str, columns: tuple[str, ...]) -> Table:
    """`u_<table>`: the sums of the 52 weeks before; counts are whole, sums doubles that hold whole numbers exactly."""
    sums = ", ".join(
        f"cast(coalesce(sum({c}) over past, 0) as {'integer' if c.endswith('_count') else 'double'}) as {c}"
        for c in columns
    )
    return (
        f"u_{table}",
        f"""select key, week, {sums}
from w_{table} window past as (partition by key order by week range between {WEEKS} preceding and 1 preceding)""",
    )


def _price_level(level: str, widest: str, measure: str) -> list[Table]:
    """The prices of one level by week; those of a narrow level lie within `PRICE_CLIP` of the mean of the ``widest``."""
    week = week_sql("day")
    price, wider = measure, ""
    if level != widest:
        mean = f"{widest}.price_sum / nullif({widest}.price_count, 0)"
        away = clip_sql(f"({measure} - {mean})", PRICE_CLIP)
        price = f"case when {widest}.price_count > 0 then cast(round({mean} + {away}) as integer) else {measure} end"
        wider = f" join u_{widest} as {widest} on {widest}.key = k_{widest} and {widest}.week = {week}"
    return [
        (
            f"w_{level}",
            f"""select key, week, count(price) as price_count, {_whole_sum("price", "price_sum")}
from (
  select k_{level} as key, {week} as week,
    case when is_history and abs({measure}) < {LARGEST_PRICE} then {price} end as price
  from facts{wider} where k_{level} is not null
) priced group by key, week""",
        ),
        _weeks_before(level, PRICE_COLUMNS),
    ]


def _join_weekly(relation: str, key: str, day: str, *, has_expected: bool) -> tuple[str, str]:
    """The columns of `WEEKLY` of a relation, each after a comma, and the joins that give them; "" where it has none."""
    tables = weekly_tables(relation, has_expected=has_expected)
    columns = "".join(f", u_{table}.{c}" for table, names in tables for c in names)
    joins = "".join(
        f" join u_{table} on u_{table}.key = {key} and u_{table}.week = {week_sql(day)}" for table, _ in tables
    )
    return columns, joins


def own_columns(e: Entity) -> tuple[str, ...]:
    """The columns of an entity's profile, but for those of `WEEKLY`."""
    found = [*PROFILE_COLUMNS, *(WINDOW_COLUMNS if e.is_long else ()), *(f"{s}_year" for s in year_sums(e.name))]
    return (*found, *(GAP_COLUMNS if e.name in GAP_TRADERS else ()))


def habit_sums(e: Entity) -> tuple[str, ...]:
    """The columns that an entity's past is summed over for its habits: those of a year, then the gaps of prices."""
    return (*year_sums(e.name), *(("g", "d", "l") if e.name in GAP_TRADERS else ()))


def habits_of_items(e: Entity, counted: str = "") -> str:
    """These columns in rows of items. ``counted``: the condition of the rows that count; "": all do."""
    yearly = year_sums(e.name)
    if counted:
        return "".join(
            f", case when {counted} then {s} else 0 end as {s}" if s in yearly else f", 0 as {s}" for s in habit_sums(e)
        )
    return "".join(f", {s}" if s in yearly else f", 0 as {s}" for s in habit_sums(e))


def habits_of_results(e: Entity) -> str:
    """The same in rows of results, which have none."""
    return "".join(", 0" for _ in habit_sums(e))


def gap_rows(e: Entity, k: str, *, counts: int) -> str:
    """Rows of gaps under the key ``k``, beside those of items and results; ``counts``: columns before the habits'."""
    if e.name not in GAP_TRADERS:
        return ""
    zeros = "".join(", 0" for _ in range(counts + len(year_sums(e.name))))
    return f"\n    union all\n    select {k}, day{zeros}, 1, counted, low from gaps where {k} is not null and gap is not null"


def profile_statement(e: Entity, *, is_narrow: bool = False, has_expected: bool = True) -> Table:
    """One entity's profile on each day wanted: `p_<entity>(key, day, ...)`.

    ``is_narrow``: few items are wanted, so only their keys and days are summed; the same rows come out.
    ``has_expected``: as of `price_statements`.
    """
    if is_narrow:
        return _narrow_profile(e, has_expected=has_expected)
    k = f"k_{e.name}"
    before = "(partition by key order by day rows between unbounded preceding and 1 preceding)"
    long_columns = ""
    if e.is_long:
        long_columns = """,
    cast(n_all - first_value(n_all) over year as integer) as n_year,
    cast(i_all - first_value(i_all) over year as integer) as i_year,
    cast(r_all - first_value(r_all) over year as integer) as r_year,
    cast(n_all - first_value(n_all) over month as integer) as n_month"""
        long_columns += "".join(
            f",\n    cast({s}_all - first_value({s}_all) over year as double) as {s}_year" for s in year_sums(e.name)
        )
    # A window's sum is the cumulative before this day less the cumulative before the window's first day.
    windows = (
        f"""
  window year as (partition by key order by day range between {YEAR_DAYS} preceding and current row),
    month as (partition by key order by day range between {MONTH_DAYS} preceding and current row)"""
        if e.is_long
        else ""
    )
    own, nothing, gaps = habits_of_items(e, "is_history"), habits_of_results(e), gap_rows(e, k, counts=5)
    summed = "".join(f", sum({s}) as {s}" for s in habit_sums(e))
    cumulated = "".join(f",\n    coalesce(sum({s}) over before, 0) as {s}_all" for s in habit_sums(e))
    gap_columns = (
        ",\n    cast(g_all as integer) as g_all, cast(d_all as double) as d_all, cast(l_all as integer) as l_all"
        if e.name in GAP_TRADERS
        else ""
    )
    weekly, joins = _join_weekly(e.name, "windowed.key", "windowed.day", has_expected=has_expected)
    columns = ", ".join(f"windowed.{c}" for c in own_columns(e))
    found = f"select windowed.key, windowed.day, {columns}{weekly} from windowed{joins}"
    return (
        f"p_{e.name}",
        f"""with daily as (
  select key, day, sum(n) as n, sum(i) as i, sum(r) as r, sum(v) as v, max(wanted) as wanted{summed}
  from (
    select {k} as key, day, cast(is_history as integer) as n, 0 as i, 0 as r, cast(0 as bigint) as v,
      case when target_id is null then 0 else 1 end as wanted{own}
    from facts where {k} is not null
    union all
    select {k}, day, 0, inspected, irregular, cents, 0{nothing} from events where {k} is not null{gaps}
  )
  group by key, day
), cumulated as (
  select key, day, wanted,
    coalesce(sum(n) over before, 0) as n_all, coalesce(sum(i) over before, 0) as i_all,
    coalesce(sum(r) over before, 0) as r_all, coalesce(sum(v) over before, 0) as v_all,
    min(case when n > 0 then day end) over before as first_day,
    max(case when n > 0 then day end) over before as last_day,
    max(case when r > 0 then day end) over before as hit_day{cumulated}
  from daily
  window before as {before}
), windowed as (
  select key, day, wanted, cast(n_all as integer) as n_all, cast(i_all as integer) as i_all,
    cast(r_all as integer) as r_all, cast(v_all as double) as v_all, first_day, last_day, hit_day{long_columns}{gap_columns}
  from cumulated{windows}
)
{found} where wanted = 1""",
    )


def _narrow_profile(e: Entity, *, has_expected: bool) -> Table:
    """The profile of the keys wanted, each day wanted summed by itself instead of in a window over all days."""
    k = f"k_{e.name}"
    long_columns = ""
    if e.is_long:
        year, month = (f"then_day >= seen.day - {days}" for days in (YEAR_DAYS, MONTH_DAYS))
        long_columns = f""",
  cast(coalesce(sum(case when {year} then n end), 0) as integer) as n_year,
  cast(coalesce(sum(case when {year} then i end), 0) as integer) as i_year,
  cast(coalesce(sum(case when {year} then r end), 0) as integer) as r_year,
  cast(coalesce(sum(case when {month} then n end), 0) as integer) as n_month"""
        long_columns += "".join(
            f",\n  cast(coalesce(sum(case when {year} then {s} end), 0) as double) as {s}_year"
            for s in year_sums(e.name)
        )
    own, nothing, gaps = habits_of_items(e), habits_of_results(e), gap_rows(e, k, counts=4)
    gap_columns = (
        """,
  cast(coalesce(sum(g), 0) as integer) as g_all, cast(coalesce(sum(d), 0) as double) as d_all,
  cast(coalesce(sum(l), 0) as integer) as l_all"""
        if e.name in GAP_TRADERS
        else ""
    )
    weekly, joins = _join_weekly(e.name, "seen.key", "seen.day", has_expected=has_expected)
    # One row for each key and week: any of them is the one.
    weekly = "".join(f",\n  max({c}) as {c.split('.')[1]}" for c in weekly.split(", ")[1:])
    carried = "".join(f", {s}" for s in habit_sums(e))
    # Results by day: a correction on the day of what it corrects leaves no irregularity on that day.
    return (
        f"p_{e.name}",
        f"""with asked as (
  select distinct {k} as key, day from facts where target_id is not null and {k} is not null
), past as (
  select {k} as key, day as then_day, 1 as n, 0 as i, 0 as r, cast(0 as bigint) as v{own}
  from facts where is_history and {k} is not null
  union all
  select {k}, day, 0, sum(inspected), sum(irregular), sum(cents){nothing} from events where {k} is not null group by {k}, day{gaps}
), seen as (
  select asked.key, asked.day, then_day, n, i, r, v{carried}
  from asked left join past on past.key = asked.key and past.then_day < asked.day
)
select seen.key as key, seen.day as day, cast(coalesce(sum(n), 0) as integer) as n_all, cast(coalesce(sum(i), 0) as integer) as i_all,
  cast(coalesce(sum(r), 0) as integer) as r_all, cast(coalesce(sum(v), 0) as double) as v_all,
  min(case when n > 0 then then_day end) as first_day, max(case when n > 0 then then_day end) as last_day,
  max(case when r > 0 then then_day end) as hit_day{long_columns}{gap_columns}{weekly}
from seen{joins} group by seen.key, seen.day""",
    )


def reference_statement(level: Level, *, is_narrow: bool = False, has_expected: bool = True) -> Table:
    """Trailing medians and quartiles of one level of comparables: `q_<level>(target_id, ...)`.

    ``is_narrow``: the items wanted are few and of few days. Then each wanted key and day pools its own
    comparables, instead of a window that moves over every item of the history; the same figures come out.
    ``has_expected``: as of `price_statements`.
    """
    k = f"k_ref_{level.name}"
    present = " or ".join(f"m_{m} is not null" for m in level.measures)
    over = "" if is_narrow else " over past"
    columns = []
    outer = []
    for m in level.measures:
        value = f"h.m_{m}" if is_narrow else f"case when is_history then m_{m} end"
        quantiles, middle = ("[0.25, 0.5, 0.75]", 2) if m in level.quartiles else ("[0.5]", 1)
        columns.append(f"count({value}){over} as count_{m}")
        columns.append(f"quantile_disc({value}, {quantiles}){over} as quantiles_{m}")
        outer.append(f"cast(coalesce(count_{m}, 0) as integer) as count_{m}, quantiles_{m}[{middle}] as median_{m}")
        if m in level.quartiles:
            outer.append(f"quantiles_{m}[1] as low_{m}, quantiles_{m}[3] as high_{m}")
    weekly, joins = _join_weekly(f"ref_{level.name}", f"facts.{k}", "facts.day", has_expected=has_expected)
    if is_narrow:
        return (
            f"q_{level.name}",
            f"""with asked as (
  select distinct {k} as key, day from facts where target_id is not null and {k} is not null and ({present})
), pooled as (
  select asked.key, asked.day, {", ".join(columns)}
  from asked join facts h
    on h.{k} = asked.key and h.is_history and h.day >= asked.day - {WINDOW_DAYS} and h.day < asked.day
  group by asked.key, asked.day
)
select facts.target_id, {", ".join(outer)}{weekly}
from facts left join pooled on pooled.key = facts.{k} and pooled.day = facts.day{joins}
where facts.target_id is not null and facts.{k} is not null and ({present})""",
        )
    weekly, joins = _join_weekly(f"ref_{level.name}", f"ranked.{k}", "ranked.day", has_expected=has_expected)
    return (
        f"q_{level.name}",
        f"""with ranked as (
  select target_id{f", {k}, day" if weekly else ""}, {", ".join(columns)}
  from facts where {k} is not null and ({present})
  window past as (partition by {k} order by day range between {WINDOW_DAYS} preceding and 1 preceding)
)
select target_id, {", ".join(outer)}{weekly} from ranked{joins} where target_id is not null""",
    )


def join_statement(extras: tuple[str, ...], items: str = "items", *, has_expected: bool = True) -> str:
    """One run of days: identification, features (32-bit floats; amounts 64), categories (text).

    Parameters ``$first``, ``$last``: declared days, inclusive; ``$low``, ``$high``: days of history that
    their items see from. The join is made run by run because a hash table of every profile at once
    would not fit a modest server's memory.
    ``items``: as of `prepare_statements`. ``extras``: the history's own ``x_`` columns, kept as categories. A feature's SQL may name an
    earlier feature: each is computed once, in catalog order. ``has_expected``: with the features of `EXPECTED_PRICES`.
    """
    columns = []
    for f in CATALOG:
        if f.name in EXPECTED_PRICES and not has_expected:
            continue
        kind = "varchar" if f.role == "category" else "double" if f.unit == "amount" else "float"
        columns.append(f"cast({f.sql} as {kind}) as {f.name}")
    columns += [f"cast(t.{quote_identifier(x)} as varchar) as {quote_identifier('category_' + x)}" for x in extras]
    days = "day between $low and $high"
    profiles = "\n".join(
        f"left join (select * from p_{e.name} where {days}) as {e.name}"
        f" on {e.name}.key = t.k_{e.name} and {e.name}.day = t.day"
        for e in ENTITIES
    )
    references = "\n".join(
        f"left join (select q.* from q_{lv.name} q, bounds where q.target_id between bounds.low and bounds.high)"
        f" as ref_{lv.name} on ref_{lv.name}.target_id = t.target_id"
        for lv in LEVELS
    )
    arithmetic = ",\n    ".join(f"{f.sql} as {f.name}" for f in ITEM_FEATURES if f.sql != f.name)
    measures = ", ".join(f"f.m_{m.name}" for m in MEASURES)
    keys = ", ".join(f"f.k_{e.name}" for e in (EVERYTHING, *ENTITIES))
    carried = ", ".join(dict.fromkeys((*CATEGORIES, *map(quote_identifier, extras), "customs_value_amount")))
    return f"""with wanted_now as (
  select * from wanted_key where declared_day between $first and $last
), bounds as (
  select min(target_id) as low, max(target_id) as high from wanted_now
), total as (
  select declaration_id, declaration_version, count(*) as declaration_items,
    sum(cast(round(customs_value_amount * 100) as bigint)) / 100.0 as declaration_value
  from {items} semi join wanted_now using (declaration_id, declaration_version)
  where declared_day between $first and $last
  group by declaration_id, declaration_version
), own as (
  select w.target_id, i.declaration_id, i.declaration_version, i.item_number, {carried},
    declaration_items,
    {arithmetic}
  from {items} i join total using (declaration_id, declaration_version)
  join (select target_id, declaration_id, declaration_version, item_number from wanted_now) w
    using (declaration_id, declaration_version, item_number)
  where i.declared_day between $first and $last
), t as (
  select f.day, {measures}, {keys}, own.*
  from (select facts.* from facts, bounds where facts.target_id between bounds.low and bounds.high) f
  join own on own.target_id = f.target_id
)
select t.declaration_id, t.declaration_version, t.item_number,
  {", ".join(columns)}
from t
join (select * from p_everything where {days}) as everything on everything.key = t.k_everything and everything.day = t.day
{profiles}
{references}"""
