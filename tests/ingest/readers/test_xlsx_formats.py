"""What number formats show beside the number: currencies, percent, zeros; and what a workbook can't know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from basira.ingest.mapping.columns import require_decided
from basira.ingest.mapping.model import SourceFormat, parse_mapping
from basira.ingest.readers.source import open_source
from basira.ingest.readers.xlsx_formats import Shown, read_format, shown_cells
from basira.ingest.suggest.propose import Suggestion, suggest_mapping
from basira.ingest.suggest.toml import suggestion_toml
from basira.schema.errors import MappingError

HEADER = ("Numéro déclaration", "Date", "Code SH", "Valeur en douane", "Taux DI")
Cell = str | float
Format = str | int | None


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """A workbook of 24 declarations: ``column``'s cells by row, each with a number format."""

    def make(column: str, cell_of: Callable[[int], tuple[Cell, Format]]) -> Path:
        path = tmp_path / "in.xlsx"
        with xlsxwriter.Workbook(str(path)) as workbook:
            sheet = workbook.add_worksheet()
            sheet.write_row(0, 0, HEADER)
            for row in range(1, 25):
                cells: list[tuple[Cell, Format]] = [
                    (f"D{2024100 + row}", None),
                    (f"2024-03-{row:02d}", None),
                    (f"87032190{row:02d}", None),
                    (1234.5 + row, None),
                    ("", None),
                ]
                cells[HEADER.index(column)] = cell_of(row)
                for place, (value, code) in enumerate(cells):
                    style = workbook.add_format({"num_format": code}) if code is not None else None
                    sheet.write(row, place, value, style)
        return path

    return make


def texts(path: Path, column: str, *, decimal: str = ".") -> pl.Series:
    source = open_source(path, SourceFormat(decimal=decimal))
    return pl.concat([batch.frame for batch in source.batches()])[column]


def questions(suggestion: Suggestion) -> str:
    return " ".join(doubt.question for doubt in suggestion.doubts)


@pytest.mark.parametrize(
    ("code", "currency"),
    [
        ('#,##0.00 "USD"', "USD"),
        (r"#,##0.00\ [$€-40C]", "EUR"),
        ('_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-', "EUR"),
        ("[$$-409]#,##0.00", "USD"),
        (r"[$USD]\ #,##0", "USD"),
    ],
)
def test_the_currency_of_a_format_is_the_amounts(book: Callable[..., Path], code: str, currency: str) -> None:
    suggestion = suggest_mapping(book("Valeur en douane", lambda row: (1234.5 + row, code)))
    assert (suggestion.constants, suggestion.doubts) == ({"value_currency": currency}, ())
    value = next(entry for entry in suggestion.fields if entry.field == "customs_value_amount")
    assert value.options["currency"] == currency


@pytest.mark.parametrize(
    ("codes", "question"),
    [
        (('0.00 "USD"', '0.00 "MAD"'), "name several currencies: mad, usd"),
        (("0.00 [$USD]", "0.00"), "Only some amounts have the mark of a currency (USD)"),
        ((7, 7), "may mean several currencies"),  # money in the program's own sign
    ],
)
def test_formats_of_several_currencies_are_asked_about(
    book: Callable[..., Path], codes: tuple[Format, Format], question: str
) -> None:
    suggestion = suggest_mapping(book("Valeur en douane", lambda row: (1234.5, codes[row % 2])))
    assert question in questions(suggestion)
    with pytest.raises(MappingError, match="without open doubts"):
        require_decided(parse_mapping(suggestion_toml(suggestion), name="m"))


@pytest.mark.parametrize("code", ['#,##0.00 "MAD"', r"#,##0.00\ \D\H", '0.00" kg"', "#,##0.00,", "General"])
def test_a_format_that_says_nothing_more_changes_nothing(book: Callable[..., Path], code: str) -> None:
    path = book("Valeur en douane", lambda row: (1234.5, code))
    assert set(texts(path, "Valeur en douane", decimal=",")) == {"1234,5"}


def test_percent_stays_percent_beside_plain_numbers_and_above_one(book: Callable[..., Path]) -> None:
    """A share of 2.0, shown as 200 %, made 0.175 a hundredth of itself."""
    path = book("Taux DI", lambda row: (2.0 if row == 2 else 0.07, "0.0%"))
    assert texts(path, "Taux DI").to_list()[:3] == ["7%", "200%", "7%"]
    assert suggest_mapping(path).doubts == ()
    mixed = book("Taux DI", lambda row: (0.025, "0.0%") if row % 2 else (17.5, None))
    assert "Only some rates have the sign for percent" in questions(suggest_mapping(mixed))


def test_zeros_of_a_format_are_the_codes(book: Callable[..., Path]) -> None:
    assert texts(book("Code SH", lambda row: (805100000 + row, "0" * 10)), "Code SH")[0] == "0805100001"
    assert texts(book("Code SH", lambda row: (805100000, r"0000\.00\.00\.00")), "Code SH")[0] == "0805.10.00.00"


def test_a_number_of_more_digits_than_a_spreadsheet_keeps_is_no_identifier(book: Callable[..., Path]) -> None:
    path = book("Numéro déclaration", lambda row: (1234567890123456000.0 + 1000 * row, None))
    assert texts(path, "Numéro déclaration")[0] == "1.23456789012346E+18"
    whole = book("Numéro déclaration", lambda row: (1234567890123451.0, None))
    assert texts(whole, "Numéro déclaration")[0] == "1234567890123451"


def test_a_result_that_nothing_computed_yet_is_no_zero(book: Callable[..., Path]) -> None:
    """Programs write 0 until a spreadsheet opens the workbook, and say so in it."""
    path = book("Valeur en douane", lambda row: ("=A2*3" if row == 3 else 5.0, None))
    assert texts(path, "Valeur en douane").to_list()[:4] == ["5", "5", "#CALC!", "5"]


def test_parts_behind_the_first_and_dates_say_nothing() -> None:
    assert read_format('0.00;"USD" 0.00') is None
    assert read_format('dd/mm/yyyy" EUR"') is None
    assert read_format(r"[h]:mm") is None
    assert Shown(zeros="000").text(-5, "-5", ".") == "-5"
    assert Shown(zeros="000").text(12345, "12345", ".") == "12345"


def test_cells_of_one_style_are_one_run(book: Callable[..., Path]) -> None:
    path = book("Code SH", lambda row: (805100000, None if row == 5 else "0" * 10))
    found = shown_cells(path, "Sheet1")
    assert [(first, last) for first, last, _ in found.runs[2]] == [(1, 4), (6, 24)]
    assert [row for row, _, _ in found.between(3, 8)] == [3, 4, 6, 7]
