"""`basira ingest`: files of declarations into the store.

Enters: file names and options. Leaves: the result of each file's rows, on the screen or as JSON. Never
here: a decision about a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from basira.cli.messages import messages, reader_language, say_number, say_reason
from basira.cli.next_command import next_command
from basira.cli.options import DEFAULT_STORE as DEFAULT_STORE
from basira.cli.options import Language, LanguageOption, open_console
from basira.render.error_texts import say_phrase
from basira.render.shown import echo
from basira.schema.errors import MappingError

if TYPE_CHECKING:  # the workflows bring DuckDB, Polars and Arrow: only when a command runs
    from basira.workflows.intake.quarantine import IdentifierChange
    from basira.workflows.intake.take_in import FileReport, OnProgress
    from basira.workflows.intake.take_in import Progress as Reading

INTERRUPTED = 130  # the shell's own code for Ctrl-C

StoreOption = Annotated[
    Path, typer.Option("--store", envvar="BASIRA_STORE", help="Folder of the store.", show_default="./basira-store")
]
MappingOption = Annotated[
    str, typer.Option("--mapping", "-m", help="Mapping file, or the name of a shipped one (kcs, asycuda-sad ...).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
WaitOption = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for another writer of the store.")]


class _AsItIs(TypedDict):
    markup: bool
    soft_wrap: bool
    highlight: bool


# A line to be copied: no markup, and no line break of a narrow terminal.
_AS_IT_IS: _AsItIs = {"markup": False, "soft_wrap": True, "highlight": False}
FilesArgument = Annotated[
    list[Path],
    typer.Argument(help="CSV, Parquet, XLSX, JSON lines, SAD XML; folders, zips, and patterns like '2024/*.csv'."),
]
SheetOption = Annotated[
    list[str] | None, typer.Option("--sheet", help="Sheet of a workbook, once or more; '*': all of one header.")
]
HeaderRowOption = Annotated[int | None, typer.Option("--header-row", min=0, help="Row of the header; 0: find it.")]


def ingest(
    files: FilesArgument,
    mapping: MappingOption,
    store: StoreOption = DEFAULT_STORE,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    wait: WaitOption = 30.0,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Take files of declarations into the store, with their inspection results when the mapping has them.

    Example: basira ingest 'declarations/2024/*.csv' --mapping my-source.toml

    Each file is one commit: taken in whole, or not at all. Rows that can't be taken go to quarantine with
    their reason. The same file again changes nothing; a declaration that changed becomes a new version.
    """
    from basira.ingest.mapping.model import load_mapping
    from basira.workflows.intake.files import named_files
    from basira.workflows.intake.ingest import ingest_files
    from basira.workflows.intake.mapping import with_place
    from basira.workflows.stores import create_store

    chosen = with_place(load_mapping(mapping), header_row=header_row, sheets=sheet or ())
    if not chosen.has_items:
        raise MappingError(
            "Expected a mapping of declarations, {chosen!r} has results only (no [fields]).",
            hint="Results go in with: {command}",
            chosen=chosen.name,
            command=next_command("feedback", *files, "--mapping", mapping, store=store),
        )
    history = create_store(store)
    with named_files(files) as named, reading_progress(quiet=as_json) as progress:
        report = ingest_files(
            history,
            named,
            chosen,
            received_at=datetime.now().replace(microsecond=0),
            progress=progress,
            wait_seconds=wait,
        )
    show_reports(report.files, snapshot=report.snapshot, store=store, as_json=as_json, language=language.value)


@contextmanager
def reading_progress(*, quiet: bool) -> Iterator[OnProgress | None]:
    """A progress bar by bytes, with rows per second and time left; on Ctrl-C, a message and exit code 130."""
    console = open_console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[rows]:>12,} rows  {task.fields[rate]:>9,.0f} rows/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet,
    )
    tasks: dict[str, TaskID] = {}

    def advance(reading: Reading) -> None:
        task = tasks.get(reading.file_name)
        if task is None:
            task = tasks[reading.file_name] = bar.add_task(reading.file_name, total=1, rows=0, rate=0)
        elapsed = bar.tasks[task].elapsed or 0
        bar.update(
            task,
            completed=reading.bytes_read,
            total=max(reading.bytes_total, 1),
            rows=reading.rows,
            rate=reading.rows / elapsed if elapsed else 0,
            description=f"{reading.file_name} ({reading.stage})",
        )

    try:
        with bar:
            yield None if quiet else advance
    except KeyboardInterrupt:
        console.print(messages(reader_language()).say("take_in.stopped"))
        raise typer.Exit(INTERRUPTED) from None


def show_reports(
    reports: tuple[FileReport, ...],
    *,
    snapshot: int,
    store: Path,
    as_json: bool,
    language: str = "fr",
    left: int | None = None,
    new_identifiers: tuple[IdentifierChange, ...] = (),
) -> None:
    """Print the result of each file. ``left``, ``new_identifiers``: of rows sent again."""
    if as_json:
        body: dict[str, object] = {
            "files": [asdict(report) for report in reports],
            "snapshot": snapshot,
            "store": str(store),
        }
        if left is not None:
            body["left_in_quarantine"] = left
            body["new_identifiers"] = [asdict(change) for change in new_identifiers]
        echo(json.dumps(body, ensure_ascii=False, indent=1, default=str))
        return
    console, said = open_console(), messages(language)
    table = Table()
    table.add_column(said.say("take_in.file"))
    for name in ("rows", "accepted", "known", "rejected", "amended", "results", "no_data"):
        table.add_column(said.say(f"take_in.{name}"), justify="right")
    for report in reports:
        counts = (
            report.rows,
            report.accepted,
            report.already_known,
            report.quarantined,
            report.amended,
            report.results,
            report.not_data,
        )
        table.add_row(report.file_name, *(say_number(count, language) for count in counts))
    console.print(table)
    for report in reports:
        if report.note:
            note = say_phrase(report.note, language)
            console.print(f"{report.file_name}: {note}", markup=False, soft_wrap=True)
        for code, count in report.reasons.items():
            line = said.say(
                "take_in.reason",
                file=report.file_name,
                n=say_number(count, language),
                reason=say_reason(code, language),
            )
            console.print(line, markup=False, soft_wrap=True)
        for warning in report.warnings:
            console.print(f"{report.file_name}: {warning}", style="yellow", markup=False, soft_wrap=True)
    if any(report.quarantined for report in reports):
        see = next_command("quarantine", "list", store=store)
        console.print(said.say("take_in.see", command=see), **_AS_IT_IS)
        export = next_command("quarantine", "export", "--out", Path("refused.xlsx"), store=store)
        console.print(said.say("take_in.correct", command=export), **_AS_IT_IS)
    console.print(said.say("take_in.store", store=str(store), n=say_number(snapshot, language)), **_AS_IT_IS)
