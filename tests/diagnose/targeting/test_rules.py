"""A rule that finds nothing: an alarm when many importers show it, a note when one does."""

from __future__ import annotations

import polars as pl
import pytest

from basira.diagnose.findings import Finding
from basira.diagnose.targeting.rules import judge_rules

FOUND = 400


def declarations(importers: int) -> pl.DataFrame:
    """4,000 results of which one in ten is irregular, and 200 that the rule X hit: none is, of so many importers."""
    rows = 4_000
    others = {"rule_list": [["O"]] * rows, "importer": [f"I{n}" for n in range(rows)]}
    own = {"rule_list": [["X"]] * 200, "importer": [f"X{n % importers}" for n in range(200)]}
    frame = pl.concat([pl.DataFrame(others), pl.DataFrame(own)]).with_row_index("row")
    return frame.select(
        declaration_id=pl.format("D{}", "row"),
        importer="importer",
        rule_list="rule_list",
        is_selected=pl.lit(value=True),
        is_known=pl.lit(value=True),
        is_irregular=pl.col("row") < FOUND,
        revenue=pl.lit(0.0),
        day=pl.lit(19_000),
    )


def of_rule(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in findings if one.values["rule"].value == "X"]


@pytest.mark.parametrize(
    ("importers", "found"), [(1, ("rule_on_few", "low")), (3, ("rule_on_few", "low")), (4, ("dead_rule", "medium"))]
)
def test_a_rule_without_findings_is_an_alarm_only_when_several_importers_show_it(
    importers: int, found: tuple[str, str]
) -> None:
    assert of_rule(judge_rules(declarations(importers))[1]) == [found]


def test_importers_that_are_unknown_count_one_by_one() -> None:
    frame = declarations(1).with_columns(importer=pl.lit(None, pl.String))
    assert of_rule(judge_rules(frame)[1]) == [("dead_rule", "medium")]
