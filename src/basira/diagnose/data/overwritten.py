"""Declared values overwritten by found ones: what is left of a declaration is its correction.

Enters: one row an item with an irregular result, declared beside found. Leaves: a table, findings. Never here: a value
that is mended: the source alone knows what was declared.

Three signs, each of which a system that keeps both values does not show:
- found equals declared in results that say the value was wrong;
- duties were recovered for a wrong value while declared and found agree;
- items found undervalued were declared no lower than comparable items that were found right.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from basira.diagnose.findings import ALL, Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import Floats, share_of

# Of the results whose values can be compared: above this share the lower end of the interval is a finding.
MOST_EQUAL = 0.02
# Goods that are missing from an account change no figure of the declaration: a wrong quantity needs more.
MOST_EQUAL_QUANTITY = 0.5
FEWEST = 5
# Of one mind: declared and found to the cent, or to a unit of the fifth figure.
EQUAL_WITHIN = 5e-6
# An undervalued item that was declared as it was lies below its comparables by at least this (logarithm).
LEAST_GAP = 0.10
FEWEST_COMPARED = 30
# Standard errors by which the gap must stay below.
SURE = 2.33

_PAIRS = (
    ("value", "customs_value_amount", "found_value_amount"),
    ("quantity", "quantity", "found_quantity"),
    ("mass", "net_mass_kg", "found_net_mass_kg"),
)


def judge_overwritten(results: pl.DataFrame) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """Tables by field and office, and of the gap to comparables; findings; what could not be judged.

    ``results``: one row an item with a known result: ``office``, ``is_irregular``, ``is_irregular_value`` (null: kinds
    are not recorded), the declared and found columns of the pairs, ``commodity_code``, ``found_commodity_code``,
    ``origin_country``, ``found_origin_country``, ``revenue``, ``deviation`` (logarithm of declared value per kg over
    the median of its code and origin; null without one).
    """
    rows: list[tuple[Cell, ...]] = []
    findings: list[Finding] = []
    wrong = results.filter(pl.col("is_irregular"))
    for name, compared in _compared(wrong):
        total = compared.select(pl.len(), pl.col("equal").sum()).row(0)
        paid = compared.filter(pl.col("equal") & (pl.col("revenue") > 0)).height
        rows.append((f"pair.{name}", ALL, *_figures(total), paid))
        most = MOST_EQUAL_QUANTITY if name in ("quantity", "mass") else MOST_EQUAL
        if total[0] >= FEWEST and share_of(total[1], total[0]).low > most:
            findings.append(_finding(name, total, paid))
        by_office = compared.group_by("office").agg(pl.len(), pl.col("equal").sum(), paid=_paid()).sort("office")
        for office, count, equal, own in by_office.iter_rows():
            rows.append((f"pair.{name}", office, *_figures((count, equal)), own))
    unjudged = [] if rows else [Unjudged("overwritten", ("found_value_amount", "found_commodity_code"))]
    gap, gap_findings = _gap(results)
    if gap is None:
        unjudged.append(Unjudged("gap", ("is_irregular_value", "net_mass_kg", "customs_value_amount")))
    columns = (
        *(Column("field", "word"), Column("office", "code"), Column("compared", "count"), Column("equal", "count")),
        *(Column("share", "share"), Column("equal_paid", "count")),
    )
    tables = (Table("data.overwritten", columns, tuple(rows)), *([] if gap is None else [gap]))
    return tables, (*findings, *gap_findings), tuple(unjudged)


def _paid() -> pl.Expr:
    return (pl.col("equal") & (pl.col("revenue") > 0)).sum()


def _figures(counts: tuple[int, ...]) -> tuple[Cell, ...]:
    return counts[0], counts[1], share_of(counts[1], counts[0])


def _compared(wrong: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """By field the irregular items of which both values are there, and whether they are equal."""
    found = []
    of_value = pl.col("is_irregular_value").fill_null(value=True)
    for name, declared, established in _PAIRS:
        both = pl.col(declared).is_not_null() & pl.col(established).is_not_null() & (pl.col(established) > 0)
        part = wrong.filter(both & of_value) if name == "value" else wrong.filter(both)
        near = (pl.col(declared) / pl.col(established) - 1).abs() < EQUAL_WITHIN
        found.append((name, part.with_columns(equal=near)))
    code = wrong.filter(pl.col("commodity_code").is_not_null() & pl.col("found_commodity_code").is_not_null())
    same = pl.col("commodity_code").str.starts_with(pl.col("found_commodity_code"))
    found.append(("code", code.with_columns(equal=same)))
    origin = wrong.filter(pl.col("origin_country").is_not_null() & pl.col("found_origin_country").is_not_null())
    found.append(("origin", origin.with_columns(equal=pl.col("origin_country") == pl.col("found_origin_country"))))
    return [(name, part) for name, part in found if part.height]


def _finding(name: str, total: tuple[int, ...], paid: int) -> Finding:
    values = {
        "field": Said(f"pair.{name}", "word"),
        "equal": Said(total[1], "count"),
        "compared": Said(total[0], "count"),
        "share": Said(total[1] / total[0], "share"),
        "paid": Said(paid, "count"),
    }
    return Finding("overwritten", "high", "data.overwritten", values)


def _gap(results: pl.DataFrame) -> tuple[Table | None, tuple[Finding, ...]]:
    """How far below comparable items those found undervalued were declared, beside those found right."""
    if results["is_irregular_value"].null_count() == results.height:
        return None, ()
    known = results.filter(pl.col("deviation").is_not_null())
    # An amount recovered: a value put up, not one put down.
    wrong: Floats = known.filter(pl.col("is_irregular_value") & (pl.col("revenue").fill_null(1.0) > 0))[
        "deviation"
    ].to_numpy()
    right: Floats = known.filter(~pl.col("is_irregular"))["deviation"].to_numpy()
    if len(wrong) < FEWEST_COMPARED or len(right) < FEWEST_COMPARED:
        return None, ()
    middle = float(np.median(right) - np.median(wrong))
    error = 1.2533 * math.sqrt(sum(_spread(part) ** 2 / len(part) for part in (wrong, right)))
    columns = (
        *(Column("undervalued", "count"), Column("right", "count"), Column("gap", "share")),
        *(Column("low", "share"), Column("high", "share")),
    )
    low, high = (1 - math.exp(-(middle + side * 1.96 * error)) for side in (-1, 1))
    table = Table("data.gap", columns, ((len(wrong), len(right), 1 - math.exp(-middle), low, high),))
    if middle + SURE * error >= LEAST_GAP:
        return table, ()
    values = {
        "items": Said(len(wrong), "count"),
        "gap": Said(1 - math.exp(-middle), "share"),
        "high": Said(high, "share"),
    }
    return table, (Finding("no_gap", "high", "data.gap", values),)


def _spread(values: Floats) -> float:
    return float(np.median(np.abs(values - np.median(values)))) * 1.4826
