"""The rules that hit declarations: never right, always right, twice the same, long without a finding.

Enters: declarations as `prepare_declarations` leaves them. Leaves: tables, findings. Never here: a rule that hit
nothing: without a list of the rules in force nobody knows of it, and that is said.

Results of one importer resemble one another: a rule that hits one honest importer 250 times says much of that importer
and little of the rule. Where few importers make its results, that is what is said, and it is no alarm.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from basira.diagnose.findings import Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import at_most, share_of

FEWEST_RESULTS = 20
# A rule that is right less than this much of the rate of all others, and surely so, selects nothing worth it.
DEAD_RATIO = 0.25
# The upper end of its rate's interval, in parts of that of all others.
DEAD_HIGH = 0.5
RARE = 0.01
# Of fewer importers (as many equal ones), a rate is theirs and not the rule's.
FEWEST_IMPORTERS = 4.0
ALWAYS = 0.8
# Two rules of which this share of all declarations that either hits is hit by both.
SAME = 0.9
FEWEST_SHARED = 15


def judge_rules(declared: pl.DataFrame) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """Tables of rules and of pairs, findings, what could not be judged."""
    if declared["rule_list"].null_count() == declared.height:
        return (), (), (Unjudged("rules", ("x_rules",)),)
    last_day = int(declared["day"].max())  # type: ignore[arg-type]  # days are whole numbers
    hits = declared.with_row_index("row").explode("rule_list").filter(pl.col("rule_list").is_not_null())
    if hits.is_empty():
        return (), (), (Unjudged("rules", ("x_rules",)),)
    known = declared.filter("is_known")
    all_hits, all_known = int(known["is_irregular"].sum()), known.height
    by_rule = (
        hits.group_by("rule_list")
        .agg(
            pl.len().alias("hits"),
            pl.col("is_selected").sum().alias("selected"),
            pl.col("is_known").sum().alias("known"),
            (pl.col("is_known") & pl.col("is_irregular")).sum().alias("found"),
            pl.col("revenue").filter("is_known").sum().alias("revenue"),
            pl.col("day").filter(pl.col("is_known") & pl.col("is_irregular")).max().alias("last"),
        )
        .sort("rule_list")
    )
    tested = int((by_rule["known"] >= FEWEST_RESULTS).sum())
    importers = _importers(hits)
    rows: list[tuple[Cell, ...]] = []
    findings: list[Finding] = []
    for rule, count, selected, results, found, revenue, last in by_rule.iter_rows():
        months = None if last is None else round((last_day - last) / 30.44, 1)
        rate = share_of(found, results)
        rows.append((rule, count, share_of(selected, count), results, found, rate, revenue, months))
        others = share_of(all_hits - found, all_known - results)
        if results < FEWEST_RESULTS or others.value is None:
            continue
        values = {
            "rule": Said(rule, "code"),
            "known": Said(results, "count"),
            "found": Said(found, "count"),
            "share": Said(rate.value, "share"),
            "others": Said(others.value, "share"),
        }
        chance = at_most(found, results * others.value) * tested
        is_low = (rate.value or 0.0) < DEAD_RATIO * others.value and rate.high < DEAD_HIGH * others.value
        if chance < RARE and is_low:
            if importers[rule] >= FEWEST_IMPORTERS:
                findings.append(Finding("dead_rule", "medium", "targeting.rules", values))
            else:
                few = values | {"importers": Said(importers[rule], "number")}
                findings.append(Finding("rule_on_few", "low", "targeting.rules", few))
        if rate.low > ALWAYS:
            findings.append(Finding("sure_rule", "low", "targeting.rules", values))
    rows.sort(key=lambda row: (-int(str(row[4])), str(row[0])))
    columns = (
        *(Column("rule", "code"), Column("hits", "count"), Column("selected", "share")),
        *(Column("known_results", "count"), Column("found", "count"), Column("hit_rate", "share")),
        *(Column("revenue", "money"), Column("months_since", "number")),
    )
    pairs, pair_findings = _pairs(hits)
    tables = (Table("targeting.rules", columns, tuple(rows), shown=25), pairs)
    return tables, (*findings, *pair_findings), (Unjudged("rules_in_force", ("rules",)),)


def _importers(hits: pl.DataFrame) -> dict[str, float]:
    """By rule, of how many importers its known results are: of equal shares this many would be as concentrated (inverse
    of the sum of squared shares). A declaration without an importer counts as one of its own."""
    counted = (
        hits.filter("is_known")
        .group_by("rule_list", pl.coalesce("importer", "declaration_id").alias("importer"))
        .agg(pl.len().cast(pl.Int64).alias("n"))
        .group_by("rule_list")
        .agg(pl.col("n").sum().alias("all"), (pl.col("n") ** 2).sum().alias("squares"))
    )
    return {rule: whole * whole / squares for rule, whole, squares in counted.iter_rows()}


def _pairs(hits: pl.DataFrame) -> tuple[Table, list[Finding]]:
    names = hits["rule_list"].unique().sort().to_list()
    place = {name: n for n, name in enumerate(names)}
    columns = np.array([place[name] for name in hits["rule_list"].to_list()])
    rows = hits["row"].to_numpy().astype(np.int64)
    shape = (int(rows.max()) + 1, len(names))
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    matrix.data[:] = 1.0
    both = (matrix.T @ matrix).tocoo()
    size = np.asarray(matrix.sum(axis=0)).ravel()
    found: list[tuple[Cell, ...]] = []
    for one, other, shared in zip(both.row, both.col, both.data, strict=True):
        union = size[one] + size[other] - shared
        if one < other and shared >= FEWEST_SHARED and shared / union >= SAME:
            found.append((names[one], names[other], int(shared), int(union), float(shared / union)))
    found.sort(key=lambda row: (-float(str(row[4])), str(row[0])))
    table_columns = (
        *(Column("rule", "code"), Column("other_rule", "code"), Column("shared", "count")),
        *(Column("either", "count"), Column("share", "share")),
    )
    findings = [
        Finding(
            "overlapping_rules",
            "low",
            "targeting.rules.pairs",
            {
                "rule": Said(str(row[0]), "code"),
                "other": Said(str(row[1]), "code"),
                "share": Said(float(str(row[4])), "share"),
                "either": Said(int(str(row[3])), "count"),
            },
        )
        for row in found
    ]
    return Table("targeting.rules.pairs", table_columns, tuple(found)), findings
