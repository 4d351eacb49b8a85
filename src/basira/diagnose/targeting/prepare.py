"""The declarations of a period as part B reads them: who was selected, by what, and what came of it.

Enters: one row a declaration. Leaves: the same with what follows from it. Never here: a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

# Of a lane: when at least this share of its declarations has a row of results, it inspects.
INSPECTS = 0.5
FEWEST_OF_LANE = 20
# What parts the rules of one declaration.
_PARTS = r"[|;,]"
_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M")

COLUMNS = (
    *("declaration_id", "office", "declared_at", "day", "importer", "declarant", "exporter", "transport", "procedure"),
    *("is_oea", "items", "value", "tax", "chapter", "origin", "lane", "basis", "rules", "released", "result_lane"),
    *("inspector", "has_row", "is_carried_out", "is_known", "is_irregular", "revenue", "known_day"),
)


def prepare_declarations(declared: pl.DataFrame, random_words: Sequence[str]) -> pl.DataFrame:
    """``declared``: a row a declaration, with `COLUMNS`; texts null where the source has none, ``known_day`` in days
    since 1970-01-01.

    Adds ``in_lane`` (its lane, else that of its result), ``is_selected``, ``is_random``, ``rule_list`` (null without
    the field), ``hours`` to release (null unknown), ``is_weekend``, ``is_month_end`` (one of the last two days).
    """
    lanes = declared.filter(pl.col("lane").is_not_null()).group_by("lane").agg(pl.len(), pl.col("has_row").mean())
    inspecting = lanes.filter((pl.col("has_row") >= INSPECTS) & (pl.col("len") >= FEWEST_OF_LANE))["lane"].to_list()
    words = [word.lower() for word in random_words]
    moments = [pl.col("released").str.to_datetime(form, strict=False, time_unit="us") for form in _MOMENTS]
    has_rules = declared["rules"].null_count() < declared.height
    rules = (
        pl.col("rules")
        .fill_null("")
        .str.replace_all(_PARTS, "|")
        .str.split("|")
        .list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))
    )
    moment = pl.col("declared_at")
    return declared.with_columns(
        in_lane=pl.coalesce("lane", "result_lane"),
        is_selected=pl.col("has_row") | pl.col("lane").is_in(inspecting).fill_null(value=False),
        is_random=pl.col("basis").str.to_lowercase().is_in(words).fill_null(value=False),
        rule_list=rules if has_rules else pl.lit(None, pl.List(pl.String)),
        hours=(pl.coalesce(moments) - moment).dt.total_minutes() / 60.0,
        is_weekend=moment.dt.weekday() >= 6,
        is_month_end=moment.dt.offset_by("2d").dt.month() != moment.dt.month(),
    ).with_columns(hours=pl.when(pl.col("hours") >= 0).then(pl.col("hours")))
