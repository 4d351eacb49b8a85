"""When: hours to release by lane, week-ends and ends of months; and what no control ever reaches.

Enters: declarations as `prepare_declarations` leaves them. Leaves: tables, findings. Never here: an operator
(`basira.diagnose.targeting.operators`).
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import adjust, at_most, drawn_by_chance, median_of, share_of, two_sided

RARE = 0.001
# Controls on such days: this much below or above the others is a finding.
FACTOR = 1.5
FEWEST = 100
# Without a single control: so rare by the country's own rate.
NEVER = 1e-5
_SLOW_HOURS = 24.0


def judge_times(declared: pl.DataFrame) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """Tables of release times and of special days, findings, what could not be judged."""
    tables, findings, unjudged = list[Table](), list[Finding](), list[Unjudged]()
    if declared["hours"].null_count() == declared.height:
        unjudged.append(Unjudged("release", ("x_released_at",)))
    else:
        release, release_findings = _release(declared)
        tables.append(release)
        findings += release_findings
    days, day_findings = _days(declared)
    return (*tables, days), (*findings, *day_findings), tuple(unjudged)


def _release(declared: pl.DataFrame) -> tuple[Table, list[Finding]]:
    rows: list[tuple[Cell, ...]] = []
    findings = []
    known = declared.filter(pl.col("hours").is_not_null())
    for (lane,), part in sorted(known.group_by("in_lane"), key=lambda pair: -pair[1].height):
        hours = part["hours"].to_numpy()
        middle = median_of(hours)
        within = share_of(int((hours <= 4).sum()), len(hours))
        label = None if lane is None else str(lane)
        rows.append((label, len(hours), middle, float(np.quantile(hours, 0.9)), within))
        if float(part["is_selected"].mean() or 0.0) < 0.5 and middle.low > _SLOW_HOURS:  # type: ignore[arg-type]  # the mean of flags is a number
            values = {"lane": Said(label, "code"), "hours": Said(middle.value, "hours")}
            findings.append(Finding("slow_release", "medium", "targeting.release", values))
    columns = (
        *(Column("lane", "code"), Column("declarations", "count"), Column("median_hours", "hours")),
        *(Column("ninth_decile", "hours"), Column("within_4_hours", "share")),
    )
    return Table("targeting.release", columns, tuple(rows)), findings


def _days(declared: pl.DataFrame) -> tuple[Table, list[Finding]]:
    """Controls on week-ends and ends of months beside the other days, within each office and month."""
    rows: list[tuple[Cell, ...]] = []
    findings = []
    selected = declared["is_selected"].to_numpy()
    month = declared["declared_at"].dt.year() * 12 + declared["declared_at"].dt.month()
    strata = declared.select(pl.struct("office", month.alias("month")).rank("dense"))["office"]
    numbers = strata.to_numpy().astype(np.int64) - 1
    for name in ("is_weekend", "is_month_end"):
        is_it = declared[name].to_numpy()
        own, others = (share_of(int(selected[part].sum()), int(part.sum())) for part in (is_it, ~is_it))
        distance = drawn_by_chance(is_it.astype(np.float64), selected, numbers)
        chance = 1.0 if distance is None else two_sided(distance)
        rows.append((f"days.{name.removeprefix('is_')}", int(is_it.sum()), own, others, chance))
        if chance >= RARE or int(is_it.sum()) < FEWEST or not own.value or not others.value:
            continue
        ratio = max(own.value / others.value, others.value / own.value)
        if ratio >= FACTOR:
            values = {
                "days": Said(f"days.{name.removeprefix('is_')}", "word"),
                "own": Said(own.value, "share"),
                "others": Said(others.value, "share"),
                "chance": Said(chance, "chance"),
            }
            findings.append(Finding("special_days", "medium", "targeting.days", values))
    columns = (
        *(Column("days", "word"), Column("declarations", "count"), Column("selected", "share")),
        *(Column("selected_elsewhere", "share"), Column("chance", "chance")),
    )
    return Table("targeting.days", columns, tuple(rows)), findings


def judge_never(declared: pl.DataFrame) -> tuple[Table, list[Finding]]:
    """Goods, origins, procedures, modes and offices of which not one declaration was selected."""
    rate = float(declared["is_selected"].mean() or 0.0)  # type: ignore[arg-type]  # the mean of flags is a number
    tested = []
    for name in ("chapter", "origin", "procedure", "transport", "office"):
        counted = (
            declared.filter(pl.col(name).is_not_null())
            .group_by(name)
            .agg(pl.len().alias("n"), pl.col("is_selected").sum().alias("own"), pl.col("tax").sum().alias("tax"))
            .sort(name)
        )
        tested += [(name, *row) for row in counted.iter_rows()]
    chances = adjust([at_most(own, n * rate) if own == 0 else 1.0 for _, _, n, own, _ in tested])
    rows: list[tuple[Cell, ...]] = []
    findings = []
    for (name, value, n, own, tax), chance in zip(tested, chances, strict=True):
        if own or n < FEWEST:
            continue
        rows.append((f"attribute.{name}", str(value), n, n * rate, tax, chance))
        if chance < NEVER:
            values = {
                "attribute": Said(f"attribute.{name}", "word"),
                "value": Said(str(value), "code"),
                "declarations": Said(n, "count"),
                "expected": Said(math.floor(n * rate), "count"),
            }
            findings.append(Finding("never_controlled", "low", "targeting.never", values))
    rows.sort(key=lambda row: -int(str(row[2])))
    columns = (
        *(Column("attribute", "word"), Column("group", "code"), Column("declarations", "count")),
        *(Column("expected", "number"), Column("taxes", "money"), Column("chance", "chance")),
    )
    return Table("targeting.never", columns, tuple(rows)), findings
