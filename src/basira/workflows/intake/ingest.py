"""Ingest: files of declarations into the history.

Enters: a store, files, a mapping. Leaves: a report a file, in which every row is accounted for. Never
here: two files in one commit: each file is taken in whole or not at all, one after the other, so that
the tenth file's fault doesn't undo the nine before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from basira.ingest.mapping.columns import check_columns, require_decided, without_absent
from basira.ingest.mapping.model import Mapping
from basira.ingest.mapping.numbering import numbered, numbering_mapping
from basira.ingest.readers.source import Source, digest_source, open_source
from basira.schema.errors import MappingError, Phrase, SourceError
from basira.storage.history.manifest import SourceEntry
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, History
from basira.workflows.intake.ahead import ParsedAhead
from basira.workflows.intake.comparison import Comparison
from basira.workflows.intake.take_in import FileReport, Intake, OnProgress, source_known, take_in


@dataclass(frozen=True)
class IngestReport:
    """The reports of the files, in order. ``snapshot``: the store's snapshot after the last of them."""

    files: tuple[FileReport, ...]
    snapshot: int

    @property
    def rows(self) -> int:
        return sum(report.rows for report in self.files)

    @property
    def accepted(self) -> int:
        return sum(report.accepted for report in self.files)

    @property
    def already_known(self) -> int:
        return sum(report.already_known for report in self.files)

    @property
    def quarantined(self) -> int:
        return sum(report.quarantined for report in self.files)


def ingest_files(
    history: History,
    files: Sequence[Path],
    mapping: Mapping,
    *,
    received_at: datetime,
    progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> IngestReport:
    """Take files of declarations in, with their results when the mapping has an [outcome] section.

    One commit a file. Before the first row is written, every file is opened and its columns are checked
    against the mapping, so a wrong mapping or a missing file changes nothing. A file taken in before by the
    same mapping is not read again. ``received_at``: when Basira takes the files in, written on every row.

    Raises MappingError, SourceError, StoreError. Files before the faulty one stay taken in.
    """
    if not mapping.has_items:
        raise MappingError(
            "Expected a mapping of declarations, {mapping!r} has results only (no [fields]).",
            hint="Results go in with 'basira feedback FILE --mapping M.toml'.",
            mapping=mapping.name,
        )
    sources = open_checked(files, mapping)
    reports = take_in_files(
        history,
        sources,
        mapping,
        action="ingest",
        received_at=received_at,
        progress=progress,
        wait_seconds=wait_seconds,
    )
    return IngestReport(reports, history.current_number())


def open_checked(files: Sequence[Path], mapping: Mapping) -> list[Source]:
    """Open every file, and check that the mapping fits it, before anything is written."""
    require_decided(mapping)
    sources = []
    for path in files:
        sources.append(open_source(Path(path), mapping.source))
        check_columns(sources[-1], mapping)
        if len(files) > 1:  # one at a time is read ahead
            sources[-1].release()
    return sources


def take_in_files(
    history: History,
    sources: Sequence[Source],
    mapping: Mapping,
    *,
    action: Literal["ingest", "feedback"],
    received_at: datetime,
    progress: OnProgress | None,
    wait_seconds: float,
) -> tuple[FileReport, ...]:
    """Take files in, one commit each."""
    with Comparison() as comparison:
        call = _Call(
            history,
            mapping,
            mapping.stored_form(),
            comparison,
            ParsedAhead(sources, mapping, received_at),
            action,
            received_at,
        )
        return tuple(_take_in_file(call, source, place, progress, wait_seconds) for place, source in enumerate(sources))


@dataclass(frozen=True)
class _Call:
    """What the files of one call share. ``stored``: the mapping as a store keeps it."""

    history: History
    mapping: Mapping
    stored: tuple[str, str]
    comparison: Comparison
    ahead: ParsedAhead
    action: Literal["ingest", "feedback"]
    received_at: datetime


def _take_in_file(
    call: _Call, source: Source, place: int, progress: OnProgress | None, wait_seconds: float
) -> FileReport:
    """Take one file in, by its digest: nothing is done when the same mapping took it in before. ``place``: of the
    source in the call."""
    path, mapping = source.path, call.mapping
    digest = digest_source(path)
    with call.history.writing(wait_seconds=wait_seconds) as draft:

        def find_earlier(digest: str) -> SourceEntry | None:
            return source_known(draft, digest, call.stored[0], mapping.rate_table)

        earlier = find_earlier(digest)
        if earlier is not None:
            return FileReport(
                path.name,
                digest,
                earlier.rows,
                0,
                earlier.rows - earlier.quarantined,
                earlier.quarantined,
                note=Phrase(
                    "This very file was taken in before (as {file}): the store is unchanged.", file=earlier.file_name
                ),
            )
        source = numbered(source, mapping)
        intake = Intake(
            path.name,
            digest,
            mapping,
            without_absent(numbering_mapping(mapping), source.columns),
            source.batches,
            source.size_bytes,
            call.received_at,
            call.action,
            is_simulated=source.is_simulated,
            rates=mapping.rate_table,
            note=source.note,
            parsed=call.ahead.take(place, digest, lambda other: find_earlier(other) is not None),
            stored_mapping=call.stored,
        )
        report = take_in(call.history, draft, intake, progress, call.comparison)
    if report.rows == 0:
        raise SourceError(
            "Expected rows in {file}, found a header and nothing else.",
            hint="Export the file again.",
            file=path.name,
        )
    return report
