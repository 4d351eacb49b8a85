"""`basira country`: make a simulated administration, list the scenarios, compare a world with what is published.

Enters: options. Leaves: a folder or a page, and what was made, on the screen or as JSON. Never here: how
a world is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from basira.cli.ingest import JsonOption
from basira.cli.next_command import next_command
from basira.cli.options import interruptible, open_console

app = typer.Typer(
    help="The simulated country: declarations, results and, apart, the truth.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def make(
    scenario: Annotated[str, typer.Argument(help="Name of a shipped scenario, or a TOML file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to make.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same world, byte for byte.")] = 1,
    items: Annotated[
        int | None, typer.Option("--items", min=100, help="Expected items, in place of the scenario's.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a world that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a simulated world: OUT/declarations, OUT/outcomes, OUT/register and, apart, OUT/truth.

    OUT appears when it is complete: interrupted, nothing is left behind.
    """
    from basira.country import load_scenario, make_world

    chosen = load_scenario(scenario, changes={} if items is None else {"items": items})
    with _making(chosen.name, quiet=as_json) as progress:
        world = make_world(chosen, seed=seed, out=out, progress=progress, replace=force)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(world)}, ensure_ascii=False, indent=1))
        return
    console = open_console()
    console.print(f"Simulated world [bold]{world.scenario}[/bold], seed {world.seed}, in {out}")
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, figure in (
        ("period", f"{world.starts_on} to {world.ends_on}"),
        ("declarations", f"{world.declarations:,}"),
        ("items", f"{world.items:,}"),
        ("items inspected by the legacy selectivity", f"{world.inspected_items:,}"),
        ("results known by the end", f"{world.outcomes:,}"),
        ("irregular items (truth)", f"{world.irregular_items:,}"),
        ("irregularities found and known", f"{world.found_items:,}"),
        ("evaded (truth), MAD", f"{world.evaded_amount:,.0f}"),
        ("recovered, MAD", f"{world.recovered_amount:,.0f}"),
    ):
        table.add_row(name, figure)
    console.print(table)
    console.print(
        f"Next: {next_command('country', 'report', out, '--out', Path('report.html'))}", markup=False, soft_wrap=True
    )


@app.command()
def scenarios(as_json: JsonOption = False) -> None:
    """List the shipped scenarios."""
    from basira.country import load_scenario, scenario_names

    found = [load_scenario(name) for name in scenario_names()]
    if as_json:
        keys = ("name", "title", "starts_on", "ends_on", "items")
        typer.echo(
            json.dumps([{k: getattr(s, k) for k in keys} for s in found], default=str, ensure_ascii=False, indent=1)
        )
        return
    table = Table("scenario", "period", "items", "what it is for")
    for scenario in found:
        table.add_row(
            scenario.name, f"{scenario.starts_on} to {scenario.ends_on}", f"{scenario.items:,}", scenario.title
        )
    open_console().print(table)


@app.command()
def report(
    world: Annotated[Path, typer.Argument(help="Folder of a world made by `basira country make`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML page to write.")] = Path("country-report.html"),
    as_json: JsonOption = False,
) -> None:
    """Compare a world with the published figures, and list the assumptions."""
    from basira.country import measure_realism, write_report

    figures = measure_realism(world)
    write_report(figures, out)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(figures)}, ensure_ascii=False, indent=1))
        return
    table = Table("figure", "this world", "published", "source")
    for row in figures.comparisons:
        table.add_row(row.name, row.shown, row.published or "assumed", row.source)
    console = open_console()
    console.print(table)
    console.print(f"Page: {out}", markup=False)


@contextmanager
def _making(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with items per second and time left; on Ctrl-C, a message and exit code 130."""
    console = open_console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.completed:>12,.0f} items  {task.fields[rate]:>9,.0f} items/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet,
    )
    task = bar.add_task(name, total=None, rate=0)

    def advance(made: int, expected: int) -> None:
        elapsed = bar.tasks[task].elapsed or 0
        bar.update(task, completed=min(made, expected), total=expected, rate=made / elapsed if elapsed else 0)

    with interruptible("Interrupted. No world was left behind."), bar:
        yield advance
