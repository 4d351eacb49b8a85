"""`basira profiles`: online profiles built from the store.

Enters: options. Leaves: a published build, and its name. Never here: the building.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import MemoryOption, open_history
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
    as_json: JsonOption = False,
) -> None:
    """Build the profiles of a day's end, for the declarations of the day after. Run it every night.

    A running service takes them by itself within ten seconds.
    """
    from basira.workflows.engine import EngineBounds
    from basira.workflows.profiles import build_profiles

    built = build_profiles(
        open_history(store),
        as_of=parse_day(as_of, name="--as-of"),
        now=datetime.now(),
        engine=EngineBounds(memory=memory),
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
        typer.echo(
            f"Profiles {built.name} as of {built.as_of} from snapshot {built.snapshot}: "
            f"{built.size_bytes / 1e6:,.1f} MB in {built.folder}."
        )
