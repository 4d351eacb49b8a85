"""What was declared, as an officer at the goods needs it: header, items, operators.

Enters: a database, numbers of declarations. Leaves: the latest version of each, with the operators' identifiers, which
are personal values (docs/decisions/0026-operators-for-officers.md). Never here: a check of what the caller of
`latest_declared` may see (the declarations come from a view that made it); a value that was erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from basira.decisions.events import AnyRecord, Registration
from basira.schema.json_values import JsonObject
from basira.serving.record import find_latest_known
from basira.serving.views.answers import OperatorsBody
from basira.serving.views.declaration import Sees, known_declaration
from basira.serving.views.names import names_beside
from basira.storage.database.connection import Database
from basira.storage.register import Register


@dataclass(frozen=True)
class Declared:
    """The latest version of a declaration. ``header``, ``items``: the schema's fields by name, absent where nothing was
    declared. ``operators``: `importer_id`, `declarant_id` and `exporter_id`; None where the value was erased.
    ``is_text_erased``: free texts, such as descriptions, were."""

    version: int
    header: JsonObject
    items: Sequence[JsonObject]
    operators: Mapping[str, str | None]
    is_text_erased: bool

    def item(self, number: int) -> JsonObject:
        """An item by its number; empty where this version has none of it."""
        return next((one for one in self.items if one.get("item_number") == number), {})


def latest_declared(database: Database, declaration_ids: Sequence[str]) -> dict[str, Declared]:
    """The latest version of each of some declarations (a few hundred at most), by number. Those of which nothing is
    recorded are left out. Raises StoreError."""
    with database.read() as connection:
        known = find_latest_known(connection, dict.fromkeys(declaration_ids))
    found = {name: _latest(records) for name, records in known.items()}
    return {name: one for name, one in found.items() if one is not None}


def find_operators(database: Database, declaration_id: str, *, sees: Sees, register: Register) -> OperatorsBody:
    """The operators of a declaration's latest version, with their names of the register.

    Raises NotFoundError for one that was never decided, or that the caller may not see, which takes no longer."""
    known, _ = known_declaration(database, declaration_id, sees=sees)
    declared = _latest(known)
    if declared is None:
        return {"declaration_id": declaration_id, "declaration_version": None, "operators": {}, "names": {}}
    return {
        "declaration_id": declaration_id,
        "declaration_version": declared.version,
        "operators": dict(declared.operators),
        "names": names_beside(declared.operators, register),
    }


def _latest(records: Sequence[AnyRecord]) -> Declared | None:
    sent = [(one, one.content) for one in records if isinstance(one, Registration) and one.content is not None]
    if not sent:
        return None
    last, content = max(sent, key=lambda pair: pair[0].declaration_version)
    return Declared(
        last.declaration_version,
        content["header"],
        content["items"],
        last.personal,
        last.is_text_erased,
    )
