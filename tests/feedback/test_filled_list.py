"""A list's workbook filled in by an office: its results, and nothing made of what it left blank."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from basira.explain.inspection_list.files import RESULT_COLUMNS, write_xlsx
from basira.explain.words import catalog_of
from basira.feedback.filled_list import COLUMNS, is_filled_list, read_filled_list
from basira.render.languages import LANGUAGES
from basira.schema.errors import SourceError
from basira.schema.fields import OUTCOME_FIELDS
from basira.schema.filled_list import CODES_SHEET
from tests.support.simulated_list import LANES, inspection_list, line

KNOWN = datetime(2026, 3, 6, 9, 30)


def filled(folder: Path, language: str = "fr", **cells: Any) -> Path:
    """The workbook of one declaration with two items, ``cells`` filled in on the first."""
    from python_calamine import CalamineWorkbook

    empty = write_xlsx(inspection_list(line("2026/1")), folder / "empty.xlsx", language=language, lane_names=LANES)
    book = CalamineWorkbook.from_path(empty)
    path = folder / "list.xlsx"
    made = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False})
    days = made.add_format({"num_format": "dd/mm/yyyy"})
    for name in book.sheet_names:
        sheet = made.add_worksheet(name)
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if name != CODES_SHEET and r == 2 and rows[0][c] in cells:
                    value = cells[str(rows[0][c])]
                if isinstance(value, datetime):
                    sheet.write_datetime(r, c, value, days)
                else:
                    sheet.write(r, c, value)
    made.close()
    return path


def word(code: str, language: str = "fr") -> str:
    return catalog_of(language).say(
        {"compliant": "kind.compliant", "irregular": "result.irregular"}.get(code, f"kind.{code}")
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_result_comes_back_with_its_kinds_and_what_was_found(tmp_path: Path, language: str) -> None:
    path = filled(
        tmp_path,
        language,
        result=word("irregular", language),
        result_kind=word("value", language),
        inspected_at=datetime(2026, 3, 5),
        inspector_id="A17",
        found_value_amount=250_000.5,
        found_commodity_code="8517130000",
    )
    [row], blank = read_filled_list(path, known_at=KNOWN)
    assert blank == 1
    assert {name: value for name, value in row.items() if value} == {
        "declaration_id": "2026/1",
        "item_number": "1",
        "known_at": "2026-03-06 09:30:00",
        "inspected_at": "2026-03-05",
        "inspection_lane": "rouge",
        "inspector_id": "A17",
        "is_inspected": "true",
        "is_irregular": "true",
        "is_irregular_value": "true",
        **{f"is_irregular_{k}": "false" for k in ("classification", "origin", "quantity", "prohibited", "documents")},
        "found_value_amount": "250000.5",
        "found_commodity_code": "8517130000",
    }


def test_a_blank_result_is_not_compliant(tmp_path: Path) -> None:
    assert read_filled_list(filled(tmp_path), known_at=KNOWN) == ([], 2)


def test_not_inspected_says_nothing_of_compliance(tmp_path: Path) -> None:
    [row], _ = read_filled_list(filled(tmp_path, result=word("not_inspected")), known_at=KNOWN)
    assert (row["is_inspected"], row["is_irregular"]) == ("false", "")


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ({"result": "peut-être"}, "peut-être"),
        ({"result": word("compliant"), "result_kind": word("value")}, "Conforme Valeur"),
        ({"result_kind": word("value")}, "(no result) Valeur"),
        ({"found_value_amount": 12.0}, "(no result)"),
    ],
)
def test_a_contradiction_or_an_unknown_word_is_passed_on_to_be_rejected(
    tmp_path: Path, cells: dict[str, Any], shown: str
) -> None:
    [row], _ = read_filled_list(filled(tmp_path, **cells), known_at=KNOWN)
    assert row["is_irregular"] == shown
    assert row["is_inspected"] == ""


def test_a_day_may_be_typed_as_text(tmp_path: Path) -> None:
    path = filled(tmp_path, result=word("compliant"), inspected_at="22/01/2024")
    [row], _ = read_filled_list(path, known_at=KNOWN)
    assert row["inspected_at"] == "2024-01-22"


def test_another_workbook_is_none_of_these(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "other.xlsx"))
    book.add_worksheet("x")
    book.close()
    assert not is_filled_list(tmp_path / "other.xlsx")
    (tmp_path / "no.xlsx").write_text("text")
    assert not is_filled_list(tmp_path / "no.xlsx")
    assert is_filled_list(filled(tmp_path))


def test_a_workbook_without_its_hidden_names_is_not_guessed_at(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "list.xlsx"))
    book.add_worksheet("Liste").write(0, 0, "Bureau")
    book.add_worksheet(CODES_SHEET)
    book.close()
    with pytest.raises(SourceError, match="Bureau"):
        read_filled_list(tmp_path / "list.xlsx", known_at=KNOWN)


def test_what_is_read_has_the_names_of_the_schema_and_everything_to_fill_in_is_read() -> None:
    assert set(COLUMNS) <= {field.name for field in OUTCOME_FIELDS}
    to_fill = {column.name for column in RESULT_COLUMNS} - {"result", "result_kind", "result_kind_2"}
    assert to_fill <= set(COLUMNS)
