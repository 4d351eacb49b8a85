"""Some earlier imports to compare with, by number.

Enters: a connection with `items`, the codes and origins asked for, a day. Leaves: the latest earlier
items of each, as "declaration/item". Never here: an item of that day or later.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from basira.features.catalog.references import WINDOW_DAYS

MOST = 5


def find_comparables(
    con: duckdb.DuckDBPyConnection, asked: Iterable[tuple[str, str | None]], *, before_day: int, most: int = MOST
) -> dict[tuple[str, str | None], tuple[str, ...]]:
    """The latest items declared in the year before ``before_day`` for each (code, origin); origin None: any.

    Only items with a value and a mass, since they are there to be compared, and as first registered, like the
    reference values beside which they stand. Same answer whatever the order of rows.
    """
    keys = sorted({(code, origin or "") for code, origin in asked})
    if not keys:
        return {}
    con.execute("create or replace temp table asked (code varchar, origin varchar)")
    con.executemany("insert into asked values (?, ?)", [list(key) for key in keys])
    rows = con.execute(
        """with candidate as (
  select asked.code, asked.origin, declaration_id, declaration_version, declared_at,
    declaration_id || '/' || item_number as item
  from items join asked on commodity_code = asked.code and (asked.origin = '' or origin_country = asked.origin)
  where declared_day >= $first and declared_day < $day and customs_value_amount > 0 and net_mass_kg > 0
), first_version as (
  select declaration_id, min(declaration_version) as declaration_version
  from items semi join candidate using (declaration_id) where declared_day < $day group by declaration_id
), found as (
  select code, origin, item, declared_at
  from candidate semi join first_version using (declaration_id, declaration_version)
  qualify row_number() over (partition by code, origin order by declared_at desc, item) <= $most
)
select code, origin, list(item order by declared_at desc, item) from found group by code, origin""",
        {"first": before_day - WINDOW_DAYS, "day": before_day, "most": most},
    ).fetchall()
    con.execute("drop table asked")
    return {(code, origin or None): tuple(items) for code, origin, items in rows}
