"""`basira replay`: a recorded run made again, and compared.

Enters: a run. Leaves: whether the same came out; exit code 9 when not. Never here: a tolerance.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.options import MemoryOption, open_history, steps


def replay(
    run: Annotated[str, typer.Argument(help="Run to replay, as `basira target` named it.")],
    store: StoreOption = DEFAULT_STORE,
    declaration: Annotated[str, typer.Option(help="Compare only this declaration's decision.")] = "",
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Make a recorded run again from its snapshot, model, policy and seed, and compare it bit for bit."""
    from basira.workflows.learn import Engine
    from basira.workflows.record import replay as repeat

    history = open_history(store)
    with steps("replay", quiet=as_json) as progress:
        report = repeat(
            history, run, declaration_id=declaration or None, engine=Engine(memory=memory), progress=progress
        )
    if as_json:
        differences = [
            {
                "declaration_id": d.declaration_id,
                "field": d.field,
                "recorded": str(d.recorded),
                "replayed": str(d.replayed),
            }
            for d in report.differences
        ]
        typer.echo(
            json.dumps(
                {
                    "run_id": run, "is_same": report.is_same, "checked": report.checked, "differences": differences,
                    "missing": report.missing, "unexpected": report.unexpected,
                },
                ensure_ascii=False, indent=1,
            )
        )  # fmt: skip
    report.require_same()
    if not as_json:
        Console().print(f"Run {run}: {report.checked:,} decisions made again, every one the same.", markup=False)
