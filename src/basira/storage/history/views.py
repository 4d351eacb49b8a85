"""The history as views of an engine: what features, training and targeting read.

Enters: an engine and a snapshot. Leaves: views `items`, `outcomes` and `quarantine` with every
field of the schema, whatever the snapshot holds. Never here: a write, or a file outside the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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


def one_currency(files: Sequence[Path]) -> tuple[dict[str | None, None], list[Path]]:
    """The currencies of the files of items whose values are all of one, None for a value without; and the other files,
    which must be read for theirs."""
    found: dict[str | None, None] = {}
    others = []
    for path in files:
        currency = _footer(path, path.stat().st_mtime_ns).currency
        if currency is None:
            others.append(path)
        else:
            found.update(dict.fromkeys(currency))
    return found, others


def _span(path: Path) -> tuple[str, str] | None:
    return _footer(path, path.stat().st_mtime_ns).span


@dataclass(frozen=True)
class _Footer:
    """``span``: the first and the last number of a declaration; ``currency``: the one of all values, None among them
    for values without. None when the file does not say them."""

    names: tuple[str, ...]
    span: tuple[str, str] | None
    currency: tuple[str | None, ...] | None


@lru_cache(maxsize=100_000)
def _footer(path: Path, changed: int) -> _Footer:  # noqa: ARG001 - a file that was written anew is another
    """What the end of a file says of it, read once: each file that is taken in asks it of the whole store."""
    about = pq.read_metadata(path)
    names = tuple(about.schema.to_arrow_schema().names)
    ids = [found for found in _statistics(about, names, "declaration_id") if found.num_values]
    span = (min(str(found.min) for found in ids), max(str(found.max) for found in ids)) if ids else None
    return _Footer(names, span, _one_value(_statistics(about, names, "value_currency")))


def _statistics(about: pq.FileMetaData, names: Sequence[str], name: str) -> list[pq.Statistics]:
    """Of one column, by row group; none when the file has no row, no such column, or does not say all of them."""
    if name not in names:
        return []
    groups = [about.row_group(n).column(names.index(name)).statistics for n in range(about.num_row_groups)]
    told = [found for found in groups if found is not None and found.has_null_count]
    return told if all(found.has_min_max or not found.num_values for found in told) and told == groups else []


def _one_value(groups: Sequence[pq.Statistics]) -> tuple[str | None, ...] | None:
    """The value of all row groups, with None where some rows have none; None when they have several, or say nothing."""
    values = {str(value) for found in groups if found.num_values for value in (found.min, found.max)}
    if not groups or len(values) > 1:
        return None
    return (*values, *([None] if any(found.null_count for found in groups) else []))


def create_view(con: Engine, name: str, schema: pa.Schema, files: Sequence[Path]) -> None:
    """Create (or replace) the view ``name`` over ``files``, with all columns of ``schema``.

    Columns that only some files have (`x_...`) are null in the others; of these only what counts as a source's own
    field (`schema.names.own_columns`), whatever stands in the files. Works with no file at all.
    """
    found = column_names(files)
    # What else the files hold stays in them. One list and no union by name: every engine has it, and each query of the
    # view plans less.
    known = ", ".join(
        quote_identifier(field.name)
        if field.name in found
        else f"cast(NULL AS {_SQL_TYPES[field.type]}) AS {quote_identifier(field.name)}"
        for field in schema
    )
    own = own_columns([name for name in found if name not in schema.names])
    more = "".join(f", {quote_identifier(column)} AS {quote_identifier(name)}" for name, column in own.items())
    query = f"SELECT {known}{more} FROM {con.files(files)}" if files else empty_select(schema)
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quote_identifier(name)} AS {query}")
