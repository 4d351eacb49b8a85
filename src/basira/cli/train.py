"""`basira train`: a model from what was known on a day.

Enters: options. Leaves: a saved model, and its card in short. Never here: fitting.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command
from basira.cli.options import (
    AsOfOption,
    EngineOption,
    Engines,
    Language,
    LanguageOption,
    MasterOption,
    MemoryOption,
    SeedOption,
    TrustOption,
    engine_bounds,
    open_console,
    open_history,
    steps,
)
from basira.render.numbers import format_date, format_number
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
    engine: EngineOption = Engines.duckdb,
    master: MasterOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Fit a model on the inspected items whose results were known at the end of a day, and save it in the store.

    It is a candidate: the live model goes on deciding until `basira models promote`. The first of a store is live.

    Stops where a feature alone, or the model as a whole, foretells the results implausibly well: such columns are
    filled in during or after the control.
    """
    from basira.models.risk.settings import FitSettings
    from basira.workflows.examine import sentences_of
    from basira.workflows.models.stages import adopt_models, enter_candidate, list_models
    from basira.workflows.train import train as fit

    bounds = engine_bounds(memory, engine, master)
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
            engine=bounds,
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
    said = messages(language.value)
    as_of_day = format_date(card["as_of"], language=language.value)
    console.print(said.say("train.saved", version=model.version, as_of=as_of_day), markup=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    late = card["later_items"]

    def number(value: float, digits: int = 3) -> str:
        return format_number(value, language=language.value, digits=digits)

    table.add_row(said.say("train.items"), say_number(card["training"]["rows"], language.value))
    table.add_row(said.say("train.irregular"), say_number(card["training"]["irregular"], language.value))
    table.add_row(said.say("train.later"), say_number(late["rows"], language.value))
    if "auc" in late:
        # Between decimal commas a comma would not part the two.
        interval = f"{number(late['auc_low'])} ; {number(late['auc_high'])}"
        table.add_row(said.say("train.auc"), escape(f"{number(late['auc'])}  [{interval}]"))
        table.add_row(said.say("train.rate"), f"{number(late['mean_probability'])} / {number(late['rate'])}")
    trees = f"{card['chosen']['bags']} × {card['chosen']['rounds']} ({card['chosen']['size']})"
    table.add_row(said.say("train.trees"), trees)
    table.add_row(said.say("train.seconds"), number(card["fit_cpu_seconds"], 1))
    console.print(table)
    for sentence in sentences_of(card["notes"]):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    trusting = [word for name in trust or () for word in ("--trust", name)]
    evaluate = next_command("evaluate", "--as-of", card["as_of"], *trusting, store=store)
    target = next_command("target", "--day", known + timedelta(days=1), store=store)
    for line in (
        said.say("train.how_good", command=evaluate),
        *_next_steps(stage, model.version, language.value, is_first=bool(adopted), store=store),
        said.say("train.use", command=target)
        if stage == "live"
        else said.say("train.look", command=f"{target} --preview --model {model.version}"),
    ):
        console.print(line, markup=False, soft_wrap=True, highlight=False)


def _next_steps(stage: str, version: str, language: str, *, is_first: bool, store: Path) -> tuple[str, ...]:
    said = messages(language)
    if stage == "live":
        return (said.say("train.first") if is_first else said.say("train.live"),)
    shadow = next_command("models", "shadow", version, "--by", "LOGIN", "--motive", "WHY", store=store)
    promote = next_command("models", "promote", version, "--by", "MANAGER", "--motive", "WHY", store=store)
    return (
        said.say("train.candidate"),
        said.say("train.try", command=shadow),
        said.say("train.then", command=promote),
    )
