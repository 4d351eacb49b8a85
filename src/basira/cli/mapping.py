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
from basira.cli.messages import messages, say_number, say_reason
from basira.cli.next_command import next_command
from basira.cli.options import Language, LanguageOption, open_console
from basira.render.numbers import format_date, format_number
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
    language: LanguageOption = Language.fr,
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
    said = messages(language.value)
    table = Table(*(said.say(f"mapping.{name}") for name in ("field", "column", "confidence", "options", "to_check")))
    for entry in suggestion.fields:
        options = ", ".join(f"{key} = {value}" for key, value in entry.options.items())
        cells = (
            entry.field,
            entry.column,
            format_number(entry.confidence, language=language.value, digits=2),
            options,
            "; ".join(entry.notes),
        )
        table.add_row(*(escape(cell[:90]) for cell in cells))
    console.print(table)
    for key, column in suggestion.extra.items():
        console.print(said.say("mapping.extra", key=key, column=repr(column)), markup=False)
    for column in suggestion.unmapped:
        console.print(said.say("mapping.left_out", column=repr(column)), markup=False)
    for name in suggestion.missing:
        console.print(said.say("mapping.missing", field=name), markup=False)
    for note in suggestion.notes:
        console.print(note, markup=False)
    for doubt in suggestion.doubts:
        console.print(said.say("mapping.doubt", subject=doubt.subject, text=doubt.text()), markup=False)
    if suggestion.doubts:
        console.print(said.say("mapping.decide"), markup=False)
    if check is not None:
        reasons = ", ".join(
            f"{say_number(count, language.value)} {say_reason(code, language.value)}"
            for code, count in check.reasons.items()
        )
        tried = said.say(
            "mapping.tried",
            rows=say_number(check.rows, language.value),
            accepted=say_number(check.accepted, language.value),
            rejected=say_number(check.quarantined, language.value),
            reasons=f" ({reasons})" if reasons else "",
        )
        console.print(tried, markup=False)
    if out is None:
        typer.echo(text, nl=False)
    else:
        command = next_command("feedback" if suggestion.is_results_only else "ingest", file, "--mapping", out)
        console.print(said.say("mapping.written", path=str(out), command=command), markup=False, soft_wrap=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file to try, or a folder, a pattern, a zip.")],
    mapping: MappingOption,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    language: LanguageOption = Language.fr,
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
        _show_check(console, result, language.value)
    for subject, text in read.doubts.items():
        doubt = messages(language.value).say("mapping.doubt", subject=subject, text=text)
        console.print(doubt, markup=False)


def _show_check(console: Console, result: MappingCheck, language: str) -> None:
    """What would become of one file's rows: counts, the lines that are no rows, an example of each reason."""
    said = messages(language)
    counts = said.say(
        "mapping.check",
        file=result.file_name,
        rows=say_number(result.rows, language),
        accepted=say_number(result.accepted, language),
        rejected=say_number(result.quarantined, language),
        results=say_number(result.results, language),
        irregular=say_number(result.irregular, language),
        first=format_date(result.first_day, language=language),
        last=format_date(result.last_day, language=language),
    )
    console.print(counts, markup=False)
    if result.note:
        console.print(result.note, markup=False)
    for entry in result.not_data:
        line, count = say_number(entry.line, language), say_number(entry.count, language)
        text = repr(entry.text[:60])
        aside = said.say_count("mapping.no_data", entry.count, kind=entry.kind, line=line, n=count, text=text)
        console.print(aside, markup=False)
    if result.reasons:
        headings = ("mapping.reason", "take_in.rows", "mapping.first_row", "mapping.field", "mapping.found")
        table = Table(*(said.say(name) for name in (*headings, "mapping.expected")))
        for example in result.examples:
            cells = (
                say_reason(example.code, language),
                say_number(result.reasons[example.code], language),
                say_number(example.row, language),
                example.field,
                example.value,
                example.expected,
            )
            table.add_row(*(escape((cell or "")[:90]) for cell in cells))
        console.print(table)
