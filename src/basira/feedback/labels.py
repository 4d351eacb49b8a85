"""What an item is labelled with: the latest result known on a day.

Enters: an engine with the views `items` and `outcomes`, a day. Leaves: a table of labels. Never here: a feature, a
result that became known later.
"""

from __future__ import annotations

from basira.engines.engine import Engine
from basira.schema.codes import IRREGULARITY_KINDS


def label_items(con: Engine, *, as_of_day: int, into: str = "label", has_lane: bool = False) -> int:
    """One row per item with a known result at ``as_of_day``: its latest result, and how much it counts.

    A result that speaks of a whole declaration is every item's result; when it is an irregularity of a
    declaration with n items, each counts 1/n, for only one of them need be irregular. ``revenue`` is then the
    item's part, ``whole_revenue`` the declaration's: what is learned, since the probability is already shared
    out. Of two results known at the same moment, the one that names the item counts.

    Items are those of the first registration: an item that only an amendment has may be the fruit of the
    inspection, and its own result would teach the model to read the future.
    ``has_lane``: with the lane by which the inspection came, to look at results by; what is learned from has none.
    Returns the number of rows.
    """
    kinds = ", ".join(f"cast(is_irregular_{k} as integer) as kind_{k}" for k in IRREGULARITY_KINDS)
    lane = ("inspection_lane",) if has_lane else ()
    flags = (f"is_irregular_{k}" for k in IRREGULARITY_KINDS)
    of_result = ("known_day", "known_at", "received_at", "source", "source_row", "is_irregular", *lane, *flags)
    carried = ", ".join(f"o.{name}" for name in of_result)
    con.create_table(
        into,
        f"""with first_version as (
  select declaration_id, min(declaration_version) as declaration_version
  from items where declared_day <= $day and declaration_id in (select declaration_id from outcomes)
  group by declaration_id
), sized as (
  select i.declaration_id, i.item_number, i.declaration_version, i.declared_day,
    count(*) over (partition by i.declaration_id) as items
  from items i join first_version using (declaration_id, declaration_version)
), matched as (
  select s.declaration_id, s.item_number, s.declaration_version, s.declared_day,
    {carried},
    1.0 as weight, o.additional_revenue_amount as revenue,
    o.additional_revenue_amount as whole_revenue, true as is_own
  from outcomes o join sized s on s.declaration_id = o.declaration_id and s.item_number = o.item_number
  where o.item_number is not null
  union all
  select s.declaration_id, s.item_number, s.declaration_version, s.declared_day,
    {carried},
    case when o.is_irregular then 1.0 / s.items else 1.0 end, o.additional_revenue_amount / s.items,
    o.additional_revenue_amount, false
  from outcomes o join sized s on s.declaration_id = o.declaration_id
  where o.item_number is null
)
select declaration_id, declaration_version, item_number, declared_day, known_day, is_irregular, weight,
  revenue, whole_revenue, {"".join(f"{name}, " for name in lane)}{kinds}
from matched
where is_irregular is not null and known_day <= $day
qualify row_number() over (
  partition by declaration_id, item_number
  order by known_at desc, is_own desc, received_at desc, source desc, source_row desc
) = 1""",
        {"day": as_of_day},
    )
    return int(con.fetch_rows(f"select count(*) from {into}")[0][0])
