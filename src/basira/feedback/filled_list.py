"""A list's workbook that an office filled in, as rows of results.

Enters: the cells of a workbook that `basira target` wrote. Leaves: results by the names of the schema's outcome
fields, as text. Never here: a blank taken for "compliant"; a word that the workbook's own lists do not have, taken for
another: it is passed on as it is, and intake rejects its row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.errors import Phrase, SourceError
from basira.schema.filled_list import CODES_SHEET, FOUND_COLUMNS, KIND_COLUMNS, RESULTS

COLUMNS: tuple[str, ...] = (
    "declaration_id",
    "item_number",
    "known_at",
    "inspected_at",
    "inspection_lane",
    "is_inspected",
    "is_irregular",
    *(f"is_irregular_{kind}" for kind in IRREGULARITY_KINDS),
    *FOUND_COLUMNS,
)
_FIRST_ROW = 2
_FLAG = {True: "true", False: "false"}
# Stands for a result where other cells of the row are filled in and the result is not.
NO_RESULT = "(no result)"


def is_filled_list(path: Path) -> bool:
    """Whether a file is a workbook that `basira target` wrote; False for what is no workbook."""
    from python_calamine import CalamineError, CalamineWorkbook

    if path.suffix.lower() != ".xlsx":
        return False
    try:
        return CODES_SHEET in CalamineWorkbook.from_path(path).sheet_names
    except (CalamineError, OSError):
        return False


def read_filled_list(path: Path, *, known_at: datetime) -> tuple[list[dict[str, str]], int]:
    """The rows with a result, and how many rows have none.

    ``known_at``: when the administration learned of these results. An absent value is "". Of an item whose result is
    blank nothing is known, and it has no row.

    Raises
    ------
    SourceError : the workbook lacks the hidden names of its columns.
    """
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(path)
    codes = {str(word).strip(): str(code) for code, word in book.get_sheet_by_name(CODES_SHEET).to_python()}
    rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    names = [str(name) for name in rows[0]] if rows else []
    if not {"declaration_id", "item_number", "result"} <= set(names):
        raise SourceError(
            "Expected the first row of {file!r} to name its columns, found {names}.",
            hint="The row is hidden: keep it. Fill in the workbook that `basira target --out list.xlsx` wrote.",
            file=path.name,
            names=", ".join(names[:5]) or Phrase("nothing"),
        )
    results, blank = [], 0
    for cells in rows[_FIRST_ROW:]:
        row = dict(zip(names, cells, strict=False))
        if not any(_text(row.get(name)) for name in ("declaration_id", "item_number")):
            continue
        made = _result(row, codes)
        if made is None:
            blank += 1
        else:
            results.append({**made, "known_at": known_at.isoformat(sep=" ", timespec="seconds")})
    return results, blank


def _result(row: Mapping[str, object], codes: Mapping[str, str]) -> dict[str, str] | None:
    word = _text(row.get("result"))
    kinds = [text for text in (_text(row.get(name)) for name in KIND_COLUMNS) if text]
    found = {name: _text(row.get(name)) for name in FOUND_COLUMNS}
    if not word and not kinds and not any(found.values()):
        return None
    made = dict.fromkeys(COLUMNS, "") | found
    made |= {
        "declaration_id": _text(row.get("declaration_id")),
        "item_number": _text(row.get("item_number")),
        "inspected_at": _day(row.get("inspected_at")),
        "inspection_lane": _text(row.get("lane_code")),
    }
    made |= _flags(word, kinds, codes)
    return made


def _flags(word: str, kinds: Sequence[str], codes: Mapping[str, str]) -> dict[str, str]:
    """What the result and its kinds say; a contradiction or a word that is not on the list is passed on, to be
    rejected."""
    result = codes.get(word)
    known = [codes.get(kind, "") for kind in kinds]
    if result not in RESULTS or not all(kind in IRREGULARITY_KINDS for kind in known):
        return {"is_irregular": " ".join([word or NO_RESULT, *kinds])}
    if result != "irregular" and kinds:
        return {"is_irregular": " ".join([word, *kinds])}
    if result == "not_inspected":
        return {"is_inspected": _FLAG[False]}
    flags = {"is_inspected": _FLAG[True], "is_irregular": _FLAG[result == "irregular"]}
    if result == "irregular" and kinds:
        flags |= {f"is_irregular_{kind}": _FLAG[kind in known] for kind in IRREGULARITY_KINDS}
    return flags


def _text(value: object) -> str:
    """A cell as text: a whole number without decimals, others to their last digit."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _FLAG[value]
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).strip()


def _day(value: object) -> str:
    """A day as YYYY-MM-DD; text is read as 22/01/2024 or as it is."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = _text(value)
    try:
        return datetime.strptime(text, "%d/%m/%Y").date().isoformat()
    except ValueError:
        return text
