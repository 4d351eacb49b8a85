"""Whether values can be true: lengths of codes, masses, amounts, taxes, declarations that stand twice.

Enters: counts of checks, made in one pass over the items. Leaves: a table, findings. Never here: a row that is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from basira.diagnose.findings import Cell, Column, Finding, Said, Table
from basira.diagnose.statistics import share_of

# A check that fails for more of the items than this is a finding.
MOST_FAILED = {
    "net_above_gross": 0.01,
    "no_value": 0.005,
    "no_mass": 0.01,
    "duty_arithmetic": 0.02,
    "repeated_declaration": 0.01,
    "unknown_origin": 0.05,
    "in_future": 0.0,
}
MOST_OTHER_LENGTHS = 0.02


@dataclass(frozen=True)
class Check:
    """``code``: names the message `word.check.<code>`; ``failed`` of ``of`` items that it could be made on."""

    code: str
    failed: int
    of: int


@dataclass(frozen=True)
class Lengths:
    """How many items have a commodity code of ``digits`` digits."""

    digits: int
    items: int


def judge_validity(
    checks: Sequence[Check], lengths: Sequence[Lengths], rejected: Sequence[tuple[str, int]]
) -> tuple[tuple[Table, ...], tuple[Finding, ...]]:
    """The table of checks, that of code lengths, that of rejected rows (reason and rows); and findings."""
    rows: list[tuple[Cell, ...]] = [(one.code, one.failed, one.of, share_of(one.failed, one.of)) for one in checks]
    findings = [
        Finding(
            "invalid",
            "medium",
            "data.validity",
            {
                "check": Said(f"check.{one.code}", "word"),
                "failed": Said(one.failed, "count"),
                "of": Said(one.of, "count"),
                "share": Said(one.failed / one.of, "share"),
            },
        )
        for one in checks
        if one.code in MOST_FAILED and one.of and one.failed / one.of > MOST_FAILED[one.code]
    ]
    items = sum(one.items for one in lengths)
    ordered = sorted(lengths, key=lambda one: -one.items)
    if ordered and (items - ordered[0].items) / items > MOST_OTHER_LENGTHS:
        values = {
            "digits": Said(ordered[0].digits, "count"),
            "share": Said((items - ordered[0].items) / items, "share"),
            "items": Said(items, "count"),
        }
        findings.append(Finding("code_lengths", "medium", "data.code_lengths", values))
    tables = [
        Table(
            "data.validity",
            (Column("check", "word"), Column("failed", "count"), Column("of", "count"), Column("share", "share")),
            tuple((f"check.{row[0]}", *row[1:]) for row in rows),
        ),
        Table(
            "data.code_lengths",
            (Column("digits", "count"), Column("items", "count"), Column("share", "share")),
            tuple((one.digits, one.items, share_of(one.items, items)) for one in ordered),
        ),
    ]
    if rejected:
        of = (Column("reason", "code"), Column("rows", "count"))
        tables.append(Table("data.rejected", of, tuple(rejected)))
    return tuple(tables), tuple(findings)
