"""The inspection list as files: CSV, a workbook that the office fills in, a page for the printer.

Enters: an `InspectionList`, a path, a language. Leaves: one file, whole or not at all. Never here: the
choice or the order of what is listed; a formula: a declarant's text is written as text and stays text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from basira.explain.explanation import Reader
from basira.explain.inspection_list.entries import offices_of, only_office
from basira.explain.inspection_list.page import inspection_page
from basira.explain.inspection_list.rows import Cell, Column, columns_for, list_rows
from basira.explain.words import catalog_of
from basira.render.catalogs import Catalog
from basira.render.languages import direction
from basira.render.shown import shown
from basira.render.spreadsheet import csv_text
from basira.render.writing import write_whole
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.filled_list import CODES_SHEET, KIND_COLUMNS, RESULTS
from basira.schema.records import InspectionList

_CELL_LIMIT = 32_767  # characters that a workbook's cell holds; beyond, the writer would drop the cell
_WIDTHS = {
    "text": 16,
    "long_text": 48,
    "count": 9,
    "amount": 15,
    "measure": 13,
    "probability": 12,
    "flag": 10,
    "day": 12,
}
_FORMATS = {"count": "#,##0", "amount": "#,##0.00", "measure": "#,##0.###", "probability": "0.0%", "day": "dd/mm/yyyy"}
# Languages whose spreadsheets read `;` between cells and a comma before decimals.
_COMMA = ("fr", "ar")
# What an officer fills in, an item; `basira feedback` takes the workbook back (`basira.feedback.filled_list`).
RESULT_COLUMNS: tuple[Column, ...] = (
    Column("result", "result.column"),
    Column(KIND_COLUMNS[0], "result.kind"),
    Column(KIND_COLUMNS[1], "result.kind_2"),
    Column("inspected_at", "result.inspected_on", "day"),
    Column("inspector_id", "result.officer"),
    Column("found_value_amount", "result.found_value", "amount"),
    Column("found_commodity_code", "result.found_code"),
    Column("found_origin_country", "result.found_origin"),
    Column("found_quantity", "result.found_quantity", "measure"),
    Column("found_net_mass_kg", "result.found_mass", "measure"),
    Column("additional_revenue_amount", "result.revenue", "amount"),
)
_FIRST_ROW = 2  # names for programs, then headings for people


def write_csv(
    inspections: InspectionList,
    path: Path,
    *,
    language: str,
    reader: Reader = "unit",
    lane_names: Mapping[str, str] | None = None,
    bom: bool = True,
    delimiter: str | None = None,
) -> Path:
    """One row per item, the columns by their stable names; UTF-8, as the language's spreadsheets read it.

    ``bom``: begin with a byte order mark, so that Excel reads the accents. ``delimiter``: None for the language's: in
    French and Arabic `;`, with a decimal comma; a comma, with a decimal point, in English. An unknown value is empty.
    Text that a spreadsheet would run as a formula gets an apostrophe.

    Raises
    ------
    StoreError : the file can't be written.
    """
    between = delimiter or (";" if language in _COMMA else ",")
    columns = columns_for(reader)
    rows = list_rows(inspections, language=language, reader=reader, lane_names=lane_names)
    lines = [[_csv_cell(row[c.name], has_comma=between == ";") for c in columns] for row in rows]
    text = csv_text([[c.name for c in columns], *lines], delimiter=between)
    return write_whole(path, text.encode("utf-8-sig" if bom else "utf-8"))


def _csv_cell(value: Cell, *, has_comma: bool) -> Cell | _Figure:
    return _Figure(repr(value).replace(".", ",")) if has_comma and type(value) is float else value


class _Figure:
    """A number already written: no text that a spreadsheet would run."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def write_xlsx(
    inspections: InspectionList,
    path: Path,
    *,
    language: str,
    reader: Reader = "unit",
    lane_names: Mapping[str, str] | None = None,
) -> Path:
    """A workbook: the list with columns for the results, capacity use, and what made it.

    The first row has the columns' stable names and is hidden; the second their headings, frozen and filtered. Numbers
    and days are typed cells; results and kinds are chosen from lists; a hidden sheet gives the codes of their words.

    Raises
    ------
    StoreError : the file can't be written.
    """
    import xlsxwriter

    catalog = catalog_of(language)
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    # The day's own date, not the clock's: the same list gives the same file.
    book.set_properties({"title": catalog.say("list.title"), "created": datetime.fromisoformat(inspections.day[:10])})
    is_right_to_left = direction(language) == "rtl"
    head = book.add_format({"bold": True, "bg_color": "#E8EDF2", "bottom": 1, "text_wrap": True, "valign": "top"})
    fill_in = book.add_format({"bold": True, "bg_color": "#FFF4E0", "bottom": 1, "text_wrap": True, "valign": "top"})
    plain = book.add_format({"valign": "top"})
    wrapped = book.add_format({"valign": "top", "text_wrap": True})
    formats = {kind: book.add_format({"num_format": text, "valign": "top"}) for kind, text in _FORMATS.items()}
    formats |= {"text": plain, "flag": plain, "long_text": wrapped}

    def sheet(
        title: str,
        columns: Sequence[Column],
        headings: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        first: int = 1,
    ) -> Any:
        made = book.add_worksheet(title)
        if is_right_to_left:
            made.right_to_left()
        for place, (column, heading) in enumerate(zip(columns, headings, strict=True)):
            made.set_column(place, place, _WIDTHS[column.kind], formats[column.kind])
            made.write_string(first - 1, place, heading, fill_in if column in RESULT_COLUMNS else head)
        for number, row in enumerate(rows, start=first):
            for place, (column, value) in enumerate(zip(columns, row, strict=True)):
                _write_cell(made, number, place, value, formats[column.kind])
        made.freeze_panes(first, 0)
        return made

    columns = (*columns_for(reader), *RESULT_COLUMNS)
    rows = list_rows(inspections, language=language, reader=reader, lane_names=lane_names)
    headings = [catalog.say(c.message, n=c.name.rpartition("_")[2]) for c in columns]
    cells: list[list[Cell]] = [[row.get(c.name) for c in columns] for row in rows]
    main = sheet(catalog.say("sheet.list"), columns, headings, cells, first=_FIRST_ROW)
    for place, column in enumerate(columns):
        main.write_string(0, place, column.name, plain)
    main.set_row(0, None, None, {"hidden": True})
    main.autofilter(_FIRST_ROW - 1, 0, max(_FIRST_ROW, len(rows) + 1), len(columns) - 1)
    main.set_landscape()
    main.set_paper(9)  # A4
    main.fit_to_pages(1, 0)
    main.repeat_rows(_FIRST_ROW - 1)
    if rows:
        _add_choices(main, columns, _FIRST_ROW, _FIRST_ROW + len(rows) - 1, catalog)

    capacity = [
        Column("office", "field.office"),
        Column("lane", "list.lane"),
        Column("used", "column.used", "count"),
        Column("capacity", "column.capacity", "count"),
    ]
    names = lane_names or {}
    uses: list[list[Cell]] = [[u.office, names.get(u.lane, u.lane), u.used, u.capacity] for u in inspections.capacity]
    sheet(catalog.say("sheet.capacity"), capacity, [catalog.say(c.message) for c in capacity], uses)

    about: list[list[Cell]] = [
        [catalog.say("list.day"), inspections.day],
        [catalog.say("list.as_of"), inspections.as_of],
        [catalog.say("list.policy"), inspections.policy],
        [catalog.say("list.run"), inspections.run_id],
        [catalog.say("list.snapshot"), str(inspections.snapshot)],
        [catalog.say("column.simulated"), catalog.say("flag.yes" if inspections.is_simulated else "flag.no")],
    ]
    if reader == "unit":
        about.append([catalog.say("list.model"), inspections.model_version])
        about += [[catalog.say("list.warnings"), warning] for warning in inspections.warnings]
    sheet(catalog.say("sheet.about"), [Column("what", ""), Column("value", "", "long_text")], ["", ""], about)
    codes = book.add_worksheet(CODES_SHEET)
    for number, (code, word) in enumerate(_codes(catalog).items()):
        codes.write_string(number, 0, code)
        codes.write_string(number, 1, word)
    codes.hide()
    book.close()
    return write_whole(path, out.getvalue())


