"""Criteria as they are written elsewhere, taken apart: clauses, lane, share.

Enters: the text of a file, or a table (CSV). Leaves: criteria, and faults with their line. Never here: which field of
ours a name means (`carry`); a word that is passed over.

As text, one criterion a line: `ID: If HS code = 8517* And Origin in (CN, HK) Then Lane IS Red 50 %`. As a table, a
column for each field with the value asked for (`8517*`, `CN, HK`, `> 5000`, `100 .. 500`), or a column `condition` with
the text between If and Then.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from basira.rules.faults import rule_fault
from basira.rules.names import fold_name
from basira.schema.errors import RuleError
from basira.schema.text import fold_digits

Sign = Literal["=", "!=", "<", "<=", ">", ">=", "between", "missing", "present"]
MOST_CRITERIA = 10_000
_LONGEST_LINE = 4_000

_LINE = re.compile(
    r"""(?:(?P<id>[\w.-]{1,60})\s*[:|]\s*)?if\s+(?P<condition>.+?)\s+then\s+(?:the\s+|selectivity\s+)*lane\s+
    (?:is|=)\s+(?P<lane>[^\W\d][\w -]*?)\s*(?:(?:at\s+|\()?\s*(?P<share>\d+(?:[.,]\d+)?)\s*%\s*\)?)?\s*[.;]?""",
    re.VERBOSE | re.IGNORECASE,
)
_JOIN = re.compile(r"\s+(and|or)\s+", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_CLAUSE = re.compile(
    r"""(?P<name>.+?)\s*(?P<sign><=|>=|<>|!=|==|=|<|>|\bis\s+not\s+(?:null|empty)\b|\bis\s+(?:null|empty)\b|
    \bis\s+not\b|\bis\b|\bnot\s+in\b|\bin\b|\blike\b|\bstarts\s+with\b|\bbetween\b)\s*(?P<value>.*)""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS: Mapping[str, Sign] = {
    "<=": "<=", ">=": ">=", "<>": "!=", "!=": "!=", "==": "=", "=": "=", "<": "<", ">": ">", "is": "=", "is not": "!=",
    "in": "=", "not in": "!=", "like": "=", "starts with": "=", "between": "between", "is null": "missing",
    "is empty": "missing", "is not null": "present", "is not empty": "present",
}  # fmt: skip
_CELL = re.compile(r"(?P<sign><=|>=|<>|!=|=|<|>)?\s*(?P<value>.*)", re.DOTALL)
_RANGE = re.compile(r"(?P<low>-?[\d.]+)\s*\.\.\s*(?P<high>-?[\d.]+)")
# Columns of a table that are no field.
_ABOUT: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "code", "criterion", "criteria", "critere", "numero"),
    "title": ("title", "name", "description", "libelle", "titre"),
    "condition": ("condition", "expression"),
    "lane": ("lane", "circuit", "couloir"),
    "share": ("share", "percent", "percentage", "pourcentage", "taux", "rate"),
    "from": ("from", "valid_from", "start", "du"),
    "until": ("until", "valid_to", "end", "au"),
}
_ABOUT_OF = {word: name for name, words in _ABOUT.items() for word in words}


@dataclass(frozen=True)
class Clause:
    """What a criterion asks of one field. ``name``: as it is written there; ``values``: one or more, two of a range."""

    name: str
    sign: Sign
    values: tuple[str, ...]


@dataclass(frozen=True)
class Criterion:
    """``ways``: any of them, each of clauses that must all hold. ``share``: of the hits, 0 to 1; None: not written.
    ``starts``, ``ends``: as written, "" for none. ``line``: in the file, from 1."""

    line: int
    criterion_id: str
    title: str
    ways: tuple[tuple[Clause, ...], ...]
    lane: str
    share: float | None
    starts: str = ""
    ends: str = ""


def read_text(text: str) -> Iterator[tuple[int, Criterion | RuleError]]:
    """Each criterion of a text, or why it is none. Empty lines and those that begin with # are left out."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield number, _read_line(number, line)
        except RuleError as error:
            yield number, error


def read_table(content: bytes) -> Iterator[tuple[int, Criterion | RuleError]]:
    """Each row of a CSV (UTF-8), or why it is no criterion. Raises `RuleError` for what is no table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise rule_fault("table", found="another encoding") from None
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(";,\t", key=first.count), strict=True)
    try:
        header = next(reader, [])
        columns = [_ABOUT_OF.get(fold_name(name), "") for name in header]
        if "lane" not in columns:
            raise rule_fault("header", expected="lane", found=", ".join(header) or "-")
        if twice := [name for name in _ABOUT if columns.count(name) > 1]:
            raise rule_fault("header", expected=f"{twice[0]} ×1", found=", ".join(header))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            number = reader.line_num
            try:
                yield number, _read_row(number, header, columns, cells)
            except RuleError as error:
                yield number, error
    except csv.Error as error:
        raise rule_fault("table", place=str(reader.line_num), found=error) from None


