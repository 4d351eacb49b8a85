"""`basira lab`: compare strategies in a closed loop, show the results, list the strategies.

Enters: options. Leaves: a folder of results, a page. Never here: how a strategy or the loop works.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from basira.cli.ingest import JsonOption
from basira.cli.next_command import next_command
from basira.cli.options import (
    Language,
    LanguageOption,
    MemoryOption,
    OutcomesMappingOption,
    OutcomesOption,
    open_console,
    steps,
)
from basira.schema.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from basira.laboratory.runs.prospect import Prospect

app = typer.Typer(
    help="The laboratory: strategies compared week after week, on labelled data or in the simulated country.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of results; give the same one to go on.")],
    strategies: Annotated[
        str, typer.Option("--strategies", help="Names with commas; see `basira lab strategies`.")
    ] = "",
    published: Annotated[bool, typer.Option("--published", help="All published strategies that can run here.")] = False,
    ours: Annotated[bool, typer.Option("--ours", help="All our own strategies.")] = False,
    scenario: Annotated[str, typer.Option("--scenario", help="Simulated: a shipped scenario or a TOML file.")] = "",
    data: Annotated[list[Path] | None, typer.Option("--data", help="Replay: a labelled file (repeatable).")] = None,
    mapping: Annotated[str, typer.Option("--mapping", "-m", help="Replay: the files' mapping.")] = "",
    outcomes: OutcomesOption = None,
    outcomes_mapping: OutcomesMappingOption = "",
    store: Annotated[
        Path | None, typer.Option("--store", help="Replay: a store with results, in place of files.")
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds with commas.")] = "1",
    rate: Annotated[
        str, typer.Option("--rate", help="Share inspected; with commas: one a period; FROM:TO:PERIODS.")
    ] = "0.1",
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
    preview: Annotated[
        bool, typer.Option("--preview", help="Run one period of each strategy, estimate the rest, and stop.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run strategies in a closed loop: only what was chosen gets a result."""
    from basira.laboratory.report.figures import summary
    from basira.laboratory.runs.many import Workers, run_all
    from basira.laboratory.runs.plan import parse_rates
    from basira.laboratory.runs.prospect import jobs_within, look_ahead
    from basira.laboratory.runs.sources import make_plan
    from basira.schema.days import parse_day

    plan = make_plan(
        scenario=scenario,
        data=data or (),
        mapping=mapping,
        outcomes=outcomes or (),
        outcomes_mapping=outcomes_mapping,
        store=store,
        rates=parse_rates(rate),
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
            "--seeds: expected whole numbers with commas, found {seeds!r}.",
            hint="For example --seeds 1,2,3.",
            seeds=seeds,
        ) from None
    names = _names(strategies, published=published, ours=ours)
    fitting = jobs_within(jobs, memory=memory, available=_available_memory())
    console = open_console(stderr=True, quiet=as_json)
    if fitting < jobs:
        console.print(f"{fitting} at once instead of {jobs}: each may take {memory} of memory.", markup=False)
    console.print(f"{len(names) * len(set(numbers))} runs: {len(names)} strategies, seeds {seeds}.", markup=False)
    held = sum(1 for _ in out.glob("runs/*/*/period-*.json"))
    if held:
        console.print(f"Periods recorded in {out} already: {held:,}. What is missing is run.", markup=False)
    kept = "Interrupted. Finished periods are kept: the same command goes on from there."
    with steps("lab", quiet=as_json, interrupted=kept) as progress:
        if preview:
            ahead = look_ahead(plan, names, numbers, out, jobs=fitting, memory=memory, progress=progress)
        else:
            rows = run_all(plan, names, numbers, out, workers=Workers(jobs=fitting, memory=memory), progress=progress)
    if preview:
        _show_prospect(ahead, jobs=fitting, as_json=as_json)
        return
    found = summary(rows)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "summary": found.to_dicts()}, ensure_ascii=False, indent=1))
        return
    console = open_console()
    console.print(_table(rows, found))
    console.print(f"Written: {out / 'results.parquet'}", markup=False, soft_wrap=True)
    console.print(
        f"Next: {next_command('lab', 'report', out, '--out', Path('report.html'))}", markup=False, soft_wrap=True
    )


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="Folder of `basira lab run`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML page to write.")] = Path("laboratory.html"),
    language: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """Charts and tables of a folder of results, on one page."""
    from basira.laboratory.report.figures import summary
    from basira.laboratory.report.page import write_report
    from basira.laboratory.runs.many import collect, collect_possible, read_plan

    plan = read_plan(results)
    rows = collect(results)
    write_report(rows, plan, out, possible=collect_possible(results), language=language.value)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "summary": summary(rows).to_dicts()}, ensure_ascii=False, indent=1))
        return
    console = open_console()
    console.print(_table(rows, summary(rows)))
    console.print(f"Page: {out}", markup=False)


