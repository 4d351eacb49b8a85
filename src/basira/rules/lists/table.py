"""The entries of a list, read from a table (CSV or XLSX) and written as CSV.

Enters: the bytes of a file. Leaves: entries, or every row that is broken with its column and cause; the bytes of a CSV
that reads back to the same entries. Never here: half a table: one broken row, and there are no entries; a store.

The first row names the columns, in French, Arabic or English: value, from, until, source, reason, owner.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from basira.render.spreadsheet import csv_text
from basira.rules.faults import rule_fault
from basira.rules.lists.model import MOST_ENTRIES, Entry, ListKind, require_once, settle_entry
from basira.rules.names import fold_name
from basira.schema.errors import RuleError
from basira.schema.text import fold_digits

COLUMNS = ("value", "from", "until", "source", "reason", "owner")
_OPTIONAL = frozenset({"until", "owner"})
_WORDS: Mapping[str, tuple[str, ...]] = {
    "value": ("value", "valeur", "القيمة"),
    "from": ("from", "du", "de", "من"),
    "until": ("until", "au", "à", "إلى"),
    "source": ("source", "المصدر"),
    "reason": ("reason", "motif", "السبب"),
    "owner": ("owner", "responsable", "المسؤول"),
}
_COLUMN_OF = {fold_name(word): column for column, words in _WORDS.items() for word in words}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LARGEST_BYTES = 20_000_000
_WORKBOOK = b"PK\x03\x04"


def read_entries(content: bytes, kind: ListKind) -> tuple[tuple[Entry, ...], tuple[RuleError, ...]]:
    """The entries of a table, and the faults of its rows; with a fault there are no entries.

    Raises `RuleError` for what is no table: no such columns, too large, another encoding.
    """
    if len(content) > _LARGEST_BYTES:
        raise rule_fault("too_long", most=_LARGEST_BYTES)
    lines = _rows_of_workbook(content) if content.startswith(_WORKBOOK) else _rows_of_csv(content)
    header = next(lines, None)
    if header is None:
        raise rule_fault("table", found="-")
    columns = _columns(header[1])
    entries: list[Entry] = []
    faults: list[RuleError] = []
    for number, cells in lines:
        if not any(_is_something(one) for one in cells):
            continue
        if len(entries) + len(faults) >= MOST_ENTRIES:
            raise rule_fault("too_many_rows", most=MOST_ENTRIES)
        try:
            entries.append(_read_row(cells, columns, kind))
        except RuleError as error:
            place = str(number) if error.place is None else f"{number}, {error.place}"
            faults.append(rule_fault(error.reason, place=place, nearest=error.nearest, **error.values))
    if not faults:
        try:
            require_once(entries)
        except RuleError as error:
            faults.append(error)
    return (() if faults else tuple(entries)), tuple(faults)


def write_entries(entries: Iterable[Entry]) -> bytes:
    """Entries as CSV that `read_entries` reads back, and a spreadsheet opens."""
    lines = [
        (one.value, one.starts_on.isoformat(), one.ends_on.isoformat() if one.ends_on else "", one.source, one.reason,
         one.owner)
        for one in entries
    ]  # fmt: skip
    return b"\xef\xbb\xbf" + csv_text([COLUMNS, *lines]).encode()


def _rows_of_csv(content: bytes) -> Iterator[tuple[int, Sequence[object]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise rule_fault("table", found="another encoding") from None
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            # An apostrophe keeps a spreadsheet from running a cell; it is no part of the value.
            yield reader.line_num, [c[1:] if c[:1] == "'" and c[1:2] in ("=", "+", "-", "@") else c for c in cells]
    except csv.Error as error:
        raise rule_fault("table", place=str(reader.line_num), found=error) from None


def _rows_of_workbook(content: bytes) -> Iterator[tuple[int, Sequence[object]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        rows = (
            CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python(skip_empty_area=False)
        )
    except (CalamineError, IndexError) as error:
        raise rule_fault("table", found=error) from None
    yield from enumerate(rows, 1)


def _columns(header: Sequence[object]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(header):
        column = _COLUMN_OF.get(fold_name(str(cell)))
        if column is None and _is_something(cell):
            raise rule_fault("one_of", place="1", expected=", ".join(COLUMNS), found=cell)
        if column in found:
            raise rule_fault("one_of", place="1", expected=", ".join(COLUMNS), found=f"{cell}, {cell}")
        if column is not None:
            found[column] = place
    for column in COLUMNS:
        if column not in found and column not in _OPTIONAL:
            shown = ", ".join(str(cell) for cell in header if _is_something(cell))
            raise rule_fault("header", expected=column, found=shown or "-")
    return found


def _read_row(cells: Sequence[object], columns: Mapping[str, int], kind: ListKind) -> Entry:
    if any(_is_something(cell) for place, cell in enumerate(cells) if place not in columns.values()):
        raise rule_fault("misplaced", found=next(c for p, c in enumerate(cells) if p not in columns.values() and c))

    def cell(column: str) -> object:
        place = columns.get(column, len(cells))
        return cells[place] if place < len(cells) else ""

    starts = _day(cell("from"), "from")
    if starts is None:
        raise rule_fault("day_form", place="from", found="-")
    return settle_entry(
        Entry(
            _text(cell("value"), "value"),
            starts,
            _day(cell("until"), "until"),
            _text(cell("source"), "source"),
            _text(cell("reason"), "reason"),
            _text(cell("owner"), "owner"),
        ),
        kind,
    )


def _is_something(cell: object) -> bool:
    return cell is not None and str(cell).strip() != ""


def _text(cell: object, place: str) -> str:
    """A cell as text. A workbook's number may have lost zeros or digits: as a value it is rejected."""
    if isinstance(cell, str):
        return cell
    if place == "value" or isinstance(cell, bool | float | int):
        raise rule_fault("text_form", place=place, least=1, most=200, found=f"{cell} ({type(cell).__name__})")
    return str(cell)


def _day(cell: object, place: str) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = fold_digits(str(cell)).strip() if _is_something(cell) else ""
    if not text:
        return None
    # In one order alone: 01/02/2026 is two days.
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise rule_fault("day_form", place=place, found=text) from None
