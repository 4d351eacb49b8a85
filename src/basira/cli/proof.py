"""`basira proof`: what was found in a period, what was missed, what each source of controls is worth.

Enters: options. Leaves: tables on the screen, files. Never here: an estimate.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import Language, LanguageOption, MemoryOption, open_history, steps
from basira.cli.reports import show_report
from basira.render.shown import echo
from basira.schema.days import parse_day
from basira.schema.errors import UsageError


def proof(
    first: Annotated[str, typer.Option("--from", help="First day that was decided, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day that was decided, YYYY-MM-DD.")],
    as_of: Annotated[
        str, typer.Option("--as-of", help="Last day whose results count, YYYY-MM-DD; today by default.")
    ] = "",
    out: Annotated[
        list[Path] | None, typer.Option("--out", "-o", help="Also write it: .html, .csv or .json; may be repeated.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Estimate the irregularity and the revenue gap of a period from the logged chances of inspection, with intervals.

    Example: basira proof --from 2024-01-01 --to 2024-03-31 --out proof.html
    """
    from basira import __version__
    from basira.monitor.report import summarise, tables_of, write_csv, write_html
    from basira.render.writing import write_whole
    from basira.workflows.engine import EngineBounds
    from basira.workflows.proof.prove import prove
    from basira.workflows.targeting.score import check_period

    for path in out or []:
        if path.suffix not in (".html", ".csv", ".json"):
            raise UsageError(
                "--out: expected .html, .csv or .json, found {file!r}.",
                hint="Give one of these endings.",
                file=path.name,
            )
    begin, end = parse_day(first, name="--from"), parse_day(last, name="--to")
    check_period(begin, end)
    history = open_history(store)
    with steps("proof", quiet=as_json):
        found = prove(
            history,
            record_of(store, database).place,
            first=begin,
            last=end,
            as_of=parse_day(as_of, name="--as-of") if as_of else date.today(),
            engine=EngineBounds(memory=memory),
        )
    body = json.dumps(asdict(found), ensure_ascii=False, indent=1, default=date.isoformat, allow_nan=False)
    for path in out or []:
        if path.suffix == ".html":
            write_html(found, path, language=language.value, software=__version__)
        elif path.suffix == ".csv":
            write_csv(found, path)
        else:
            write_whole(path, f"{body}\n".encode())
    if as_json:
        echo(body)
        return
    period, sentences = summarise(found, language.value)
    tables = tables_of(found, language.value)
    show_report((period, *sentences), tables, out or [], language.value, is_simulated=bool(found.is_simulated))
