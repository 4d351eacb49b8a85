"""What the number format of a workbook's cell says beside its number: a currency, percent, zeros in front.

Enters: an XLSX file and the name of a sheet. Leaves: which cells are shown otherwise than as the bare number, and the
text of each. Never here: a format that only rounds, groups or colours; a date.

A sheet shows 1 234,50 € or 0805100000 where the file holds 1234.5 or 805100000. The number alone would be taken for
the country's own currency, the code for one that is a digit short.
"""

from __future__ import annotations

import re
import zipfile
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from xml.etree.ElementTree import ParseError  # the error only: parsing is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from basira.ingest.parse.numbers import HOME, currency_marks
from basira.ingest.readers.xlsx_errors import DAMAGED, damage_error, find_sheet_part

_CHUNK = 4 << 20
# <row r="2" ...>, <c r="E2" s="1" t="n">: attributes in any order, a namespace prefix or none.
_TAG = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])([^>]*)>")
_PLACE = re.compile(rb"\br=[\"']([A-Z]{0,3})(\d{1,7})[\"']")
_STYLE = re.compile(rb"\bs=[\"'](\d{1,6})[\"']")
# Parts of a format: quoted text, one letter behind a backslash, a currency or a condition in brackets, a blank as wide
# as a letter, a letter that fills the cell.
_PART = re.compile(r'"([^"]*)"|\\(.)|\[([^\]]*)\]|_.|\*.|(.)', re.DOTALL)
_SIGNS = "$€£¥₹₺₩₽₦"
# Signs of several currencies, with the language that a spreadsheet writes beside them: [$$-409] is the dollar of the
# United States.
_OF_LANGUAGE = {
    ("$", "409"): "USD",
    ("$", "1009"): "CAD",
    ("$", "C0C"): "CAD",
    ("$", "C09"): "AUD",
    ("£", "809"): "GBP",
    ("¥", "411"): "JPY",
    ("¥", "804"): "CNY",
}
_STANDS_FOR_DATES = re.compile(r"[ymdhs]", re.IGNORECASE)
# Formats without a text of their own in the file, which programs write as numbers: money in the program's own sign,
# the dollar where nothing else is known; percent.
_BUILT_IN = dict.fromkeys((5, 6, 7, 8, 42, 44), "$0") | {9: "0%", 10: "0.00%"}


@dataclass(frozen=True)
class Shown:
    """How a number is shown. ``mark``: of a currency, as written; ``zeros``: what it is written into, digits as 0."""

    mark: str = ""
    is_percent: bool = False
    zeros: str = ""

    def text(self, number: float, plain: str, decimal: str) -> str:
        """The number as text. ``plain``: as it is without its format.

        >>> Shown(mark="€").text(12.5, "12,5", ","), Shown(is_percent=True).text(0.07, "0.07", ".")
        ('12,5 €', '7%')
        >>> Shown(zeros="0000.00").text(80510, "80510", "."), Shown(zeros="00").text(1.5, "1.5", ".")
        ('0805.10', '1.5')
        """
        if self.is_percent:
            share = f"{Decimal(repr(number)) * 100:f}"
            return (share.rstrip("0").rstrip(".") if "." in share else share).replace(".", decimal) + "%"
        if self.mark:
            return f"{plain} {self.mark}"
        if number < 0 or not float(number).is_integer():
            return plain
        digits = f"{int(number):0{self.zeros.count('0')}d}"
        places = self.zeros.count("0")
        left, rest = digits[: len(digits) - places], iter(digits[len(digits) - places :])
        return left + "".join(next(rest) if place == "0" else place for place in self.zeros)


@dataclass
class ShownCells:
    """Cells of a sheet that are shown otherwise than as bare numbers: by column, from 0, runs of rows, from 0."""

    runs: dict[int, list[tuple[int, int, Shown]]] = field(default_factory=dict)

    def between(self, first: int, end: int) -> Iterator[tuple[int, int, Shown]]:
        """(row, column, how) of the cells of rows ``first`` to before ``end``."""
        for column, runs in self.runs.items():
            for top, bottom, shown in runs[bisect_left(runs, first, key=lambda run: run[1]) :]:
                if top >= end:
                    break
                for row in range(max(top, first), min(bottom + 1, end)):
                    yield row, column, shown

    def add(self, row: int, column: int, shown: Shown) -> None:
        runs = self.runs.setdefault(column, [])
        if runs and runs[-1][1] == row - 1 and runs[-1][2] == shown:
            runs[-1] = (runs[-1][0], row, shown)
        else:
            runs.append((row, row, shown))