def _read_line(number: int, line: str) -> Criterion:
    if len(line) > _LONGEST_LINE:
        raise rule_fault("too_long", most=_LONGEST_LINE)
    # One space between words: the patterns then look at no run of spaces in several ways.
    line = " ".join(fold_digits(line).split())
    found = _LINE.fullmatch(line)
    if found is None:
        raise rule_fault("criterion_form", found=line)
    share = None if found["share"] is None else _share(found["share"])
    return Criterion(
        number, found["id"] or "", line, _ways(found["condition"]), found["lane"].strip(), share
    )  # fmt: skip


def _read_row(number: int, header: list[str], columns: list[str], cells: list[str]) -> Criterion:
    if len(cells) > len(header):
        raise rule_fault("misplaced", found=cells[len(header)])
    about = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name}
    clauses = tuple(
        _clause_of_cell(name, fold_digits(cell.strip()))
        for name, column, cell in zip(header, columns, cells, strict=False)
        if not column and cell.strip()
    )
    ways = _ways(" ".join(fold_digits(about["condition"]).split())) if about.get("condition") else ((),)
    ways = tuple((*clauses, *way) for way in ways)
    if not all(ways):
        raise rule_fault("empty")
    if not about.get("lane"):
        raise rule_fault("missing_key", expected="lane")
    share = _share(about["share"].rstrip(" %")) if about.get("share") else None
    title = about.get("title") or "; ".join(cell.strip() for cell in cells if cell.strip())
    return Criterion(
        number, about.get("id", ""), title, ways, about["lane"], share, about.get("from", ""), about.get("until", "")
    )  # fmt: skip


def _ways(condition: str) -> tuple[tuple[Clause, ...], ...]:
    """The ways in which a condition may hold: `And` binds before `Or`. Brackets around more than values are refused:
    what they group would have to be guessed."""
    # What stands in quotes is one value, whatever words are in it.
    quoted: list[str] = []

    def keep(match: re.Match[str]) -> str:
        quoted.append(match[0][1:-1])
        return f"\x01{len(quoted) - 1}\x02"

    if "\x01" in condition or "\x02" in condition:
        raise rule_fault("character", found="U+0001")
    masked = _QUOTED.sub(keep, condition)
    # The And of a range is no join.
    masked = re.sub(r"(\bbetween\s+\S+)\s+and\s+", "\\1 \x03 ", masked, flags=re.IGNORECASE)
    parts = _JOIN.split(masked)
    ways: list[list[Clause]] = [[_clause(parts[0], quoted)]]
    for word, part in zip(parts[1::2], parts[2::2], strict=True):
        if word.lower() == "or":
            ways.append([])
        ways[-1].append(_clause(part, quoted))
    return tuple(tuple(way) for way in ways)


def _clause(part: str, quoted: list[str]) -> Clause:
    found = _CLAUSE.fullmatch(part.strip())
    if found is None or "(" in found["name"] or ")" in found["name"]:
        raise rule_fault("clause_form", found=_shown(part, quoted))
    word = " ".join(found["sign"].lower().split())
    sign, text = _SIGNS[word], found["value"].strip()
    if sign in ("missing", "present"):
        if text:
            raise rule_fault("clause_form", found=_shown(part, quoted))
        return Clause(found["name"].strip(), sign, ())
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    if "(" in text or ")" in text or not text:
        raise rule_fault("clause_form", found=_shown(part, quoted))
    pieces = text.split("\x03") if sign == "between" else text.split(",")
    values = tuple(_unmask(piece.strip(), quoted) for piece in pieces)
    if word == "starts with":
        values = tuple(value if value.endswith("*") else f"{value}*" for value in values)
    if not all(values) or (sign == "between") != (len(values) == 2 and sign == "between"):
        raise rule_fault("clause_form", found=_shown(part, quoted))
    return Clause(_unmask(found["name"].strip(), quoted), sign, values)


def _clause_of_cell(name: str, cell: str) -> Clause:
    if (found := _RANGE.fullmatch(cell)) is not None:
        return Clause(name, "between", (found["low"], found["high"]))
    match = _CELL.fullmatch(cell)
    assert match is not None  # noqa: S101 - the pattern takes every text
    sign = _SIGNS[match["sign"] or "="]
    values = tuple(value.strip().strip("'\"") for value in re.split(r"[,|]", match["value"]))
    if not all(values):
        raise rule_fault("clause_form", found=f"{name} {cell}")
    return Clause(name, sign, values)


def _unmask(text: str, quoted: list[str]) -> str:
    return re.sub("\x01(\\d+)\x02", lambda match: quoted[int(match[1])], text)


def _shown(part: str, quoted: list[str]) -> str:
    return _unmask(part, quoted).replace("\x03", "and").strip()


def _share(text: str) -> float:
    try:
        share = float(text.replace(",", ".")) / 100.0
    except ValueError:
        raise rule_fault("number_form", found=text) from None
    if not 0 < share <= 1:
        raise rule_fault("range", low="0 %", high="100 %", found=f"{text} %")
    return share
