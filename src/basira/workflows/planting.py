"""Planting frauds: from the history on an engine to copies whose features the same SQL computes.

Enters: an engine with the view (or table) `items` and the table `label`, `as_of`, a seed. Leaves: the relation
`items_and_copies`, the table `planted` of copies and unlabelled items; their features as `PlantedItems`. Never here: a
copy in the history of any item, a copy of an item known to be irregular, what was declared after `as_of`.

A copy is a further version of its original's declaration, under a number that no registered version has. A version that
is not the first is described as of the day before the first, and no history holds it (`features/batch/sql.py`): so a
copy is described exactly as the original would have been, had it declared the copy's figures.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from basira.engines.engine import Engine
from basira.models.risk.planted import (
    CHANGED,
    FIRST_COPY,
    PLANTED_KINDS,
    READ,
    PlantedItems,
    draw_of_keys,
    plant_copies,
)
from basira.schema.sql import quote_identifier
from basira.schema.tables import ITEM_KEY
from basira.storage.engine import fetch_frame, fetch_value

# Measured with fewer: docs/explanation/model.md.
COPIES = 3000
# In a short history fewer: one copy for so many items.
_FEWEST_FOR_A_COPY = 4
# So many items are looked at for each copy: a kind needs items that it can happen to, and donors of codes and origins.
_LOOKED_AT = 10
KEY = "declaration_id, declaration_version, item_number"
_KEY_RANGE = 2**60
_UNLABELLED = 9
# What a copy has instead of its original's.
_OF_THE_COPY = frozenset((*CHANGED, "declaration_version"))


def plant_frauds(con: Engine, *, as_of_day: int, seed: int, count: int = COPIES) -> int:
    """Create `items_and_copies` and `planted` from what is known at ``as_of_day``; the number of copies.

    ``count``: of copies at most; a quarter of the items in a short history.

    `label`: of `basira.feedback.labels.label_items` for the same day. `planted` has one row per copy and as many
    unlabelled items: declaration_id, declaration_version, item_number, planted_kind ("" in unlabelled items),
    evaded_amount.

    The same item, seed and kind give the same copy, whatever else the history holds of its day and later.
    """
    total = int(fetch_value(con, "select count(*) from items where declared_day <= $day", {"day": as_of_day}) or 0)
    count = min(count, total // _FEWEST_FOR_A_COPY)
    pool = _sample(con, as_of_day=as_of_day, seed=seed, share=min(1.0, count * _LOOKED_AT / max(1, total)))
    copies = plant_copies(pool, count=count)
    planted = pl.concat([copies, _draw_unlabelled(pool, len(copies)).select(copies.columns)], how="vertical_relaxed")
    con.register("planted_change", planted.to_arrow())
    kept = ", ".join(f"i.{quote_identifier(c)}" for c in con.columns("items") if c not in _OF_THE_COPY)
    names = [quote_identifier(c) for c in CHANGED]
    changed = ", ".join(f"case when i.item_number = c.item_number then c.{n} else i.{n} end as {n}" for n in names)
    con.create_table(
        "planted_copies",
        f"select {kept}, {changed}, c.declaration_version"
        " from items i join planted_change c on i.declaration_id = c.declaration_id"
        " and i.declaration_version = c.of_version",
    )
    both = ", ".join(quote_identifier(c) for c in con.columns("items"))
    con.execute(
        "create or replace temp view items_and_copies as"
        f" select {both} from items union all select {both} from planted_copies"
    )
    con.register(
        "planted",
        planted.select(*KEY.split(", "), "planted_kind", "evaded_amount").to_arrow(),
    )
    con.execute("drop table planted_change")
    return len(copies)


def fetch_planted(con: Engine, features: str) -> PlantedItems:
    """The rows of `planted` with their features from the table ``features``, in order of day."""
    frame = fetch_frame(
        con,
        f"select f.*, p.planted_kind, p.evaded_amount, i.declared_day from {quote_identifier(features)} f"
        f" join planted p on {same_item('p', 'f')} join items_and_copies i on {same_item('i', 'f')}"
        " order by i.declared_day, f.declaration_id, f.declaration_version,"
        " f.item_number",
    )
    return PlantedItems(
        features=frame.drop("planted_kind", "evaded_amount", "declared_day"),
        declared_day=frame["declared_day"].to_numpy().astype(np.int64),
        kind=frame["planted_kind"].to_numpy().astype(np.str_),
        evaded=frame["evaded_amount"].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64),
    )


def same_item(one: str, other: str) -> str:
    """The condition of a join by item. Not by `using`: behind it a relation's star means different columns to different
    engines."""
    return " and ".join(f"{one}.{name} = {other}.{name}" for name in ITEM_KEY)


def drop_planted(con: Engine) -> None:
    """Remove what `plant_frauds` created."""
    con.execute("drop view if exists items_and_copies")
    for table in ("planted_copies", "planted", "learned"):
        con.execute(f"drop table if exists {table}")


def _draw_unlabelled(pool: pl.DataFrame, count: int) -> pl.DataFrame:
    """Items without a result, one a declaration, as copies that change nothing: described as the other copies are."""
    drawn = pl.Series("drawn", draw_of_keys(pool["key"].to_numpy().astype(np.uint64), _UNLABELLED))
    free = pool.with_columns(drawn).filter(pl.col("is_eligible") & ~pl.col("is_labelled"))
    free = free.sort("drawn", "declaration_id", "item_number").unique(
        "declaration_id", keep="first", maintain_order=True
    )
    return free.head(count).select(
        *("declaration_id", "item_number", *CHANGED),
        of_version=pl.col("declaration_version"),
        declaration_version=pl.lit(FIRST_COPY + len(PLANTED_KINDS), pl.Int32),
        planted_kind=pl.lit(""),
        evaded_amount=pl.lit(None, pl.Float64),
    )


def _sample(con: Engine, *, as_of_day: int, seed: int, share: float) -> pl.DataFrame:
    """About this share of the first registrations, by their keys: what `plant_copies` reads, and `is_labelled`."""
    # By a bound of the key, not by a count: the same items are taken again when others come in.
    bound = int(_KEY_RANGE * share)
    read = [c for c in READ if c not in ("key", "is_eligible")]
    columns = ", ".join(f"i.{quote_identifier(c)}" for c in (*read, *CHANGED))
    return fetch_frame(
        con,
        f"""with first_version as (
  select declaration_id, min(declaration_version) as declaration_version
  from items where declared_day <= $day group by declaration_id
), keyed as (
  select {columns}, sha_key($salt || i.declaration_id || '/' || cast(i.item_number as varchar)) as key
  from items i join first_version using (declaration_id, declaration_version)
)
select keyed.*, l.is_irregular is not null as is_labelled, not coalesce(l.is_irregular, false) as is_eligible
from keyed left join label l on {same_item("l", "keyed")}
where key < $bound order by declared_day, declaration_id, item_number""",
        {"day": as_of_day, "salt": f"{seed}:", "bound": bound},
    )
