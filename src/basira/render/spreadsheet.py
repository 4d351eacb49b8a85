"""Text for spreadsheets: a cell that none runs as a formula, lines that European ones read with two clicks.

Enters: values. Leaves: text. Never here: a file; what a column means.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from basira.render.shown import shown

# A spreadsheet takes text that begins so for a formula; an apostrophe before it makes it text again.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A value as the text of a cell; None is empty, text that would be run gets an apostrophe, an
    invisible character is written as its code, a number stays one.

    >>> cell("=1+1"), cell(-2.5), cell(None), cell(True)
    ("'=1+1", '-2.5', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    return f"'{shown(value)}" if value.startswith(_FORMULA_STARTS) else shown(value)


def decimal_comma(value: float | None, *, digits: int) -> str | None:
    """A figure, none below zero, for lines with `;` between cells: spreadsheets that read those have a decimal comma.

    >>> decimal_comma(0.6830084653246922, digits=4), decimal_comma(64540, digits=2), decimal_comma(None, digits=2)
    ('0,6830', '64540,00', None)
    """
    return None if value is None else f"{value:.{digits}f}".replace(".", ",")


def csv_text(lines: Iterable[Sequence[object]], *, delimiter: str = ";") -> str:
    """Lines of cells as CSV. Write a byte order mark before the first, or accents are lost on opening."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(
        [cell(value) for value in line] for line in lines
    )
    return out.getvalue()
