"""`basira mapping`: a mapping proposed from a file, and tried on one.

Enters: files. Leaves: TOML, tables, JSON. Never here: a store.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from basira.cli.ingest import HeaderRowOption, JsonOption, MappingOption, SheetOption
from basira.cli.next_command import next_command
from basira.cli.options import open_console
from basira.render.shown import echo
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    from basira.workflows.intake.mapping import MappingCheck

app = typer.Typer(no_args_is_help=True, help="How a file's columns become the schema: propose a mapping, try one.")


@app.command()
def suggest(
    file: Annotated[
        Path, typer.Argument(help="A file of declarations or of results; of a folder, a pattern or a zip the first.")
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Mapping file to write; else it is printed.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing mapping file.")] = False,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a mapping from a file's headers and contents, with its confidence in each field, to be corrected."""
    from basira.workflows.intake.mapping import propose_mapping

    if out is not None and out.exists() and not force:
        raise UsageError(
            "{out} exists already.",
            hint="Choose another name, or add --force to replace it.",
            out=out,
        )
    suggestion, text, check = propose_mapping(file, header_row=header_row or 0, sheets=sheet or ())
    if out is not None:
        out.write_text(text, encoding="utf-8")
    if as_json:
        body: dict[str, object] = asdict(suggestion)
        body["mapping_toml"] = text
        body["check"] = None if check is None else asdict(check)
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console = open_console(stderr=out is None)
    table = Table("field", "column", "confidence", "options", "to check")
    for entry in suggestion.fields:
        options = ", ".join(f"{key} = {value}" for key, value in entry.options.items())
        cells = (entry.field, entry.column, f"{entry.confidence:.2f}", options, "; ".join(entry.notes))
        table.add_row(*(escape(cell[:90]) for cell in cells))
    console.print(table)
    for key, column in suggestion.extra.items():
        console.print(f"extra: x_{key} from {column!r}", markup=False)
    for column in suggestion.unmapped:
        console.print(f"left out: {column!r}", markup=False)
    for name in suggestion.missing:
        console.print(f"No column was found for the required field {name}: complete the mapping.", markup=False)
    for note in suggestion.notes:
        console.print(note, markup=False)
    for doubt in suggestion.doubts:
        console.print(f"In doubt, {doubt.subject}: {doubt.text()}", markup=False)
    if suggestion.doubts:
        console.print(
            "Nothing is taken in until each is decided in the mapping (its section [doubts] shows how).", markup=False
        )
    if check is not None:
        console.print(
            f"Tried on the first {check.rows:,} rows: {check.accepted:,} would be taken, {check.quarantined:,} rejected"
            + "".join(f", {count:,} {code}" for code, count in check.reasons.items())
            + ".",
            markup=False,
        )
    if out is None:
        typer.echo(text, nl=False)
    else:
        command = next_command("feedback" if suggestion.is_results_only else "ingest", file, "--mapping", out)
        console.print(f"Written to {out}. Read it, correct it, then: {command}", markup=False, soft_wrap=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file to try, or a folder, a pattern, a zip.")],
    mapping: MappingOption,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a file by a mapping and store nothing: what would be taken, what rejected, and why."""
    from basira.ingest.mapping.model import load_mapping
    from basira.workflows.intake.mapping import check_files, with_place

    read = with_place(load_mapping(mapping), header_row=header_row, sheets=sheet or ())
    results = check_files(file, read)
    if as_json:
        bodies = [asdict(result) for result in results]
        echo(json.dumps(bodies[0] if len(bodies) == 1 else bodies, ensure_ascii=False, indent=1))
        return
    console = open_console()
    for result in results:
        _show_check(console, result)
    for subject, text in read.doubts.items():
        console.print(f"In doubt, {subject}: {text}", markup=False)


def _show_check(console: Console, result: MappingCheck) -> None:
    """What would become of one file's rows: counts, the lines that are no rows, an example of each reason."""
    console.print(
        f"{result.file_name}: {result.rows:,} rows, {result.accepted:,} to be taken, {result.quarantined:,} rejected; "
        f"{result.results:,} with a result, {result.irregular:,} of them irregular; "
        f"{result.first_day} to {result.last_day}.",
        markup=False,
    )
    if result.note:
        console.print(result.note, markup=False)
    for entry in result.not_data:
        last = "" if entry.count == 1 else f" and {entry.count - 1:,} more"
        console.print(f"no data, {entry.kind}: line {entry.line:,}{last}  {entry.text[:60]!r}", markup=False)
    if result.reasons:
        table = Table("reason", "rows", "first at row", "field", "found", "expected")
        for example in result.examples:
            cells = (
                example.code,
                f"{result.reasons[example.code]:,}",
                str(example.row),
                example.field,
                example.value,
                example.expected,
            )
            table.add_row(*(escape((cell or "")[:90]) for cell in cells))
        console.print(table)
