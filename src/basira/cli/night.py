"""`basira night`: the night's monitoring, each part once, its reports kept for the pages.

Enters: options. Leaves: what each part came to, on the screen; metrics; the exit code. Never here: the parts.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_error
from basira.cli.options import Language, LanguageOption, MemoryOption, open_console, open_history, show_json, steps
from basira.render.numbers import format_date, format_number
from basira.schema.days import parse_day

if TYPE_CHECKING:
    from basira.workflows.monitor.night import Night


def night(
    as_of: Annotated[str, typer.Option("--as-of", help="Last day that counts, YYYY-MM-DD; yesterday by default.")] = "",
    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", help="Also write figures for Prometheus into this file (.prom); they name nobody."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Do the night's monitoring: drift, proof of the year and of the last 91 days, who inspected whom.

    Each part is done once: again only when the history or the record has changed, so a night that was cut short goes on
    where it ended. The reports are kept in the store, for the pages. A part that fails does not keep the others from
    being done; the command ends with its code. Alarms of drift and pairs to be looked at are no failure.

    Example: basira night --as-of 2024-03-31 --metrics basira.prom
    """
    from basira.render.writing import write_whole
    from basira.workflows.engine import EngineBounds
    from basira.workflows.monitor.night import Tonight, read_latest_night, run_night, write_metrics

    history = open_history(store)
    evening = parse_day(as_of, name="--as-of") if as_of else date.today() - timedelta(days=1)
    with steps("night", quiet=as_json) as progress:
        done = run_night(
            Tonight(history, record_of(store, database).place, evening, EngineBounds(memory=memory)),
            now=datetime.now(),
            progress=progress,
        )
    if metrics is not None and (latest := read_latest_night(history.root, until=evening)) is not None:
        write_whole(metrics, write_metrics(latest, ended_at=datetime.now()))
        metrics.chmod(0o644)  # a collector of another user reads it; it holds figures alone
    if as_json:
        show_json(_body(done))
    else:
        _show(done, language.value)
    if done.exit_code:
        raise typer.Exit(done.exit_code)


def _body(done: Night) -> object:
    parts = [
        {
            "name": one.name,
            "state": one.state,
            "seconds": round(one.seconds, 3),
            "error": None if one.error is None else {"code": one.error.code, "message": one.error.message},
        }
        for one in done.steps
    ]
    return {"evening": done.evening.isoformat(), "exit_code": done.exit_code, "steps": parts}


def _show(done: Night, language: str) -> None:
    said = messages(language)
    table = Table(title=said.say("night.title", day=format_date(done.evening, language=language)), title_justify="left")
    for name, side in (("step", "left"), ("state", "left"), ("seconds", "right"), ("why", "left")):
        table.add_column(said.say(f"night.column.{name}"), justify="right" if side == "right" else "left")
    for one in done.steps:
        why = "" if one.error is None else say_error(one.error, language)[0]
        seconds = format_number(one.seconds, language=language, digits=1)
        table.add_row(said.say(f"night.step.{one.name}"), said.say(f"night.state.{one.state}"), seconds, why)
    open_console().print(table)
