"""Parquet, by row groups.

Enters: a path. Leaves: batches of text: numbers and dates in the mapping's own way of writing them, so
that one way of parsing serves all readers. Never here: nested columns, which no mapping can name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from basira.ingest.mapping.model import SourceFormat
from basira.ingest.readers.bounds import MOST_PARTS, check_columns_count, check_unpacked
from basira.ingest.readers.source import BATCH_ROWS, Source, SourceBatch, distinct_names
from basira.schema.errors import SourceError
from basira.schema.tables import SIMULATED_KEY


def open_parquet(path: Path, options: SourceFormat) -> Source:
    """Open a Parquet file. Raises SourceError when it is truncated or no Parquet."""
    try:
        with pq.ParquetFile(path) as file:
            about = file.metadata
            check_columns_count(path, about.num_columns)
            schema = file.schema_arrow
    except (pa.ArrowInvalid, OSError) as error:
        raise _damage_error(path, error) from None
    flat = [field.name for field in schema if not pa.types.is_nested(field.type)]
    if not flat:
        raise SourceError(
            "Expected columns of values in {file}, found none.",
            hint="Export it with a column for each value.",
            file=path.name,
        )
    # Each cell takes some bytes as text, an empty one too; a footer that lies is found out by counting.
    check_unpacked(path, path.stat().st_size, about.num_rows * len(flat) * 8)
    if about.num_row_groups > MOST_PARTS:
        raise SourceError(
            "Expected at most {most_parts:,} row groups in {file}, found {num_row_groups:,}.",
            hint="Write it anew with larger row groups (100,000 rows and more).",
            most_parts=MOST_PARTS,
            file=path.name,
            num_row_groups=about.num_row_groups,
        )
    columns = distinct_names(flat)

    def batches() -> Iterator[SourceBatch]:
        position, size = 0, path.stat().st_size
        try:
            with pq.ParquetFile(path) as file:
                total = max(file.metadata.num_rows, 1)
                for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=flat):
                    texts = [_as_text(batch.column(name), options.decimal) for name in flat]
                    frame = pl.DataFrame(
                        dict(zip(columns, texts, strict=True)), schema=dict.fromkeys(columns, pl.String)
                    )
                    rows = pl.int_range(position + 1, position + 1 + batch.num_rows, eager=True).rename("row")
                    position += batch.num_rows
                    yield SourceBatch(frame, rows, (), size * position // total)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damage_error(path, error) from None

    is_simulated = SIMULATED_KEY in (about.metadata or {})
    return Source(path, "parquet", columns, False, path.stat().st_size, batches, is_simulated)


def _as_text(column: pa.Array, decimal: str) -> pl.Series:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = column.cast(pa.large_string())
    text = column.cast(pa.string())
    if decimal == "," and (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        text = pc.replace_substring(text, ".", ",")
    return pl.Series(pl.from_arrow(text))


def _damage_error(path: Path, error: Exception) -> SourceError:
    detail = str(error).splitlines()[0][:200]
    return SourceError(
        "Expected a whole Parquet file, {file} is truncated or damaged ({detail}).",
        hint="Copy or export the file again; nothing of it was stored.",
        file=path.name,
        detail=detail,
    )
