"""`basira train`: a model from what was known on a day.

Enters: options. Leaves: a saved model, and its card in short. Never here: fitting.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.next_command import next_command
from basira.cli.options import AsOfOption, MemoryOption, SeedOption, TrustOption, open_console, open_history, steps
from basira.schema.days import parse_day


def train(
    as_of: AsOfOption,
    store: StoreOption = DEFAULT_STORE,
    seed: SeedOption = 1,
    half_life_days: Annotated[
        float | None, typer.Option(min=1, help="An item this many days older counts half; by default all count alike.")
    ] = None,
    positive_weight: Annotated[
        float, typer.Option(min=0.01, help="Weight of an irregular item against a regular one.")
    ] = 1.0,
    by: Annotated[
        str, typer.Option("--by", help="Your login: another person may then promote the model without a shadow.")
    ] = "",
    trust: TrustOption = None,
    database: DatabaseOption = "",
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Fit a model on the inspected items whose results were known at the end of a day, and save it in the store.

    It is a candidate: the live model goes on deciding until `basira models promote`. The first of a store is live.

    Stops where a feature alone, or the model as a whole, foretells the results implausibly well: such columns are
    filled in during or after the control.
    """
    from basira.models.risk.settings import FitSettings
    from basira.workflows.engine import EngineBounds
    from basira.workflows.examine import sentences_of
    from basira.workflows.models.stages import adopt_models, enter_candidate, list_models
    from basira.workflows.train import train as fit

    known = parse_day(as_of, name="--as-of")
    history = open_history(store)
    place = record_of(store, database).place
    with steps("train", quiet=as_json) as progress:
        model = fit(
            history,
            as_of=known,
            seed=seed,
            now=datetime.now(),
            settings=FitSettings(half_life_days=half_life_days, positive_weight=positive_weight),
            trusted=trust or (),
            engine=EngineBounds(memory=memory),
            progress=progress,
            database=str(place),
        )
        adopted = adopt_models(history, place, now=datetime.now())
        known_models = {one.version: one for one in list_models(history, place)}
        if by and known_models[model.version].stage == "candidate":
            enter_candidate(history, place, model.version, login=by, now=datetime.now())
    card = model.card
    stage = known_models[model.version].stage
    if as_json:
        typer.echo(json.dumps({**card, "stage": stage}, ensure_ascii=False, indent=1))
        return
    console = open_console()
    console.print(f"Model [bold]{model.version}[/bold] saved, knowing nothing later than {card['as_of']}.")
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    late = card["later_items"]
    table.add_row("inspected items learned from", f"{card['training']['rows']:,}")
    table.add_row("irregular among them", f"{card['training']['irregular']:,}")
    table.add_row("later items it was calibrated on", f"{late['rows']:,}")
    if "auc" in late:
        table.add_row(
            "AUC on them (before the refit)", f"{late['auc']:.3f}  [{late['auc_low']:.3f}, {late['auc_high']:.3f}]"
        )
        table.add_row("mean probability / rate found", f"{late['mean_probability']:.3f} / {late['rate']:.3f}")
    table.add_row("trees", f"{card['chosen']['bags']} x {card['chosen']['rounds']} ({card['chosen']['size']})")
    table.add_row("CPU seconds to fit", f"{card['fit_cpu_seconds']:.1f}")
    console.print(table)
    for sentence in sentences_of(card["notes"]):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    trusting = [word for name in trust or () for word in ("--trust", name)]
    evaluate = next_command("evaluate", "--as-of", card["as_of"], *trusting, store=store)
    target = next_command("target", "--day", known + timedelta(days=1), store=store)
    for line in (
        f"How good is it? {evaluate}",
        *_next_steps(stage, model.version, is_first=bool(adopted), store=store),
        f"Use it: {target}"
        if stage == "live"
        else f"Look at what it would select: {target} --preview --model {model.version}",
    ):
        console.print(line, markup=False, soft_wrap=True, highlight=False)


def _next_steps(stage: str, version: str, *, is_first: bool, store: Path) -> tuple[str, ...]:
    if stage == "live":
        first = "It is the first model of this store, so it is live: it decides. " if is_first else "It is live. "
        return (f"{first}Later ones are candidates until a second person promotes them.",)
    shadow = next_command("models", "shadow", version, "--by", "LOGIN", "--motive", "WHY", store=store)
    promote = next_command("models", "promote", version, "--by", "MANAGER", "--motive", "WHY", store=store)
    return (
        "It is a candidate: the live model goes on deciding.",
        f"Try it beside the live one: {shadow}",
        f"Then, another person: {promote}",
    )