@app.command()
def strategies(as_json: JsonOption = False) -> None:
    """List the strategies and where each comes from."""
    from basira.laboratory.strategies.registry import STRATEGIES

    if as_json:
        found = [{"name": s.name, "meaning": s.meaning, "source": s.source, "needs": list(s.needs)} for s in STRATEGIES]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    table = Table("strategy", "what it chooses", "source")
    for s in STRATEGIES:
        table.add_row(s.name + " *" * bool(s.needs), s.meaning, s.source)
    console = open_console()
    console.print(table)
    console.print("* needs the optional extra: pip install 'basira[deep]'", markup=False)
    console.print("Mixtures: hybrid:NAME=SHARE+NAME=SHARE, for example hybrid:basira=0.9+random=0.1", markup=False)


def _names(given: str, *, published: bool, ours: bool) -> list[str]:
    """The strategies named, then those of the groups; each once."""
    from basira.laboratory.deep.extra import is_installed
    from basira.laboratory.strategies.registry import OURS, PUBLISHED, find_strategy

    names = [n.strip() for n in given.split(",") if n.strip()]
    # Of a group, what can't run here is left out; what is named is rejected with the reason.
    groups = [*(OURS if ours else ()), *(PUBLISHED if published else ())]
    names += [n for n in groups if is_installed(find_strategy(n).needs)]
    if not names:
        raise UsageError(
            "Expected strategies, found none.", hint="Give --strategies basira,random; or --ours, --published, or both."
        )
    return list(dict.fromkeys(names))


def _available_memory() -> int | None:
    """Bytes that new processes may take without swapping; None where the system does not report it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _show_prospect(ahead: Prospect, *, jobs: int, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(ahead), indent=1))
        return
    hours, minutes = divmod(-(-int(ahead.seconds) // 60), 60)
    time = f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
    table = Table(show_header=False)
    for name, figure in (
        ("runs", f"{ahead.runs:,}"),
        ("periods of a run", f"{ahead.periods:,}"),
        ("items in the first period", f"{ahead.rows:,}"),
        ("periods recorded, and left", f"{ahead.done:,}, {ahead.left:,}"),
        ("CPU time of what is left, at least", f"{ahead.cpu_seconds:,.0f} s"),
        (f"time, {jobs} at once on free cores, at least", time),
        ("memory of a run, so far", f"{ahead.peak_memory_mb:,} MB"),
    ):
        table.add_row(name, figure)
    console = open_console()
    console.print(table)
    console.print("The first periods are kept: the same command without --preview goes on from there.", markup=False)


_SHORT = {
    "precision": "prec.",
    "recall": "recall",
    "normalised_found": "norm.\nfound",
    "normalised_revenue": "norm.\nrev.",
    "oracle_precision": "true\nprec.",
    "oracle_revenue": "true\nrev.",
}


def _table(rows: pl.DataFrame, found: pl.DataFrame) -> Table:
    """The summary, a strategy a row, best first."""
    simulated = "SIMULATED data. " if rows["is_simulated"].any() else ""
    table = Table(
        title=f"{simulated}{rows['scenario'][0]}: {rows['period'].n_unique()} periods, {rows['seed'].n_unique()} "
        f"seeds, revenue: {rows['revenue_basis'][0]}"
    )
    table.add_column("strategy", overflow="fold", min_width=17)
    columns = {name: words for name, words in _SHORT.items() if found[name].null_count() < len(found)}
    for words in (*columns.values(), "CPU\ns"):
        table.add_column(words, justify="right", no_wrap=True)
    for row in found.iter_rows(named=True):
        cells = ["–" if row[c] is None else f"{row[c]:.3f}" for c in columns]
        mark = f" ({row['fallback']}× random)" if row["fallback"] else ""
        table.add_row(row["strategy"] + mark, *cells, f"{row['choose_cpu_seconds']:.2f}")
    return table
