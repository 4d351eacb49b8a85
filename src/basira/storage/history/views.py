"""The history as views of an engine: what features, training and targeting read.

Enters: an engine and a snapshot. Leaves: views `items`, `outcomes` and `quarantine` with every
field of the schema, whatever the snapshot holds. Never here: a write, or a file outside the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from basira.engines.engine import Engine
from basira.schema.names import own_columns
from basira.schema.sql import quote_identifier
from basira.schema.tables import ITEMS, OUTCOMES, QUARANTINE
from basira.storage.history.manifest import TableName

TABLE_SCHEMAS: Mapping[TableName, pa.Schema] = {"items": ITEMS, "outcomes": OUTCOMES, "quarantine": QUARANTINE}

_SQL_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.timestamp("us"): "TIMESTAMP",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
}


def empty_select(schema: pa.Schema) -> str:
    """A query with the schema's columns and no row."""
    columns = ", ".join(f"NULL::{_SQL_TYPES[field.type]} AS {quote_identifier(field.name)}" for field in schema)
    return f"SELECT {columns} WHERE false"


def create_view(con: Engine, name: str, schema: pa.Schema, files: Sequence[Path]) -> None:
    """Create (or replace) the view ``name`` over ``files``, with all columns of ``schema``.

    Columns that only some files have (`x_...`) are null in the others; of these only what counts as a source's own
    field (`schema.names.own_columns`), whatever stands in the files. Works with no file at all.
    """
    query = empty_select(schema)
    if files:
        rows = con.files(files)
        # What else the files hold stays in them.
        found = con.columns(rows)
        columns = own_columns([name for name in found if name not in schema.names])
        columns |= {name: name for name in found if name in schema.names}
        shown = ", ".join(f"{quote_identifier(column)} AS {quote_identifier(to)}" for to, column in columns.items())
        query += f" UNION ALL BY NAME SELECT {shown} FROM {rows}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quote_identifier(name)} AS {query}")
