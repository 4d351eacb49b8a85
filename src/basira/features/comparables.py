"""Some earlier imports to compare with, by number.

Enters: a connection with `items`, the codes and origins asked for, a day. Leaves: the latest earlier
items of each, as "declaration/item". Never here: an item of that day or later.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from basira.features.references import WINDOW_DAYS

MOST = 5


def find_comparables(
    con: duckdb.DuckDBPyConnection, asked: Iterable[tuple[str, str | None]], *, before_day: int, most: int = MOST
) -> dict[tuple[str, str | None], tuple[str, ...]]:
    """The latest items declared in the year before ``before_day`` for each (code, origin); origin None: any.

    Only items with a value and a mass, since they are there to be compared. Same answer whatever the order of rows.
    """
    keys = sorted({(code, origin or "") for code, origin in asked})
    if not keys:
        return {}
    con.execute("create or replace temp table asked (code varchar, origin varchar)")
    con.executemany("insert into asked values (?, ?)", [list(key) for key in keys])
    rows = con.execute(
        """with found as (
  select asked.code, asked.origin, declaration_id || '/' || item_number as item, declared_day, declared_at
  from items join asked on commodity_code = asked.code and (asked.origin = '' or origin_country = asked.origin)
  where declared_day >= $first and declared_day < $day and customs_value_amount > 0 and net_mass_kg > 0
  qualify row_number() over (partition by asked.code, asked.origin order by declared_at desc, item) <= $most
)
select code, origin, list(item order by declared_at desc, item) from found group by code, origin""",
        {"first": before_day - WINDOW_DAYS, "day": before_day, "most": most},
    ).fetchall()
    con.execute("drop table asked")
    return {(code, origin or None): tuple(items) for code, origin, items in rows}
