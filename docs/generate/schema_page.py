"""docs/reference/schema.md, from the fields.

Enters: the fields of a declaration, an item, an outcome. Leaves: Markdown. Never here: a field of its own.
"""

from __future__ import annotations

from basira.schema.fields import CONVERSION_FIELDS, DECLARATION_FIELDS, ITEM_FIELDS, OUTCOME_FIELDS, Field


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
