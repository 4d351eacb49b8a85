"""Each kind of bad cell sends its row, and only its row, to quarantine with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.workflows.intake.ingest import IngestReport
from tests.support.ingest_world import PLAIN_MAPPING, ROW

Take = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]

GOOD = "D9,2024-01-03,10,1,851713,CN,1,1"


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (",2024-01-02,10,1,851713,CN,1,1", "declaration_id", "missing"),
        ("D1,02/01/2024,10,1,851713,CN,1,1", "declared_at", "bad_date"),
        ("D1,2024-02-30,10,1,851713,CN,1,1", "declared_at", "bad_date"),
        ("D1,2204-01-02,10,1,851713,CN,1,1", "declared_at", "date_out_of_range"),
        ("D1,24-01-02,10,1,851713,CN,1,1", "declared_at", "bad_date"),
        ("D1,2024-01-02,10,1,851713,CN,-1,1", "net_mass_kg", "negative"),
        ("D1,2024-01-02,10,1,851713,CN,1e12,1", "net_mass_kg", "out_of_range"),
        ('D1,2024-01-02,10,1,851713,CN,"1,5",1', "net_mass_kg", "bad_number"),
        ("D1,2024-01-02,10,1,851713,CN,inf,1", "net_mass_kg", "not_finite"),
        ("D1,2024-01-02,10,1.5,851713,CN,1,1", "item_number", "bad_integer"),
        ("D1,2024-01-02,10,1,851713,QQ,1,1", "origin_country", "unknown_country"),
        ("D1,2024-01-02,10,1,71080,CN,1,1", "", ""),  # a lost zero, put back: digits = 6
        ("D1,2024-01-02,10,1,85171,CN,1,1", "commodity_code", "bad_commodity_code"),  # there is no heading 0851
        ("D1,2024-01-02,10,1,8.5E+5,CN,1,1", "commodity_code", "scientific_notation"),
        ("D1,2024-01-02,10,1,8517,CN,1,1", "commodity_code", "bad_commodity_code"),
        ("D1,2024-01-02,10,1,85171X,CN,1,1", "commodity_code", "bad_commodity_code"),
        ("D1,2024-01-02,10,1,851713,CN,#N/A,1", "net_mass_kg", "spreadsheet_error"),
        ("D1,2024-01-02,10,1,851713,CN,1,#NOM?", "customs_value_amount", "spreadsheet_error"),
        ("D1,2024-01-02,#REF!,1,851713,CN,1,1", "office", "spreadsheet_error"),
        ("D1,#VALEUR!,10,1,851713,CN,1,1", "declared_at", "spreadsheet_error"),
        ("D1,2024-01-02,10,1,#DIV/0!,CN,1,1", "commodity_code", "spreadsheet_error"),
        ("D1,2024-01-02,10,1,851713,#NAME?,1,1", "origin_country", "spreadsheet_error"),
        ("D1,2024-01-02,10,1,851713,CN,1", None, "column_count"),
        ("D1,2024-01-02,10,1,851713,CN,1,1,1", None, "column_count"),
    ],
)
def test_a_bad_cell_quarantines_its_row(
    row: str, field: str | None, code: str, take: Take, query: Query, plain: Mapping
) -> None:
    report = take("a.csv", plain, row, GOOD)
    refused = [] if code == "" else [(1, field, code)]
    assert query("SELECT source_row, field, code FROM quarantine") == refused
    assert (report.rows, report.accepted, report.quarantined) == (2, 2 - len(refused), len(refused))


def test_a_lost_leading_zero_is_put_back_when_the_mapping_gives_digits(
    take: Take, query: Query, plain: Mapping
) -> None:
    take("a.csv", plain, ROW.replace("851713", "71080"))
    assert query("SELECT commodity_code FROM items") == [("071080",)]


def test_a_lost_leading_zero_is_rejected_with_a_hint_without_digits(take: Take, query: Query) -> None:
    mapping = parse_mapping(PLAIN_MAPPING.replace(", digits = 6", ""), name="m")
    take("a.csv", mapping, ROW.replace("851713", "71080"))
    [(code, expected)] = query("SELECT code, expected FROM quarantine")
    assert code == "lost_leading_zero"
    assert "digits" in expected


def test_dots_and_a_spreadsheets_decimal_go_from_commodity_codes(take: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, ROW.replace("851713", "8517.13"), ROW.replace("D1", "D2").replace("851713", "392690.0"))
    assert query("SELECT commodity_code FROM items ORDER BY 1") == [("392690",), ("851713",)]


def test_all_reasons_of_a_row_are_reported_in_its_one_quarantine_row(take: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, "D1,bad,10,1,851713,QQ,-1,1")
    [(code, expected)] = query("SELECT code, expected FROM quarantine")
    assert code == "bad_date"
    assert "origin_country: unknown_country" in expected
    assert "net_mass_kg: negative" in expected


def test_the_row_is_kept_in_the_sources_words(take: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, "D1, bad ,10,1,851713,QQ,-1,1")
    [(text,)] = query("SELECT row_json->>'date' FROM quarantine")
    assert text == " bad "


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        ('decimal = ","', "1234,5", 1234.5),
        ('decimal = ","', "1 234,5", 1234.5),
        ('decimal = ","', "1\u202f234,5", 1234.5),
        ('decimal = ","\nthousands = "."', "1.234,5", 1234.5),
        ('thousands = ","', "1,234.5", 1234.5),
        ('thousands = ","', "1,234,567", 1234567.0),
        ('decimal = "."', "1 234.5", 1234.5),
        ('decimal = "."', "1.5e3", 1500.0),
        ('decimal = ","', "1.234", None),
        ('decimal = "."', "12 34", None),
        ('thousands = ","', "1,23", None),
        ('decimal = "."', ".", None),
    ],
)
def test_numbers_are_read_in_the_mappings_style_and_no_other(
    style: str, text: str, value: float | None, take: Take, query: Query
) -> None:
    mapping = parse_mapping(PLAIN_MAPPING + f"\n[source]\nseparator = ';'\n{style}\n", name="m")
    take(
        "a.csv", mapping, f"D1;2024-01-02;10;1;851713;CN;{text};1", header="id;date;office;item;code;origin;mass;value"
    )
    found = query("SELECT net_mass_kg FROM items")
    assert found == ([] if value is None else [(value,)])


@pytest.mark.parametrize(
    ("option", "text", "day"),
    [
        ("day_first = true", "03/04/2024", "2024-04-03"),
        ("day_first = true", "03/04/24 10:30", "2024-04-03"),
        ("day_first = true", "2024-04-03", "2024-04-03"),
        ('date_formats = ["%m/%d/%Y"]', "03/04/2024", "2024-03-04"),
        ('date_formats = ["%y-%m-%d"]', "13-01-02", "2013-01-02"),
        ('date_formats = ["excel"]', "45385", "2024-04-03"),
        ("day_first = false", "20240403", "2024-04-03"),
        ("day_first = false", "2024-04-03T10:11:12.5", "2024-04-03"),
    ],
)
def test_dates_are_read_in_the_mappings_formats(option: str, text: str, day: str, take: Take, query: Query) -> None:
    mapping = parse_mapping(PLAIN_MAPPING + f"\n[source]\n{option}\n", name="m")
    take("a.csv", mapping, ROW.replace("2024-01-02", text))
    assert query("SELECT declared_at::DATE::VARCHAR FROM items") == [(day,)]


def test_percent_rates_become_shares_and_a_forgotten_percent_is_rejected_with_a_hint(take: Take, query: Query) -> None:
    header = "id,date,code,rate"
    base = '[fields]\ndeclaration_id = "id"\ndeclared_at = "date"\ncommodity_code = "code"\nduty_rate = '
    take(
        "a.csv",
        parse_mapping(base + '{ column = "rate", percent = true }', name="m"),
        "A,2024-01-01,8517,17.5",
        header=header,
    )
    take(
        "b.csv",
        parse_mapping(base + '"rate"', name="m"),
        "B,2024-01-01,8517,17.5%",
        "C,2024-01-01,8517,25",
        header=header,
    )
    assert query("SELECT declaration_id, duty_rate FROM items ORDER BY 1") == [("A", 0.175), ("B", 0.175)]
    [(code, expected)] = query("SELECT code, expected FROM quarantine")
    assert code == "out_of_range"
    assert "percent" in expected


def test_values_translate_before_parsing_and_accept_allows_a_code(take: Take, query: Query) -> None:
    text = PLAIN_MAPPING.replace(
        'origin_country = "origin"',
        'origin_country = { column = "origin", values = { Chine = "CN" }, accept = ["ZZ"] }',
    )
    take(
        "a.csv",
        parse_mapping(text, name="m"),
        ROW.replace("CN", "CHINE"),
        ROW.replace("D1", "D2").replace("CN", "zz"),
        ROW.replace("D1", "D3").replace("CN", "CHN"),
    )
    assert query("SELECT origin_country FROM items ORDER BY declaration_id") == [("CN",), ("ZZ",), ("CN",)]


def test_scale_brings_tonnes_to_kilograms(take: Take, query: Query) -> None:
    text = PLAIN_MAPPING.replace('net_mass_kg = "mass"', 'net_mass_kg = { column = "mass", scale = 1000 }')
    take("a.csv", parse_mapping(text, name="m"), ROW)
    assert query("SELECT net_mass_kg FROM items") == [(12500.0,)]


def test_empty_optional_cells_are_null_and_blank_lines_are_no_rows(take: Take, query: Query, plain: Mapping) -> None:
    report = take("a.csv", plain, "D1,2024-01-02,,,851713,,,", "", ",,,,,,,", ROW.replace("D1", "D2"))
    assert report.rows == report.accepted == 2
    assert query("SELECT office, item_number, net_mass_kg FROM items WHERE declaration_id = 'D1'") == [(None, 1, None)]


def test_a_constant_is_validated_like_a_cell(take: Take, query: Query) -> None:
    mapping = parse_mapping(PLAIN_MAPPING + "\n[constants]\nvalue_currency = 'ABC'\n", name="m")
    take("a.csv", mapping, ROW)
    assert query("SELECT field, code, value FROM quarantine") == [("value_currency", "unknown_currency", "ABC")]


def test_value_currency_is_mad_when_the_mapping_says_nothing(take: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, ROW)
    assert query("SELECT value_currency, declared_day FROM items") == [("MAD", 19724)]


def test_a_file_of_which_nothing_fits_is_a_wrong_mapping_and_stores_nothing(
    take: Take, query: Query, plain: Mapping
) -> None:
    from basira.schema.errors import MappingError

    rows = [f"D{i},02/01/2024,10,1,851713,CN,1,1" for i in range(30)]
    with pytest.raises(MappingError, match="bad_date"):
        take("a.csv", plain, *rows)
    assert query("SELECT count(*) FROM quarantine") == [(0,)]
