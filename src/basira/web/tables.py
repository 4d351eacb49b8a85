"""A table of a page as a file: the same columns, for a spreadsheet.

Enters: a name, the names of the columns, rows of cells. Leaves: an answer with CSV or a workbook. Never here: what a
column means; a formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fastapi.responses import Response

from basira.render.languages import direction
from basira.render.spreadsheet import csv_text, decimal_comma
from basira.render.workbook import XLSX, Cell, Sheet, workbook_bytes
from basira.web.render import words_of

Ending = Literal["csv", "xlsx"]
_DIGITS = 4


@dataclass(frozen=True)
class Table:
    """``name``: of the file, with the day; ``title``: of the sheet, in the person's language. ``rows``: cells in the
    order of ``header``; None is empty. ``about``: pairs of a name and a value, for a sheet of
    their own; CSV has none."""

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    about: Sequence[Sequence[Cell]] = ()


def as_file(table: Table, ending: Ending, *, today: date, language: str) -> Response:
    """The table as the file that was asked for. In CSV figures have a decimal comma and four digits behind it."""
    named = {"Content-Disposition": f'attachment; filename="{table.name}-{today.isoformat()}.{ending}"'}
    if ending == "csv":
        lines = [table.header, *([_text(value) for value in row] for row in table.rows)]
        return Response(("\ufeff" + csv_text(lines)).encode(), media_type="text/csv; charset=utf-8", headers=named)
    sheets = [Sheet(table.title, table.header, table.rows)]
    if table.about:
        about = words_of(language).say("figures.about")
        sheets.append(Sheet(about, [about, ""], table.about))
    content = workbook_bytes(sheets, is_right_to_left=direction(language) == "rtl")
    return Response(content, media_type=XLSX, headers=named)


def _text(value: Cell) -> object:
    return decimal_comma(value, digits=_DIGITS) if isinstance(value, float) else value
