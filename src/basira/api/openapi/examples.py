"""Examples and schemas of the OpenAPI document: bodies are the schema's own JSON.

Enters: nothing. Leaves: dictionaries. Never here: real data: the examples are simulated.
"""

from __future__ import annotations

from basira.ingest.json_schema import json_schema_of
from basira.schema.json_values import JsonObject

DECLARATION: JsonObject = {
    "declaration_id": "SIM-2026-000123",
    "declared_at": "2026-03-02T09:14:00",
    "office": "CASA-PORT",
    "procedure": "010",
    "importer_id": "SIM-IMPORTER-7",
    "declarant_id": "SIM-BROKER-3",
    "dispatch_country": "CN",
    "items": [
        {
            "item_number": 1,
            "commodity_code": "8517130000",
            "description": "telephones intelligents",
            "origin_country": "CN",
            "quantity": 400,
            "quantity_unit": "U",
            "net_mass_kg": 96.0,
            "customs_value_amount": 310000.0,
        }
    ],
}
OUTCOME: JsonObject = {
    "known_at": "2026-03-02T16:30:00",
    "is_irregular": True,
    "is_irregular_value": True,
    "found_value_amount": 455000.0,
    "additional_revenue_amount": 36250.0,
}


# With the text of its condition, in the place of `condition` as JSON.
RULE: JsonObject = {
    "rule": {
        "rule_id": "phones-cn",
        "title": "Phones below the usual price",
        "reason": "Three findings in a month.",
        "effect": {"lane": "red", "message": {"fr": "Vérifier la facture.", "en": "Check the invoice."}},
        "sample_share": 1.0,
        "offices": [],
        "starts_on": "2026-04-01",
        "expires_on": "2026-09-30",
    },
    "text": "commodity_code starts with '8517' and value_per_kg < 0.5 * value_per_kg_reference",
    "motive": "Seen at two offices.",
}
RULE_STEP: JsonObject = {"state": "approved", "version": 1, "motive": "Tested on a quarter.", "seen": 3}
RULE_TRY: JsonObject = {"text": RULE["text"], "first": "2026-01-01", "last": "2026-01-31", "most": 5, "language": "en"}
RULE_BACKTEST: JsonObject = {
    "first": "2026-01-01",
    "last": "2026-03-31",
    "as_of": "2026-04-30",
    "version": 1,
    "is_recorded": True,
}

LIST: JsonObject = {"name": "importers-to-look-at", "kind": "operators", "title": "Seen lately", "owner": "Risk office"}
LIST_ENTRIES: JsonObject = {
    "entries": [
        {
            "value": "SIM-IMPORTER-7",
            "starts_on": "2026-04-01",
            "ends_on": "2026-09-30",
            "source": "Office report",
            "reason": "Three findings in a month.",
        }
    ],
    "motive": "Report of March.",
    "seen": 1,
}
LIST_END: JsonObject = {"motive": "Nothing found in a quarter.", "seen": 2}
LIST_MATCH: JsonObject = {"value": "SIM-IMPORTER-7", "on": "2026-04-02"}
SNOOZE: JsonObject = {
    "value": "SIM-IMPORTER-7",
    "ends_on": "2026-06-30",
    "source": "Office report",
    "reason": "Its prices were verified in March.",
}
RISK: JsonObject = {
    "risk": {
        "risk_id": "undervalued-phones",
        "title": "Phones declared below their price",
        "owner": "Risk office",
        "likelihood": 4,
        "consequence": 3,
        "treatment": "reduce",
        "plan": "A rule, and a random control each week.",
        "rules": [],
        "review_on": "2026-09-30",
    },
    "motive": "Seen at two offices.",
}
RISK_REVIEW: JsonObject = {"motive": "Fewer findings.", "review_on": "2026-12-31", "likelihood": 2, "seen": 1}


def declaration_schema() -> JsonObject:
    """A declaration with its items, as `basira schema --json-schema` prints it."""
    schema, item = json_schema_of("declaration"), json_schema_of("item")
    for part in (schema, item):
        part.pop("$schema")
    schema["properties"]["items"] = {"type": "array", "minItems": 1, "maxItems": 1000, "items": item}
    schema["required"] = [*schema["required"], "items"]
    return schema


def outcome_schema() -> JsonObject:
    """A result; the declaration's number is in the address."""
    schema = json_schema_of("outcome")
    schema.pop("$schema")
    schema["required"] = [name for name in schema["required"] if name != "declaration_id"]
    return schema


def body_of(schema: JsonObject, about: str = "", **examples: object) -> JsonObject:
    """The part of an OpenAPI operation that describes its body. ``about``: what is to be changed in the examples."""
    shown = {name: {"value": value} | ({"description": about} if about else {}) for name, value in examples.items()}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": shown}}}}
