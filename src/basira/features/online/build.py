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
    own_columns,
    prepare_statements,
    price_statements,
)
from basira.features.catalog.catalog import MONTH_DAYS
from basira.features.catalog.entities import ENTITIES, Entity
from basira.features.catalog.feature import YEAR_DAYS
from basira.features.catalog.habits import GAP_TRADERS, WEEK_DAYS, WEEKLY, WEEKLY_TABLES, WEEKS, year_sums
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
    # Each item of the past has its gap; the sums before each week, some rows an item, are not asked for again.
    for name in ("results", "wanted_key", *(f"u_{table}" for table in WEEKLY_TABLES)):
        con.execute(f"drop table {name}")
    # Batch keys are hashes; the texts behind them come from the items of the same facts.
    con.create_table(
        "named",
        f"select facts.*, {', '.join(plans().key_columns)}"
        " from facts join items on items.declaration_id = facts.declaration_id"
        " and items.declaration_version = facts.declaration_version and items.item_number = facts.item_number",
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
    for name in (
        "nothing_wanted",
        "first_version",
        "named",
        "events",
        "gaps",
        *(f"w_{table}" for table in WEEKLY_TABLES),
    ):
        con.execute(f"drop table if exists {name}")
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
    """The written key of each hashed one: made once a key, from the texts that all its rows have."""
    parts = key_parts()[relation]
    names = [f"part_{n}" for n, _ in enumerate(parts)]
    texts = ", ".join(f"min(cast({part} as varchar)) as {name}" for part, name in zip(parts, names, strict=True))
    digest = key_sql(relation, names)
    return (
        f"select key, {digest} as digest from"
        f" (select {k} as key, {texts} from named where {k} is not null group by {k}) texts"
    )


def _weekly(relation: str, as_of_day: int) -> tuple[list[str], str]:
    """The columns of `WEEKLY` of a relation, and the joins to ``profile`` that give them: the sums of 52 weeks."""
    week = (as_of_day + 1) // WEEK_DAYS
    columns, joins = [], ""
    for table, names in WEEKLY.get(relation, ()):
        kinds = {c: "integer" if c.endswith("_count") else "double" for c in names}
        columns += [f"cast(coalesce({table}_weeks.{c}, 0) as {kind}) as {c}" for c, kind in kinds.items()]
        sums = ", ".join(f"sum({c}) as {c}" for c in names)
        joins += (
            f" left join (select key, {sums} from w_{table}"
            f" where week >= {week - WEEKS} and week < {week} group by key)"
            f" as {table}_weeks on {table}_weeks.key = digests.key"
        )
    return columns, joins


def _profile_select(e: Entity, as_of_day: int) -> str:
    """One record per key: sums over all days up to ``as_of_day``, and over the windows that end with it."""
    k = f"k_{e.name}"
    year, month = as_of_day + 1 - YEAR_DAYS, as_of_day + 1 - MONTH_DAYS

    def since(day: int, column: str, name: str, kind: str) -> str:
        return f"\n    cast(coalesce(sum(case when day >= {day} then {column} end), 0) as {kind}) as {name},"

    windows = ""
    if e.is_long:
        windows = "".join(since(year, s, f"{s}_year", "integer") for s in ("n", "i", "r"))
        windows += since(month, "n", "n_month", "integer")
    own, nothing, gaps = habits_of_items(e), habits_of_results(e), gap_rows(e, k, counts=4)
    summed = "".join(f", sum({s}) as {s}" for s in habit_sums(e))
    habits = "".join(since(year, s, f"{s}_year", "double") for s in year_sums(e.name))
    if e.name in GAP_TRADERS:
        habits += (
            "\n    cast(sum(g) as integer) as g_all, cast(sum(d) as double) as d_all, cast(sum(l) as integer) as l_all,"
        )
    weekly, joins = _weekly(e.name, as_of_day)
    columns = ", ".join((*(f"profile.{c}" for c in own_columns(e)), *weekly))
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
    cast(sum(v) as double) as v_all,{windows}{habits}
    min(case when n > 0 then day end) as first_day, max(case when n > 0 then day end) as last_day,
    max(case when r > 0 then day end) as hit_day
  from daily group by key
), digests as ({_digests_by_key(e.name, k)})
select digests.digest, {columns} from profile join digests on digests.key = profile.key{joins}"""


def _reference_select(level: Level, as_of_day: int) -> str:
    """One record per key with an item of the trailing window: counts, medians, quartiles; and its prices by week."""
    name = f"ref_{level.name}"
    k = f"k_{name}"
    inner, outer = [], []
    for m in level.measures:
        quantiles = "[0.25, 0.5, 0.75]" if m in level.quartiles else "[0.5]"
        inner.append(f"count(m_{m}) as count_{m}, quantile_disc(m_{m}, {quantiles}) as quantiles_{m}")
        middle = 2 if m in level.quartiles else 1
        outer.append(f"cast(coalesce(count_{m}, 0) as integer) as count_{m}, quantiles_{m}[{middle}] as median_{m}")
        if m in level.quartiles:
            outer.append(f"quantiles_{m}[1] as low_{m}, quantiles_{m}[3] as high_{m}")
    present = " or ".join(f"m_{m} is not null" for m in level.measures)
    weekly, joins = _weekly(name, as_of_day)
    # The 52 weeks before this one begin up to six days before the 365 days do.
    kept = " or ".join(
        ["reference.key is not null", *(f"{table}_weeks.key is not null" for table, _ in WEEKLY.get(name, ()))]
    )
    return f"""with reference as (
  select {k} as key, {", ".join(inner)} from named
  where {k} is not null and day >= {as_of_day + 1 - WINDOW_DAYS} and ({present}) group by {k}
), digests as ({_digests_by_key(name, k)})
select digests.digest, {", ".join((*outer, *weekly))}
from digests left join reference on reference.key = digests.key{joins} where {kept}"""
