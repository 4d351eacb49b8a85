"""What inspections leave behind: blank results, kinds, delays.

Enters: one row a declaration with a row of results. Leaves: tables by office and inspector, findings. Never here: a
blank counted as compliant.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import Floats, adjust, at_least, median_of, share_of

# Blank results above this are a finding of their own; of an inspector, also as many more than the office's others.
MOST_BLANK = 0.10
FEWEST = 30
# A chance below this is a finding, after the number of tests was taken into account.
RARE = 0.01
# An office is late when its median delay is surely this many times that of the others, and at least so many days.
TIMES_LATER = 1.8
FEWEST_DAYS_LATER = 3.0


def judge_results(
    done: pl.DataFrame, *, last_day: int
) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """Tables, findings, what could not be judged.

    ``done``: one row a declaration of which a row of results is there: ``office``, ``inspector`` (null unknown),
    ``is_carried_out``, ``is_known`` (a result is recorded), ``is_irregular``, ``has_kind`` (null: no kinds at all),
    ``begun_day`` (inspected, else declared), ``known_day``; days since 1970-01-01.
    """
    rows, findings = _offices(done)
    tables = [
        Table(
            "data.results",
            (
                *(Column("office", "code"), Column("with_row", "count"), Column("carried_out", "share")),
                *(Column("blank", "share"), Column("irregular", "share"), Column("without_kind", "share")),
            ),
            tuple(rows),
        )
    ]
    unjudged = [Unjudged("free_text", ("result_text",))]
    by_inspector, inspector_findings = _inspectors(done)
    if by_inspector:
        columns = (
            *(Column("inspector", "code"), Column("office", "code"), Column("carried_out_count", "count")),
            *(Column("blank", "share"), Column("office_blank", "share"), Column("chance", "chance")),
        )
        tables.append(Table("data.results.inspectors", columns, tuple(by_inspector)))
        findings += inspector_findings
    else:
        unjudged.append(Unjudged("inspectors", ("inspector_id",)))
    delays, delay_findings = _delays(done, last_day=last_day)
    columns = (
        *(Column("office", "code"), Column("known_results", "count"), Column("delay_regular", "days")),
        *(Column("delay_irregular", "days"), Column("known_30", "share"), Column("known_90", "share")),
    )
    tables.append(Table("data.delays", columns, tuple(delays)))
    return tuple(tables), (*findings, *delay_findings), tuple(unjudged)


def _offices(done: pl.DataFrame) -> tuple[list[tuple[Cell, ...]], list[Finding]]:
    rows: list[tuple[Cell, ...]] = []
    findings: list[Finding] = []
    for (office,), part in sorted(done.group_by("office"), key=lambda pair: str(pair[0])):
        carried = part.filter("is_carried_out")
        blank = carried.filter(~pl.col("is_known")).height
        known = carried.filter("is_known")
        irregular = known.filter("is_irregular")
        without = irregular.filter(~pl.col("has_kind")).height if irregular["has_kind"].null_count() == 0 else None
        share = share_of(blank, carried.height)
        rows.append(
            (
                str(office),
                part.height,
                share_of(carried.height, part.height),
                share,
                share_of(irregular.height, known.height),
                None if without is None else share_of(without, irregular.height),
            )
        )
        if carried.height >= FEWEST and share.low > MOST_BLANK:
            values = {
                "office": Said(str(office), "code"),
                "blank": Said(blank, "count"),
                "carried_out": Said(carried.height, "count"),
                "share": Said(share.value, "share"),
            }
            findings.append(Finding("blank_results", "high", "data.results", values))
    total = done.filter(pl.col("is_carried_out") & pl.col("is_known") & pl.col("is_irregular"))
    if total.height and total["has_kind"].null_count() == total.height:
        values = {"irregular": Said(total.height, "count")}
        findings.append(Finding("no_kinds", "high", "data.results", values))
    return rows, findings


def _inspectors(done: pl.DataFrame) -> tuple[list[tuple[Cell, ...]], list[Finding]]:
    carried = done.filter(pl.col("is_carried_out") & pl.col("inspector").is_not_null())
    counted = (
        carried.group_by("inspector", "office")
        .agg(pl.len().alias("n"), (~pl.col("is_known")).sum().alias("blank"))
        .with_columns(
            office_n=pl.col("n").sum().over("office") - pl.col("n"),
            office_blank=pl.col("blank").sum().over("office") - pl.col("blank"),
        )
        .filter(pl.col("n") >= FEWEST)
        .sort("inspector", "office")
    )
    if counted.is_empty():
        return [], []
    chances = [
        at_least(blank, n * (others + 0.5) / (of + 1.0))
        for n, blank, of, others in counted.select("n", "blank", "office_n", "office_blank").iter_rows()
    ]
    rows, findings = list[tuple[Cell, ...]](), list[Finding]()
    for row, chance in zip(counted.iter_rows(named=True), adjust(chances), strict=True):
        share, others = share_of(row["blank"], row["n"]), share_of(row["office_blank"], row["office_n"])
        rows.append((row["inspector"], row["office"], row["n"], share, others, chance))
        if chance < RARE and share.low > MOST_BLANK / 2:
            values = {
                "inspector": Said(row["inspector"], "code"),
                "office": Said(row["office"], "code"),
                "share": Said(share.value, "share"),
                "others": Said(others.value, "share"),
                "chance": Said(chance, "chance"),
            }
            findings.append(Finding("blank_inspector", "medium", "data.results.inspectors", values))
    rows.sort(key=lambda one: (float(one[5]) if isinstance(one[5], float) else 1.0, str(one[0])))
    return rows, findings


def _delays(done: pl.DataFrame, *, last_day: int) -> tuple[list[tuple[Cell, ...]], list[Finding]]:
    """Days from the inspection to the recorded result, of inspections old enough that late results had time."""
    known = done.filter(pl.col("is_known") & (pl.col("begun_day") <= last_day - 60)).with_columns(
        days=(pl.col("known_day") - pl.col("begun_day")).cast(pl.Float64)
    )
    rows, findings = list[tuple[Cell, ...]](), list[Finding]()
    for (office,), part in sorted(known.group_by("office"), key=lambda pair: str(pair[0])):
        regular, irregular = (_days(part.filter(pl.col("is_irregular") == truth)) for truth in (False, True))
        within = [share_of(part.filter(pl.col("days") <= bound).height, part.height) for bound in (30, 90)]
        own, wrong = median_of(regular), median_of(irregular)
        rows.append((str(office), part.height, own, wrong, *within))
        others = _days(known.filter((pl.col("office") != office) & ~pl.col("is_irregular")))
        middle = float(np.median(others)) if len(others) else None
        if middle is None or len(regular) < FEWEST or len(others) < FEWEST or own.value is None:
            continue
        if own.low > TIMES_LATER * middle and own.low > middle + FEWEST_DAYS_LATER:
            values = {
                "office": Said(str(office), "code"),
                "days": Said(own.value, "days"),
                "others": Said(middle, "days"),
                "results": Said(len(regular), "count"),
            }
            findings.append(Finding("late_office", "medium", "data.delays", values))
    return rows, findings


def _days(part: pl.DataFrame) -> Floats:
    found: Floats = part["days"].to_numpy()
    return found
