"""Mappings tried out: suggested from a file, checked against it, without a store.

Enters: files and mappings. Leaves: a suggestion, or what would become of each row. Never here: a write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from basira.feedback.results import complete_results
from basira.ingest.mapping.columns import check_columns, without_absent
from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.ingest.mapping.numbering import numbered, numbering_mapping
from basira.ingest.readers.source import open_source
from basira.ingest.readers.table import NotData, merge_lines
from basira.ingest.rows.account import LineAccount
from basira.ingest.rows.faults import Refusal
from basira.ingest.rows.parse import parse_batch
from basira.ingest.suggest.propose import Suggestion, suggest_mapping
from basira.ingest.suggest.toml import suggestion_toml
from basira.workflows.intake.files import named_files


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
    lines: int | None  # of the file, counted apart from what cuts rows; None when it was not read to its end
    not_data: tuple[NotData, ...]  # the first of the lines that are no rows, in order
    not_data_kinds: dict[str, int]
    note: str  # which sheets of a workbook are read, and which are not


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
    account = LineAccount(path.name)
    for batch in numbered(source, mapping).batches():
        parsed = parse_batch(batch, reading, mapping.rate_table)
        account.add(batch, parsed.rows)
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
    account.check()
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
        account.lines,
        merge_lines(account.listed),
        dict(sorted(account.kinds.items())),
        source.note,
    )


def with_place(mapping: Mapping, *, header_row: int | None, sheets: Sequence[str]) -> Mapping:
    """The mapping with the header's row and the sheets that the command line says, which go before its own. It is
    recorded with the source as it is then."""
    update: dict[str, object] = {}
    if header_row is not None:
        update["header_row"] = header_row
    if sheets:
        update["sheet"] = sheets[0] if len(sheets) == 1 else tuple(sheets)
    if not update:
        return mapping
    return mapping.model_copy(update={"source": mapping.source.model_copy(update=update)})


def propose_mapping(
    path: Path, *, header_row: int = 0, sheets: Sequence[str] = ()
) -> tuple[Suggestion, str, MappingCheck | None]:
    """A suggestion for a file, its TOML text, and what it makes of the file's first rows.

    Of a folder, a pattern or a zip the first file is looked at; the others must have its columns. The check is None
    when a required field has no column yet. Raises SourceError, MappingError: another file lacks a column.
    """
    with named_files([path]) as (first, *others):
        suggestion = suggest_mapping(first, header_row=header_row, sheets=sheets)
        if others:
            note = f"Looked at: {first.name!r}, the first of {len(others) + 1:,} files; try the mapping on all of them."
            suggestion = replace(suggestion, notes=(note, *suggestion.notes))
        text = suggestion_toml(suggestion)
        if suggestion.missing:
            return suggestion, text, None
        mapping = parse_mapping(text, name="suggestion")
        for other in others:
            source = open_source(other, mapping.source)
            source.release()
            check_columns(source, mapping)
        return suggestion, text, check_mapping(first, mapping, rows=50_000)


def check_files(path: Path, mapping: Mapping) -> list[MappingCheck]:
    """What a mapping makes of each file that ``path`` names: one, or those of a folder, a pattern or a zip.

    Raises MappingError, SourceError.
    """
    with named_files([path]) as files:
        return [check_mapping(file, mapping) for file in files]
