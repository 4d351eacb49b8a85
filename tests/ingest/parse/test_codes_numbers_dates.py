"""Columns of codes, numbers and dates: read right, in doubt, or rejected row by row. Never another value."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.ingest.mapping.model import ITEM_SIDE, Column, parse_mapping
from basira.ingest.parse.codes import parse_commodity
from basira.ingest.parse.dates import parse_timestamps
from basira.ingest.parse.headings import is_heading
from basira.ingest.parse.numbers import NumberStyle, parse_number
from basira.ingest.suggest.fit import Fit, fit
from basira.ingest.suggest.profile import profile_column
from basira.ingest.suggest.propose import suggest_mapping
from basira.schema.errors import MappingError
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.mapping import propose_mapping
from tests.support.ingest_world import RECEIVED

# Figures and marks as Arabic keyboards write them.
ARABIC = dict(zip(map(ord, "0123456789,."), [*map(chr, range(0x0660, 0x066A)), "\u066c", "\u066b"], strict=True))
Query = Callable[[str], list[tuple[Any, ...]]]


def judge(field: str, cells: Sequence[str]) -> Fit:
    return fit(field, profile_column(pl.Series("c", list(cells), dtype=pl.String), separator=";"))


def write(path: Path, **columns: Sequence[str]) -> Path:
    """A file whose other columns are plain. A name with two underscores stands for one with a space."""
    count = max(len(cells) for cells in columns.values())
    table: dict[str, Sequence[str]] = {
        "N° DUM": [f"D{n}" for n in range(count)],
        "Date": ["25/02/2024"] * count,
        "Code SH": ["8703219000"] * count,
        **{name.replace("__", " "): cells for name, cells in columns.items()},
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def read(path: Path, store: History, query: Query, field: str) -> list[Any]:
    """The values of a file that is taken in by what is proposed for it."""
    mapping = parse_mapping(propose_mapping(path)[1], name="m")
    ingest_files(store, [path], mapping, received_at=RECEIVED)
    return [row[0] for row in query(f"SELECT {field} FROM items ORDER BY source_row")]


# --- Commodity codes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (["87032190140", "69072100000", "80510000001"], None),
        (["8703219000", "805100000", "201300000"], ["8703219000", "0805100000", "0201300000"]),
        (["87032190", "8051000", "8703219000", "201300000"], ["87032190", "08051000", "8703219000", "0201300000"]),
        (["6109.1", "8703.21", "805.1", "805.21"], ["610910", "870321", "080510", "080521"]),
        (["6109.10", "8703.21.90", "0805.10"], ["610910", "87032190", "080510"]),
        (["8703219000.0", "805100000.0"], ["8703219000", "0805100000"]),
        (['="0805100000"', '="8703219000"'], ["0805100000", "8703219000"]),
        (["'0805100000", "'8703219000"], ["0805100000", "8703219000"]),
        (["8703219000", "9901", "9802"], ["8703219000", "9901", "9802"]),
        (["8703.2190140", "6907.2100000"], ["87032190140", "69072100000"]),
        (["851713", "71080"], ["851713", "071080"]),
    ],
)
def test_a_zero_comes_back_only_where_it_was_lost(
    cells: list[str], codes: list[str] | None, tmp_path: Path, store: History, query: Query
) -> None:
    path = write(tmp_path / "a.csv", Code__SH=cells)
    assert read(path, store, query, "commodity_code") == (codes or cells)


def test_codes_that_all_may_have_lost_a_zero_are_in_doubt() -> None:
    fitness = judge("commodity_code", ["805100000", "201300000"] * 5)
    (doubt,) = fitness.doubts
    assert (doubt.count, doubt.of, doubt.examples[0]) == (10, 10, (1, "805100000"))
    assert "digits = [10]" in " ".join(doubt.choices)
    assert fitness.share < 0.9


def test_codes_of_nine_digits_beside_ten_that_only_some_headings_explain_are_in_doubt() -> None:
    assert judge("commodity_code", ["8703219000", "870321900", "805100000"]).doubts


def test_scientific_notation_is_rejected_by_its_name(tmp_path: Path, store: History, query: Query) -> None:
    path = write(tmp_path / "a.csv", Code__SH=["8,70322E+09", "8703219000", "610910001"])
    text = propose_mapping(path)[1]
    assert "scientific notation" in text
    report = ingest_files(store, [path], parse_mapping(text, name="m"), received_at=RECEIVED)
    assert report.files[0].reasons["scientific_notation"] == 1


@pytest.mark.parametrize("digits", [4, 5, 7, 9, 11, 12])
def test_every_length_may_be_stated(digits: int) -> None:
    assert Column(column="c", digits=(digits,)).digits == (digits,)


CODES = ("870321", "080510", "610910", "300490", "690721", "040690", "020130", "090121", "901210", "710812", "071080")


@given(
    st.lists(st.sampled_from(CODES), min_size=2, max_size=30),
    st.sampled_from([6, 8, 9, 10, 11, 12]),
    st.sampled_from(["plain", "lost", "dotted", "point", "number"]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_no_code_becomes_another(headings: list[str], digits: int, way: str, rng: random.Random) -> None:
    """A number with a point loses the zeros at both ends, and the code that is left may be read as it stands."""
    if digits % 2 and all(heading.startswith("0") and is_heading(heading[1:]) for heading in headings):
        return  # without their zero, codes of 0901 or 0710 alone are codes of 9012 or 7108, one digit shorter
    codes = [heading + "".join(rng.choice("0123") for _ in range(digits - 6)) for heading in headings]
    cells = {
        "plain": codes,
        "lost": [code.lstrip("0") for code in codes],
        "dotted": [".".join([code[:4], *(code[n : n + 2] for n in range(4, digits, 2))]) for code in codes],
        "point": [f"{code[:4].lstrip('0')}.{code[4:]}".rstrip("0").rstrip(".") for code in codes],
        "number": [f"{int(code)}.0" for code in codes],
    }[way]
    fitness = judge("commodity_code", cells)
    if not fitness.share or fitness.doubts:
        return
    chosen = fitness.options.get("digits", ())
    lengths = (chosen,) if isinstance(chosen, int) else tuple(chosen)  # type: ignore[arg-type]
    parsed, faults = parse_commodity(ITEM_SIDE["commodity_code"], pl.Series(cells), lengths)
    rejected = {row for fault in faults for row in fault.mask.arg_true()}
    for row, (found, true) in enumerate(zip(parsed, codes, strict=True)):
        read_whole = found.ljust(digits, "0") if found is not None and way == "point" else found
        assert row in rejected or read_whole == true, (cells[row], found, true, fitness)


# --- Numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,00,000.50", "12,34,567", "500"], [100000.5, 1234567, 500]),
        (["1\u202f234,50", "2\u2007345,25"], [1234.5, 2345.25]),
        (["1'234.50", "2\u2019345.25"], [1234.5, 2345.25]),
        (["1 234,50 €", "€ 12,00", "13 €"], [1234.5, 12, 13]),
        (["1.234,50 DH", "2.345,00 MAD"], [1234.5, 2345]),
        (["R$ 1.234,50", "R$7,00"], [1234.5, 7]),
        (["4500", "1.234", "12.345"], [4500, 1.234, 12.345]),
        (["1.250", "3.000", "250", "900.000.000"], [1250, 3000, 250, 900_000_000]),
        ([text.translate(ARABIC) for text in ("1,234.5", "12.25")], [1234.5, 12.25]),
    ],
)
def test_amounts_are_read_as_they_are_written(
    cells: list[str], values: list[float], tmp_path: Path, store: History, query: Query
) -> None:
    path = write(tmp_path / "a.csv", Valeur__en__douane=cells)
    assert read(path, store, query, "customs_value_amount") == values


@pytest.mark.parametrize("mark", [".", ","])
def test_three_figures_behind_every_mark_are_in_doubt(mark: str, tmp_path: Path, store: History) -> None:
    path = write(tmp_path / "a.csv", Valeur__en__douane=[f"1{mark}{n:03d}" for n in range(24)])
    text = propose_mapping(path)[1]
    assert f'# decimal = "{mark}", thousands = ""' in text
    with pytest.raises(MappingError, match="decimals, or thousands"):
        ingest_files(store, [path], parse_mapping(text, name="m"), received_at=RECEIVED)


@pytest.mark.parametrize(("mark", "other"), [(".", "10,5"), (",", "10.5")])
def test_another_column_tells_thousands_from_decimals(
    mark: str, other: str, tmp_path: Path, store: History, query: Query
) -> None:
    path = write(tmp_path / "a.csv", Valeur__en__douane=[f"1{mark}{n:03d}" for n in range(24)], Poids__net=[other] * 24)
    assert read(path, store, query, "customs_value_amount") == [1000.0 + n for n in range(24)]
    entry = next(e for e in suggest_mapping(path).fields if e.field == "customs_value_amount")
    assert entry.confidence < 1
    assert "as in 'Poids net'" in entry.notes[0]


def test_a_product_tells_thousands_from_decimals(tmp_path: Path, store: History, query: Query) -> None:
    """Value = price × quantity, though no other column shows a mark."""
    prices, counts = [100 + 7 * n for n in range(24)], [11 + n % 5 for n in range(24)]
    values = [price * count for price, count in zip(prices, counts, strict=True)]
    path = write(
        tmp_path / "a.csv",
        Valeur__en__douane=[f"{value:,}".replace(",", ".") for value in values],
        Prix__unitaire=[str(price) for price in prices],
        Nb=[str(count) for count in counts],
    )
    assert read(path, store, query, "customs_value_amount") == [float(value) for value in values]


def test_a_sum_tells_thousands_from_decimals(tmp_path: Path, store: History, query: Query) -> None:
    fob = [900 + 7 * n for n in range(24)]
    freight = [100 + 3 * n for n in range(24)]
    total = [a + b for a, b in zip(fob, freight, strict=True)]
    path = write(
        tmp_path / "a.csv",
        Valeur__en__douane=[f"{value:,}".replace(",", ".") for value in total],
        FOB=[str(v) for v in fob],
        Fret=[str(v) for v in freight],
    )
    assert read(path, store, query, "customs_value_amount") == [float(t) for t in total]


def test_a_few_cells_of_another_way_are_in_doubt() -> None:
    fitness = judge("customs_value_amount", [*["1234.50", "77.25"] * 10, "1.234,50"])
    (doubt,) = fitness.doubts
    assert (doubt.count, doubt.of, doubt.examples) == (1, 21, ((21, "1.234,50"),))


def test_one_number_without_decimals_where_all_others_have_three_is_in_doubt() -> None:
    fitness = judge("net_mass_kg", [*[f"1,{n}.250" for n in range(600, 620)], "771,340"])
    (doubt,) = fitness.doubts
    assert (doubt.count, doubt.examples) == (1, ((21, "771,340"),))
    assert judge("net_mass_kg", [*[f"1,{n}.25" for n in range(600, 620)], "771,340"]).doubts == ()


def test_several_currencies_are_in_doubt() -> None:
    (doubt,) = judge("customs_value_amount", ["1.50 €", "USD 2.50"]).doubts
    assert "several currencies" in doubt.question


def test_a_dollar_alone_is_in_doubt_and_a_code_decides() -> None:
    assert 'currency = "CAD"' in judge("customs_value_amount", ["$1.50", "$2.50"]).doubts[0].choices
    fitness = judge("customs_value_amount", ["$1.50", "USD 2.50"])
    assert (fitness.doubts, fitness.options["currency"]) == ((), "USD")


def test_a_mark_of_another_currency_than_the_mappings_is_rejected() -> None:
    _, faults = parse_number(
        ITEM_SIDE["customs_value_amount"], pl.Series(["1 €", "1 USD"]), NumberStyle(currency="EUR")
    )
    assert [(fault.code, fault.mask.to_list()) for fault in faults] == [("bad_number", [False, True])]


def test_parentheses_and_a_sign_behind_are_below_zero() -> None:
    values, faults = parse_number(
        ITEM_SIDE["customs_value_amount"], pl.Series(["(1,234.50)", "12-", "7"]), NumberStyle(".", ",")
    )
    assert values.to_list() == [-1234.5, -12, 7]
    assert [(fault.code, fault.mask.to_list()) for fault in faults] == [("negative", [True, True, False])]


def grouped(whole: int, mark: str, lakhs: bool) -> str:
    if lakhs and whole > 999:
        head, tail = str(whole)[:-3], str(whole)[-3:]
        return ",".join([*[head[max(0, n - 2) : n] for n in range(len(head), 0, -2)][::-1], tail])
    return f"{whole:,}".replace(",", mark)


@given(
    st.lists(st.integers(0, 5_000_000_000), min_size=1, max_size=30),
    st.sampled_from([(".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (",", " "), (",", "\u00a0")]),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["", " EUR", "€"]),
)
@settings(max_examples=200, deadline=None)
def test_no_amount_becomes_another(
    thousandths: list[int], style: tuple[str, str], places: int, lakhs: bool, currency: str
) -> None:
    decimal, thousands = style
    lakhs = lakhs and style == (".", ",")
    true, cells = [], []
    for number in thousandths:
        shown = number // 10 ** (3 - places)
        whole, part = divmod(shown, 10**places)
        true.append(shown / 10**places)
        cells.append(grouped(whole, thousands, lakhs) + (f"{decimal}{part:0{places}d}" if places else "") + currency)
    fitness = judge("customs_value_amount", cells)
    if not fitness.share or fitness.doubts:
        return
    guess = profile_column(pl.Series("c", cells), separator=";").numbers
    values, faults = parse_number(
        ITEM_SIDE["customs_value_amount"],
        pl.Series(cells),
        NumberStyle(*guess.style, currency=str(fitness.options.get("currency", ""))),
    )
    rejected = {row for fault in faults for row in fault.mask.arg_true()}
    for row, (found, wanted) in enumerate(zip(values, true, strict=True)):
        assert row in rejected or found == pytest.approx(wanted, rel=1e-12), (cells[row], found, wanted)


# --- Dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["03/25/2024", "02/03/2024"], ["2024-03-25", "2024-02-03"]),
        (["25032024", "3022024"], ["2024-03-25", "2024-02-03"]),
        (["25 mars 2024", "3 févr. 2024"], ["2024-03-25", "2024-02-03"]),
        (["25 مارس 2024", "3 شتنبر 2024"], ["2024-03-25", "2024-09-03"]),
        (["25 آذار 2024", "3 كانون الأول 2024"], ["2024-03-25", "2024-12-03"]),
        (["25 de março de 2024", "3 de dezembro de 2024"], ["2024-03-25", "2024-12-03"]),
        (["25-ene-2024", "3-dic-2024"], ["2024-01-25", "2024-12-03"]),
        (["March 25, 2024", "December 3, 2024"], ["2024-03-25", "2024-12-03"]),
        (["25/03/24", "03/02/24", *(f"{n:02d}/05/24" for n in range(1, 29))], ["2024-03-25", "2024-02-03"]),
        (["25/03/2024 11:30 PM", "03/02/2024 12:10 a.m."], ["2024-03-25", "2024-02-03"]),
        (["2024-03-24T23:30:00+00:00", "2024-07-02T23:30:00Z"], ["2024-03-24", "2024-07-03"]),
        (["2024-25-03", "2024-03-02"], ["2024-03-25", "2024-02-03"]),
    ],
)
def test_dates_are_read_as_they_are_written(
    cells: list[str], days: list[str], tmp_path: Path, store: History, query: Query
) -> None:
    path = write(tmp_path / "a.csv", Date=cells)
    assert read(path, store, query, "strftime(declared_at, '%Y-%m-%d')")[: len(days)] == days


def test_a_half_of_the_day_is_read(tmp_path: Path, store: History, query: Query) -> None:
    path = write(tmp_path / "a.csv", Date=["25/03/2024 11:30 PM", "03/02/2024 12:10 AM", "13/02/2024 1:05 م"])
    assert read(path, store, query, "strftime(declared_at, '%H:%M')") == ["23:30", "00:10", "13:05"]


def test_the_zone_of_the_mapping_is_the_local_time() -> None:
    values, _ = parse_timestamps(
        ITEM_SIDE["declared_at"],
        pl.Series(["2024-07-01T23:30:00Z"]),
        formats=(),
        day_first=False,
        earliest=date(1990, 1, 1),
        latest=date(2079, 12, 31),
        zone="Asia/Tokyo",
    )
    assert values.to_list() == [datetime(2024, 7, 2, 8, 30)]


def test_both_orders_in_one_column_are_in_doubt() -> None:
    fitness = judge("declared_at", ["25/03/2024", "13/03/2024", "03/25/2024"])
    (doubt,) = fitness.doubts
    assert (doubt.count, doubt.of, doubt.examples) == (1, 3, ((3, "03/25/2024"),))


def test_a_second_column_of_dates_tells_the_order(tmp_path: Path, store: History, query: Query) -> None:
    path = write(tmp_path / "a.csv", Date=["02/03/2024"] * 3, Date__PV=["03/25/2024"] * 3)
    assert read(path, store, query, "strftime(declared_at, '%Y-%m-%d')") == ["2024-02-03"] * 3


def test_dates_that_rise_in_one_order_only_tell_it(tmp_path: Path, store: History, query: Query) -> None:
    days = [date(2024, month, day) for month in (1, 2, 3) for day in (2, 5, 9, 12)]
    path = write(tmp_path / "a.csv", Date=[day.strftime("%m/%d/%Y") for day in days])
    assert read(path, store, query, "declared_at::DATE::VARCHAR") == [str(day) for day in days]


@pytest.mark.parametrize("as_cells", [True, False])
def test_a_workbook_half_converted_is_in_doubt(as_cells: bool, tmp_path: Path, store: History) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    style = book.add_format({"num_format": "dd/mm/yyyy"}) if as_cells else None
    sheet.write_row(0, 0, ["N° DUM", "Date", "Code SH"])
    for row in range(1, 25):
        day = date(2024, 1, 1) + timedelta(days=7 * row)
        sheet.write_row(row, 0, [f"D{row}"])
        if day.day > 12:
            sheet.write_string(row, 1, day.strftime("%d/%m/%Y"))
        else:
            sheet.write_datetime(row, 1, datetime(day.year, day.day, day.month), style)
        sheet.write_string(row, 2, "8703219000")
    book.close()
    with pytest.raises(MappingError, match="swapped by a spreadsheet"):
        ingest_files(store, [path], parse_mapping(propose_mapping(path)[1], name="m"), received_at=RECEIVED)


def test_a_format_given_by_hand_is_the_only_one_tried() -> None:
    for formats in (("%Y%d%m",), ("%d/%m/%Y",)):
        values, faults = parse_timestamps(
            ITEM_SIDE["declared_at"],
            pl.Series(["20240331", "2024-03-31"]),
            formats=formats,
            day_first=False,
            earliest=date(1990, 1, 1),
            latest=date(2079, 12, 31),
        )
        assert values.to_list() == [None, None]
        assert [fault.code for fault in faults] == ["bad_date"]


@given(
    st.lists(st.dates(date(2015, 1, 1), date(2026, 12, 31)), min_size=1, max_size=40),
    st.sampled_from(
        [
            "%d/%m/%Y",
            "%m/%d/%Y",
            "%d-%m-%y",
            "%y-%m-%d",
            "%m/%d/%y",
            "%Y-%m-%d",
            "%Y%m%d",
            "%d%m%Y",
            "%d %B %Y",
            "%Y/%d/%m",
        ]
    ),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_no_date_becomes_another(days: list[date], form: str, loses_zeros: bool) -> None:
    cells = [day.strftime(form) for day in days]
    if loses_zeros and form == "%d%m%Y":
        cells = [cell.lstrip("0") for cell in cells]
    fitness = judge("declared_at", cells)
    if not fitness.share or fitness.doubts or fitness.dates is None:
        return
    if form == "%Y/%d/%m" and all(day.day <= 12 for day in days):
        return  # no source writes so, and nothing shows it
    values, faults = parse_timestamps(
        ITEM_SIDE["declared_at"],
        pl.Series(cells),
        formats=fitness.dates.formats,
        day_first=False,
        earliest=date(1990, 1, 1),
        latest=date(2079, 12, 31),
    )
    rejected = {row for fault in faults for row in fault.mask.arg_true()}
    for row, (found, true) in enumerate(zip(values, days, strict=True)):
        assert row in rejected or found.date() == true, (cells[row], found, true)


# --- Text ----------------------------------------------------------------------------------------


def test_a_number_in_a_formula_is_the_quoted_text(tmp_path: Path, store: History, query: Query) -> None:
    path = write(tmp_path / "a.csv", **{"N°__DUM": ['="0024100"', "'0024101"]}, Désignation=['="TWO"', "'90s toys"])
    assert read(path, store, query, "declaration_id") == ["0024100", "0024101"]
    assert query("SELECT description FROM items ORDER BY source_row") == [("TWO",), ("'90s toys",)]
