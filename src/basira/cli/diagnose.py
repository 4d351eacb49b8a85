"""`basira diagnose`: what an administration has, what it is worth, what to do first.

Enters: options. Leaves: a page, a document, an annex; findings or one table on the screen. Never here: a figure.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages
from basira.cli.options import Language, LanguageOption, MemoryOption, open_console, open_history, steps
from basira.render.shown import echo
from basira.schema.days import parse_day
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    from basira.diagnose.findings import Diagnosis


def diagnose(
    first: Annotated[str, typer.Option("--from", help="First day of the declarations, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day of the declarations, YYYY-MM-DD.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for diagnosis.html, diagnosis.docx and annex.xlsx.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", help="Field of lane, basis, rules or released: basis=x_motif. May be repeated."),
    ] = None,
    random: Annotated[
        list[str] | None, typer.Option("--random", help="Value of the basis that is a random control; may be repeated.")
    ] = None,
    model: Annotated[
        bool,
        typer.Option("--model/--no-model", help="With what was possible: models of the later half, most of the time."),
    ] = True,
    only: Annotated[str, typer.Option("--only", help="Show one table, by the code that the report gives.")] = "",
    store: StoreOption = DEFAULT_STORE,
    language: LanguageOption = Language.fr,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Diagnose the data and the targeting of a period: what is there, what it is worth, what to do first.

    Nothing is changed in the store. What can't be judged is listed with the field that it needs.

    Example: basira diagnose --from 2023-01-01 --to 2023-12-31 --out diagnosis
    """
    from basira import __version__
    from basira.diagnose.report.write import write_report
    from basira.workflows.diagnose.diagnose import Question
    from basira.workflows.diagnose.diagnose import diagnose as run
    from basira.workflows.engine import EngineBounds
    from basira.workflows.targeting.score import check_period

    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"--out: expected a folder, found the file {str(out)!r}.", hint="Name a folder.")
    begin, end = parse_day(first, name="--from"), parse_day(last, name="--to")
    check_period(begin, end)
    history = open_history(store)
    shown_store = "" if store == DEFAULT_STORE else str(store)
    # A table of the data or of targeting as it is needs no model.
    model = model and (not only or only.startswith(("possible.", "plan.")))
    question = Question(begin, end, field or (), random or (), store=shown_store, has_model=model)
    with steps("diagnose", quiet=as_json) as progress:
        found = run(history, question, engine=EngineBounds(memory=memory), progress=progress)
    if only:
        _show_table(found, only, language.value, as_json=as_json)
        return
    written = write_report(found, out, language=language.value, software=f"Basira {__version__}") if out else ()
    if as_json:
        body = {"out": None if out is None else str(out), **asdict(found)}
        echo(json.dumps(body, ensure_ascii=False, indent=1, default=date.isoformat, allow_nan=False))
        return
    _show_findings(found, language.value)
    console = open_console()
    for path in written:
        console.print(messages(language.value).say("written", path=str(path)), markup=False, soft_wrap=True)


def _show_findings(found: Diagnosis, language: str) -> None:
    from basira.diagnose.report.words import write_words

    console, report = open_console(), write_words(found, language)
    if found.scope.is_simulated:
        console.print(report.catalog.say("simulated"), style="bold yellow")
    console.print(report.period, markup=False, soft_wrap=True)
    for name, figure in report.facts:
        console.print(f"{name} : {figure}", markup=False, soft_wrap=True, highlight=False)
    for one in report.summary:
        console.print(f"[{one.severity_word}] {one.text}", markup=False, soft_wrap=True, highlight=False)
    if not report.summary:
        console.print(report.none_found, markup=False, soft_wrap=True)
    for part in report.parts:
        for sentence in part.unjudged:
            console.print(f"? {sentence}", markup=False, soft_wrap=True, highlight=False)


def _show_table(found: Diagnosis, code: str, language: str, *, as_json: bool) -> None:
    from dataclasses import replace

    from basira.diagnose.report.words import LOCALE, Pen, write_table
    from basira.render.catalogs import load_catalog

    table = found.find_table(code)
    if table is None:
        codes = [one.code for part in found.parts for one in part.tables]
        raise UsageError(
            f"--only: expected the code of a table, found {code!r}.", hint=f"Tables there: {', '.join(codes)}."
        )
    if as_json:
        echo(json.dumps(asdict(table), ensure_ascii=False, indent=1, allow_nan=False))
        return
    pen = Pen(load_catalog(LOCALE, language), found.scope.currency)
    written = write_table(replace(table, shown=len(table.rows)), pen, found.scope.command)
    shown = Table(
        title=written.title,
        title_justify="left",
        caption=f"{written.definition} {written.denominator}",
        caption_justify="left",
    )
    for name, kind in zip(written.header, written.kinds, strict=True):
        shown.add_column(name, justify="right" if kind == "figure" else "left")
    for row in written.rows:
        shown.add_row(*row)
    open_console().print(shown)
