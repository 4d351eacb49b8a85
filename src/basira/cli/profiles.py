"""`basira profiles`: online profiles built from the store.

Enters: options. Leaves: a published build, and its name. Never here: the building.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages
from basira.cli.options import (
    EngineOption,
    Engines,
    Language,
    LanguageOption,
    MasterOption,
    MemoryOption,
    engine_bounds,
    open_history,
)
from basira.render.numbers import format_date, format_number
from basira.render.shown import say_line
from basira.schema.days import parse_day

app = typer.Typer(no_args_is_help=True, help="Online profiles: what the service looks up for each declaration.")


@app.callback()
def profiles() -> None:
    """Online profiles: what the service looks up for each declaration."""


@app.command("build")
def build(
    as_of: Annotated[str, typer.Option("--as-of", help="Last day that the profiles count, YYYY-MM-DD.")],
    store: StoreOption = DEFAULT_STORE,
    keep: Annotated[
        int,
        typer.Option(
            min=1, max=400, help="Builds that stay: amendments of declarations of so many nights get a score."
        ),
    ] = 3,
    memory: MemoryOption = "2GB",
    engine: EngineOption = Engines.duckdb,
    master: MasterOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Build the profiles of a day's end, for the declarations of the day after. Run it every night.

    A running service takes them by itself within ten seconds.
    """
    from basira.workflows.profiles import build_profiles

    built = build_profiles(
        open_history(store),
        as_of=parse_day(as_of, name="--as-of"),
        now=datetime.now(),
        engine=engine_bounds(memory, engine, master),
        kept=keep,
    )
    if as_json:
        body = {
            "name": built.name,
            "folder": str(built.folder),
            "as_of": built.as_of.isoformat(),
            "snapshot": built.snapshot,
            "size_bytes": built.size_bytes,
        }
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
    else:
        line = messages(language.value).say(
            "profiles.built",
            name=built.name,
            as_of=format_date(built.as_of, language=language.value),
            snapshot=str(built.snapshot),
            size=format_number(built.size_bytes / 1e6, language=language.value, digits=1),
            folder=str(built.folder),
        )
        say_line(line)