def _codes(catalog: Catalog) -> dict[str, str]:
    """The words of results and kinds, by their codes."""
    return {code: catalog.say(message) for code, message in RESULTS.items()} | {
        kind: catalog.say(f"kind.{kind}") for kind in IRREGULARITY_KINDS
    }


def _add_choices(sheet: Any, columns: Sequence[Column], first: int, last: int, catalog: Catalog) -> None:
    """Lists to choose results and kinds from, and limits of numbers and days."""
    words = _codes(catalog)
    for place, column in enumerate(columns):
        if column not in RESULT_COLUMNS:
            continue
        choices: dict[str, Any] | None = None
        if column.name == "result":
            choices = {"validate": "list", "source": [words[code] for code in RESULTS]}
        elif column.name in KIND_COLUMNS:
            choices = {"validate": "list", "source": [words[kind] for kind in IRREGULARITY_KINDS]}
        elif column.kind in ("amount", "measure"):
            choices = {"validate": "decimal", "criteria": ">=", "value": 0}
        elif column.kind == "day":
            choices = {"validate": "date", "criteria": ">=", "value": datetime(2000, 1, 1)}
        if choices is not None:
            asked = {"list": "choose", "decimal": "number", "date": "day"}[choices["validate"]]
            choices["error_message"] = catalog.say(f"result.{asked}")
            sheet.data_validation(first, place, last, place, choices)


def write_html(
    inspections: InspectionList,
    path: Path,
    *,
    language: str,
    reader: Reader = "unit",
    lane_names: Mapping[str, str] | None = None,
    software: str = "",
) -> Path:
    """The printable page, see `inspection_page`.

    Raises
    ------
    StoreError : the file can't be written.
    """
    page = inspection_page(inspections, language=language, reader=reader, lane_names=lane_names, software=software)
    return write_whole(path, page.encode("utf-8"))


def files_by_office(inspections: InspectionList, path: Path) -> dict[Path, InspectionList]:
    """For each office that has a line its own list and its file: of `list.html` for example `list-CASA-PORT.html`.

    Signs of an office's code that a file name may not have are written as their number, so that no two offices share
    a file.
    """
    found = {}
    for office in offices_of(inspections):
        own = only_office(inspections, office)
        if own.lines:
            name = "".join(c if c.isalnum() or c in "-_" else f"%{ord(c):x}" for c in office) or "%"
            found[path.with_name(f"{path.stem}-{name}{path.suffix}")] = own
    return found


def _write_cell(sheet: Any, row: int, place: int, value: Cell, cell_format: Any) -> None:
    if value is None or value == "":
        sheet.write_blank(row, place, None, cell_format)
    elif isinstance(value, bool):
        sheet.write_boolean(row, place, value, cell_format)
    elif isinstance(value, str):
        value = shown(value)
        text = value if len(value) <= _CELL_LIMIT else value[: _CELL_LIMIT - 1] + "…"
        sheet.write_string(row, place, text, cell_format)
    else:
        sheet.write_number(row, place, value, cell_format)
