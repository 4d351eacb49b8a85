"""`basira feedback`: files of inspection results into the store.

Enters: file names and options. Leaves: the result of each file's rows. Never here: a declared value
changed.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated

import typer

from basira.cli.ingest import (
    DEFAULT_STORE,
    FilesArgument,
    HeaderRowOption,
    JsonOption,
    MappingOption,
    SheetOption,
    StoreOption,
    WaitOption,
    reading_progress,
    show_reports,
)
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption, open_console
from basira.schema.days import parse_day


def feedback(
    files: FilesArgument,
    mapping: MappingOption = "",
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", help="Day the results became known (YYYY-MM-DD), for files without that column."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    wait: WaitOption = 30.0,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Record inspection results: a workbook of `basira target` filled in, or files of their own with their mapping.

    Example: basira feedback list.xlsx. The workbook needs no mapping; an item whose result is blank stays open.

    A result on a declaration that is not in the store goes to quarantine, to be sent again later.
    """
    from basira.ingest.mapping.model import load_mapping
    from basira.workflows.intake.feedback import record_feedback, record_filled_lists
    from basira.workflows.intake.files import named_files
    from basira.workflows.intake.mapping import with_place
    from basira.workflows.stores import open_store

    chosen = with_place(load_mapping(mapping), header_row=header_row, sheets=sheet or ()) if mapping else None
    history = open_store(store)
    known = None if known_at is None else datetime.combine(parse_day(known_at, name="--known-at"), time.min)
    with named_files(files) as named, reading_progress(quiet=as_json) as progress:
        if chosen is None:
            report, blank = record_filled_lists(
                history,
                named,
                received_at=datetime.now().replace(microsecond=0),
                known_at=known,
                progress=progress,
                wait_seconds=wait,
            )
            if not as_json:
                said = messages(language.value)
                line = said.say_count("take_in.open", blank, n=say_number(blank, language.value))
                open_console().print(line, markup=False)
            show_reports(report.files, snapshot=report.snapshot, store=store, as_json=as_json, language=language.value)
            return
        report = record_feedback(
            history,
            named,
            chosen,
            received_at=datetime.now().replace(microsecond=0),
            known_at=known,
            progress=progress,
            wait_seconds=wait,
        )
    show_reports(report.files, snapshot=report.snapshot, store=store, as_json=as_json, language=language.value)
