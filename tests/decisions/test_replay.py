"""Comparing a recorded run with the same run made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from basira.decisions import Difference, TargetingRun, compare, decide
from basira.schema.errors import ReplayError
from basira.schema.records import Candidate, ItemAssessment, Reason, Selection

REASON = Reason("unit_value_low", {"median": 12.5}, ("f1",), 0.5)
ITEM = ItemAssessment(1, 0.3, 100.0, 30.0, {"value": 0.2}, (REASON,), ("value",))
ONE = decide(
    "run-1",
    Selection("D1", 1, "A", "red", "model", 0.5, 1),
    candidate=Candidate("D1", 1, "A", 0.3, 30.0),
    items=(ITEM,),
    inputs_digest="a",
)
TWO = replace(ONE, declaration_id="D2", lane="green", basis="none", rank=2)
RUN = TargetingRun(
    run_id="run-1",
    created_at=datetime(2021, 1, 3),
    day=date(2021, 1, 4),
    as_of=datetime(2021, 1, 4),
    snapshot=3,
    model_version="m-1",
    policy_digest="d",
    policy_text='{"version":"1"}',
    seed=1,
    software_version="0.1.0",
    options={},
    inputs_digest="e",
    source_digest="",
    candidate_count=2,
)


def test_the_same_decisions_are_the_same_in_any_order_and_under_another_run():
    again = [replace(TWO, run_id="replay"), replace(ONE, run_id="replay", entry_hash="h")]
    report = compare([ONE, TWO], again)
    assert report.is_same
    assert report.checked == 2
    report.require_same()


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        (replace(ONE, lane="orange"), Difference("D1", "lane", "red", "orange")),
        (replace(ONE, rank=None), Difference("D1", "rank", 1, None)),
        (
            replace(ONE, inclusion_probability=0.5 + 2**-53),
            Difference("D1", "inclusion_probability", 0.5, 0.5 + 2**-53),
        ),
        (
            replace(ONE, items=(replace(ITEM, reasons=(replace(REASON, figures={"median": 12.25}),)),)),
            Difference("D1", "assessment[0].reasons[0].figures.median", 12.5, 12.25),
        ),
        (replace(ONE, items=(replace(ITEM, verify=()),)), Difference("D1", "assessment[0].verify[0]", "value", None)),
    ],
)
def test_a_difference_is_named_by_its_path(changed, difference):
    assert compare([ONE, TWO], [changed, TWO]).differences == (difference,)


def test_missing_and_unexpected_decisions_are_reported():
    report = compare([ONE], [TWO])
    assert (report.checked, report.missing, report.unexpected) == (0, ("D1",), ("D2",))
    with pytest.raises(ReplayError, match=r"2 difference.*D1: recorded, not replayed"):
        report.require_same()


def test_another_version_of_a_declaration_is_another_decision():
    assert compare([ONE], [replace(ONE, declaration_version=2)]).missing == ("D1",)


def test_the_header_is_compared_but_for_what_belongs_to_the_run():
    again = replace(RUN, run_id="replay", created_at=datetime(2022, 1, 1), software_version="9", closing_hash="h")
    assert compare([], [], recorded_run=RUN, replayed_run=again).is_same
    report = compare([], [], recorded_run=RUN, replayed_run=replace(RUN, seed=2, policy_text='{"version":"2"}'))
    assert report.differences == (Difference(None, "policy_text.version", "1", "2"), Difference(None, "seed", 1, 2))


def test_the_error_shows_the_first_difference():
    with pytest.raises(ReplayError, match="declaration D1: lane: recorded 'red', replayed 'green'"):
        compare([ONE], [replace(ONE, lane="green")]).require_same()
