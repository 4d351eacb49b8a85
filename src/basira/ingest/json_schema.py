"""The schema as JSON Schema (draft 2020-12), made from the fields.

Enters: `FIELDS`. Leaves: dictionaries. Never here: a field of its own.
"""

from __future__ import annotations

from basira.schema.fields import FIELDS, Field, Table
from basira.schema.json_values import JsonObject
from basira.schema.names import PATTERN

_PATTERNS = {
    "commodity": r"^(?!00)(\d{2}){1,6}$",
    "country": "^[A-Z]{2}$",
    "currency": "^[A-Z]{3}$",
}


def json_schemas() -> JsonObject:
    """All tables in one JSON Schema: a declaration with its items, and an outcome."""
    declaration = json_schema_of("declaration")
    declaration["properties"]["items"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}}
    declaration["required"] = [*declaration["required"], "items"]
    definitions = {"declaration": declaration, "item": json_schema_of("item"), "outcome": json_schema_of("outcome")}
    for definition in definitions.values():
        definition.pop("$schema")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Basira declarations and outcomes",
        "oneOf": [{"$ref": "#/$defs/declaration"}, {"$ref": "#/$defs/outcome"}],
        "$defs": definitions,
    }


def json_schema_of(table: Table) -> JsonObject:
    """The JSON Schema of one table's row. Optional fields may be null or absent; other keys are names of
    the sender's own.

    >>> json_schema_of("outcome")["required"]
    ['declaration_id', 'known_at']
    """
    fields = [field for field in FIELDS if field.table == table]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": table,
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [field.name for field in fields if field.required],
        "patternProperties": {f"^{PATTERN}$": {"type": ["string", "null"]}},
        "additionalProperties": False,
    }


def _property(field: Field) -> JsonObject:
    kinds = {"timestamp": "string", "integer": "integer", "flag": "boolean"}
    kinds |= dict.fromkeys(("amount", "measure", "rate"), "number")
    kind = kinds.get(field.type, "string")
    described: JsonObject = {
        "type": kind if field.required else [kind, "null"],
        "description": field.meaning + (f" Unit: {field.unit}." if field.unit else ""),
    }
    if field.type == "timestamp":
        described["format"] = "date-time-local"
        described["pattern"] = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"
    if field.type in _PATTERNS:
        described["pattern"] = _PATTERNS[field.type]
    if field.required and kind == "string":
        described["minLength"] = 1
    if field.lowest is not None:
        described["minimum"] = field.lowest
    if field.highest is not None:
        described["maximum"] = field.highest
    if field.personal:
        described["x-personal-data"] = True
    return described
