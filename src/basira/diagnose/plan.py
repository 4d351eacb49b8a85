"""Part E: what to do, in order: gaps × effort × gain, each tied to its figure and to the article that it serves.

Enters: the findings and open questions of the other parts. Leaves: the part "plan". Never here: an action without a
figure or a missing field behind it.

Articles are those of the WTO Agreement on Trade Facilitation (7.4, 7.5), of chapter 6 of the General Annex to the
Revised Kyoto Convention, and, for feedback, the WCO Customs Risk Management Compendium. Their numbers were compared
with the published texts: tfadatabase.org, measures 18 and 19, and the WCO's own page of chapter 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from basira.diagnose.findings import SEVERITIES, Cell, Column, Finding, Part, Said, Table, Unjudged

Horizon = Literal["three_months", "twelve_months", "twenty_four_months"]
_HORIZONS: dict[int, Horizon] = {1: "three_months", 2: "twelve_months", 3: "twenty_four_months"}
# Of a question that could not be judged: as much as the least severe finding.
_WEIGHT = {"high": 3, "medium": 2, "low": 1}
_UNJUDGED_WEIGHT = 1


@dataclass(frozen=True)
class Action:
    """``findings`` (or beginnings of them) and ``unjudged``: what calls for it. ``effort``: 1 a decision or a setting,
    2 a change of a procedure or a program, 3 a project. ``gain``: 1 to 3, what the others rest on most first.
    ``values``: of the first finding, the value that the indicator follows: the first of these that it has."""

    code: str
    findings: tuple[str, ...]
    unjudged: tuple[str, ...]
    effort: int
    gain: int
    article: str
    owner: str
    values: tuple[str, ...] = ()


ACTIONS: tuple[Action, ...] = (
    Action("keep_declared", ("overwritten", "no_gap"), ("overwritten",), 2, 3, "data", "it", ("share",)),
    Action(
        "record_results",
        ("blank_", "no_kinds", "not_carried_out"),
        ("results",),
        *(1, 3, "feedback", "offices", ("share",)),
    ),
    Action("results_in_time", ("late_office",), (), 1, 1, "feedback", "offices", ("days",)),
    Action(
        "mend_units", ("unit_jump", "invalid", "code_lengths"), ("levels",), 1, 2, "data", "it", ("factor", "share")
    ),
    Action("fill_fields", ("incomplete_",), ("absent_fields",), 2, 2, "data", "it", ("share",)),
    Action(
        "random_control",
        ("no_random", "few_random", "random_not_random", "released_unknown"),
        ("random",),
        *(1, 3, "random", "targeting", ("controls", "drawn")),
    ),
    Action(
        "retire_rules",
        ("dead_rule", "overlapping_rules", "sure_rule", "rule_on_few"),
        ("rules_in_force",),
        1,
        2,
        "criteria",
        "targeting",
        ("share",),
    ),
    Action(
        "watch_conduct",
        ("passed_by", "less_controlled", "steered_pair"),
        ("pairs",),
        *(2, 3, "discrimination", "audit", ("own",)),
    ),
    Action(
        "cover_all", ("special_days", "never_controlled"), (), 1, 1, "criteria", "targeting", ("own", "declarations")
    ),
    Action(
        "record_selection",
        (),
        ("lanes", "rules", "release", "targeting"),
        *(2, 3, "data", "it"),
    ),
    Action(
        "expedite",
        ("slow_release", "few_hits", "no_lift"),
        (),
        2,
        2,
        "expedite",
        "targeting",
        ("hours", "share", "chosen"),
    ),
    Action(
        "learn",
        ("few_findings", "short_history", "order_helps"),
        ("possible",),
        *(3, 2, "analysis", "targeting", ("findings", "months")),
    ),
)
QUESTIONS = (
    *("mandate", "override", "feedback_use", "rule_life", "random_rule", "post_clearance", "other_agencies"),
    *("training", "systems", "sanctions"),
)


def judge_plan(findings: Sequence[Finding], unjudged: Sequence[Unjudged], maturity: Table) -> Part:
    """The part "plan": actions in order, maturity, questions for interviews."""
    called = [(_score(one, findings, unjudged), n, one) for n, one in enumerate(ACTIONS)]
    ordered = [one for score, _, one in sorted(called, key=lambda item: (-item[0], item[1])) if score > 0]
    rows = tuple(_row(place, one, findings, unjudged) for place, one in enumerate(ordered, start=1))
    reasons = tuple(_reason(place, one, findings, unjudged) for place, one in enumerate(ordered, start=1))
    columns = (
        *(Column("order", "count"), Column("action", "word"), Column("first_step", "word"), Column("owner", "word")),
        *(Column("horizon", "word"), Column("indicator", "word"), Column("today", "code")),
    )
    reason_columns = (
        *(Column("order", "count"), Column("action", "word"), Column("gaps", "count"), Column("shown_by", "code")),
        *(Column("severity", "word"), Column("gain", "count"), Column("effort", "count"), Column("article", "word")),
    )
    questions = tuple((f"question.{code}",) for code in QUESTIONS)
    return Part(
        "plan",
        (
            Table("plan.actions", columns, rows, shown=20),
            Table("plan.reasons", reason_columns, reasons, shown=20),
            maturity,
            Table("plan.questions", (Column("question", "word"),), questions, shown=20),
        ),
    )


def _findings_of(action: Action, findings: Sequence[Finding]) -> list[Finding]:
    own = [one for one in findings if action.findings and one.code.startswith(action.findings)]
    return sorted(own, key=lambda one: SEVERITIES.index(one.severity))


def _gaps_of(action: Action, unjudged: Sequence[Unjudged]) -> list[Unjudged]:
    return [one for one in unjudged if one.code in action.unjudged]


def _score(action: Action, findings: Sequence[Finding], unjudged: Sequence[Unjudged]) -> float:
    """Severity of the worst gap × gain / effort; 0: nothing calls for it."""
    own = _findings_of(action, findings)
    weights = [_WEIGHT[one.severity] for one in own] + [_UNJUDGED_WEIGHT] * bool(_gaps_of(action, unjudged))
    return max(weights, default=0) * action.gain / action.effort


def _row(place: int, action: Action, findings: Sequence[Finding], unjudged: Sequence[Unjudged]) -> tuple[Cell, ...]:
    own, gaps = _findings_of(action, findings), _gaps_of(action, unjudged)
    said = next((own[0].values[name] for name in action.values if own and name in own[0].values), None)
    if said is None and gaps:
        said = Said(", ".join(dict.fromkeys(name for one in gaps for name in one.fields)), "fields")
    return (
        *(place, f"action.{action.code}", f"step.{action.code}", f"owner.{action.owner}"),
        *(f"horizon.{_HORIZONS[action.effort]}", f"indicator.{action.code}", said),
    )


def _reason(place: int, action: Action, findings: Sequence[Finding], unjudged: Sequence[Unjudged]) -> tuple[Cell, ...]:
    own, gaps = _findings_of(action, findings), _gaps_of(action, unjudged)
    severity = own[0].severity if own else "low"
    return (
        *(place, f"action.{action.code}", len(own) + len(gaps), own[0].table if own else None),
        *(f"severity.{severity}", action.gain, action.effort, f"article.{action.article}"),
    )
