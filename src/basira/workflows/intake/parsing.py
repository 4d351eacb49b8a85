"""From a batch of text to rows of the store, with their results completed: one batch, or those of several files.

Enters: batches, a mapping. Leaves: `TakenBatch`: each row of a batch is among its items and results, or its refusals.
Never here: the store; what another row says: several batches are parsed as one because each row stands for itself.

What a batch costs whatever its rows is what some thousand rows cost. Files of one month each are no longer than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from basira.feedback.results import complete_results
from basira.ingest.mapping.model import Mapping
from basira.ingest.rates import Rates
from basira.ingest.readers.source import SourceBatch
from basira.ingest.rows.faults import Refusal
from basira.ingest.rows.parse import ROW, ParsedBatch, parse_batch, refuse_rows
from basira.ingest.rows.shape import shape_items, shape_outcomes


@dataclass(frozen=True)
class TakenBatch:
    """What can be taken of a batch, as the tables of the history have it.

    ``items``: one row a declared item; ``results``: one a result; None when there is none. ``rows``: of the source,
    blank ones not counted.
    """

    items: pa.RecordBatch | None
    results: pa.RecordBatch | None
    refusals: tuple[Refusal, ...]
    rows: int


def parse_rows(
    batch: SourceBatch, mapping: Mapping, rates: Rates | None, *, source: str, received_at: datetime
) -> TakenBatch:
    """Parse a batch, and complete its results. A row whose result contradicts itself is refused whole.

    ``source``, ``received_at``: written on every row.
    """
    parsed = parse_batch(batch, mapping, rates)
    items, refusals = parsed.items, parsed.refusals
    results = None
    if (completed := _complete(parsed, batch)) is not None:
        outcomes, refused = completed
        refusals = (*refused, *refusals)
        if refused and len(items):
            items = items.filter(~pl.col(ROW).is_in([refusal.row for refusal in refused]))
        if len(outcomes):
            results = shape_outcomes(outcomes, source=source, received_at=received_at)
    shaped = shape_items(items, mapping, source=source, received_at=received_at) if len(items) else None
    return TakenBatch(shaped, results, refusals, parsed.rows)


def parse_together(
    batches: Sequence[SourceBatch],
    mapping: Mapping,
    rates: Rates | None,
    *,
    sources: Sequence[str],
    received_at: datetime,
) -> list[TakenBatch] | None:
    """`parse_rows` of each batch with its source, at the cost of one. None when blank rows make it unclear how many
    rows each has.

    The batches have the same columns; ``rates`` do not ask for the numbers of rows.
    """
    ends = list(accumulate(_last_row(batch) for batch in batches))
    starts = [0, *ends[:-1]]
    shifted = [_shift(batch, start) for batch, start in zip(batches, starts, strict=True)]
    whole = SourceBatch(
        pl.concat([batch.frame for batch in shifted]),
        pl.concat([batch.rows for batch in shifted]),
        tuple(row for batch in shifted for row in batch.broken),
        0,
    )
    counts = [len(batch.frame) + len(batch.broken) for batch in batches]
    taken = parse_rows(whole, mapping, rates, source="", received_at=received_at)
    if taken.rows != sum(counts):
        return None
    return [
        TakenBatch(
            _part(taken.items, start, end, source),
            _part(taken.results, start, end, source),
            tuple(replace(entry, row=entry.row - start) for entry in taken.refusals if start < entry.row <= end),
            count,
        )
        for start, end, count, source in zip(starts, ends, counts, sources, strict=True)
    ]


def _last_row(batch: SourceBatch) -> int:
    of_frame = int(batch.rows[-1]) if len(batch.rows) else 0
    return max(of_frame, *(entry.row for entry in batch.broken)) if batch.broken else of_frame


def _shift(batch: SourceBatch, start: int) -> SourceBatch:
    """The batch with the numbers of its rows moved, so that no two batches have the same."""
    broken = tuple(replace(entry, row=entry.row + start) for entry in batch.broken)
    return replace(batch, rows=batch.rows + start, broken=broken)


def _part(rows: pa.RecordBatch | None, start: int, end: int, source: str) -> pa.RecordBatch | None:
    """The rows of one batch, with their own numbers and source. They are in order, so they are found by halving."""
    if rows is None:
        return None
    numbers = pl.Series(rows.column(ROW))
    first, last = (numbers.search_sorted(edge, side="right") for edge in (start, end))
    if first == last:
        return None
    part = rows.slice(first, last - first)
    own = {ROW: pc.subtract(part.column(ROW), start), "source": pa.repeat(source, len(part))}
    columns = [own.get(name, column) for name, column in zip(rows.schema.names, part.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _complete(parsed: ParsedBatch, batch: SourceBatch) -> tuple[pl.DataFrame, list[Refusal]] | None:
    """Results of a batch, completed; and the rows refused because their result contradicts itself."""
    if not len(parsed.outcomes):
        return None
    declared = None
    if len(parsed.items):
        declared = (
            parsed.outcomes.select(ROW)
            .join(
                parsed.items.select(ROW, pl.col("declared_at").dt.epoch("d")),
                on=ROW,
                how="left",
                maintain_order="left",
            )
            .to_series(1)
        )
    standing, rejected = complete_results(parsed.outcomes, declared_days=declared)
    if len(parsed.items) and len(standing):
        numbers = parsed.items["item_number"] if "item_number" in parsed.items.columns else None
        if numbers is None:
            standing = standing.with_columns(pl.lit(1, dtype=pl.Int32).alias("item_number"))
        else:
            standing = standing.with_columns(pl.col("item_number").fill_null(1))
    return standing, refuse_rows(batch, {r.row: (r.field, r.code, r.value, r.expected) for r in rejected})
