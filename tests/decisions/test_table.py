"""Decisions of runs and of the service in one table."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from basira.decisions import Decision, TargetingRun, decide
from basira.decisions.table import DECISIONS, decisions_table
from basira.schema.records import Candidate, ItemAssessment, Selection

RUN = TargetingRun(
    run_id="run-1",
    created_at=datetime(2021, 1, 3, 20),
    day=date(2021, 1, 4),
    as_of=datetime(2021, 1, 3),
    snapshot=1,
    model_version="m-1",
    policy_digest="p" * 64,
    policy_text="{}",
    seed=1,
    software_version="0.1",
    options={},
    inputs_digest="i",
    source_digest="",
    candidate_count=1,
)
OF_RUN = decide(
    "run-1",
    Selection("D1", 2, "A", "red", "model", 0.25, 3),
    candidate=Candidate("D1", 2, "A", 0.5, 50.0),
    items=[ItemAssessment(1, 0.5, 100.0, 50.0)],
    inputs_digest="f",
)
OF_SERVICE = Decision(
    event_id="d-1",
    declaration_id="D2",
    declaration_version=1,
    office="A",
    lane="red",
    basis="fallback",
    detail="",
    inclusion_probability=1.0,
    fraud_probability=None,
    expected_revenue=None,
    items=(),
    inspects=True,
    fallback="no_model",
    currency="EUR",
    decided_at="2021-01-05T09:30:00.000001",
    versions={"software": "0.2", "model": None, "profiles": "p-1", "policy_digest": "q" * 64},
)


def test_both_kinds_stand_in_one_table_that_duckdb_queries() -> None:
    table = decisions_table([OF_RUN, OF_SERVICE], {"run-1": RUN})
    assert table.schema == DECISIONS
    with duckdb.connect() as connection:
        connection.register("decisions", table)
        found = connection.sql(
            "select source, day, decided_at, declaration_id, run_id, rank, currency, fallback, items, "
            "software_version, model_version, policy_digest, inclusion_probability, "
            "expected_revenue from decisions order by day"
        ).fetchall()
    assert found == [
        (
            "run",
            date(2021, 1, 4),
            datetime(2021, 1, 3, 20),
            "D1",
            "run-1",
            3,
            None,
            None,
            1,
            "0.1",
            "m-1",
            "p" * 64,
            0.25,
            50.0,
        ),
        (
            "service",
            date(2021, 1, 5),
            datetime(2021, 1, 5, 9, 30, 0, 1),
            "D2",
            None,
            None,
            "EUR",
            "no_model",
            0,
            "0.2",
            None,
            "q" * 64,
            1.0,
            None,
        ),
    ]


def test_a_decision_of_a_run_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        decisions_table([OF_RUN], {})
