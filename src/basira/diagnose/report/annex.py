"""The annex: every row of every table, figures as numbers.

Enters: a `Diagnosis`, a language. Leaves: the bytes of an XLSX file. Never here: a row left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from basira.diagnose.findings import ALL, Column, Diagnosis, Interval, Said, Table
from basira.diagnose.findings import Cell as Figure
from basira.diagnose.report.words import LOCALE, WORDS, Pen
from basira.render.catalogs import load_catalog
from basira.render.languages import direction
from basira.render.workbook import Cell, Sheet, workbook_bytes

# A file says no time of its own: the same diagnosis gives the same bytes.
NO_TIME = datetime(2000, 1, 1)


def annex_bytes(diagnosis: Diagnosis, *, language: str) -> bytes:
    """First a sheet of contents: each table with its definition, denominator and command; then a sheet a table.

    A figure with an interval has three columns. Shares are from 0 to 1.
    """
    catalog = load_catalog(LOCALE, language)
    pen = Pen(catalog, diagnosis.scope.currency)
    tables = [table for part in diagnosis.parts for table in part.tables]
    names = {table.code: f"{n + 1} {table.code}"[:31] for n, table in enumerate(tables)}
    header = [pen.say(f"annex.{name}") for name in ("sheet", "title", "definition", "denominator", "rows", "command")]
    contents: list[tuple[Cell, ...]] = [
        (
            names[table.code],
            pen.say(f"table.{table.code}"),
            pen.say(f"table.{table.code}.definition"),
            pen.say(f"table.{table.code}.denominator"),
            len(table.rows),
            f"{diagnosis.scope.command} --only {table.code}",
        )
        for table in tables
    ]
    simulated = [(pen.say("simulated"),)] if diagnosis.scope.is_simulated else []
    sheets = [Sheet(pen.say("annex"), header, [*simulated, *contents])]
    sheets += [_sheet(table, names[table.code], pen) for table in tables]
    return workbook_bytes(sheets, is_right_to_left=direction(language) == "rtl", made_at=NO_TIME)


def _sheet(table: Table, name: str, pen: Pen) -> Sheet:
    wide = [any(isinstance(row[n], Interval) for row in table.rows) for n in range(len(table.columns))]
    header: list[str] = []
    for column, is_wide in zip(table.columns, wide, strict=True):
        title = pen.say(f"column.{column.code}")
        header += [title, *(f"{title} – {pen.say(f'annex.{end}')}" for end in ("low", "high"))] if is_wide else [title]
    rows = [
        tuple(
            cell
            for value, column, is_wide in zip(row, table.columns, wide, strict=True)
            for cell in _cells(value, column, pen, is_wide=is_wide)
        )
        for row in table.rows
    ]
    return Sheet(name, header, rows)


def _cells(value: Figure, column: Column, pen: Pen, *, is_wide: bool) -> Iterator[Cell]:
    if isinstance(value, Interval):
        yield _figure(value.value)
        yield from (_figure(value.low), _figure(value.high)) if value.value is not None else (None, None)
        return
    if isinstance(value, Said):
        yield pen.say_value(value)
        return
    if value == ALL and column.unit == "code":
        yield pen.value(value, "code")
        return
    in_words = column.unit in WORDS and column.unit != "code" and value is not None
    yield pen.value(value, column.unit) if in_words else _figure(value)
    if is_wide:
        yield from (None, None)


def _figure(value: str | int | float | None) -> Cell:
    """To ten significant digits: those beyond depend on the order in which parts of a sum are added."""
    return float(f"{value:.9e}") if isinstance(value, float) else value
