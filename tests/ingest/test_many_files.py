"""Many files in one call: what one file leaves, the next does not see; and what can be shared is made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from basira.engines.duckdb import open_duckdb
from basira.ingest.mapping.model import Mapping
from basira.storage.history.store import History
from basira.workflows.intake.comparison import Comparison
from basira.workflows.intake.ingest import IngestReport, ingest_files
from tests.support.ingest_world import RECEIVED, rows_text


def write(folder: Path, name: str, *rows: str) -> Path:
    path = folder / name
    path.write_text(rows_text(*rows), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """New rows, nothing new, new rows again, an amended and a contradictory one, a rejected one."""
    return [
        write(tmp_path, "a.csv", "A1,2023-03-01,10,1,392690,CN,12.5,1000", "A2,2023-03-02,10,1,392690,CN,12.5,2000"),
        write(tmp_path, "b.csv", "A2,2023-03-02,10,1,392690,CN,12.5,2000"),
        write(tmp_path, "c.csv", "C1,2023-04-01,10,1,392690,CN,12.5,1000", "C2,2023-04-02,10,1,392690,CN,12.5,2000"),
        write(
            tmp_path,
            "d.csv",
            "A1,2023-03-01,10,1,392690,CN,12.5,1500",
            "D1,2023-04-01,10,1,392690,CN,12.5,1",
            "D1,2023-04-01,10,1,392690,CN,12.5,2",
        ),
        write(tmp_path, "e.csv", "E1,2023-04-01,10,1,39269x,CN,12.5,1000", "E2,2023-04-02,10,1,392690,CN,12.5,2000"),
        write(tmp_path, "f.csv", "E2,2023-04-02,10,1,392690,CN,12.5,2000", "E3,2023-04-02,10,1,39269x,CN,12.5,2000"),
    ]


def test_files_of_one_call_become_what_they_become_one_by_one(
    files: list[Path], tmp_path: Path, plain: Mapping
) -> None:
    def take(store: History, *parts: list[Path]) -> tuple[Any, ...]:
        reports = [ingest_files(store, part, plain, received_at=RECEIVED) for part in parts]
        snapshot = store.snapshot()
        return tuple(report for found in reports for report in found.files), snapshot.tables

    together = take(History.create(tmp_path / "together"), files)
    apart = take(History.create(tmp_path / "apart"), *([path] for path in files))
    assert together == apart
    assert [report.accepted for report in together[0]] == [2, 0, 2, 1, 1, 0]


def test_a_call_opens_one_database_however_many_files_it_has(
    files: list[Path], store: History, plain: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *args, **kwargs: opened.append(1) or connect(*args, **kwargs))
    ingest_files(store, files, plain, received_at=RECEIVED)
    assert len(opened) == 1


def test_a_file_that_was_taken_in_is_known_within_the_call_too(store: History, tmp_path: Path, plain: Mapping) -> None:
    path = write(tmp_path, "a.csv", "A1,2023-03-01,10,1,392690,CN,12.5,1000")
    report: IngestReport = ingest_files(store, [path, path], plain, received_at=RECEIVED)
    assert [entry.accepted for entry in report.files] == [1, 0]
    assert "taken in before" in report.files[1].note


def test_new_files_do_not_read_the_quarantine(
    store: History, tmp_path: Path, plain: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet

    read = []
    whole = parquet.read_table
    monkeypatch.setattr(parquet, "read_table", lambda path, **rest: read.append(path) or whole(path, **rest))
    parts = [
        write(tmp_path, f"{n}.csv", f"A{n},2023-03-01,10,1,39269x,CN,12.5,1", f"B{n},2023-03-01,10,1,392690,CN,12.5,1")
        for n in range(3)
    ]
    ingest_files(store, parts, plain, received_at=RECEIVED)
    assert read == []
    # By a better mapping the same file leaves the quarantine, and nobody else's rows.
    better = plain.model_copy(update={"description": "other"})
    ingest_files(store, parts[:1], better, received_at=RECEIVED)
    assert read
    assert store.snapshot().rows("quarantine") == 3


def test_sessions_of_one_database_share_its_bounds_and_nothing_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "other.csv"
    inside.mkdir()
    outside.write_text("a\n1\n", encoding="utf-8")
    rows = [1]  # a name of the program, which no statement may reach
    with open_duckdb(folders=[inside], threads=1) as database:
        (inside / "late.csv").write_text("a\n2\n", encoding="utf-8")
        with database.open_session() as one:
            one.execute("create temp table seen as select 1 as a")
            assert one.fetch_rows(f"select a from read_csv('{inside / 'late.csv'}')") == [(2,)]
        with database.open_session() as other:
            with pytest.raises(duckdb.CatalogException):
                other.fetch_rows("from seen")
            for path in (outside, inside / ".." / "other.csv"):
                with pytest.raises(duckdb.PermissionException):
                    other.fetch_rows(f"from read_csv('{path}')")
            with pytest.raises(duckdb.Error):
                other.execute("set enable_external_access = true")
            found = other.fetch_rows("select current_setting('python_enable_replacements')")
            assert (found, rows) == ([(False,)], [1])


def test_a_database_that_spilled_does_not_outlive_its_draft(store: History) -> None:
    def has_table(comparison: Comparison) -> bool:
        with store.writing() as draft, comparison.open_session(draft) as con:
            return bool(con.fetch_rows("select 1 from information_schema.tables where table_name = 'kept'"))

    with Comparison() as comparison:
        with store.writing() as draft, comparison.open_session(draft) as con:
            con.execute("create table kept as select 1 as a")
        assert has_table(comparison)
        with store.writing() as draft, comparison.open_session(draft):
            (draft.scratch() / "spilled").touch()
        assert not has_table(comparison)
