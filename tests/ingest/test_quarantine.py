"""A rejected row is listed, taken out, corrected and sent again; it is never lost."""

from __future__ import annotations

import csv
from collections.abc import Callable
from collections.abc import Mapping as Cells
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import xlsxwriter

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.schema.errors import NotFoundError, SourceError, UsageError
from basira.storage.history.store import History
from basira.workflows.intake.ingest import IngestReport
from basira.workflows.intake.quarantine import (
    Corrections,
    count_quarantine,
    export_quarantine,
    find_changed_identifiers,
    list_quarantine,
    retry_quarantine,
)
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, ROW

Take = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]

BAD_MASS = ROW.replace("D1", "D2").replace("12.5", "#N/A")
BAD_DATE = ROW.replace("D1", "D3").replace("2024-01-02", "=2+3")
RAGGED = "D4,2024-01-02,10"


def correct(path: Path, **cells: str) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    for row in rows:
        row.update(cells)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def test_rows_are_listed_by_reason_and_file(take: Take, store: History, plain: Mapping) -> None:
    take("a.csv", plain, ROW, BAD_MASS, BAD_DATE)
    assert count_quarantine(store) == {("a.csv", "bad_date"): 1, ("a.csv", "spreadsheet_error"): 1}
    [row] = list_quarantine(store, code="bad_date")
    assert (row.source_row, row.value, row.text["id"]) == (3, "=2+3", "D3")
    assert list_quarantine(store, file_name="other.csv") == []


def test_a_corrected_row_goes_in_and_leaves_the_quarantine(
    take: Take, query: Query, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, BAD_MASS, BAD_DATE)
    out = tmp_path / "refused.csv"
    assert export_quarantine(store, out, code="spreadsheet_error") == 1
    correct(out, mass="7")
    report = retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out))
    assert (report.files[0].accepted, report.left) == (1, 1)
    assert query("SELECT net_mass_kg, source_row FROM items WHERE declaration_id = 'D2'") == [(7.0, 2)]
    assert query("SELECT code FROM quarantine") == [("bad_date",)]


def test_a_row_still_wrong_stays_and_nothing_is_committed(take: Take, store: History, plain: Mapping) -> None:
    take("a.csv", plain, ROW, BAD_MASS)
    number = store.current_number()
    assert retry_quarantine(store, received_at=RECEIVED).left == 1
    assert store.current_number() == number


def test_a_ragged_row_can_be_written_out_anew(
    take: Take, query: Query, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, RAGGED)
    out = tmp_path / "refused.csv"
    export_quarantine(store, out)
    correct(out, id="D4", date="2024-01-02", code="851713", mass="3")
    assert retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out)).left == 0
    assert query("SELECT net_mass_kg FROM items WHERE declaration_id = 'D4'") == [(3.0,)]


def test_a_better_mapping_takes_in_what_it_understands(
    take: Take, query: Query, store: History, plain: Mapping
) -> None:
    take("a.csv", plain, ROW, ROW.replace("D1", "D2").replace("CN", "Cathay"), BAD_MASS)
    better = parse_mapping(
        PLAIN_MAPPING.replace('"origin"', '{ column = "origin", values = { cathay = "CN" } }'), name="b"
    )
    report = retry_quarantine(store, received_at=RECEIVED, mapping=better)
    assert (report.files[0].accepted, report.left) == (1, 1)
    assert query("SELECT count(*) FROM items") == [(2,)]


def test_a_row_identical_to_one_that_came_in_meanwhile_leaves_the_quarantine(
    take: Take, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, BAD_MASS)
    take("b.csv", plain, BAD_MASS.replace("#N/A", "7"))
    out = tmp_path / "refused.csv"
    export_quarantine(store, out)
    correct(out, mass="7")
    report = retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out))
    assert (report.files[0].already_known, report.left) == (1, 0)


def test_formulas_of_the_reason_columns_are_disarmed(
    take: Take, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, BAD_DATE)
    export_quarantine(store, tmp_path / "refused.csv")
    text = (tmp_path / "refused.csv").read_text(encoding="utf-8-sig")
    assert ";'=2+3;" in text


def test_an_unknown_row_or_a_foreign_file_is_rejected(
    take: Take, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, BAD_MASS)
    with pytest.raises(NotFoundError):
        retry_quarantine(store, received_at=RECEIVED, ids=["nothing:1"])
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(SourceError, match="quarantine_id"):
        retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(tmp_path / "x.csv"))


