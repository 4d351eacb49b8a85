"""The profiles of every key at once, as of the morning after `as_of`.

Enters: an engine with the views `items` and `outcomes`, and `as_of`. Leaves: sorted keys and records,
relation by relation: exactly the integers that `basira.features.batch.sql` would find for an item declared on the
next day. Never here: a file, a fact later than `as_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from basira.engines.engine import Engine
from basira.features.batch.sql import (
    EVERYTHING,
    gap_rows,
    habit_sums,
    habits_of_items,
    habits_of_results,
    prepare_statements,
    price_statements,
)
from basira.features.catalog.catalog import MONTH_DAYS, YEAR_DAYS
from basira.features.catalog.entities import ENTITIES, Entity
from basira.features.catalog.habits import GAP_TRADERS, PRICE_LEVELS, WEEK_DAYS, WEEKS, year_sums
from basira.features.catalog.references import LEVELS, WINDOW_DAYS, Level
from basira.features.online.keys import DECLARATION, NULL, RELATIONS, key_sql, record_types
from basira.features.online.plan import key_parts, plans
from basira.schema.fields import EXTRA_PREFIX

# Records in memory at a time.
ROWS_A_BATCH = 100_000

Entries = tuple[str, Sequence[bytes], Sequence[bytes]]
Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, what: str) -> None:
    """Report no progress."""


def find_extras(con: Engine) -> tuple[str, ...]:
    """The history's own ``x_`` columns, in the order in which the batch makes categories of them."""
    return tuple(c for c in con.columns("items") if c.startswith(EXTRA_PREFIX))


def profile_entries(con: Engine, *, as_of_day: int, progress: Progress = _silent) -> Iterator[Entries]:
    """Relation, keys and records, in ascending order of the key, a batch at a time.

    ``as_of_day``: the last day of history counted. One record per key that the history holds; a key without
    a record has counts of zero and no day or median. Temporary tables of the batch's names are replaced.
    """
    total = len(RELATIONS) + 1
    progress(0, total, "history")
    con.create_table("nothing_wanted", "select declaration_id, declaration_version, item_number from items limit 0")
    for table, query in prepare_statements("nothing_wanted"):
        con.create_table(table, query, {"as_of_day": as_of_day})
    for table, query in price_statements():
        con.create_table(table, query)
    # Batch keys are hashes; the texts behind them come from the items of the same facts.
    con.create_table(
        "named",
        f"select facts.*, {', '.join(plans().key_columns)}"
        " from facts join items using (declaration_id, declaration_version, item_number)",
    )
    con.execute("drop table facts")
    statements = {e.name: _profile_select(e, as_of_day) for e in (EVERYTHING, *ENTITIES)}
    statements |= {f"ref_{level.name}": _reference_select(level, as_of_day) for level in LEVELS}
    # The last version numbers the next amendment and is no feature: it counts what came after ``as_of_day`` too.
    statements[DECLARATION] = (
        f"select {key_sql(DECLARATION, ['declaration_id'])} as digest, first_day, last_version from first_version"
        " join (select declaration_id, cast(max(declaration_version) as integer) as last_version from items group by 1)"
        " using (declaration_id)"
    )
    for n, relation in enumerate(RELATIONS):
        progress(n + 1, total, relation)
        yield from _batches(con, relation, f"{statements[relation]} order by digest")
    for name in ("nothing_wanted", "first_version", "wanted_key", "named", "results", "events", "gaps"):
        con.execute(f"drop table if exists {name}")
    for level_name in PRICE_LEVELS:
        con.execute(f"drop table if exists u_{level_name}")
        con.execute(f"drop table if exists w_{level_name}")
    progress(total, total, "done")


def _batches(con: Engine, relation: str, select: str) -> Iterator[Entries]:
    types = record_types(relation)
    for batch in con.fetch_batches(select, rows=ROWS_A_BATCH):
        records = np.empty(batch.num_rows, dtype=list(types))
        for name, kind in types:
            column = batch.column(name)
            records[name] = column.fill_null(pa.scalar(0 if kind == "<f8" else NULL, column.type)).to_numpy(
                zero_copy_only=False
            )
        raw, size = records.tobytes(), records.itemsize
        yield relation, batch.column("digest").to_pylist(), [raw[i : i + size] for i in range(0, len(raw), size)]


