"""XLSX workbooks: one sheet, or several of one header.

Enters: a path. Leaves: batches of text: numbers with the mapping's decimal mark, and with the currency, percent or
zeros that their format shows; dates as YYYY-MM-DD, error cells with their error word, merged cells filled down. Never
here: the old .xls, whose error cells can't be told from empty ones; a hidden sheet that was not asked for by its name.

A workbook is unpacked into memory as a whole (at most 1,048,576 rows): larger data comes as CSV.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import polars as pl

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.bounds import check_columns_count
from basira.ingest.readers.source import BrokenRow, Source, SourceBatch, distinct_names
from basira.ingest.readers.table import (
    LINES_SEEN,
    HeaderPlace,
    NotData,
    find_header,
    join_header,
    merge_lines,
    set_aside,
)
from basira.ingest.readers.xlsx_errors import check_parts, sheet_errors
from basira.ingest.readers.xlsx_formats import shown_cells
from basira.schema.errors import MappingError, SourceError

if TYPE_CHECKING:
    import python_calamine as calamine

_ROWS = 20_000
_MOST_MERGED = 1_000_000
# A whole number of so many digits, as many as in the column's other merged cells, is an identifier.
_LEAST_ID_DIGITS = 6


def open_xlsx(path: Path, options: SourceFormat) -> Source:
    """Open a workbook: the mapping's sheets, else the first that is visible.

    ``header_row`` 0: find the header, and the sheet with a table.

    Raises SourceError (damaged, encrypted, empty, .xls or .ods), MappingError (no such sheet).
    """
    import python_calamine as calamine

    with path.open("rb") as file:
        head = file.read(4)
    if head != b"PK\x03\x04":
        raise SourceError(
            "Expected an XLSX workbook, {file} is of another kind (an old .xls, an encrypted workbook, or no "
            "workbook).",
            hint="Open it in a spreadsheet program and save it as .xlsx without a password, or as CSV.",
            file=path.name,
        )
    check_parts(path)
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == calamine.SheetVisibleEnum.Visible and sheet.typ == calamine.SheetTypeEnum.WorkSheet
        ] or names[:1]
        wanted = _select_sheets(path, options, names)
        sheets = {name: _open_sheet(path, book, name, options) for name in dict.fromkeys([*visible, *wanted])}
    except calamine.CalamineError as error:
        raise SourceError(
            "Expected a whole XLSX workbook, {file} can't be read ({error}).",
            hint="Open it in a spreadsheet program and save it again, or export it as CSV.",
            file=path.name,
            error=error,
        ) from None
    tables = [table for name in visible if (table := sheets[name]) is not None]
    if not wanted and options.header_row == 0:
        tables = [table for table in tables if len(table.columns) > 1 and table.rows] or tables
    # A summary beside the data has fewer columns. Of several equal ones the first.
    found = max(tables, key=lambda table: len(table.columns)) if tables and options.header_row == 0 else None
    first = sheets[wanted[0]] if wanted else found or next(iter(tables), None)
    if first is None:
        name = wanted[0] if wanted else visible[0]
        raise SourceError(
            "Expected a header on row {header_row} of the sheet {name!r} of {file}; the sheet is empty or ends before.",
            hint="Correct header_row, or name the sheet.",
            header_row=max(options.header_row, 1),
            name=name,
            file=path.name,
        )
    wide = len(first.columns)
    shared = {t.name: len(set(t.columns) & set(first.columns)) for t in tables if t is not first}
    alike = [table for table in tables if shared.get(table.name) == wide == len(table.columns)]
    near = [name for name, count in shared.items() if 2 * count > wide and name not in {t.name for t in alike}]
    read = [first]
    if options.sheet == "*":
        read, alike = sorted([first, *alike], key=lambda table: names.index(table.name)), []
    elif wanted:
        read, alike = [_same_header(path, sheets[name], first, name) for name in wanted], []
    left = [
        f"{name!r}{'' if name in visible else ' (hidden)'}"
        for name in names
        if name not in {table.name for table in read}
    ]
    note = f"Read: {', '.join(repr(table.name) for table in read)}; other sheets: {', '.join(left)}." if left else ""
    for table in read:
        table.find_merged(path)
    size = path.stat().st_size

    def batches() -> Iterator[SourceBatch]:
        total = sum(table.height for table in read)
        line = position = 0
        for number, table in enumerate(read, start=1):
            for batch in table.batches(path, options.decimal, line, position):
                share = size * min(line + len(batch.rows), total) // total
                is_end = number == len(read) and batch.lines is not None
                frame = batch.frame.select(first.columns)  # sheets of one header may have it in another order
                yield SourceBatch(frame, batch.rows, batch.broken, share, batch.not_data, total if is_end else None)
            line += table.height
            position += table.rows

    sheet: str | tuple[str, ...] = first.name if len(visible) > 1 else ""
    return Source(
        path,
        "xlsx",
        first.columns,
        False,
        size,
        batches,
        header=first.header,
        sheet=options.sheet or sheet,
        alike=tuple(table.name for table in alike),
        near=() if options.sheet else tuple(near),
        note=note,
    )


def _select_sheets(path: Path, options: SourceFormat, names: list[str]) -> list[str]:
    """The sheets that the mapping names. Raises MappingError: no such sheet."""
    if options.sheet in ("", "*"):
        return []
    wanted = [options.sheet] if isinstance(options.sheet, str) else list(options.sheet)
    for name in wanted:
        if name not in names:
            raise MappingError(
                "Expected the sheet {name!r} in {file}, found {names}.",
                hint="Correct sheet in [source] of the mapping.",
                name=name,
                file=path.name,
                names=", ".join(map(repr, names)),
            )
    return wanted


def _same_header(path: Path, table: _Sheet | None, first: _Sheet, name: str) -> _Sheet:
    if table is None or set(table.columns) != set(first.columns):
        raise MappingError(
            "Expected the header of the sheet {first!r} on the sheet {name!r} of {file} too, found another.",
            hint="Sheets of several headers need a mapping each: name one sheet in [source].",
            first=first.name,
            name=name,
            file=path.name,
        )
    return table


def _open_sheet(path: Path, book: calamine.CalamineWorkbook, name: str, options: SourceFormat) -> _Sheet | None:
    """A sheet with its header; None when it has no cell, or no row of a header. Raises SourceError: too wide."""
    sheet = book.get_sheet_by_name(name)
    if sheet.start is None:
        return None
    # Rows are counted from the sheet's first, columns from the leftmost that is used.
    top, left = sheet.start
    check_columns_count(path, sheet.width)
    place = HeaderPlace(options.header_row if options.header_row > 1 else top + 1, options.header_rows)
    if options.header_row == 0:
        place = find_header([[_as_text(cell, ".") for cell in row] for row in islice(sheet.iter_rows(), LINES_SEEN)])
    end = place.row - 1 + place.rows
    above = [[_as_text(cell, ".") for cell in row] for row in islice(sheet.iter_rows(), end)]
    if len(above) < end:
        return None
    header = join_header(above[place.row - 1 :])
    return _Sheet(name, sheet, left, place, header, distinct_names(header), above)


@dataclass
class _Sheet:
    """A sheet whose header is known. ``above``: the rows up to the header, its last one included."""

    name: str
    sheet: calamine.CalamineSheet
    left: int
    header: HeaderPlace
    names: list[str]
    columns: tuple[str, ...]
    above: list[list[str]]

    def __post_init__(self) -> None:
        end = self.sheet.end
        self.height = 0 if end is None else int(end[0]) + 1
        self.rows = self.height - len(self.above)
        # Row of the sheet, from 0, to its merged cells: column, and the text or the number that they share.
        self._merged: dict[int, list[tuple[int, object]]] = {}
        self._unclear: dict[int, int] = {}

    def find_merged(self, path: Path) -> None:
        """What cells that are merged over several rows share. A merged number that may be an amount, or a merged cell
        over columns that have a name each, is ambiguous: the rows are rejected. Raises SourceError for more merged
        cells than any sheet has.
        """
        first = len(self.above)
        for (top, left), (bottom, right) in self.sheet.merged_cell_ranges or ():
            over = range(max(left - self.left, 0), min(right - self.left + 1, len(self.columns)))
            named = [column for column in over if self.names[column].strip()]
            for at in range(max(top, first), min(bottom + 1, self.height)) if len(named) > 1 else ():
                self._unclear[at] = named[0]
        ranges = [
            (top, bottom, column)
            for (top, left), (bottom, right) in self.sheet.merged_cell_ranges or ()
            if bottom > max(top, first - 1) and top >= first
            for column in range(left - self.left, min(right - self.left + 1, len(self.columns)))
            if column >= 0
        ]
        if sum(min(bottom, self.height) - top for top, bottom, _ in ranges) > _MOST_MERGED:
            raise SourceError(
                "Expected at most {most_merged:,} merged cells on the sheet {value!r} of {file}.",
                hint="Take the merging out of the sheet, or export it as CSV.",
                most_merged=_MOST_MERGED,
                value=self.name,
                file=path.name,
            )
        if not ranges:
            return
        tops = {top for top, _, _ in ranges}
        rows = {at: row for at, row in enumerate(self.sheet.iter_rows()) if at in tops}
        digits: dict[int, set[int]] = {}
        for top, _, column in ranges:
            value = rows[top][column] if top in rows else ""
            if isinstance(value, (int, float)):
                digits.setdefault(column, set()).add(len(str(int(value))) if float(value).is_integer() else 0)
        for top, bottom, column in ranges:
            value = rows[top][column] if top in rows else ""
            is_id = len(lengths := digits.get(column, set())) == 1 and min(lengths) >= _LEAST_ID_DIGITS
            for at in range(top, min(bottom + 1, self.height)):
                if _is_number(value) and not is_id:
                    self._unclear.setdefault(at, column)
                elif at > top:
                    self._merged.setdefault(at, []).append((column, value))

    def batches(self, path: Path, decimal: str, line: int, position: int) -> Iterator[SourceBatch]:
        """The rows. ``line``, ``position``: lines and rows of the sheets before this one."""
        errors, formats = sheet_errors(path, self.name), shown_cells(path, self.name)
        first = len(self.above)
        rows = islice(self.sheet.iter_rows(), first, None)
        at, above = first, self._not_rows(line)
        chunk = list(islice(rows, _ROWS))
        while chunk or above:
            ahead = list(islice(rows, _ROWS))
            cells = [[_as_text(cell, decimal) for cell in row] for row in chunk]
            merged = {
                (number, column): value
                for number in (range(at, at + len(cells)) if self._merged else ())
                for column, value in self._merged.get(number, ())
            }
            for (number, column), value in merged.items():
                cells[number - at][column] = _as_text(value, decimal)
            for row, column, shown in formats.between(at, at + len(cells)):
                if 0 <= (place := column - self.left) < len(self.columns):
                    value = merged.get((row, place), chunk[row - at][place])
                    if _is_number(value):
                        cells[row - at][place] = shown.text(value, cells[row - at][place], decimal)
            for (row, column), word in errors.items():
                if 0 <= row - at < len(cells) and 0 <= column - self.left < len(self.columns):
                    cells[row - at][column - self.left] = word
            frame = pl.DataFrame(cells, schema=dict.fromkeys(self.columns, pl.String), orient="row")
            start = position + at - first + 1
            aside = set_aside(frame, self.names, is_last=not ahead)
            not_data = [
                *above,
                *(
                    NotData(kind, line + at + place + 1, 1, " ".join(filter(None, cells[place])))
                    for place, kind in aside.items()
                ),
            ]
            unclear = [n - at for n in self._unclear if at <= n < at + len(cells) and n - at not in aside]
            broken = tuple(
                BrokenRow(
                    start + place,
                    "merged_cells",
                    f"a cell of its own in {self.columns[self._unclear[at + place]]!r}, found one that is merged over "
                    f"several (row {at + place + 1:,} of the sheet)",
                    "",
                    dict(zip(self.columns, cells[place], strict=True)),
                )
                for place in sorted(unclear)
            )
            keep = np.isin(np.arange(len(cells)), [*aside, *unclear], invert=True)
            numbers = pl.Series("row", np.arange(start, start + len(cells)))
            yield SourceBatch(
                frame.filter(pl.Series(keep)),
                numbers.filter(pl.Series(keep)),
                broken,
                0,
                merge_lines(not_data),
                None if ahead else self.height,
            )
            at, above, chunk = at + len(cells), (), ahead

    def _not_rows(self, line: int) -> tuple[NotData, ...]:
        return merge_lines(
            [
                NotData(
                    "header" if number >= self.header.row else "title" if any(map(str.strip, row)) else "blank",
                    line + number,
                    1,
                    " ".join(filter(None, row)),
                )
                for number, row in enumerate(self.above, start=1)
            ]
        )


def _is_number(cell: object) -> TypeGuard[int | float]:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _as_text(cell: object, decimal: str) -> str:
    """A cell as text.

    >>> import datetime
    >>> _as_text(97061800.0, "."), _as_text(12.5, ","), _as_text(datetime.date(2021, 2, 3), ".")
    ('97061800', '12,5', '2021-02-03')
    >>> _as_text(1234567890123456000.0, ".")
    '1.23456789012346E+18'
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and (abs(cell) < 1e15 or (abs(cell) < 2**53 and cell % 10)):
            return str(int(cell))
        if abs(cell) >= 1e15:  # a spreadsheet keeps 15 digits: the rest are zeros that the source didn't have
            return f"{cell:.14E}".replace(".", decimal)
        return repr(cell).replace(".", decimal)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)
