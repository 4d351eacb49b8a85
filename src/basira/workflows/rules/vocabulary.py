"""The names that rules may use: the schema's fields, the catalog's features, scores, derived values.

Enters: the schema, the catalog, officers' labels, the lists that there are. Leaves: a `Vocabulary`. Never here: a name
of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from basira.explain.words import catalog_of
from basira.features.catalog.catalog import CATALOG
from basira.render.languages import LANGUAGES
from basira.rules.derived import DERIVED
from basira.rules.names import Name, ValueKind, Vocabulary
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS, Field

_KINDS: Mapping[str, ValueKind] = {
    "text": "text",
    "code": "code",
    "commodity": "commodity",
    "country": "country",
    "currency": "currency",
    "timestamp": "moment",
    "integer": "number",
    "amount": "number",
    "measure": "number",
    "rate": "number",
    "flag": "flag",
}
# Of a declaration. A rule that reads one is unknown where the model gave no answer.
_SCORES: Mapping[str, str] = {"fraud_probability": "rate", "expected_revenue": "amount"}


def make_vocabulary(lists: Iterable[str] = (), kinds: Mapping[str, str] | None = None) -> Vocabulary:
    """The vocabulary, with the lists that there are: by name alone, or with the kind of each, which is then checked."""
    return Vocabulary(_names(), lists, kinds)


@cache
def _names() -> tuple[Name, ...]:
    catalogs = {language: catalog_of(language) for language in LANGUAGES}

    def labels(field: Field) -> dict[str, str]:
        message = f"field.{field.name}"
        return {language: catalog.say(message) for language, catalog in catalogs.items() if catalog.has(message)}

    return (
        *(
            Name(
                field.name,
                "prose" if field.is_prose else _KINDS[field.type],
                field.table == "item",
                field.unit or ("rate" if field.type == "rate" else ""),
                labels(field),
                is_personal=field.personal,
            )
            for field in (*DECLARATION_FIELDS, *ITEM_FIELDS)
        ),
        *(Name(f.name, "code" if f.role == "category" else "number", True, f.unit, source="feature") for f in CATALOG),
        *(Name(name, "number", False, unit, source="score") for name, unit in _SCORES.items()),
        *(Name(name, "number", True, made.unit, source="derived") for name, made in DERIVED.items()),
    )
