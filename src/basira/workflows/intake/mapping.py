"""Mappings tried out: suggested from a file, checked against it, without a store.

Enters: files and mappings. Leaves: a suggestion, or what would become of each row. Never here: a write.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from basira.feedback.results import complete_results
from basira.ingest.mapping.columns import check_columns, without_absent
from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.ingest.mapping.numbering import numbered, numbering_mapping
from basira.ingest.readers.source import open_source
from basira.ingest.rows.faults import Refusal
from basira.ingest.rows.parse import parse_batch
from basira.ingest.suggest.propose import Suggestion, suggest_mapping
from basira.ingest.suggest.toml import suggestion_toml


@dataclass(frozen=True)
class MappingCheck:
    """What a mapping makes of a file's rows, each looked at alone: duplicates are found at ingest only.

    ``results``: rows that carry an inspection result; ``irregular``: those that say irregular.
    ``examples``: the first refused row of each reason.
    """

    file_name: str
    mapping: str
    rows: int
    accepted: int
    quarantined: int
    results: int
    irregular: int
    first_day: str | None
    last_day: str | None
    reasons: dict[str, int]
    examples: tuple[Refusal, ...]


def check_mapping(path: Path, mapping: Mapping, *, rows: int | None = None) -> MappingCheck:
    """Read a file by a mapping and store nothing. ``rows``: stop after about so many.

    Raises MappingError, SourceError.
    """
    source = open_source(path, mapping.source)
    check_columns(source, mapping)
    reading = without_absent(numbering_mapping(mapping), source.columns)
    total = results = irregular = refused = 0
    reasons: Counter[str] = Counter()
    examples: dict[str, Refusal] = {}
    days: list[str] = []
    for batch in numbered(source, mapping).batches():
        parsed = parse_batch(batch, reading, mapping.rate_table)
        total += parsed.rows
        refused += len(parsed.refusals)
        for refusal in parsed.refusals:
            reasons[refusal.code] += 1
            examples.setdefault(refusal.code, refusal)
        standing, contradictions = complete_results(parsed.outcomes)
        refused += len(contradictions)
        for found in contradictions:
            reasons[found.code] += 1
            examples.setdefault(
                found.code, Refusal(found.row, found.field, found.code, found.value, found.expected, "{}")
            )
        results += len(standing)
        if len(standing):
            irregular += int(standing["is_irregular"].sum() or 0)
        moment = (parsed.items, "declared_at") if len(parsed.items) else (parsed.outcomes, "known_at")
        if len(moment[0]):
            bounds = moment[0].select(pl.col(moment[1]).min().alias("a"), pl.col(moment[1]).max().alias("b")).row(0)
            days += [str(bound.date()) for bound in bounds]
        if rows is not None and total >= rows:
            break
    return MappingCheck(
        path.name,
        mapping.name,
        total,
        total - refused,
        refused,
        results,
        irregular,
        min(days, default=None),
        max(days, default=None),
        dict(reasons.most_common()),
        tuple(examples.values()),
    )


def propose_mapping(path: Path) -> tuple[Suggestion, str, MappingCheck | None]:
    """A suggestion for a file, its TOML text, and what it makes of the file's first rows.

    The check is None when a required field has no column yet. Raises SourceError.
    """
    suggestion = suggest_mapping(path)
    text = suggestion_toml(suggestion)
    if suggestion.missing:
        return suggestion, text, None
    return suggestion, text, check_mapping(path, parse_mapping(text, name="suggestion"), rows=50_000)
