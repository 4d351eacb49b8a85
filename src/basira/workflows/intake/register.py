"""The names of operators and offices: taken into a store, and put on a list.

Enters: a store, a file of a register; an inspection list. Leaves: what was taken; the list with names beside its
identifiers. Never here: a name in a record, a feature or a file that is not the list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from basira.ingest.register import RejectedLine, read_names
from basira.schema.errors import SourceError
from basira.schema.records import InspectionList
from basira.storage.history.store import History
from basira.storage.register import Register, read_register, write_register

PARTIES = ("importer_id", "declarant_id", "exporter_id")


@dataclass(frozen=True)
class TakenNames:
    """``taken``: new names; ``changed``: of identifiers that had another; ``known``: as they were. ``total``: names of
    this kind in the store now."""

    file_name: str
    taken: int
    changed: int
    known: int
    total: int
    rejected: tuple[RejectedLine, ...]


def ingest_register(history: History, path: Path, *, is_office: bool) -> TakenNames:
    """Take the names of a file in. A name that the store has gives way to the file's.

    Raises SourceError when it can't be read, StoreError when it can't be written.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            "{file}: expected a CSV in UTF-8, found: {error}.",
            hint="Export the register again as CSV UTF-8.",
            file=path.name,
            error=error,
        ) from None
    read = read_names(text, is_office=is_office, file_name=path.name)
    register = read_register(history.root)
    before = register.offices if is_office else register.operators
    after = {**before, **read.names}
    if after != dict(before):
        write_register(
            history.root, Register(register.operators, after) if is_office else Register(after, register.offices)
        )
    changed = sum(identifier in before and before[identifier] != name for identifier, name in read.names.items())
    known = sum(before.get(identifier) == name for identifier, name in read.names.items())
    return TakenNames(path.name, len(read.names) - changed - known, changed, known, len(after), read.rejected)


def with_names(listing: InspectionList, history: History) -> InspectionList:
    """The list with the names of those who stand on it, where the store has a register.

    Both readers of a list are shown the identifiers already, so both are shown the names; neither says how a
    declaration was selected (docs/decisions/0013-what-an-inspector-is-told.md).
    """
    register = read_register(history.root)
    parties = {line.header.get(party) or "" for line in listing.lines for party in PARTIES}
    offices = {*(line.office for line in listing.lines), *(use.office for use in listing.capacity), *listing.released}
    return replace(
        listing,
        operator_names={
            one: register.operators[one] for one in parties if one is not None and one in register.operators
        },
        office_names={one: register.offices[one] for one in offices if one in register.offices},
    )
