"""The history as DuckDB views: what features, training and targeting read.

Enters: a connection and a snapshot. Leaves: views `items`, `outcomes` and `quarantine` with every
field of the schema, whatever the snapshot holds. Never here: a write, or a file outside the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from basira.schema.tables import ITEMS, OUTCOMES, QUARANTINE
from basira.storage.history_manifest import TableName

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
    columns = ", ".join(f'NULL::{_SQL_TYPES[field.type]} AS "{field.name}"' for field in schema)
    return f"SELECT {columns} WHERE false"


def create_view(con: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, files: Sequence[Path]) -> None:
    """Create (or replace) the view ``name`` over ``files``, with all columns of ``schema``.

    Columns that only some files have (`x_...`) are null in the others. Works with no file at all.
    """
    query = empty_select(schema)
    if files:
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        query += (
            f" UNION ALL BY NAME SELECT * FROM read_parquet([{listed}],"  # noqa: S608 - quoted just above
            " union_by_name = true, hive_partitioning = false)"
        )
    con.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {query}')
