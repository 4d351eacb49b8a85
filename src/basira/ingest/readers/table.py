"""Where the table of a file is: its header, and the lines that are no rows of it.

Enters: cells, as a reader cut them. Leaves: the place of the header, its names, and for each row whether it is one.
Never here: what a column means; a row set aside that could be a declaration: those stay rows, and are rejected with
their reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from basira.ingest.parse.numbers import currency_marks

# Titles are above a header; more lines than these are a table of their own.
MOST_TITLES = 15
# So many lines of the beginning are looked at.
LINES_SEEN = 60
# A header names at least this share of the columns that rows fill. A group header over merged cells names fewer.
_LEAST_NAMED = 0.6

_NUMBER = re.compile(r"[\W_]*\d[\d\W_TZ]*")
_TOTAL = re.compile(
    r"\W*(?:grand\s+|sous[\s-]*|sub[\s-]*)?(?:total|totaux|totals|totales|totais|somme|suma|soma|toplam"
    r"|(?:ال)?مجموع|(?:ال)?[إا]جمالي)(?:\s+(?:g[ée]n[ée]ral|general|geral|genel|العام|الكلي))?([\s:.=(-]+[^\W\d_].{0,60})?[\s:.=]*",
    re.IGNORECASE,
)
# Words, "24 rows", or the text behind a mark for notes.
_NOTE = re.compile(r"\W*[^\W\d_]{2,}(?:\s*:|\s+\S)|\d+\s+[^\W\d_]{3,}|[*†(]+\s*\w", re.DOTALL)
# What begins a note, and no further line of a description: "Source : BADR", "Page 3", and not "source de lumière".
_MARKED_NOTE = re.compile(
    r"\s*[*†]|\W*(?:fin d[eu]|fin\W*$|end of|end\W*$|n\.?b\.?\b)|\s*\((?=[^\n]*[:\d])"
    r"|\W*(?:sources?|notes?|nota|remarques?|fuente|fonte|kaynak|ملاحظ\w*|المصدر|[ée]dit[ée]"
    r"|g[ée]n[ée]r[ée]e?|generated|imprim[ée]e?|printed|export\w*|extra\w*|nombre|total|date|page)\b(?=[^\n]*[:\d])"
    r"|\d[\d\s]*(?:rows?|lines?|records?|lignes?|enregistrements?|d[ée]clarations?|articles?|filas|registros|linhas"
    r"|sat\u0131r|سطر|تصريح)\b",
    re.IGNORECASE,
)
_UNITS = frozenset(
    re.findall(
        r"\S+",
        "kg kgs kilo kilos kilogrammes g gr t to tonne tonnes tons lb lbs l u un unité unités unit units pcs pce % kdh "
        "kmad kusd keur mdh كغ كلغ طن",
    )
)
# Of a total only these cells are filled at most: the word, and the sums of the columns that have one.
_MOST_FILLED = 0.5


@dataclass(frozen=True)
class NotData:
    """Lines of a file that are no rows.

    ``kind``: title, header, total, note, blank, or continued (a further line of a row whose cell holds line breaks).
    ``line``: the first of them in the file, from 1; ``count``: so many follow each other. ``text``: shortened.
    """

    kind: str
    line: int
    count: int
    text: str


@dataclass(frozen=True)
class HeaderPlace:
    """``row``: the header's first row, from 1; ``rows``: 1, or 2 when groups are above the names."""

    row: int
    rows: int


FIRST_ROW = HeaderPlace(1, 1)


def find_header(rows: Sequence[Sequence[str]]) -> HeaderPlace:
    """The header among the first rows of a file: the first that names most columns and holds no number.

    >>> find_header([["Extraction 2024", ""], [], ["id", "value"], ["D1", "5"], ["D2", "6"]])
    HeaderPlace(row=3, rows=1)
    """
    seen = [[cell.strip() for cell in row] for row in rows[:LINES_SEEN]]
    filled = [sum(map(bool, row)) for row in seen]
    counts = Counter(count for count in filled if count > 1)
    if not counts:
        return HeaderPlace(1, 1)
    usual = max(counts, key=lambda count: (counts[count], count))
    able = [at for at, count in enumerate(filled[: MOST_TITLES + 1]) if count >= max(2, _LEAST_NAMED * usual)]
    if not able:
        return HeaderPlace(1, 1)
    at = next((place for place in able if not _has_number(seen[place])), able[0])
    if at > 0 and _is_group(seen[at - 1], filled[at - 1]) and _needs_group(seen[at], seen[at - 1]):
        return HeaderPlace(at, 2)
    if at + 2 < len(seen) and _is_of_units(seen[at + 1]) and _has_number(seen[at + 2]):
        return HeaderPlace(at + 1, 2)
    if at + 2 < len(seen) and _completes(seen[at], seen[at + 1]) and _has_number(seen[at + 2]):
        return HeaderPlace(at + 1, 2)
    return HeaderPlace(at + 1, 1)