def sheet_of(path: Path) -> list[dict[str, object]]:
    header, *rows = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_name("quarantine").to_python()
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def save(path: Path, rows: list[dict[str, object]], cells: Cells[str, object]) -> None:
    """As a spreadsheet program would save the sheet with these cells typed into every row; numbers stay numbers."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("quarantine")
        sheet.write_row(0, 0, list(rows[0]))
        for number, row in enumerate(rows, start=1):
            for place, value in enumerate({**row, **cells}.values()):
                if isinstance(value, str):
                    sheet.write_string(number, place, value)
                else:
                    sheet.write(number, place, value)


def test_a_workbook_holds_text_and_comes_back_as_it_was(
    take: Take, query: Query, store: History, plain: Mapping, tmp_path: Path
) -> None:
    odd = 'D2,03/04/2024,010,1,010121,CN,#N/A,1e5\nD3,2024-01-02,=1+1,1,851713,CN,#N/A,"a _x0041_ ""b"""'
    take("a.csv", plain, ROW, odd)
    before = [row.text for row in list_quarantine(store)]
    out = tmp_path / "refused.xlsx"
    assert export_quarantine(store, out) == 2
    rows = sheet_of(out)
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert [row["code"] for row in rows] == ["010121", "851713"]
    back = [{name: text for name, text in row.items() if name in HEADER.split(",") and text} for row in rows]
    assert back == before
    save(out, rows, {"mass": "7", "value": "5", "date": "2024-01-02", "office": "010"})
    report = retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out))
    assert (report.files[0].accepted, report.left) == (2, 0)
    assert query("SELECT declaration_id, office, commodity_code FROM items WHERE declaration_id > 'D1' ORDER BY 1") == [
        ("D2", "010", "010121"),
        ("D3", "010", "851713"),
    ]


def test_a_number_typed_into_a_workbook_is_read_with_the_mark_of_its_source(
    take: Take, query: Query, store: History, tmp_path: Path
) -> None:
    text = '[source]\ndecimal = ","\nthousands = "."\nseparator = ";"\n' + PLAIN_MAPPING
    mapping = parse_mapping(text, name="comma")
    take("a.csv", mapping, ROW.replace("12.5", "#N/A").replace(",", ";"), header=HEADER.replace(",", ";"))
    out = tmp_path / "refused.xlsx"
    export_quarantine(store, out)
    save(out, sheet_of(out), {"mass": 7.5})
    assert retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out)).left == 0
    assert query("SELECT net_mass_kg FROM items") == [(7.5,)]


def test_a_cell_too_long_for_a_workbook_is_reported_and_nothing_is_written(
    take: Take, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, BAD_MASS.replace("CN", "C" * 40_000))
    with pytest.raises(UsageError, match="32,767"):
        export_quarantine(store, tmp_path / "refused.xlsx")
    assert not (tmp_path / "refused.xlsx").exists()


@pytest.mark.parametrize(
    ("name", "cells"), [("x.csv", {"id": "D9"}), ("x.xlsx", {"id": "D9"}), ("x.csv", {"item": "2"})]
)
def test_a_correction_that_changes_an_identifier_is_asked_about(
    name: str, cells: dict[str, str], take: Take, query: Query, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, BAD_MASS)
    out = tmp_path / name
    export_quarantine(store, out)
    if out.suffix == ".csv":
        correct(out, mass="7", **cells)
    else:
        save(out, sheet_of(out), {"mass": "7", **cells})
    [change] = find_changed_identifiers(store, out)
    assert (change.file_name, change.source_row, change.after) == ("a.csv", 2, next(iter(cells.values())))
    with pytest.raises(UsageError, match=r"a\.csv, row 2: .* becomes"):
        retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out))
    assert query("SELECT count(*) FROM items") == [(1,)]
    report = retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out, allow_new_identifiers=True))
    assert (report.left, report.new_identifiers) == (0, (change,))


def test_an_identifier_filled_in_where_there_was_none_is_no_change(
    take: Take, store: History, plain: Mapping, tmp_path: Path
) -> None:
    take("a.csv", plain, ROW, ROW.replace("D1", ""))
    out = tmp_path / "refused.csv"
    export_quarantine(store, out)
    correct(out, id="D7")
    assert retry_quarantine(store, received_at=RECEIVED, corrections=Corrections(out)).left == 0
