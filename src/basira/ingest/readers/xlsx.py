"""XLSX workbooks, one sheet.

Enters: a path. Leaves: batches of text: numbers with the mapping's decimal mark, dates as YYYY-MM-DD,
error cells with their error word. Never here: the old .xls, whose error cells can't be told from empty ones.

A workbook is unpacked into memory as a whole (at most 1,048,576 rows): larger data comes as CSV.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.bounds import check_columns_count
from basira.ingest.readers.source import Source, SourceBatch, distinct_names
from basira.ingest.readers.xlsx_errors import check_parts, sheet_errors
from basira.schema.errors import MappingError, SourceError

_ROWS = 20_000


def open_xlsx(path: Path, options: SourceFormat) -> Source:
    """Open a sheet: the mapping's, else the first.

    Raises SourceError (damaged, encrypted, empty, .xls or .ods), MappingError (no such sheet).
    """
    import python_calamine as calamine

    with path.open("rb") as file:
        head = file.read(4)
    if head != b"PK\x03\x04":
        raise SourceError(
            f"Expected an XLSX workbook, {path.name} is of another kind (an old .xls, an encrypted workbook, or no "
            "workbook).",
            hint="Open it in a spreadsheet program and save it as .xlsx without a password, or as CSV.",
        )
    check_parts(path)
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        name = options.sheet or names[0]
        if name not in names:
            raise MappingError(
                f"Expected the sheet {name!r} in {path.name}, found {', '.join(map(repr, names))}.",
                hint="Correct sheet in [source] of the mapping.",
            )
        sheet = book.get_sheet_by_name(name)
    except calamine.CalamineError as error:
        raise SourceError(
            f"Expected a whole XLSX workbook, {path.name} can't be read ({error}).",
            hint="Open it in a spreadsheet program and save it again, or export it as CSV.",
        ) from None
    errors = sheet_errors(path, name)
    if sheet.start is None:
        raise SourceError(f"Expected rows in {path.name}, the sheet {name!r} is empty.", hint="Name the sheet.")
    # Rows are counted from the sheet's first, columns from the leftmost that is used.
    top, left = sheet.start
    check_columns_count(path, sheet.width)
    header_at = options.header_row - 1 if options.header_row > 1 else top
    header = next(islice(sheet.iter_rows(), header_at, None), None)
    if header is None:
        raise SourceError(
            f"Expected a header on row {options.header_row} of {path.name}, found fewer rows.",
            hint="Correct header_row.",
        )
    columns = distinct_names([_as_text(cell, ".") for cell in header])
    first = header_at + 1
    total = max(sheet.total_height - first, 1)
    size = path.stat().st_size

    def batches() -> Iterator[SourceBatch]:
        rows = islice(sheet.iter_rows(), first, None)
        position = 0
        while chunk := list(islice(rows, _ROWS)):
            cells = [[_as_text(cell, options.decimal) for cell in row] for row in chunk]
            for (row, column), word in errors.items():
                at = row - first - position
                if 0 <= at < len(cells) and 0 <= column - left < len(columns):
                    cells[at][column - left] = word
            frame = pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String), orient="row")
            numbers = pl.int_range(position + 1, position + 1 + len(chunk), eager=True).rename("row")
            position += len(chunk)
            yield SourceBatch(frame, numbers, (), size * position // total)

    return Source(path, "xlsx", columns, False, size, batches)


def _as_text(cell: object, decimal: str) -> str:
    """A cell as text.

    >>> import datetime
    >>> _as_text(97061800.0, "."), _as_text(12.5, ","), _as_text(datetime.date(2021, 2, 3), ".")
    ('97061800', '12,5', '2021-02-03')
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        return repr(cell).replace(".", decimal)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)
