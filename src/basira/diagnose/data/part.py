"""Part A put together.

Enters: what a period holds, as frames and counts. Leaves: the part "data". Never here: a test of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from basira.diagnose.data.completeness import filled_shares, judge_completeness
from basira.diagnose.data.history import Held, judge_history
from basira.diagnose.data.levels import Jump, judge_levels
from basira.diagnose.data.overwritten import judge_overwritten
from basira.diagnose.data.results import judge_results
from basira.diagnose.data.validity import Check, Lengths, judge_validity
from basira.diagnose.findings import Part, Unjudged


@dataclass(frozen=True)
class DataFacts:
    """Each frame as the function that reads it says. ``last_day``: of the period, days since 1970-01-01. ``rejected``:
    reason and rows that intake rejected, of the whole store."""

    counts: pl.DataFrame
    checks: Sequence[Check]
    lengths: Sequence[Lengths]
    rejected: Sequence[tuple[str, int]]
    has_levels: bool
    jumps: Sequence[Jump]
    trades: pl.DataFrame
    results: pl.DataFrame
    done: pl.DataFrame
    held: Held
    last_day: int


def judge_data(facts: DataFacts) -> Part:
    """The part "data": the order of its tables is that of the report."""
    complete, complete_findings, absent = judge_completeness(facts.counts)
    valid, valid_findings = judge_validity(facts.checks, facts.lengths, facts.rejected)
    history, history_findings = judge_history(filled_shares(facts.counts), facts.held)
    unjudged = [Unjudged("absent_fields", absent.fields)] if absent.fields else []
    levels, level_findings = judge_levels(facts.jumps, facts.trades)
    if not facts.has_levels:
        unjudged.append(Unjudged("levels", ("net_mass_kg", "customs_value_amount")))
    if facts.done.is_empty():
        unjudged.append(Unjudged("results", ("is_irregular", "known_at")))
        return Part(
            "data",
            (*complete, *valid, levels, *history),
            (*complete_findings, *valid_findings, *level_findings, *history_findings),
            tuple(unjudged),
        )
    same, same_findings, same_unjudged = judge_overwritten(facts.results)
    results, result_findings, result_unjudged = judge_results(facts.done, last_day=facts.last_day)
    return Part(
        "data",
        (*complete, *valid, levels, *same, *results, *history),
        (
            *(*complete_findings, *valid_findings, *level_findings),
            *(*same_findings, *result_findings, *history_findings),
        ),
        (*unjudged, *same_unjudged, *result_unjudged),
    )
