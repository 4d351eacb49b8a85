"""Where an administration stands beside published frameworks, from figures and not from opinions.

Enters: the parts that were judged. Leaves: a table: dimension, level from 0 to 4, the figure that gives it. Never here:
a level without a figure: it is "not judged".

The dimensions are those of the WCO Customs Risk Management Compendium that data can speak of; the thresholds are ours
and stand here. 0: absent; 1: begun; 2: in use with gaps; 3: in use; 4: proven.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from basira.diagnose.data.completeness import NEEDED
from basira.diagnose.findings import ALL, Cell, Column, Finding, Interval, Part, Said, Table

_Judged = tuple[int, Said] | None


def judge_maturity(parts: Sequence[Part]) -> Table:
    """One row a dimension: ``level`` and ``figure`` are None where nothing could be judged."""
    tables = {table.code: table for part in parts for table in part.tables}
    findings = [one for part in parts for one in part.findings]
    rows: list[tuple[Cell, ...]] = []
    for dimension, judge, table in _DIMENSIONS:
        judged = judge(tables, findings)
        level, figure = (None, None) if judged is None else judged
        rows.append((f"maturity.{dimension}", level, figure, table))
    columns = (
        *(Column("maturity", "word"), Column("level", "count")),
        *(Column("today", "code"), Column("shown_by", "code")),
    )
    return Table("plan.maturity", columns, tuple(rows), shown=20)


def _step(value: float, *bounds: float) -> int:
    """How many of the bounds a value reaches."""
    return sum(value >= bound for bound in bounds)


def _completeness(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    del findings
    table = tables.get("data.completeness")
    if table is None:
        return None
    shares = [float(row[3].value or 0.0) for row in table.rows if row[0] in NEEDED and isinstance(row[3], Interval)]
    lowest = sorted(shares)[len(shares) // 4]
    return _step(lowest, 0.5, 0.8, 0.95, 0.99), Said(lowest, "share")


def _declared_kept(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    del findings
    table = tables.get("data.overwritten")
    rows = [row for row in table.rows if row[0] == "pair.value" and row[1] == ALL] if table else []
    if not rows or not isinstance(rows[0][4], Interval) or rows[0][4].value is None:
        return None
    kept = 1 - rows[0][4].value
    return _step(kept, 0.5, 0.9, 0.98, 0.999), Said(kept, "share")


def _results(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    del findings
    table = tables.get("data.results")
    shares = [row[3].value for row in table.rows if isinstance(row[3], Interval)] if table else []
    known = [1 - value for value in shares if value is not None]
    if not known:
        return None
    return _step(min(known), 0.5, 0.8, 0.9, 0.97), Said(min(known), "share")


def _random(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    codes = {one.code for one in findings}
    if "no_random" in codes:
        return 0, Said(0, "count")
    for one in findings:
        if one.code == "few_random":
            return 1, one.values["drawn"]
        if one.code == "random_not_random":
            return 1, one.values["controls"]
    rates = tables.get("targeting.rates")
    if "targeting.random" not in tables or rates is None:
        return None
    samples = tables.get("unknowns.samples")
    drawn, wanted = (int(str(samples.rows[0][n])) for n in (3, 7)) if samples else (0, 1)
    return (4 if drawn >= wanted else 3), Said(drawn, "count")


def _rules(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    table = tables.get("targeting.rules")
    if table is None or not table.rows:
        return None
    doubtful = {str(one.values["rule"].value) for one in findings if one.code in ("dead_rule", "overlapping_rules")}
    share = len(doubtful) / len(table.rows)
    return 1 + _step(1 - share, 0.5, 0.9, 0.99), Said(share, "share")


def _targeting(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    del findings
    table = tables.get("targeting.rates")
    row = table.rows[0] if table else None
    if row is None or not isinstance(row[6], Interval) or row[6].value is None:
        return None
    return _step(row[6].low, 0.01, 0.03, 0.08, 0.2), Said(row[6].value, "share")


def _conduct(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    if "targeting.pairs" not in tables:
        return None
    found = sum(one.code in ("steered_pair", "passed_by") for one in findings)
    return (3 if found == 0 else 1), Said(found, "count")


def _release(tables: dict[str, Table], findings: Sequence[Finding]) -> _Judged:
    del findings
    table = tables.get("targeting.release")
    if table is None or not table.rows:
        return None
    within = table.rows[0][4]
    if not isinstance(within, Interval) or within.value is None:
        return None
    return _step(within.value, 0.1, 0.3, 0.6, 0.9), Said(within.value, "share")


_DIMENSIONS: tuple[tuple[str, Callable[[dict[str, Table], Sequence[Finding]], _Judged], str], ...] = (
    ("data", _completeness, "data.completeness"),
    ("declared_kept", _declared_kept, "data.overwritten"),
    ("feedback", _results, "data.results"),
    ("random", _random, "targeting.random"),
    ("rules", _rules, "targeting.rules"),
    ("targeting", _targeting, "targeting.rates"),
    ("conduct", _conduct, "targeting.pairs"),
    ("release", _release, "targeting.release"),
)