def join_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of a header of one or two rows. A name that occurs twice gets its group's before it.

    >>> join_header([["Id", "Declared", ""], ["", "Value", "Mass"]])
    ['Id', 'Value', 'Mass']
    >>> join_header([["Declared", "Found"], ["Value", "Value"]])
    ['Declared Value', 'Found Value']
    >>> join_header([["Id", "Value", "Mass"], ["", "EUR", "kg"]])
    ['Id', 'Value (EUR)', 'Mass (kg)']
    """
    if len(rows) == 1:
        return list(rows[0])
    width = max(map(len, rows))
    upper, lower = ([*row, *[""] * (width - len(row))] for row in rows)
    if _is_of_units(lower):
        return [f"{name} ({unit.strip()})" if unit.strip() else name for name, unit in zip(upper, lower, strict=True)]
    repeated = Counter(name.strip() for name in lower)
    names, group = [], ""
    for above, name in zip(upper, lower, strict=True):
        group = above.strip() or group
        names.append(above if not name.strip() else f"{group} {name}" if repeated[name.strip()] > 1 else name)
    return names


def is_total(cells: Sequence[str]) -> bool:
    """The row says that it is a total, and fills no more cells than one does. One that says of what has its sum too."""
    filled = [cell for cell in cells if cell.strip()]
    if not filled or len(filled) > _MOST_FILLED * max(len(cells), 4):
        return False
    total = _TOTAL.fullmatch(filled[0])
    return total is not None and (total[1] is None or any(_NUMBER.fullmatch(cell) for cell in filled[1:]))


def is_note(cells: Sequence[str]) -> bool:
    """The row is one text of several words. At the end of a file it is a note; a row that was cut off is none."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) == 1 and _NOTE.match(filled[0]) is not None


def is_marked_note(text: str) -> bool:
    """The text says itself that it is a note: by a mark, or by a word that begins one."""
    return _MARKED_NOTE.match(text) is not None


def set_aside(frame: pl.DataFrame, names: Sequence[str], *, is_last: bool) -> dict[int, str]:
    """Rows of a frame that are no data: position to kind. ``names``: as the header writes them.

    A total anywhere, the header once more, blank rows, and with ``is_last`` notes at the end.
    """
    if not len(frame) or not frame.width:
        return {}
    found: dict[int, str] = {}
    suspects = frame.select(_suspects(tuple(frame.columns), names[0].strip())).to_series()
    wanted = [name.strip() for name in names]
    for at, row in zip(suspects, frame[suspects].iter_rows(), strict=True):
        cells = [(cell or "").strip() for cell in row]
        if not any(cells):
            found[at] = "blank"
        elif is_total(cells):
            found[at] = "total"
        elif cells == wanted:
            found[at] = "header"
    if is_last:
        for at in range(len(frame) - 1, -1, -1):
            if at not in found:
                if not is_note([cell or "" for cell in frame.row(at)]):
                    break
                found[at] = "note"
    return found


@lru_cache(maxsize=64)
def _suspects(columns: tuple[str, ...], first_name: str) -> pl.Expr:
    """Positions of rows that may be no data. Files of one source have the same columns: made once for all of them."""
    empty = pl.sum_horizontal((pl.col(name).fill_null("") == "").cast(pl.UInt16) for name in columns)
    least = len(columns) - int(_MOST_FILLED * max(len(columns), 4))
    return pl.arg_where((empty >= max(least, 1)) | (pl.col(columns[0]).str.strip_chars() == first_name))


def merge_lines(lines: Sequence[NotData]) -> tuple[NotData, ...]:
    """The same, in order, those of one kind that follow each other as one."""
    merged: list[NotData] = []
    for entry in sorted(lines, key=lambda entry: entry.line):
        last = merged[-1] if merged else None
        if last and last.kind == entry.kind and last.line + last.count == entry.line:
            merged[-1] = NotData(last.kind, last.line, last.count + entry.count, last.text)
        else:
            merged.append(entry)
    return tuple(merged)


def _has_number(cells: Sequence[str]) -> bool:
    return any(_NUMBER.fullmatch(cell) for cell in cells)


def _is_group(cells: Sequence[str], filled: int) -> bool:
    return filled >= 2 and not _has_number(cells)


def _needs_group(names: Sequence[str], above: Sequence[str]) -> bool:
    """Names occur twice, or are absent where the row above has one."""
    given = [name for name in names if name]
    absent = any(text and not (names[at] if at < len(names) else "") for at, text in enumerate(above))
    return absent or len(set(given)) < len(given)


def _is_of_units(cells: Sequence[str]) -> bool:
    """The row under the names says in what unit or currency columns are, and nothing else."""
    filled = [cell.strip().strip("()[]").casefold() for cell in cells if cell.strip()]
    return bool(filled) and all(cell in _UNITS or cell in currency_marks() for cell in filled)


def _completes(names: Sequence[str], below: Sequence[str]) -> bool:
    """The row below names the columns that this one leaves empty, and says no number."""
    gaps = [at for at, name in enumerate(names) if not name and at < len(below)]
    ahead = any(gaps) and all(below[at] for at in gaps)
    free = all(not below[at] for at, name in enumerate(names) if name and at < len(below) and at + 1 not in gaps)
    return bool(ahead and free and not _has_number(below))
