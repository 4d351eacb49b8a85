"""The inspection list as files: CSV for programs, a workbook for the office, a page for the printer.

Enters: an `InspectionList`, a path, a language. Leaves: one file, whole or not at all. Never here: the
choice or the order of what is listed; a formula: a declarant's text is written as text and stays text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from basira.explain.inspection_list.page import Chart, inspection_page
from basira.explain.inspection_list.rows import COLUMNS, Cell, Column, list_rows
from basira.explain.words import catalog_of
from basira.render.languages import direction
from basira.render.shown import shown
from basira.render.spreadsheet import csv_text
from basira.render.writing import write_whole
from basira.schema.records import InspectionList

_CELL_LIMIT = 32_767  # characters that a workbook's cell holds; beyond, the writer would drop the cell
_WIDTHS = {"text": 16, "long_text": 48, "count": 9, "amount": 15, "measure": 13, "probability": 12, "flag": 10}
_FORMATS = {"count": "#,##0", "amount": "#,##0.00", "measure": "#,##0.###", "probability": "0.0%"}


def write_csv(
    inspections: InspectionList,
    path: Path,
    *,
    language: str,
    lane_names: Mapping[str, str] | None = None,
    bom: bool = True,
    delimiter: str = ",",
) -> Path:
    """One row per item, the columns of `COLUMNS` by their stable names; UTF-8.

    ``bom``: begin with a byte order mark, so that Excel reads the accents. Numbers keep the decimal
    point; an unknown value is empty. Text that a spreadsheet would run as a formula gets an apostrophe.

    Raises
    ------
    StoreError : the file can't be written.
    """
    rows = list_rows(inspections, language=language, lane_names=lane_names)
    text = csv_text([[c.name for c in COLUMNS], *([row[c.name] for c in COLUMNS] for row in rows)], delimiter=delimiter)
    return write_whole(path, text.encode("utf-8-sig" if bom else "utf-8"))


def write_xlsx(
    inspections: InspectionList, path: Path, *, language: str, lane_names: Mapping[str, str] | None = None
) -> Path:
    """A workbook: the list (frozen, filtered heading; office in the first column), capacity use, and what made it.

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
    plain = book.add_format({"valign": "top"})
    wrapped = book.add_format({"valign": "top", "text_wrap": True})
    formats = {kind: book.add_format({"num_format": text, "valign": "top"}) for kind, text in _FORMATS.items()}
    formats |= {"text": plain, "flag": plain, "long_text": wrapped}

    def sheet(title: str, columns: Sequence[Column], headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Any:
        made = book.add_worksheet(title)
        if is_right_to_left:
            made.right_to_left()
        for place, (column, heading) in enumerate(zip(columns, headings, strict=True)):
            made.set_column(place, place, _WIDTHS[column.kind])
            made.write_string(0, place, heading, head)
        for number, row in enumerate(rows, start=1):
            for place, (column, value) in enumerate(zip(columns, row, strict=True)):
                _write_cell(made, number, place, value, formats[column.kind])
        made.freeze_panes(1, 0)
        return made

    rows = list_rows(inspections, language=language, lane_names=lane_names)
    headings = [catalog.say(c.message, n=c.name.rpartition("_")[2]) for c in COLUMNS]
    main = sheet(catalog.say("sheet.list"), COLUMNS, headings, [[row[c.name] for c in COLUMNS] for row in rows])
    main.autofilter(0, 0, max(1, len(rows)), len(COLUMNS) - 1)
    main.set_landscape()
    main.set_paper(9)  # A4
    main.fit_to_pages(1, 0)
    main.repeat_rows(0)

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
        [catalog.say("list.model"), inspections.model_version],
        [catalog.say("list.policy"), inspections.policy],
        [catalog.say("list.run"), inspections.run_id],
        [catalog.say("list.snapshot"), str(inspections.snapshot)],
        [catalog.say("column.simulated"), catalog.say("flag.yes" if inspections.is_simulated else "flag.no")],
    ]
    about += [[catalog.say("list.warnings"), warning] for warning in inspections.warnings]
    sheet(catalog.say("sheet.about"), [Column("what", ""), Column("value", "", "long_text")], ["", ""], about)
    book.close()
    return write_whole(path, out.getvalue())


def write_html(
    inspections: InspectionList,
    path: Path,
    *,
    language: str,
    lane_names: Mapping[str, str] | None = None,
    charts: Sequence[Chart] = (),
    software: str = "",
) -> Path:
    """The printable page, see `inspection_page`.

    Raises
    ------
    StoreError : the file can't be written.
    """
    page = inspection_page(inspections, language=language, lane_names=lane_names, charts=charts, software=software)
    return write_whole(path, page.encode("utf-8"))


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
