"""`basira lab`: compare strategies in a closed loop, show what came out, list the strategies.

Enters: options. Leaves: a folder of results, a page. Never here: how a strategy or the loop works.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from basira.cli.ingest import JsonOption
from basira.cli.options import INTERRUPTED, MemoryOption, steps
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer(
    help="The laboratory: strategies compared week after week, on labelled data or in the simulated country.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of results; to go on, say the same.")],
    strategies: Annotated[str, typer.Option("--strategies", help="Names with commas; see `basira lab strategies`.")],
    scenario: Annotated[str, typer.Option("--scenario", help="Simulated: a shipped scenario or a TOML file.")] = "",
    data: Annotated[list[Path] | None, typer.Option("--data", help="Replay: a labelled file (repeatable).")] = None,
    mapping: Annotated[str, typer.Option("--mapping", "-m", help="Replay: the files' mapping.")] = "",
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds with commas.")] = "1",
    rate: Annotated[str, typer.Option("--rate", help="Share inspected; with commas: one a period.")] = "0.1",
    start: Annotated[str | None, typer.Option("--start", help="First day; half-way by default.")] = None,
    periods: Annotated[int | None, typer.Option("--periods", help="How many periods; to the end by default.")] = None,
    period_days: Annotated[int, typer.Option("--period-days", help="Days a period.")] = 7,
    delay_days: Annotated[int, typer.Option("--delay-days", help="Replay: days from period to results.")] = 0,
    initial_labels: Annotated[
        float, typer.Option("--initial-labels", help="Share of the earlier results that is known at the start.")
    ] = 1.0,
    items: Annotated[int | None, typer.Option("--items", help="Simulated country: expected items in all.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Runs at once, a process and a thread each.")] = 2,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Run strategies in a closed loop: only what was chosen gets a result."""
    from basira.laboratory.figures import summary
    from basira.laboratory.plan import Plan, parse_rates
    from basira.laboratory.runs import run_all
    from basira.schema.days import parse_day

    if bool(scenario) == bool(data):
        raise UsageError(
            "Expected either --scenario or --data with --mapping, found " + ("both." if scenario else "neither."),
            hint="basira lab run --scenario small --strategies basira,random --out DIR",
        )
    plan = Plan(
        scenario=scenario or Path((data or [Path()])[0]).stem,
        rates=parse_rates(rate),
        data=tuple(str(p.resolve()) for p in data or ()),
        mapping=_whole_name(mapping),
        starts_on=None if start is None else parse_day(start, name="--start").isoformat(),
        periods=periods,
        period_days=period_days,
        delay_days=delay_days,
        initial_labels=initial_labels,
        items=items,
    )
    try:
        numbers = [int(s) for s in seeds.split(",")]
    except ValueError:
        raise UsageError(
            f"--seeds: expected whole numbers with commas, found {seeds!r}.", hint="For example --seeds 1,2,3."
        ) from None
    names = [n.strip() for n in strategies.split(",") if n.strip()]
    with steps("lab", quiet=as_json) as progress:
        try:
            rows = run_all(plan, names, numbers, out, jobs=jobs, memory=memory, progress=progress)
        except KeyboardInterrupt:
            Console(stderr=True).print("Interrupted. Finished periods are kept: the same command goes on from there.")
            raise typer.Exit(INTERRUPTED) from None
    found = summary(rows)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "summary": found.to_dicts()}, ensure_ascii=False, indent=1))
        return
    console = Console()
    console.print(_table(rows, found))
    console.print(f"Written: {out / 'results.parquet'}", markup=False, soft_wrap=True)
    console.print(f"Next: basira lab report {out} --out report.html", markup=False, soft_wrap=True)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="Folder of `basira lab run`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML page to write.")] = Path("laboratory.html"),
    as_json: JsonOption = False,
) -> None:
    """Charts and tables of a folder of results, on one page."""
    from basira.laboratory.figures import summary
    from basira.laboratory.report import write_report
    from basira.laboratory.runs import collect, read_plan

    plan = read_plan(results)
    rows = collect(results)
    write_report(rows, plan, out)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "summary": summary(rows).to_dicts()}, ensure_ascii=False, indent=1))
        return
    console = Console()
    console.print(_table(rows, summary(rows)))
    console.print(f"Page: {out}", markup=False)


@app.command()
def strategies(as_json: JsonOption = False) -> None:
    """List the strategies and where each comes from."""
    from basira.laboratory.strategies import STRATEGIES

    if as_json:
        found = [{"name": s.name, "meaning": s.meaning, "source": s.source} for s in STRATEGIES]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    table = Table("strategy", "what it chooses", "source")
    for s in STRATEGIES:
        table.add_row(s.name, s.meaning, s.source)
    console = Console()
    console.print(table)
    console.print("Mixtures: hybrid:NAME=SHARE+NAME=SHARE, for example hybrid:basira=0.9+random=0.1", markup=False)


_SHORT = {
    "precision": "prec.",
    "recall": "recall",
    "normalised_found": "norm. found",
    "normalised_revenue": "norm. rev.",
    "oracle_precision": "true prec.",
    "oracle_revenue": "true rev.",
}


def _whole_name(mapping: str) -> str:
    """A shipped mapping's name as it is, a file's whole path: the runs are processes of their own."""
    return str(Path(mapping).resolve()) if mapping and Path(mapping).is_file() else mapping


def _table(rows: pl.DataFrame, found: pl.DataFrame) -> Table:
    """The summary, a strategy a row, best first."""
    simulated = "SIMULATED data. " if rows["is_simulated"].any() else ""
    table = Table(
        title=f"{simulated}{rows['scenario'][0]}: {rows['period'].n_unique()} periods, {rows['seed'].n_unique()} "
        f"seeds, revenue: {rows['revenue_basis'][0]}"
    )
    table.add_column("strategy", no_wrap=True)
    columns = {name: words for name, words in _SHORT.items() if found[name].null_count() < len(found)}
    for words in (*columns.values(), "CPU s"):
        table.add_column(words, justify="right")
    for row in found.iter_rows(named=True):
        cells = ["–" if row[c] is None else f"{row[c]:.3f}" for c in columns]
        mark = f" ({row['fallback']}× random)" if row["fallback"] else ""
        table.add_row(row["strategy"] + mark, *cells, f"{row['choose_cpu_seconds']:.2f}")
    return table
