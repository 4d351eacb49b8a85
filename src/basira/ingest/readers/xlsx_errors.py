"""Error cells of a workbook: the reading library gives them as empty, which would lose them silently.

Enters: an XLSX file and the name of a sheet. Leaves: the place and the word of each error cell, and of each formula
that was never computed: a program that writes a workbook leaves that to the spreadsheet, and may write 0 until then.
Never here: any other cell.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import ParseError  # the error only: parsing is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from basira.ingest.readers.bounds import MOST_PARTS, check_unpacked
from basira.schema.errors import SourceError

# <c r="E2" s="1" t="e"><f>NA()</f><v>#N/A</v></c>, attributes in any order, a namespace prefix or none.
_CELL = re.compile(
    rb"<(?:\w+:)?c\s(?=[^>]*\bt=[\"']e[\"'])[^>]*\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*>"
    rb"(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v[^>]*>([^<]{1,40})</",
    re.DOTALL,
)
# <c r="G2"><f>H2*100</f><v></v></c>. One of type "str" may be an empty text.
_NOT_COMPUTED = re.compile(
    rb"<(?:\w+:)?c\s(?![^>]*\bt=)[^>]*\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*>\s*"
    rb"<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*(?:/>|></(?:\w+:)?v>)\s*)?</(?:\w+:)?c>"
)
# <c r="G2" s="1"><f>H2*100</f><v>0</v></c>: where the workbook says that nothing was computed yet, no result either.
_ZERO = re.compile(
    rb"<(?:\w+:)?c\s(?![^>]*\bt=[\"'](?!n[\"']))[^>]*\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*>\s*"
    rb"<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*<(?:\w+:)?v>0</(?:\w+:)?v>\s*</(?:\w+:)?c>"
)
_COMPUTED_LATER = re.compile(rb"<(?:\w+:)?calcPr\b[^>]*\bfullCalcOnLoad=[\"'](?:1|true)[\"']")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_NO_VALUE = "#CALC!"
_CHUNK = 4 << 20
_OVERLAP = 1 << 16  # longer than any one cell with its formula
DAMAGED = (zipfile.BadZipFile, OSError, EOFError)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def sheet_errors(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """(row, column), both from 0, of every error cell of a sheet, with its word ("#N/A"; "#CALC!": not computed).

    Raises SourceError when the file is no XLSX.
    """
    found: dict[tuple[int, int], str] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            part = find_sheet_part(archive, sheet)
            if part is None:
                return {}
            is_computed = not _COMPUTED_LATER.search(archive.read("xl/workbook.xml"))
            unknown = (_NOT_COMPUTED,) if is_computed else (_NOT_COMPUTED, _ZERO)
            with archive.open(part) as stream:
                tail = b""
                while chunk := stream.read(_CHUNK):
                    text = tail + chunk
                    for match in _CELL.finditer(text) if b"e" in text else ():
                        place = (int(match[2]) - 1, _column_index(match[1].decode()))
                        found[place] = match[3].decode("utf-8", errors="replace").strip()
                    for pattern in unknown if _FORMULA.search(text) else ():
                        for match in pattern.finditer(text):
                            found[int(match[2]) - 1, _column_index(match[1].decode())] = _NO_VALUE
                    tail = text[-_OVERLAP:]
    except (*DAMAGED, KeyError, ParseError, DefusedXmlException) as error:
        raise damage_error(path, error) from None
    return found


def check_parts(path: Path) -> None:
    """Look at the list of a workbook's parts before any of them is unpacked.

    Raises SourceError: no XLSX, too many parts, or parts that unpack to more than any workbook of this size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except DAMAGED as error:
        raise damage_error(path, error) from None
    if len(parts) > MOST_PARTS:
        raise SourceError(
            "Expected at most {most_parts:,} parts in the workbook {file}, found {parts_count:,}.",
            hint="Save the sheet that is meant in a workbook of its own, or as CSV.",
            most_parts=MOST_PARTS,
            file=path.name,
            parts_count=len(parts),
        )
    check_unpacked(path, path.stat().st_size, sum(part.file_size for part in parts))


def damage_error(path: Path, error: Exception) -> SourceError:
    return SourceError(
        "Expected a whole XLSX file, {file} is damaged ({error}).",
        hint="Save it again.",
        file=path.name,
        error=error,
    )


def find_sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    workbook = fromstring(archive.read("xl/workbook.xml"))
    relations = fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    for element in workbook.iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            target = targets.get(element.get(_RELATION), "")
            return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
    return None


def _column_index(letters: str) -> int:
    """
    >>> _column_index("A"), _column_index("AB")
    (0, 27)
    """
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
