"""The plan: every finding and every open question leads to an action, in order of severity, gain and effort."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from basira.diagnose.findings import Finding, Said, Table, Unjudged
from basira.diagnose.plan import ACTIONS, judge_plan
from basira.diagnose.report.words import LOCALE
from tests.support.diagnose_world import diagnosis_of

MATURITY = Table("plan.maturity", (), ())


def messages(family: str) -> set[str]:
    with (LOCALE / "en.po").open("rb") as file:
        ids = {str(one.id) for one in read_po(file, locale="en") if one.id}
    return {one.removeprefix(f"{family}.") for one in ids if re.match(rf"{family}\.\w+$", one)}


def test_every_finding_leads_to_an_action() -> None:
    beginnings = tuple(code for action in ACTIONS for code in action.findings)
    assert len(messages("finding")) > 20
    assert {code for code in messages("finding") if not code.startswith(beginnings)} == set()


def test_every_open_question_leads_to_an_action_but_those_that_other_figures_answer() -> None:
    answered = {code for action in ACTIONS for code in action.unjudged}
    # More results, inspectors' names or amounts come with the results that are asked for; the others are no fault.
    assert messages("unjudged") - answered == {"gap", "inspectors", "revenue", "nothing_released"}


def test_actions_come_by_severity_gain_and_effort_with_today_s_value() -> None:
    share = {"share": Said(0.4, "share")}
    findings = [
        Finding("late_office", "medium", "data.delays", {"days": Said(9, "days")}),
        Finding("overwritten", "high", "data.overwritten", share),
        Finding("blank_results", "high", "data.results", share),
    ]
    table = judge_plan(findings, [Unjudged("pairs", ("inspector_id",))], MATURITY).tables[0]
    assert [row[1] for row in table.rows] == [
        "action.record_results",
        "action.keep_declared",
        "action.results_in_time",
        "action.watch_conduct",
    ]
    assert [row[6] for row in table.rows[:3]] == [Said(0.4, "share"), Said(0.4, "share"), Said(9, "days")]
    assert table.rows[3][6] == Said("inspector_id", "fields")


def test_nothing_found_calls_for_nothing() -> None:
    assert judge_plan([], [], MATURITY).tables[0].rows == ()


def test_maturity_is_judged_from_figures_and_left_open_without() -> None:
    clean, faulty = (diagnosis_of(name).find_table("plan.maturity") for name in ("", "files"))
    assert clean is not None
    assert faulty is not None
    levels = {str(row[0]): (row[1], other[1]) for row, other in zip(clean.rows, faulty.rows, strict=True)}
    assert levels["maturity.declared_kept"] == (4, 1)
    assert levels["maturity.random"] == (3, 1)
    assert int(str(levels["maturity.feedback"][0])) > int(str(levels["maturity.feedback"][1]))
