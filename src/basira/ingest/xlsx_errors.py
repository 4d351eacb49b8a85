"""Error cells of a workbook: the reading library gives them as empty, which would lose them silently.

Enters: an XLSX file and the name of a sheet. Leaves: the place and the word of each error cell. Never
here: any other cell.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath

from defusedxml.ElementTree import fromstring

from basira.schema.errors import SourceError

# <c r="E2" s="1" t="e"><f>NA()</f><v>#N/A</v></c>, attributes in any order, a namespace prefix or none.
_CELL = re.compile(
    rb"<(?:\w+:)?c\s(?=[^>]*\bt=[\"']e[\"'])[^>]*\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*>"
    rb"(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v[^>]*>([^<]{1,40})</",
    re.DOTALL,
)
_CHUNK = 4 << 20
_OVERLAP = 1 << 16  # longer than any one cell with its formula
_LARGEST_SHEET = 3 << 30
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def sheet_errors(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """(row, column), both from 0, of every error cell of a sheet, with its word ("#N/A").

    Raises SourceError when the file is no XLSX, or its sheet unpacks to more than 3 GB.
    """
    found: dict[tuple[int, int], str] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            part = _sheet_part(archive, sheet)
            if part is None:
                return {}
            if archive.getinfo(part).file_size > _LARGEST_SHEET:
                raise SourceError(
                    f"Expected a workbook of ordinary size, sheet {sheet!r} of {path.name} unpacks to over 3 GB.",
                    hint="Export it as CSV.",
                )
            with archive.open(part) as stream:
                tail = b""
                while chunk := stream.read(_CHUNK):
                    text = tail + chunk
                    for match in _CELL.finditer(text) if b"e" in text else ():
                        place = (int(match[2]) - 1, _column_index(match[1].decode()))
                        found[place] = match[3].decode("utf-8", errors="replace").strip()
                    tail = text[-_OVERLAP:]
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise SourceError(
            f"Expected a whole XLSX file, {path.name} is damaged ({error}).", hint="Save it again."
        ) from None
    return found


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
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
