"""What was there to find, item by item, and who found how much of which part of it.

Enters: a period's truth and what came back; then the recorded items of all runs. Leaves: one row per
irregular item of a period; shares found by kind, office, value, and by how new a trader or a code is;
importers never caught; the largest items missed. Never here: regular items, a strategy.

An item is *found* when it was chosen and its recorded result says irregular. "There to find" is the
truth in the simulated country, and recorded results in a replay: there, what was never inspected is
missing from every share alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from basira.laboratory.report.figures import half_width
from basira.laboratory.worlds.world import Inspected

# Slices by the column that holds their value, in the order of the page.
SLICES: tuple[str, ...] = ("kind", "value_band", "importer_age", "code_age", "office")
# Values of a slice shown by themselves; the rarer ones are put together as OTHER.
MOST_VALUES = 8
OTHER = "other"
UNKNOWN = "unknown"
_BANDS = 4

POSSIBLE = {
    "item_id": pl.String,
    "kind": pl.String,
    "office": pl.String,
    "importer_id": pl.String,
    "commodity_code": pl.String,
    "customs_value_amount": pl.Float64,
    "revenue": pl.Float64,
    "is_new_importer": pl.Boolean,
    "is_new_code": pl.Boolean,
    "is_selected": pl.Boolean,
    "is_found": pl.Boolean,
}


def possible_items(
    items: pl.DataFrame, newcomers: pl.DataFrame, inspected: Inspected, selected: Sequence[str]
) -> pl.DataFrame:
    """The irregular items of a period (columns `POSSIBLE`), one row each, by id.

    ``items``: the period's items as declared. ``newcomers``: ``item_id``, ``is_new_importer``, ``is_new_code``.
    ``revenue``: evaded by the truth in the country; what the result brought in a replay.
    """
    irregular = inspected.truth.filter(pl.col("is_irregular").fill_null(value=False))
    found = inspected.results.filter(pl.col("is_irregular"))["item_id"].to_list()
    columns = ["item_id", "office", "importer_id", "commodity_code", "customs_value_amount"]
    return (
        irregular.join(items.select(columns), on="item_id", how="left")
        .join(newcomers, on="item_id", how="left")
        .with_columns(
            pl.col("item_id").is_in(list(selected)).alias("is_selected"),
            pl.col("item_id").is_in(found).alias("is_found"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in POSSIBLE.items())
        .sort("item_id")
    )


def with_slices(possible: pl.DataFrame) -> pl.DataFrame:
    """The slices' columns beside the items of all runs (``strategy``, ``seed``, ``period`` and `POSSIBLE`).

    ``value_band``: "1" to "4", quarters of the declared values of all rows; see `band_edges`.
    ``importer_age``, ``code_age``: "new" or "known": declared before the item's period by anyone, or not.
    """
    edges = band_edges(possible)
    band = pl.lit(1)
    for edge in edges:
        band = band + (pl.col("customs_value_amount") > edge).cast(pl.Int32)
    age = {"is_new_importer": "importer_age", "is_new_code": "code_age"}
    frame = possible.with_columns(
        pl.when(pl.col("customs_value_amount").is_not_null()).then(band.cast(pl.String)).alias("value_band"),
        *(
            pl.when(pl.col(flag)).then(pl.lit("new")).when(~pl.col(flag)).then(pl.lit("known")).alias(name)
            for flag, name in age.items()
        ),
    ).with_columns(pl.col(*SLICES).fill_null(UNKNOWN))
    common = frame["office"].value_counts(sort=True)["office"].head(MOST_VALUES).to_list()
    return frame.with_columns(
        pl.when(pl.col("office").is_in(common)).then("office").otherwise(pl.lit(OTHER)).alias("office")
    )


def band_edges(possible: pl.DataFrame) -> tuple[float, ...]:
    """The three values that part the declared values of all rows in quarters; none without values."""
    values = possible["customs_value_amount"].drop_nulls().to_numpy()
    if len(values) == 0:
        return ()
    return tuple(float(v) for v in np.quantile(values, [n / _BANDS for n in range(1, _BANDS)]))


def found_shares(sliced: pl.DataFrame, by: str) -> pl.DataFrame:
    """One row per strategy and value of the slice ``by``: ``possible``, ``found`` (per seed, means), ``share`` and
    ``revenue_share`` over all seeds, and the 95 % interval of the share's mean over seeds (null with one seed)."""
    per_seed = sliced.group_by("strategy", by, "seed").agg(
        pl.len().alias("possible"),
        pl.col("is_found").sum().alias("found"),
        pl.col("revenue").sum(),
        pl.col("revenue").filter("is_found").sum().alias("brought"),
    )
    rows = []
    for (strategy, value), group in per_seed.sort("strategy", by, "seed").group_by("strategy", by, maintain_order=True):
        shares = (group["found"] / group["possible"]).to_numpy()
        # The same share in every seed, mostly none at all, says nothing of another seed.
        half = half_width(shares) or None
        share = int(group["found"].sum()) / int(group["possible"].sum())
        revenue = float(group["revenue"].sum())
        rows.append(
            {
                "strategy": strategy,
                "value": value,
                "possible": float(np.mean(group["possible"].to_numpy())),
                "found": float(np.mean(group["found"].to_numpy())),
                "share": share,
                "low": None if half is None else max(0.0, share - half),
                "high": None if half is None else min(1.0, share + half),
                "revenue_share": float(group["brought"].sum()) / revenue if revenue > 0 else None,
            }
        )
    numbers = dict.fromkeys(("possible", "found", "share", "low", "high", "revenue_share"), pl.Float64)
    return pl.DataFrame(rows, schema={"strategy": pl.String, "value": pl.String, **numbers})


def never_caught(possible: pl.DataFrame) -> pl.DataFrame:
    """One row per strategy, means over seeds: importers with an irregular item, those of whom none was found, the share
    of the revenue at stake that went with these, and the number of kinds never found."""
    firms = possible.group_by("strategy", "seed", "importer_id").agg(
        pl.col("is_found").any().alias("is_caught"), pl.col("revenue").sum()
    )
    per_seed = firms.group_by("strategy", "seed").agg(
        pl.len().alias("importers"),
        (~pl.col("is_caught")).sum().alias("never_caught"),
        (pl.col("revenue").filter(~pl.col("is_caught")).sum() / pl.col("revenue").sum()).alias("revenue_never_caught"),
    )
    kinds = possible.group_by("strategy", "seed", "kind").agg(pl.col("is_found").any())
    blind = kinds.group_by("strategy", "seed").agg((~pl.col("is_found")).sum().alias("kinds_never_found"))
    return (
        per_seed.join(blind, on=["strategy", "seed"])
        .group_by("strategy")
        .agg(pl.col("importers", "never_caught", "revenue_never_caught", "kinds_never_found").mean())
        .with_columns(pl.col("revenue_never_caught").fill_nan(None))
        .sort("strategy")
    )


def largest_missed(possible: pl.DataFrame, strategy: str, count: int) -> pl.DataFrame:
    """The items not found whose revenue was the largest, of any seed; ``is_selected``: inspected, and not seen or not
    recorded."""
    missed = possible.filter(pl.col("strategy") == strategy, ~pl.col("is_found"))
    return missed.sort("revenue", "seed", "item_id", descending=[True, False, False]).head(count)
