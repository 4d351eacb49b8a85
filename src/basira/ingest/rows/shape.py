"""From typed rows to the tables of the history: every column, in order, with its provenance.

Enters: parsed frames. Leaves: Arrow batches of the history's schemas. Never here: a value changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import pyarrow as pa

from basira.ingest.mapping.model import Mapping
from basira.ingest.rows.faults import Refusal
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.fields import EXTRA_PREFIX
from basira.schema.tables import ITEMS, OUTCOMES, QUARANTINE


def items_schema(mapping: Mapping) -> pa.Schema:
    """The items table with the extra columns of a mapping, all text."""
    extras = [pa.field(EXTRA_PREFIX + name, pa.string()) for name in mapping.extra if mapping.has_items]
    return pa.schema([*ITEMS, *extras])


def shape_items(items: pl.DataFrame, mapping: Mapping, *, source: str, received_at: datetime) -> pa.RecordBatch:
    """Rows of the items table. An absent item number is 1, an absent version 1, an absent currency MAD."""
    filled = items
    if "item_number" in filled.columns:
        filled = filled.with_columns(pl.col("item_number").fill_null(1))
    if "declaration_version" in filled.columns:
        filled = filled.with_columns(pl.col("declaration_version").fill_null(1))
    defaults = {"item_number": 1, "declaration_version": 1, "value_currency": DEFAULT_CURRENCY}
    day = filled["declared_at"].dt.epoch("d").alias("declared_day")
    return _shape(filled.with_columns(day), items_schema(mapping), defaults, source, received_at)


def shape_outcomes(outcomes: pl.DataFrame, *, source: str, received_at: datetime) -> pa.RecordBatch:
    """Rows of the outcomes table."""
    day = outcomes["known_at"].dt.epoch("d").alias("known_day")
    return _shape(outcomes.with_columns(day), OUTCOMES, {}, source, received_at)


def shape_quarantine(
    refusals: Sequence[Refusal], table: str, *, file_name: str, source: str, received_at: datetime
) -> pa.RecordBatch:
    """Rows of the quarantine table, one a refused row."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "quarantine_id": f"{source}:{refusal.row}",
                "table": table,
                "file_name": file_name,
                "field": refusal.field,
                "code": refusal.code,
                "value": refusal.value,
                "expected": refusal.expected,
                "row_json": refusal.row_json,
                "source": source,
                "source_row": refusal.row,
                "received_at": received_at,
            }
            for refusal in refusals
        ],
        schema=QUARANTINE,
    )


def _shape(
    frame: pl.DataFrame, schema: pa.Schema, defaults: dict[str, object], source: str, received_at: datetime
) -> pa.RecordBatch:
    count = len(frame)
    constant = {**defaults, "source": source, "received_at": received_at}
    # to_arrow gives string views and large strings; the history keeps plain ones, which every reader knows.
    given = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    arrays: list[pa.Array] = []
    for field in schema:
        if field.name in frame.columns:
            column = given.column(field.name)
            chunk = column.chunk(0) if column.num_chunks else pa.array([], column.type)
            arrays.append(chunk.cast(field.type))
        elif field.name in constant:
            arrays.append(pa.repeat(pa.scalar(constant[field.name], field.type), count))
        else:
            arrays.append(pa.nulls(count, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
