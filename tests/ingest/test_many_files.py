"""Many files in one call: what one file leaves, the next does not see; and what can be shared is made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from basira.engines.duckdb import open_duckdb
from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.ingest.readers.source import SourceBatch
from basira.ingest.rows.parse import ParsedBatch, parse_batch
from basira.schema.errors import MappingError, SourceError
from basira.storage.history.store import History
from basira.workflows.intake.comparison import Comparison
from basira.workflows.intake.ingest import IngestReport, ingest_files
from basira.workflows.intake.take_in import Progress
from tests.support.ingest_world import PLAIN_MAPPING, RECEIVED, rows_text

Query = Callable[[str], list[tuple[Any, ...]]]


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
    assert "taken in before" in str(report.files[1].note)


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


def plan(number: int, *, count: int = 30) -> list[str]:
    """Rows of one file: new, each with an item of its own; the third is rejected."""
    rows = [
        f"{number:02d}-{n:03d},2023-{number + 1:02d}-{n % 27 + 1:02d},10,1,392690,CN,12.5,{n + 1}" for n in range(count)
    ]
    rows[2] = rows[2].replace("392690", "39269x")
    return rows


def test_files_parsed_together_are_what_they_are_alone(tmp_path: Path, plain: Mapping) -> None:
    files = [write(tmp_path, f"{n}.csv", *plan(n)) for n in range(5)]
    files[3].write_text(files[3].read_text() + "TOTAL,,,,,,375,465\n", encoding="utf-8")
    broken = files[1].read_text().splitlines()
    broken[4] += ",one cell more"
    files[1].write_text("\n".join(broken) + "\n", encoding="utf-8")

    def take(name: str, *parts: list[Path]) -> tuple[Any, ...]:
        store = History.create(tmp_path / name)
        reports = [ingest_files(store, part, plain, received_at=RECEIVED) for part in parts]
        return tuple(report for found in reports for report in found.files), store.snapshot().tables

    assert take("together", files) == take("apart", *([path] for path in files))


def test_small_files_of_a_call_are_parsed_together(
    store: History, tmp_path: Path, plain: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []

    def parse(batch: SourceBatch, *rest: Any) -> ParsedBatch:
        parsed.append(len(batch.frame))
        return parse_batch(batch, *rest)

    monkeypatch.setattr("basira.workflows.intake.parsing.parse_batch", parse)
    files = [write(tmp_path, f"{n}.csv", *plan(n)) for n in range(4)]
    ingest_files(store, files, plain, received_at=RECEIVED)
    assert parsed == [120]
    # Those that were taken in before are not read.
    files.append(write(tmp_path, "4.csv", *plan(4)))
    ingest_files(store, files, plain, received_at=RECEIVED)
    assert parsed == [120, 30]


def test_a_file_that_changes_before_its_turn_is_read_as_it_is_then(
    store: History, tmp_path: Path, plain: Mapping, query: Query
) -> None:
    files = [write(tmp_path, f"{n}.csv", *plan(n)) for n in range(3)]

    def change(progress: Progress) -> None:
        if progress.file_name == "0.csv" and progress.stage == "comparing":
            write(tmp_path, "2.csv", "other,2023-04-01,10,1,392690,CN,12.5,7")

    report = ingest_files(store, files, plain, received_at=RECEIVED, progress=change)
    assert [entry.accepted for entry in report.files] == [29, 29, 1]
    assert query("select customs_value_amount from items where declaration_id = 'other'") == [(7.0,)]


def test_a_file_that_cannot_be_read_leaves_those_before_it_taken_in(
    store: History, tmp_path: Path, plain: Mapping
) -> None:
    files = [write(tmp_path, f"{n}.csv", *plan(n)) for n in range(3)]

    def remove(progress: Progress) -> None:
        if progress.file_name == "0.csv":
            files[1].unlink(missing_ok=True)

    with pytest.raises(SourceError, match=r"1\.csv"):
        ingest_files(store, files, plain, received_at=RECEIVED, progress=remove)
    assert store.current_number() == 1
    assert store.snapshot().rows("items") == 29


@pytest.mark.parametrize(
    ("rows", "opens"),
    [
        (["B1,2023-05-01,10,1,392690,CN,12.5,1", "B2,2023-05-01,10,1,392690,CN,12.5,1"], False),
        (["B1,2023-05-01,10,1,392690,CN,12.5,1", "B1,2023-05-01,10,2,392690,CN,12.5,1"], True),  # a number twice
        (["A1,2023-05-01,10,1,392690,CN,12.5,1"], True),  # known to the store
        (["A0,2023-05-01,10,1,392690,CN,12.5,1", "A9,2023-05-01,10,1,392690,CN,12.5,1"], True),  # the store's between
    ],
)
def test_an_engine_compares_what_is_not_plainly_new(
    rows: list[str], opens: bool, store: History, tmp_path: Path, plain: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ["A1,2023-03-01,10,1,392690,CN,12.5,1", "A2,2023-03-01,10,1,392690,CN,12.5,1"]
    ingest_files(store, [write(tmp_path, "a.csv", *before)], plain, received_at=RECEIVED)
    opened: list[int] = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *args, **kwargs: opened.append(1) or connect(*args, **kwargs))  # type: ignore[func-returns-value]
    ingest_files(store, [write(tmp_path, "b.csv", *rows)], plain, received_at=RECEIVED)
    assert bool(opened) is opens


def test_another_currency_is_compared_although_its_declarations_are_new(
    store: History, tmp_path: Path, plain: Mapping
) -> None:
    euro = plain.model_copy(update={"constants": {"value_currency": "EUR"}})
    ingest_files(store, [write(tmp_path, "a.csv", *plan(1))], plain, received_at=RECEIVED)
    report = ingest_files(store, [write(tmp_path, "b.csv", *plan(5))], euro, received_at=RECEIVED)
    assert (report.accepted, report.quarantined) == (0, 30)
    assert report.files[0].reasons["other_currency"] == 29


def test_a_file_in_two_orders_of_day_and_month_is_rejected_whole(store: History, tmp_path: Path) -> None:
    mapping = parse_mapping("[source]\nday_first = true\n" + PLAIN_MAPPING, name="m")
    first = [f"D{n},{n + 1:02d}/03/2023,10,1,392690,CN,12.5,1" for n in range(28)]
    american = [f"E{n},04/{n + 1:02d}/2023,10,1,392690,CN,12.5,1" for n in range(28)]
    files = [write(tmp_path, "a.csv", *first), write(tmp_path, "b.csv", *american)]
    with pytest.raises(MappingError, match=r"16 of 28 rows that only the other order can read \(row 13: '04/13/2023'"):
        ingest_files(store, files, mapping, received_at=RECEIVED)
    assert store.snapshot().rows("items") == 28
    # One slip is one rejected row.
    slip = [*first[:1], *(row.replace("D", "F", 1) for row in first[1:]), "G1,04/13/2023,10,1,392690,CN,12.5,1"]
    report = ingest_files(store, [write(tmp_path, "c.csv", *slip)], mapping, received_at=RECEIVED)
    assert report.files[0].reasons == {"bad_date": 1}


def test_identifiers_that_a_spreadsheet_made_numbers_are_rejected(
    store: History, tmp_path: Path, plain: Mapping
) -> None:
    rows = ["D1,2024-01-02,10,1,851713,CN,12.5,1000", "2.02E+07,2024-01-02,10,1,851713,CN,12.5,1000"]
    [report] = ingest_files(store, [write(tmp_path, "a.csv", *rows)], plain, received_at=RECEIVED).files
    assert (report.accepted, report.reasons) == (1, {"scientific_notation": 1})