def read_format(code: str) -> Shown | None:
    r"""What a number format says beside the number; None when nothing.

    >>> read_format('#,##0.00 "USD"').mark, read_format("#,##0.00\\ [$€-40C]").mark, read_format("[$$-409]0").mark
    ('USD', '€', 'USD')
    >>> read_format("0000000000").zeros, read_format(r"0000\.00").zeros, read_format("0.0%").is_percent
    ('0000000000', '0000.00', True)
    >>> read_format("#,##0.00"), read_format("dd/mm/yyyy"), read_format('0.00" kg"'), read_format("General")
    (None, None, None, None)
    """
    texts = holders = pattern = ""
    for quoted, escaped, bracket, bare in _PART.findall(code):
        if bare == ";":  # what comes behind is for numbers below zero, for zero, for text
            break
        text = quoted or escaped
        if bracket.startswith("$"):
            sign, _, language = bracket[1:].partition("-")
            text = _OF_LANGUAGE.get((sign, language.lstrip("0").upper()), sign)
        elif bare and bare in _SIGNS:
            text = bare
        texts += text or " "
        pattern += text or bare
        if not text:
            holders += bare
    if holders.strip() == "General" or _STANDS_FOR_DATES.search(holders):
        return None
    if "%" in holders:
        return Shown(is_percent=True)
    for word in texts.split():
        if word.strip("()-:").lower() in currency_marks():
            return Shown(mark=word.strip("()-:"))
    if re.fullmatch("0{2,30}", holders) and pattern.endswith("0"):
        return Shown(zeros=pattern) if pattern.count("0") == len(holders) else None
    return None


def shown_cells(path: Path, sheet: str) -> ShownCells:
    """The cells of a sheet whose format says more than their number. Marks of the country's own currency say nothing
    more, unless other cells of the sheet have another currency's.

    Raises SourceError when the file is no XLSX.
    """
    found = ShownCells()
    try:
        with zipfile.ZipFile(path) as archive:
            part = find_sheet_part(archive, sheet)
            styles = _styles(archive)
            if part is None or not styles:
                return found
            for row, column, style in _styled_cells(archive, part):
                if style in styles:
                    found.add(row, column, styles[style])
    except (*DAMAGED, KeyError, ParseError, DefusedXmlException) as error:
        raise damage_error(path, error) from None
    marks = {shown.mark.lower() for runs in found.runs.values() for _, _, shown in runs if shown.mark}
    if all(HOME in currency_marks()[mark] for mark in marks):
        kept = {column: [run for run in runs if not run[2].mark] for column, runs in found.runs.items()}
        found = ShownCells({column: runs for column, runs in kept.items() if runs})
    return found


def _styles(archive: zipfile.ZipFile) -> dict[int, Shown]:
    """Number of a cell's style to what its format says, of those that say something."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    root = fromstring(archive.read("xl/styles.xml"))
    codes: dict[int, str] = dict(_BUILT_IN)
    for entry in root.iter():
        if entry.tag.endswith("}numFmt"):
            codes[int(entry.get("numFmtId", "0"))] = entry.get("formatCode", "")
    cells = next((entry for entry in root if entry.tag.endswith("}cellXfs")), None)
    shown: dict[int, Shown] = {}
    for number, entry in enumerate(cells if cells is not None else ()):
        found = read_format(codes.get(int(entry.get("numFmtId", "0")), ""))
        if found is not None:
            shown[number] = found
    return shown


def _styled_cells(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, int, int]]:
    """(row, column, style) of each cell that has a style, rows and columns from 0, in the order of the file."""
    row = column = -1
    with archive.open(part) as stream:
        tail = b""
        while chunk := stream.read(_CHUNK):
            text = tail + chunk
            cut = text.rfind(b"<")
            text, tail = text[:cut], text[cut:]
            for kind, attributes in _TAG.findall(text):
                place = _PLACE.search(attributes)
                if kind == b"row":
                    row, column = int(place[2]) - 1 if place else row + 1, -1
                    continue
                column += 1
                if place and place[1]:
                    row, column = int(place[2]) - 1, _column_index(place[1])
                if style := _STYLE.search(attributes):
                    yield row, column, int(style[1])


def _column_index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index - 1
