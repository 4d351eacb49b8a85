"""The day's list filled in by an office and taken back: results in the history, blanks nowhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from basira.explain.inspection_list.files import write_xlsx
from basira.ingest.mapping.model import load_mapping
from basira.schema.errors import UsageError
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.workflows.intake.feedback import record_filled_lists
from basira.workflows.intake.ingest import ingest_files
from tests.support.simulated_list import inspection_list, line

NOW = datetime(2026, 3, 6, 9, 30)


@pytest.fixture
def history(tmp_path: Path) -> History:
    rows = [
        {
            "declaration_id": number, "item_number": item, "declared_at": "2026-03-04", "office": "20",
            "commodity_code": "8517130000", "customs_value_amount": 1000.0, "value_currency": "MAD",
        }
        for number in ("2026/1", "2026/2") for item in (1, 2)
    ]  # fmt: skip
    pl.DataFrame(rows).write_csv(tmp_path / "declared.csv")
    made = History.create(tmp_path / "store")
    mapping = load_mapping("basira")
    mapping = mapping.model_copy(update={"source": mapping.source.model_copy(update={"absent_columns": "empty"})})
    [report] = ingest_files(made, [tmp_path / "declared.csv"], mapping, received_at=NOW).files
    assert report.accepted == 4
    return made


def filled(folder: Path, word: str) -> Path:
    """The list with ``word`` as the result of the first item."""
    empty = write_xlsx(inspection_list(line("2026/1"), line("2026/2")), folder / "empty.xlsx", language="fr")
    book, path = CalamineWorkbook.from_path(empty), folder / "list.xlsx"
    made = xlsxwriter.Workbook(str(path))
    for name in book.sheet_names:
        sheet, rows = made.add_worksheet(name), book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                sheet.write(r, c, word if (r, rows[0][c]) == (2, "result") else value)
    made.close()
    return path


def results(history: History) -> list[tuple[object, ...]]:
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        frame = fetch_frame(con, "select declaration_id, item_number, is_inspected, is_irregular from outcomes")
    return frame.rows()


def test_a_filled_list_becomes_results_and_the_same_one_changes_nothing(history: History, tmp_path: Path) -> None:
    path = filled(tmp_path, "Conforme")
    report, blank = record_filled_lists(history, [path], received_at=NOW)
    assert (report.accepted, blank) == (1, 3)
    assert results(history) == [("2026/1", 1, True, False)]
    record_filled_lists(history, [path], received_at=replace_hour(NOW))
    assert results(history) == [("2026/1", 1, True, False)]


def replace_hour(moment: datetime) -> datetime:
    return moment.replace(hour=17)


def test_a_list_without_a_result_records_nothing(history: History, tmp_path: Path) -> None:
    report, blank = record_filled_lists(history, [filled(tmp_path, "")], received_at=NOW)
    assert (report.files, blank) == ((), 4)


def test_a_word_that_is_no_result_is_rejected_and_counted(history: History, tmp_path: Path) -> None:
    report, _ = record_filled_lists(history, [filled(tmp_path, "peut-être")], received_at=NOW)
    assert (report.accepted, report.quarantined) == (0, 1)


def test_another_file_needs_a_mapping(history: History, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    with pytest.raises(UsageError, match=r"other\.csv"):
        record_filled_lists(history, [tmp_path / "other.csv"], received_at=NOW)