def _digests_by_key(relation: str, k: str) -> str:
    """The written key of each hashed one."""
    parts = key_parts()[relation]
    digest = key_sql(relation, parts)
    return f"select {k} as key, any_value({digest}) as digest from named where {k} is not null group by 1"


def _profile_select(e: Entity, as_of_day: int) -> str:
    """One record per key: sums over all days up to ``as_of_day``, and over the windows that end with it."""
    k = f"k_{e.name}"
    year, month = as_of_day + 1 - YEAR_DAYS, as_of_day + 1 - MONTH_DAYS
    windows = f"""
    cast(coalesce(sum(n) filter (where day >= {year}), 0) as integer) as n_year,
    cast(coalesce(sum(i) filter (where day >= {year}), 0) as integer) as i_year,
    cast(coalesce(sum(r) filter (where day >= {year}), 0) as integer) as r_year,
    cast(coalesce(sum(n) filter (where day >= {month}), 0) as integer) as n_month,"""
    own, nothing, gaps = habits_of_items(e), habits_of_results(e), gap_rows(e, k, counts=4)
    summed = "".join(f", sum({s}) as {s}" for s in habit_sums(e))
    habits = "".join(
        f"\n    cast(coalesce(sum({s}) filter (where day >= {year}), 0) as double) as {s}_year,"
        for s in year_sums(e.name)
    )
    if e.name in GAP_TRADERS:
        habits += (
            "\n    cast(sum(g) as integer) as g_all, cast(sum(d) as double) as d_all, cast(sum(l) as integer) as l_all,"
        )
    found = f"select * exclude (key) from profile join ({_digests_by_key(e.name, k)}) using (key)"
    if e.name in PRICE_LEVELS:
        week = (as_of_day + 1) // WEEK_DAYS
        found = f"""select * exclude (key, price_count, price_sum), coalesce(price_count, 0) as price_count,
  coalesce(price_sum, 0) as price_sum
from profile join ({_digests_by_key(e.name, k)}) using (key) left join (
  select key, cast(sum(price_count) as integer) as price_count, cast(sum(price_sum) as double) as price_sum
  from w_{e.name} where week >= {week - WEEKS} and week < {week} group by key
) priced using (key)"""
    return f"""with daily as (
  select key, day, sum(n) as n, sum(i) as i, sum(r) as r, sum(v) as v{summed}
  from (
    select {k} as key, day, 1 as n, 0 as i, 0 as r, cast(0 as bigint) as v{own} from named where {k} is not null
    union all
    select {k}, day, 0, inspected, irregular, cents{nothing} from events where {k} is not null{gaps}
  )
  group by key, day
), profile as (
  select key, cast(sum(n) as integer) as n_all, cast(sum(i) as integer) as i_all, cast(sum(r) as integer) as r_all,
    cast(sum(v) as double) as v_all,{windows if e.is_long else ""}{habits}
    min(case when n > 0 then day end) as first_day, max(case when n > 0 then day end) as last_day,
    max(case when r > 0 then day end) as hit_day
  from daily group by key
)
{found}"""


def _reference_select(level: Level, as_of_day: int) -> str:
    """One record per key with an item of the trailing window: counts, medians, quartiles."""
    name = f"ref_{level.name}"
    k = f"k_{name}"
    inner, outer = [], []
    for m in level.measures:
        quantiles = "[0.25, 0.5, 0.75]" if m in level.quartiles else "[0.5]"
        inner.append(f"count(m_{m}) as count_{m}, quantile_disc(m_{m}, {quantiles}) as quantiles_{m}")
        middle = 2 if m in level.quartiles else 1
        outer.append(f"cast(count_{m} as integer) as count_{m}, quantiles_{m}[{middle}] as median_{m}")
        if m in level.quartiles:
            outer.append(f"quantiles_{m}[1] as low_{m}, quantiles_{m}[3] as high_{m}")
    present = " or ".join(f"m_{m} is not null" for m in level.measures)
    return f"""with reference as (
  select {k} as key, {", ".join(inner)} from named
  where {k} is not null and day >= {as_of_day + 1 - WINDOW_DAYS} and ({present}) group by 1
)
select digest, {", ".join(outer)} from reference join ({_digests_by_key(name, k)}) using (key)"""
