"""The tables of the history as Arrow schemas, made from the fields.

Enters: `FIELDS`. Leaves: `ITEMS` (one row per item per version, its declaration's header repeated on
it), `OUTCOMES` (one row per result learned), `QUARANTINE` (one row per rejected source row). Never
here: where the tables are kept.

The header is repeated on every item because every reader of the history wants it there, and Parquet
stores the repetition for next to nothing (docs/decisions/0002-one-wide-table.md).
"""

from __future__ import annotations

import pyarrow as pa

from basira.schema.fields import CONVERSION_FIELDS, DECLARATION_FIELDS, ITEM_FIELDS, OUTCOME_FIELDS, Field, FieldType

_ARROW: dict[FieldType, pa.DataType] = {
    "text": pa.string(),
    "code": pa.string(),
    "commodity": pa.string(),
    "country": pa.string(),
    "currency": pa.string(),
    "timestamp": pa.timestamp("us"),
    "integer": pa.int32(),
    "amount": pa.float64(),
    "measure": pa.float64(),
    "rate": pa.float64(),
    "flag": pa.bool_(),
}


def _columns(fields: tuple[Field, ...]) -> list[pa.Field]:
    return [pa.field(f.name, _ARROW[f.type], nullable=not f.required) for f in fields]


# Written by ingest beside the source's own fields.
_PROVENANCE = [
    pa.field("source", pa.string(), nullable=False),  # first 16 hex digits of the file's SHA-256
    pa.field("source_row", pa.int64(), nullable=False),  # 1 = first data row
    pa.field("received_at", pa.timestamp("us"), nullable=False),  # when Basira took it in
]

ITEMS = pa.schema(
    [
        *_columns(DECLARATION_FIELDS + ITEM_FIELDS + CONVERSION_FIELDS),
        pa.field("declared_day", pa.int32(), nullable=False),
        *_PROVENANCE,
    ]
)
OUTCOMES = pa.schema([*_columns(OUTCOME_FIELDS), pa.field("known_day", pa.int32(), nullable=False), *_PROVENANCE])
QUARANTINE = pa.schema(
    [
        pa.field("quarantine_id", pa.string(), nullable=False),  # "<source>:<source_row>"
        pa.field("table", pa.string(), nullable=False),  # "items" or "outcomes"
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("field", pa.string()),  # schema field, null when the row as a whole is at fault
        pa.field("code", pa.string(), nullable=False),  # stable reason code, docs/reference/quarantine.md
        pa.field("value", pa.string()),  # as found
        pa.field("expected", pa.string(), nullable=False),
        pa.field("row_json", pa.string(), nullable=False),  # the source row, column name to text
        *_PROVENANCE,
    ]
)

ITEM_KEY = ("declaration_id", "declaration_version", "item_number")

# Key of the Parquet metadata by which a simulated file says that it is one.
SIMULATED_KEY = b"basira.simulated"
