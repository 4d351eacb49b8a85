"""A workbook of tables: figures as numbers, texts that no spreadsheet runs.

Enters: sheets of rows. Leaves: the bytes of an XLSX file. Never here: a formula; what a column means.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from basira.render.shown import shown

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Cell = str | int | float | None
_NAME_CHARACTERS = 31  # of a sheet, as spreadsheets allow


@dataclass(frozen=True)
class Sheet:
    """``header``: names of the columns. ``rows``: cells; None is empty."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def workbook_bytes(
    sheets: Sequence[Sheet], *, is_right_to_left: bool = False, made_at: datetime | None = None
) -> bytes:
    """The sheets as an XLSX file, the header frozen. ``made_at``: its moment of creation; None: now."""
    import xlsxwriter

    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    if made_at is not None:
        book.set_properties({"created": made_at})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    for one in sheets:
        sheet = book.add_worksheet(one.name[:_NAME_CHARACTERS])
        if is_right_to_left:
            sheet.right_to_left()
        sheet.set_column(0, max(0, len(one.header) - 1), 18)
        for number, row in enumerate((one.header, *one.rows)):
            for place, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, place, shown(value), bold if number == 0 else None)
                elif value is not None:
                    sheet.write_number(number, place, value)
        sheet.freeze_panes(1, 1)
    book.close()
    return made.getvalue()
