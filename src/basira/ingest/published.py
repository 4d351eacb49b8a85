"""The schema as JSON Schema (draft 2020-12) and as a reference page, both made from the fields.

Enters: `FIELDS`, `ALL_ERRORS`, `REASONS`. Leaves: dictionaries and Markdown. Never here: a field, an error
or a reason of its own.
"""

from __future__ import annotations

from typing import Any

from basira.ingest.rows.faults import REASONS
from basira.schema.errors import ALL_ERRORS
from basira.schema.fields import (
    CONVERSION_FIELDS,
    DECLARATION_FIELDS,
    FIELDS,
    ITEM_FIELDS,
    OUTCOME_FIELDS,
    Field,
    Table,
)
from basira.schema.names import PATTERN

_PATTERNS = {
    "commodity": r"^(?!00)(\d{2}){1,6}$",
    "country": "^[A-Z]{2}$",
    "currency": "^[A-Z]{3}$",
}


def json_schemas() -> dict[str, Any]:
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


def json_schema_of(table: Table) -> dict[str, Any]:
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


def _property(field: Field) -> dict[str, Any]:
    kinds = {"timestamp": "string", "integer": "integer", "flag": "boolean"}
    kinds |= dict.fromkeys(("amount", "measure", "rate"), "number")
    kind = kinds.get(field.type, "string")
    described: dict[str, Any] = {
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


def schema_page() -> str:
    """docs/reference/schema.md."""
    lines = [
        "# The schema, field by field",
        "",
        "Made from `src/basira/schema/fields.py` by `make docs`; a test keeps it current.",
        "A field without a mark in *required* is optional: a source without it works. *Personal*: personal data under "
        "Moroccan law 09-08, never written to logs.",
        "",
        "Print it with `basira schema`, or as JSON Schema with `basira schema --json-schema`. A source's own columns "
        "that the schema does not name are kept as text under `x_<name>` (see [mappings](mapping.md)).",
        "",
        "| type | is |",
        "|---|---|",
        "| text | free text or an identifier, as written, trimmed |",
        "| code | a short code, in capitals |",
        "| commodity | commodity code, 2 to 12 digits, an even number of them |",
        "| country | ISO 3166-1 alpha-2, or a code that the mapping accepts (`ZZ`, unknown, in KCS) |",
        "| currency | ISO 4217 |",
        "| timestamp | naive local date and time |",
        "| integer | a whole number |",
        "| amount | money, in the unit given |",
        "| measure | a physical quantity, in the unit given |",
        "| rate | a share: 0.175 is 17.5 % |",
        "| flag | true, false, or null for unknown |",
    ]
    titles: tuple[tuple[str, tuple[Field, ...], str], ...] = (
        ("Declaration", DECLARATION_FIELDS, "One header a declaration, repeated on each of its items in the history."),
        ("Item", ITEM_FIELDS, "One row for each item of each version of a declaration."),
        (
            "Conversion",
            CONVERSION_FIELDS,
            "Written by Basira on each item that was declared in another currency than the history's, by the rates of "
            "the mapping or of the service; null on all others. No source gives them.",
        ),
        ("Outcome", OUTCOME_FIELDS, "One row for each result learned. A found value never replaces a declared one."),
    )
    for title, fields, meaning in titles:
        lines += ["", f"## {title}", "", meaning, "", "| field | type | unit | range | required | personal | meaning |"]
        lines.append("|---|---|---|---|---|---|---|")
        for field in fields:
            bounds = "" if field.lowest is None else f"{field.lowest:g} to {field.highest:g}"
            marks = " | ".join("yes" if mark else "" for mark in (field.required, field.personal))
            lines.append(f"| `{field.name}` | {field.type} | {field.unit} | {bounds} | {marks} | {field.meaning} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """docs/reference/errors.md."""
    lines = [
        "# Errors and exit codes",
        "",
        "Made from `src/basira/schema/errors.py` by `make docs`; a test keeps it current.",
        "A bad *row* is no error: it goes to [quarantine](quarantine.md). These are for a file, mapping, store, policy "
        "or model as a whole. The message says what was expected and found, the hint what to do. Codes are stable.",
        "",
        "| code | exit code | class | when |",
        "|---|---|---|---|",
    ]
    for error in ALL_ERRORS:
        meaning = " ".join((error.__doc__ or "").split("\n\n")[0].split())
        lines.append(f"| `{error.code}` | {error.exit_code} | `{error.__name__}` | {meaning} |")
    lines += [
        "",
        "A command that was interrupted (Ctrl-C) exits with 130; one that did its work, with 0. Exit code 70 is a "
        "fault of Basira itself: the trace on standard error is what to report. 11 is that of `basira history sync` "
        "when it did its work, and refused something that the service had acknowledged; and of `basira audit where` "
        "when the value stands somewhere.",
    ]
    return "\n".join(lines) + "\n"


def quarantine_page() -> str:
    """docs/reference/quarantine.md."""
    lines = [
        "# Quarantine: why a row was refused",
        "",
        "Made from `src/basira/ingest/rows/faults.py` by `make docs`; a test keeps it current.",
        "",
        "Every row of a source ends in one of three ways: accepted, already known (identical to one of the file or of "
        "the store), or quarantined. The three add up to the file's rows. A refused row stands in quarantine once, "
        "with its first reason (`field`, `code`, `value`, `expected`) and the others after it in `expected`. "
        "Its text is kept in full, in the words of the source.",
        "",
        "- `basira quarantine list [--code C] [--file F]` shows them;",
        "- `basira quarantine export --out refused.xlsx` writes them to a workbook of text cells"
        " (a name ending in `.csv`: CSV), to be corrected in a spreadsheet;",
        "- `basira quarantine retry --corrected refused.xlsx` sends the corrected rows again; one that"
        " changes a declaration's or an item's number needs `--allow-new-identifiers`, or a yes when asked;",
        "- `basira quarantine retry --mapping better.toml` judges them by a better mapping;",
        "- `basira quarantine retry` sends them as they are, after a missing declaration came in.",
        "",
        "A row leaves the quarantine when it is accepted, or turns out to be known. It is never deleted.",
        "",
        "| code | meaning, and what to do |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in REASONS.items()]
    return "\n".join(lines) + "\n"
