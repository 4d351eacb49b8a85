"""Names of operators or offices as a register exports them: two columns of a CSV.

Enters: the text of a file. Leaves: names by identifier, and the lines that could not be taken, each with its reason.
Never here: a store; a name that is guessed; one of two names that contradict each other.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from basira.schema.errors import SourceError
from basira.schema.text import find_odd, fold_identifier

# Headings of the two columns as registers write them, in capitals.
IDENTIFIERS = ("IDENTIFIER", "ID", "CODE", "ICE", "IDENTIFIANT", "المعرف", "الرمز")
NAMES = ("NAME", "NOM", "RAISON SOCIALE", "DENOMINATION", "DÉNOMINATION", "LIBELLE", "LIBELLÉ", "الاسم", "التسمية")
LONGEST = 200
_SEPARATORS = (";", "\t", ",")


@dataclass(frozen=True)
class RejectedLine:
    """``line``: of the file, 1 is the heading. ``code``: "no_identifier", "no_name", "too_long", "two_names" or
    "other_cells"."""

    line: int
    code: str


@dataclass(frozen=True)
class ReadNames:
    """``names``: by identifier in its one written form. ``rejected``: in the order of the file."""

    names: dict[str, str]
    rejected: tuple[RejectedLine, ...]


def read_names(text: str, *, is_office: bool, file_name: str) -> ReadNames:
    """The names of one file. An identifier with two different names has neither: which one is right is not known.

    ``is_office``: codes of offices, in capitals as intake writes them.

    Raises
    ------
    SourceError : no heading names an identifier and a name, or two headings do.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    heading = lines[0] if lines else ""
    separator = max(_SEPARATORS, key=heading.count)
    rows = csv.reader(lines, delimiter=separator)
    columns = [" ".join(cell.split()).upper() for cell in next(rows, [])]
    at = _place(columns, IDENTIFIERS, "identifier", file_name), _place(columns, NAMES, "name", file_name)
    found: dict[str, tuple[str, int]] = {}
    rejected: list[RejectedLine] = []
    contradicted: set[str] = set()
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        code, identifier, name = _read(row, len(columns), at, is_office=is_office)
        if code:
            rejected.append(RejectedLine(rows.line_num, code))
        elif found.get(identifier, (name,))[0] != name:
            contradicted.add(identifier)
            rejected.append(RejectedLine(rows.line_num, "two_names"))
        else:
            found.setdefault(identifier, (name, rows.line_num))
    rejected += [RejectedLine(found[identifier][1], "two_names") for identifier in contradicted]
    names = {identifier: name for identifier, (name, _) in found.items() if identifier not in contradicted}
    return ReadNames(names, tuple(sorted(rejected, key=lambda one: one.line)))


def _read(row: Sequence[str], width: int, at: tuple[int, int], *, is_office: bool) -> tuple[str, str, str]:
    """The reason against a row, or "", its identifier and its name."""
    if len(row) != width:
        return "other_cells", "", ""
    identifier, name = fold_identifier(row[at[0]]), " ".join(row[at[1]].split())
    if is_office:
        identifier = identifier.upper()
    if not identifier:
        return "no_identifier", "", ""
    if not name or find_odd(name) is not None:
        return "no_name", "", ""
    if max(len(identifier), len(name)) > LONGEST:
        return "too_long", "", ""
    return "", identifier, name


def _place(columns: Sequence[str], known: Sequence[str], what: str, file_name: str) -> int:
    places = [place for place, column in enumerate(columns) if column in known]
    if len(places) == 1:
        return places[0]
    raise SourceError(
        "{file}: expected one column with the {what} ({known} ...), found {places_count} in the heading {columns!r}.",
        hint="Write the heading identifier;name over two columns, in UTF-8.",
        file=file_name,
        what=what,
        known=", ".join(known[:4]),
        places_count=len(places),
        columns=", ".join(columns),
    )
