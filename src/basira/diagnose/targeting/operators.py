"""Operators: how controls are spread over them, and pairs of inspector and declarant that meet too often.

Enters: declarations as `prepare_declarations` leaves them. Leaves: tables, findings. Never here: a verdict on a person:
a chance, and what else could explain it; which operators controls pass by (`basira.diagnose.targeting.passed_by`).
"""

from __future__ import annotations

import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import adjust, at_least, share_of
from basira.diagnose.targeting.passed_by import judge_passed_by

RARE = 0.01
# Of pairs: this many times what chance gives, and at least so many meetings.
TOO_OFTEN = 2.0
FEWEST_MEETINGS = 6


def judge_operators(
    declared: pl.DataFrame, *, seed: int
) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """Tables of operators and pairs, findings, what could not be judged. ``seed``: of the sample fitted on."""
    tables: list[Table] = []
    findings: list[Finding] = []
    unjudged = []
    concentration = _concentration(declared)
    tables += [concentration] if concentration.rows else []
    if 0 < int(declared["is_selected"].sum()) < declared.height:
        passed, passed_findings = judge_passed_by(declared, seed=seed)
        tables.append(passed)
        findings += passed_findings
    if declared["inspector"].null_count() == declared.height or declared["declarant"].null_count() == declared.height:
        unjudged.append(Unjudged("pairs", ("inspector_id", "declarant_id")))
    else:
        pairs, pair_findings = _pairs(declared)
        tables.append(pairs)
        findings += pair_findings
    return tuple(tables), tuple(findings), tuple(unjudged)


def _concentration(declared: pl.DataFrame) -> Table:
    """What the operators with the most declarations have of declarations, controls and findings."""
    rows: list[tuple[Cell, ...]] = []
    for kind in ("importer", "declarant", "exporter"):
        known = declared.filter(pl.col(kind).is_not_null())
        if known.is_empty():
            continue
        counted = (
            known.group_by(kind)
            .agg(pl.len().alias("n"), pl.col("is_selected").sum(), (pl.col("is_known") & pl.col("is_irregular")).sum())
            .sort("n", kind, descending=True)
        )
        for part in (0.01, 0.1):
            head = counted.head(max(1, round(part * counted.height)))
            totals = [int(counted[name].sum()) for name in ("n", "is_selected", "is_known")]
            own = [int(head[name].sum()) for name in ("n", "is_selected", "is_known")]
            shares = [a / b if b else None for a, b in zip(own, totals, strict=True)]
            rows.append((f"operator.{kind}", part, head.height, *shares))
    columns = (
        *(Column("operator", "word"), Column("largest", "share"), Column("operators", "count")),
        *(Column("of_declarations", "share"), Column("of_controls", "share"), Column("of_findings", "share")),
    )
    return Table("targeting.concentration", columns, tuple(rows))


def _pairs(declared: pl.DataFrame) -> tuple[Table, list[Finding]]:
    met = declared.filter(pl.col("inspector").is_not_null() & pl.col("declarant").is_not_null()).with_columns(
        month=pl.col("declared_at").dt.truncate("1q")
    )
    stratum = ["office", "month"]
    sizes = met.group_by(stratum).agg(pl.len().alias("all"))
    inspector = met.group_by([*stratum, "inspector"]).agg(pl.len().alias("of_inspector"))
    declarant = met.group_by([*stratum, "declarant"]).agg(pl.len().alias("of_declarant"))
    expected = (
        inspector.join(declarant, on=stratum)
        .join(sizes, on=stratum)
        .group_by("inspector", "declarant")
        .agg((pl.col("of_inspector") * pl.col("of_declarant") / pl.col("all")).sum().alias("expected"))
    )
    counted = met.group_by("inspector", "declarant").agg(
        pl.len().alias("n"),
        pl.col("office").first(),
        pl.col("is_known").sum().alias("known"),
        (pl.col("is_known") & pl.col("is_irregular")).sum().alias("found"),
    )
    whole = met.group_by("declarant").agg(
        pl.col("is_known").sum().alias("all_known"),
        (pl.col("is_known") & pl.col("is_irregular")).sum().alias("all_found"),
    )
    tested = (
        expected.filter(pl.col("expected") >= 0.5)
        .join(counted, on=["inspector", "declarant"], how="inner")
        .join(whole, on="declarant")
        .sort("inspector", "declarant")
    )
    chances = adjust([at_least(n, e) for n, e in tested.select("n", "expected").iter_rows()])
    rows: list[tuple[Cell, ...]] = []
    findings = []
    for row, chance in zip(tested.iter_rows(named=True), chances, strict=True):
        others_known, others_found = row["all_known"] - row["known"], row["all_found"] - row["found"]
        own, others = share_of(row["found"], row["known"]), share_of(others_found, others_known)
        ratio = row["n"] / row["expected"]
        rows.append(
            (row["inspector"], row["declarant"], row["office"], row["n"], row["expected"], ratio, chance, own, others)
        )
        if chance < RARE and ratio >= TOO_OFTEN and row["n"] >= FEWEST_MEETINGS:
            values = {
                "inspector": Said(row["inspector"], "code"),
                "declarant": Said(row["declarant"], "code"),
                "office": Said(row["office"], "code"),
                "meetings": Said(row["n"], "count"),
                "expected": Said(round(row["expected"], 1), "number"),
                "own": Said(own.value, "share"),
                "others": Said(others.value, "share"),
                "chance": Said(chance, "chance"),
            }
            findings.append(Finding("steered_pair", "high", "targeting.pairs", values))
    rows.sort(key=lambda row: (float(str(row[6])), -float(str(row[5])), str(row[0]), str(row[1])))
    columns = (
        *(Column("inspector", "code"), Column("declarant", "code"), Column("office", "code")),
        *(Column("meetings", "count"), Column("expected", "number"), Column("ratio", "ratio")),
        *(Column("chance", "chance"), Column("hit_rate", "share"), Column("hit_rate_elsewhere", "share")),
    )
    return Table("targeting.pairs", columns, tuple(rows), shown=10), findings
