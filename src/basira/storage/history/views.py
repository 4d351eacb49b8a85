"""The history as DuckDB views: what features, training and targeting read.

Enters: a connection and a snapshot. Leaves: views `items`, `outcomes` and `quarantine` with every
field of the schema, whatever the snapshot holds. Never here: a write, or a file outside the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from basira.schema.names import own_columns
from basira.schema.sql import quote_identifier, quote_literal
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


def column_names(files: Sequence[Path]) -> list[str]:
    """The columns of Parquet files, those of all of them, in the order in which they come."""
    names: dict[str, None] = {}
    for path in files:
        names.update(dict.fromkeys(_footer(path, path.stat().st_mtime_ns).names))
    return list(names)


def files_near(files: Sequence[Path], rows: Sequence[Path]) -> tuple[Path, ...]:
    """Those of ``files`` that may hold a declaration of the files ``rows``, by the first and last of their numbers."""
    spans = [span for path in rows if (span := _span(path)) is not None]
    if len(spans) < len(rows) or not spans:
        return tuple(files)
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    return tuple(path for path in files if (span := _span(path)) is None or (span[0] <= last and span[1] >= first))


def _span(path: Path) -> tuple[str, str] | None:
    return _footer(path, path.stat().st_mtime_ns).span


@dataclass(frozen=True)
class _Footer:
    """``span``: the first and the last number of a declaration, None when the file does not say them."""

    names: tuple[str, ...]
    span: tuple[str, str] | None


@lru_cache(maxsize=100_000)
def _footer(path: Path, changed: int) -> _Footer:  # noqa: ARG001 - a file that was written anew is another
    """What the end of a file says of it, read once: each file that is taken in asks it of the whole store."""
    about = pq.read_metadata(path)
    names = tuple(about.schema.to_arrow_schema().names)
    if "declaration_id" not in names or about.num_row_groups == 0:
        return _Footer(names, None)
    place = names.index("declaration_id")
    groups = [about.row_group(number).column(place).statistics for number in range(about.num_row_groups)]
    if any(found is None or not found.has_min_max for found in groups):
        return _Footer(names, None)
    return _Footer(names, (min(str(found.min) for found in groups), max(str(found.max) for found in groups)))


def create_view(con: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, files: Sequence[Path]) -> None:
    """Create (or replace) the view ``name`` over ``files``, with all columns of ``schema``.

    Columns that only some files have (`x_...`) are null in the others; of these only what counts as a source's own
    field (`schema.names.own_columns`), whatever stands in the files. Works with no file at all.
    """
    query = empty_select(schema)
    if files:
        listed = ", ".join(quote_literal(str(path)) for path in files)
        rows = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
        # What else the files hold stays in them.
        found = column_names(files)
        columns = own_columns([name for name in found if name not in schema.names])
        columns |= {name: name for name in found if name in schema.names}
        shown = ", ".join(f"{quote_identifier(column)} AS {quote_identifier(to)}" for to, column in columns.items())
        query += f" UNION ALL BY NAME SELECT {shown} FROM {rows}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quote_identifier(name)} AS {query}")
