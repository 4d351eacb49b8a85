"""Item numbers for sources that have several rows a declaration and number none of them.

Enters: batches. Leaves: the same batches with one column more. Never here: rows of a declaration that do
not follow each other: they get the same numbers again, and are rejected as duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from basira.ingest.mapping.model import Column, Mapping
from basira.ingest.readers.source import Source, SourceBatch

NUMBER_COLUMN = "(item number)"


def numbering_mapping(mapping: Mapping) -> Mapping:
    """The mapping by which numbered batches are read; the mapping itself when it doesn't number items."""
    if not mapping.source.number_items:
        return mapping
    return mapping.model_copy(update={"fields": {**mapping.fields, "item_number": Column(column=NUMBER_COLUMN)}})


def numbered(source: Source, mapping: Mapping) -> Source:
    """The source with the number of each row among the rows of its declaration, 1, 2, 3 ..."""
    if not mapping.source.number_items:
        return source
    names = mapping.fields["declaration_id"].names

    def batches() -> Iterator[SourceBatch]:
        last_key, last_number = None, 0
        for batch in source.batches():
            if not len(batch.frame):
                yield batch
                continue
            keys = batch.frame.select(
                pl.concat_str([pl.col(name).str.strip_chars() for name in names], separator="\x1f", ignore_nulls=True)
            ).to_series()
            run = keys.rle_id()
            numbers = pl.DataFrame({"run": run}).select(pl.int_range(1, pl.len() + 1).over("run")).to_series()
            if keys[0] == last_key:
                numbers = numbers + (run == 0).cast(pl.Int64) * last_number
            last_key, last_number = keys[-1], int(numbers[-1])
            yield replace(batch, frame=batch.frame.with_columns(numbers.cast(pl.String).alias(NUMBER_COLUMN)))

    return replace(source, columns=(*source.columns, NUMBER_COLUMN), batches=batches)
