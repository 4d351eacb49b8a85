"""`basira register`: names of operators and offices, shown on the list beside their identifiers.

Enters: a CSV of a register. Leaves: what was taken of it. Never here: a name in a decision.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption, open_console, open_history
from basira.render.shown import echo

app = typer.Typer(help="Names of operators and offices for the lists.", no_args_is_help=True)


class Kind(StrEnum):
    """Whose names a file has."""

    operators = "operators"
    offices = "offices"


@app.callback()
def root() -> None:
    """Names of operators and offices for the lists."""


@app.command("ingest")
def ingest_names(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8 with the headings identifier and name.")],
    kind: Annotated[Kind, typer.Option("--kind", help="Whose names: operators or offices.")] = Kind.operators,
    store: StoreOption = DEFAULT_STORE,
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Take names in: they stand on the lists of `basira target` beside the identifiers.

    Example: basira register ingest operators.csv

    A later file replaces the names that it has. `basira history erase` removes a person from the names too.
    """
    from basira.workflows.intake.register import ingest_register

    found = ingest_register(open_history(store), file, is_office=kind is Kind.offices)
    if as_json:
        echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    counts = {name: say_number(getattr(found, name), language.value) for name in ("taken", "changed", "known", "total")}
    console.print(said.say("register.taken", file=found.file_name, **counts), markup=False, soft_wrap=True)
    for one in found.rejected:
        reason = said.say(f"register.reason.{one.code}")
        line = said.say("register.rejected", line=say_number(one.line, language.value), reason=reason)
        console.print(f"  {line}", style="yellow", markup=False, soft_wrap=True)
