"""Some earlier imports to compare with, by number.

Enters: a connection with `items`, the codes and origins asked for, a day. Leaves: the latest earlier
items of each, as "declaration/item". Never here: an item of that day or later.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from basira.engines.engine import Engine
from basira.features.catalog.references import WINDOW_DAYS

MOST = 5


def find_comparables(
    con: Engine, asked: Iterable[tuple[str, str | None]], *, before_day: int, most: int = MOST
) -> dict[tuple[str, str | None], tuple[str, ...]]:
    """The latest items declared in the year before ``before_day`` for each (code, origin); origin None: any.

    Only items with a value and a mass, since they are there to be compared, and as first registered, like the
    reference values beside which they stand. Same answer whatever the order of rows.
    """
    keys = sorted({(code, origin or "") for code, origin in asked})
    if not keys:
        return {}
    codes, origins = zip(*keys, strict=True)
    con.register("asked", pa.table({"code": pa.array(codes, pa.string()), "origin": pa.array(origins, pa.string())}))
    rows = con.fetch_rows(
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
select code, origin, item from found order by code, origin, declared_at desc, item""",
        {"first": before_day - WINDOW_DAYS, "day": before_day, "most": most},
    )
    con.execute("drop table asked")
    found: dict[tuple[str, str | None], list[str]] = {}
    for code, origin, item in rows:
        found.setdefault((code, origin or None), []).append(item)
    return {key: tuple(items) for key, items in found.items()}
