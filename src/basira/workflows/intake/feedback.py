"""Feedback: files of inspection results into the history.

Enters: a store that has the declarations, files of results, a mapping. Leaves: outcomes with their own
known date. Never here: a declared value changed by a found one, a blank taken for "compliant".
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, time
from pathlib import Path

from basira.feedback.filled_list import COLUMNS, is_filled_list, read_filled_list
from basira.ingest.mapping.model import Mapping, load_mapping
from basira.ingest.readers.xlsx_errors import check_parts
from basira.schema.errors import MappingError, UsageError
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, History
from basira.workflows.intake.ingest import IngestReport, open_checked, take_in_files
from basira.workflows.intake.take_in import OnProgress


def record_feedback(
    history: History,
    files: Sequence[Path],
    mapping: Mapping,
    *,
    received_at: datetime,
    known_at: datetime | None = None,
    progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> IngestReport:
    """Record inspection results. One commit a file.

    ``known_at``: when the administration learned all these results; only for files without a column of
    their own for it. A result on a declaration the store doesn't have goes to quarantine
    (`unknown_declaration`), and can be sent again with `retry_quarantine` once the declaration is in. A
    repeated identical result changes nothing; a corrected one is one more row, known later.

    Raises MappingError, SourceError, StoreError.
    """
    if mapping.has_items:
        raise MappingError(
            "Expected a mapping of results only, {mapping!r} has [fields] too.",
            hint="Labelled declarations go in with 'basira ingest'; for results alone, map them in [outcome].",
            mapping=mapping.name,
        )
    mapping = with_known_at(mapping, known_at)
    reports = take_in_files(
        history,
        open_checked(files, mapping),
        mapping,
        action="feedback",
        received_at=received_at,
        progress=progress,
        wait_seconds=wait_seconds,
    )
    return IngestReport(reports, history.current_number())


def record_filled_lists(
    history: History,
    files: Sequence[Path],
    *,
    received_at: datetime,
    known_at: datetime | None = None,
    progress: OnProgress | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> tuple[IngestReport, int]:
    """Record the results of workbooks that `basira target` wrote and an office filled in.

    ``known_at``: when the administration learned of them; None: the day of ``received_at``, because nothing shows
    that it knew them before. Returned besides the report: how many items have no result. They are left open, and
    are not "compliant".

    Raises UsageError for a file that is no such workbook; SourceError, StoreError.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # The day, as with --known-at: the same workbook taken in twice on a day is the same results.
        known = known_at or datetime.combine(received_at.date(), time.min)
        rows_of, blank = [], 0
        for place, path in enumerate(files):
            if not is_filled_list(path):
                raise UsageError(
                    "Expected a workbook that 'basira target --out list.xlsx' wrote, found {file!r}.",
                    hint="Other files of results need a mapping: --mapping M.toml.",
                    file=path.name,
                )
            check_parts(path)
            results, left = read_filled_list(path, known_at=known)
            blank += left
            if not results:
                continue
            # Its name is the workbook's, under which the report names it.
            made = folder / str(place) / f"{path.stem}.csv"
            made.parent.mkdir()
            with made.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(results)
            rows_of.append(made)
        if not rows_of:
            return IngestReport((), history.current_number()), blank
        report = record_feedback(
            history,
            rows_of,
            load_mapping("basira-outcomes"),
            received_at=received_at,
            progress=progress,
            wait_seconds=wait_seconds,
        )
    return report, blank


def with_known_at(mapping: Mapping, known_at: datetime | None) -> Mapping:
    """The mapping with a known date for the whole file. Raises MappingError when it has two, or none."""
    mapped = "known_at" in mapping.outcome
    if known_at is not None and mapped:
        raise MappingError(
            "The mapping {mapping!r} takes known_at from a column, and a date for the whole file was given too.",
            hint="Leave out --known-at, or the known_at line of the mapping.",
            mapping=mapping.name,
        )
    if known_at is not None:
        return mapping.model_copy(
            update={"constants": {**mapping.constants, "known_at": known_at.isoformat(sep=" ", timespec="seconds")}}
        )
    if not mapped and "known_at" not in mapping.constants:
        raise MappingError(
            "Expected known_at in the mapping {mapping!r}: when did the administration learn these results?",
            hint="Map its column in [outcome], or give one date for the whole file with --known-at YYYY-MM-DD.",
            mapping=mapping.name,
        )
    return mapping
