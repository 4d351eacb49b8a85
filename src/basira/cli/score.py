"""`basira score`: probability and revenue of every item of a period.

Enters: options. Leaves: a Parquet or CSV file, one row an item. Never here: scoring.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.options import (
    AsOfOption,
    EngineOption,
    Engines,
    Language,
    LanguageOption,
    MasterOption,
    MemoryOption,
    ModelOption,
    engine_bounds,
    open_console,
    open_history,
    steps,
)
from basira.render.numbers import format_date
from basira.schema.days import parse_day
from basira.schema.errors import UsageError


def score(
    first: Annotated[str, typer.Option("--from", help="First day of declaration, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day of declaration, YYYY-MM-DD.")],
    as_of: AsOfOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .parquet or .csv.")],
    store: StoreOption = DEFAULT_STORE,
    model: ModelOption = "",
    memory: MemoryOption = "2GB",
    engine: EngineOption = Engines.duckdb,
    master: MasterOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Score the items declared in a period, knowing nothing later than --as-of.

    Without a model that knows nothing later than that day, one is trained first and saved.
    """
    from basira.workflows.targeting import score as scoring

    if out.suffix not in (".parquet", ".csv"):
        raise UsageError(
            "--out: expected a name ending in .parquet or .csv, found {file!r}.",
            hint="Give one of these.",
            file=out.name,
        )
    bounds = engine_bounds(memory, engine, master)
    day = parse_day(as_of, name="--as-of")
    period = parse_day(first, name="--from"), parse_day(last, name="--to")
    scoring.check_period(*period)  # before anything is trained for it
    history = open_history(store)
    trained = False
    if not model:
        with steps("no model yet: train", quiet=as_json) as progress:
            trained = scoring.train_if_none(history, as_of=day, now=datetime.now(), engine=bounds, progress=progress)
    chosen = scoring.choose_model(history, as_of=day, version=model or None)
    with steps("score", quiet=as_json) as progress:
        found = scoring.score(
            history, first=period[0], last=period[1], as_of=day, model=chosen, engine=bounds, progress=progress
        )
    scoring.write_scores(found.table, out)
    body = {
        "out": str(out),
        "items": found.table.height,
        "model_version": chosen.version,
        "model_as_of": chosen.card["as_of"],
        "trained_now": trained,
        "mean_fraud_probability": float(found.table["fraud_probability"].to_numpy().mean()),
        "expected_revenue": float(found.table["expected_revenue"].sum()),
    }
    if as_json:
        typer.echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console = open_console()
    said = messages(language.value)
    if trained:
        known = format_date(day, language=language.value)
        trained_now = said.say("score.trained", as_of=known, version=chosen.version)
        console.print(trained_now, markup=False, soft_wrap=True)
    items = found.table.height
    done = said.say_count(
        "score.done", items, n=say_number(items, language.value), version=chosen.version, path=str(out)
    )
    console.print(done, markup=False, soft_wrap=True)
