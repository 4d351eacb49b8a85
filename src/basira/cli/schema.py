"""`basira schema`: the fields, for people and as JSON Schema.

Enters: options. Leaves: text. Never here: a store.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer
from rich.table import Table

from basira.cli.ingest import JsonOption
from basira.cli.options import open_console


def schema(
    table: Annotated[
        Literal["declaration", "item", "outcome"] | None, typer.Argument(help="Only the fields of this table.")
    ] = None,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="Print JSON Schema (draft 2020-12).")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every field a declaration, an item and an inspection outcome may carry."""
    from basira.ingest.json_schema import json_schema_of, json_schemas
    from basira.schema.fields import CONVERSION_FIELDS, FIELDS

    if json_schema:
        body = json_schemas() if table is None else json_schema_of(table)
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    fields = [field for field in FIELDS + CONVERSION_FIELDS if table is None or field.table == table]
    if as_json:
        keys = ("name", "table", "type", "unit", "required", "lowest", "highest", "personal", "meaning")
        typer.echo(json.dumps([{key: getattr(field, key) for key in keys} for field in fields], indent=1))
        return
    shown = Table("table", "field", "type", "unit", "required", "meaning")
    for field in fields:
        shown.add_row(field.table, field.name, field.type, field.unit, "yes" if field.required else "", field.meaning)
    open_console().print(shown)
