"""The decision record: all or nothing, never changed, chained.

One suite for both databases: SQLite, and a real PostgreSQL (tests/support/postgres.py).
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from basira.decisions import Decision, TargetingRun, decide
from basira.schema.errors import NotFoundError, StoreError
from basira.schema.records import Candidate, ItemAssessment, Selection
from basira.storage.database.tables import (
    DECISION,
    DECISION_COLUMNS_MADE,
    FORMAT,
    RUN_COLUMNS_MADE,
    TARGETING_RUN,
)
from basira.storage.record.runs import Operations
from tests.support.postgres import tamper

RUN = TargetingRun(
    run_id="run-1",
    created_at=datetime(2021, 1, 3, 20),
    day=date(2021, 1, 4),
    as_of=datetime(2021, 1, 4),
    snapshot=3,
    model_version="m-1",
    policy_digest="d" * 64,
    policy_text="{}",
    seed=7,
    software_version="0.1.0",
    options={"a": 1},
    inputs_digest="e" * 64,
    source_digest="",
    candidate_count=3,
)
AWKWARD = (0.1, 1 / 3, 5e-324)  # floats that lose bits wherever too few digits are printed


def decisions(run_id: str = "run-1", count: int = 3) -> list[Decision]:
    return [
        decide(
            run_id,
            Selection(f"D{i}", 1, "A", "red", "model", AWKWARD[i % 3], i + 1),
            candidate=Candidate(f"D{i}", 1, "A", AWKWARD[i % 3], 1e300 * AWKWARD[i % 3]),
            items=(ItemAssessment(1, AWKWARD[i % 3], 1.0, 2.0),),
            inputs_digest="f" * 64,
        )
        for i in range(count)
    ]


def record(operations: Operations, run_id: str = "run-1", count: int = 3) -> str:
    rows = (decision.row() for decision in decisions(run_id, count))
    return operations.record_run(replace(RUN, run_id=run_id).row(), rows)


def test_rows_and_tables_agree():
    assert set(RUN.row()) == {c.name for c in TARGETING_RUN.columns} - RUN_COLUMNS_MADE
    assert set(decisions()[0].row()) == {c.name for c in DECISION.columns} - DECISION_COLUMNS_MADE


def test_what_was_recorded_reads_back_the_same(place):
    with Operations(place) as operations:
        closing = record(operations)
        run = TargetingRun.from_row(operations.get_run("run-1"))
        back = [Decision.from_row(row) for row in operations.decisions_of("run-1")]
    assert back == decisions()
    assert [one.sequence for one in back] == [1, 2, 3]
    assert back[-1].entry_hash == run.closing_hash == closing
    own = {"sequence": 1, "decision_count": 3} | {
        n: getattr(run, n) for n in ("previous_hash", "opening_hash", "closing_hash")
    }
    assert run == replace(RUN, **own)


def test_it_is_still_there_after_closing(place):
    with Operations(place) as operations:
        head = record(operations)
    with Operations(place, create=False) as operations:
        report = operations.verify_chain()
    assert (report.is_whole, report.runs, report.decisions, report.head) == (True, 1, 3, head)


def test_decisions_are_found_by_declaration_latest_run_first(place):
    with Operations(place) as operations:
        record(operations, "run-1")
        record(operations, "run-2")
        assert [row["run_id"] for row in operations.find_decisions("D1")] == ["run-2", "run-1"]
        assert operations.find_decisions("D9") == []
        assert operations.get_decision("run-1/D1/1")["declaration_id"] == "D1"


def test_runs_are_found_by_day_latest_first(place):
    with Operations(place) as operations:
        record(operations, "run-1")
        record(operations, "run-2")
        operations.record_run(replace(RUN, run_id="run-3", day=date(2021, 1, 5)).row(), [])
        assert [row["run_id"] for row in operations.find_runs()] == ["run-3", "run-2", "run-1"]
        assert [row["run_id"] for row in operations.find_runs(day="2021-01-04", limit=1)] == ["run-2"]


def test_what_is_absent_is_reported_so(place):
    with Operations(place) as operations:
        with pytest.raises(NotFoundError, match="recorded run 'run-9'"):
            operations.get_run("run-9")
        with pytest.raises(NotFoundError, match="recorded decision 'x'"):
            operations.get_decision("x")


@pytest.mark.parametrize("table", ["targeting_run", "decision"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET run_id = 'x'", "DELETE FROM {}"])
def test_the_database_rejects_every_change(place, table, statement):
    with Operations(place) as operations:
        record(operations)
    engine = sa.create_engine(place)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement.format(table))
    engine.dispose()


def test_sqlite_rejects_to_replace(tmp_path):
    path = tmp_path / "operations.sqlite"
    with Operations(path) as operations:
        record(operations)
    connection = sqlite3.connect(path)
    for table in ("decision", "targeting_run"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    connection.close()


def test_a_run_is_recorded_whole_or_not_at_all(place):
    def breaks():
        for decision in decisions(count=6000)[:5500]:
            yield decision.row()
        raise KeyboardInterrupt

    with Operations(place) as operations:
        with pytest.raises(KeyboardInterrupt):
            operations.record_run(RUN.row(), breaks())
        assert operations.find_runs() == []
        assert operations.decisions_of("run-1") == []
        record(operations)
        assert operations.verify_chain().is_whole


def test_a_run_is_recorded_once(place):
    with Operations(place) as operations:
        record(operations)
        with pytest.raises(StoreError, match="not recorded before"):
            record(operations)
        assert operations.verify_chain() == operations.verify_chain()
        assert operations.verify_chain().decisions == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "unknown extra"),
        ({"lane": None}, "nothing in lane"),
        ({"inclusion_probability": float("nan")}, "nan in inclusion_probability"),
        ({"declaration_version": 1.5}, "1.5 in declaration_version, a whole number"),
        ({"office": 3}, "3 in office, a text"),
        ({"run_id": "run-2"}, "one of 'run-2'"),
    ],
)
def test_a_row_that_does_not_fit_is_rejected_and_nothing_recorded(place, change, message):
    row = {**decisions()[0].row(), **change}
    with Operations(place) as operations:
        with pytest.raises(StoreError, match=message):
            operations.record_run(RUN.row(), [row])
        assert operations.find_runs() == []


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (
            ["UPDATE decision SET lane = 'green' WHERE declaration_id = 'D1' AND run_id = 'run-1'"],
            "run-1/D1/1 was changed",
        ),
        (
            ["UPDATE decision SET fraud_probability = 0.10000000000000002 WHERE decision_id = 'run-2/D0/1'"],
            "D0/1 was changed",
        ),
        (["DELETE FROM decision WHERE declaration_id = 'D1'"], "decision 2 is missing"),
        (["DELETE FROM decision WHERE declaration_id = 'D2'"], "3 decisions were recorded, 2 are there"),
        (["UPDATE targeting_run SET seed = 8 WHERE run_id = 'run-1'"], "run-1: the header was changed"),
        (
            ["UPDATE targeting_run SET closing_hash = 'x' WHERE run_id = 'run-1'"],
            "3 decisions were recorded, 3 are there",
        ),
        (
            ["DELETE FROM decision WHERE run_id = 'run-1'", "DELETE FROM targeting_run WHERE run_id = 'run-1'"],
            "run 1 is missing before run-2",
        ),
        (["DELETE FROM targeting_run WHERE run_id = 'run-2'"], "decisions of run run-2, which is not recorded"),
    ],
)
def test_the_chain_shows_what_was_changed(place, statements, fault):
    with Operations(place) as operations:
        record(operations, "run-1")
        record(operations, "run-2")
    tamper(place, *statements)
    with Operations(place) as operations:
        report = operations.verify_chain()
    assert not report.is_whole
    assert any(fault in found for found in report.faults)


def test_two_runs_at_once_follow_each_other(tmp_path):
    path = tmp_path / "operations.sqlite"
    Operations(path).close()
    failures: list[Exception] = []

    def one(number: int) -> None:
        try:
            with Operations(path) as operations:
                for turn in range(5):
                    record(operations, f"run-{number}-{turn}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Operations(path) as operations:
        report = operations.verify_chain()
    assert (report.is_whole, report.runs) == (True, 15)


def test_a_file_that_is_no_database_is_rejected(tmp_path):
    path = tmp_path / "operations.sqlite"
    path.write_text("this is not a database, and longer than a header of one hundred bytes" * 3, encoding="utf-8")
    with pytest.raises(StoreError, match="not a database"):
        Operations(path)


def test_another_format_is_rejected(tmp_path):
    path = tmp_path / "operations.sqlite"
    Operations(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE operations_format SET format = 99")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=rf"format {FORMAT} .* found format 99"):
        Operations(path)


def test_an_absent_record_is_rejected_unless_it_is_to_be_made(tmp_path):
    with pytest.raises(StoreError, match="found nothing"):
        Operations(tmp_path / "operations.sqlite", create=False)
    with pytest.raises(StoreError, match="Expected the folder"):
        Operations(tmp_path / "absent" / "operations.sqlite")
