"""`basira models`: the models of the store, their cards, their stages, and the steps that change which one decides.

Enters: options; the login of the person who takes a step. Leaves: a table, a card, a step on record. Never here: a
model's files; which step may follow which.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.next_command import next_command
from basira.cli.options import open_console, open_history
from basira.render.shown import echo

if TYPE_CHECKING:
    from basira.monitor.stages import Stage
    from basira.workflows.models.stages import StagedModel

app = typer.Typer(
    no_args_is_help=True, help="Fitted models: list them, read a card, choose with a second person which one decides."
)

VersionArgument = Annotated[str, typer.Argument(help="Version, as `models list` shows it.")]
ByOption = Annotated[str, typer.Option("--by", help="Your login: an account with the role that the step takes.")]
MotiveOption = Annotated[str, typer.Option("--motive", help="Why; it is audited. Name no person.")]


@app.command("list")
def list_all(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False) -> None:
    """The models of the store with their stages, the latest knowledge first. Only the live one decides."""
    from basira.workflows.models.stages import list_models

    models = list_models(open_history(store), record_of(store, database).place)
    if as_json:
        echo(json.dumps([_body(one) for one in models], ensure_ascii=False, indent=1))
        return
    console = open_console()
    if not models:
        train = next_command("train", "--as-of", date.today(), store=store)
        console.print(f"No model yet. Make one: {train}", markup=False, soft_wrap=True, highlight=False)
        return
    table = Table()
    for name in ("version", "stage", "since", "knows up to", "made at"):
        table.add_column(name)
    for name in ("items", "irregular", "AUC later", "Brier later"):
        table.add_column(name, justify="right")
    for one in models:
        since = one.steps[-1].taken_at[:10] if one.steps else ""
        table.add_row(one.version, one.stage, since or "–", *_figures(one))
    console.print(table)
    if not any(one.stage == "live" for one in models):
        console.print("No model is live: the policy's fallback decides.", style="yellow")


@app.command("show")
def show_model(
    version: VersionArgument,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """A model's stage and the steps of its life; its card: what it was fitted on, how, how good it was."""
    from basira.models.risk.files import read_card
    from basira.workflows.models.stages import list_models, name_actors
    from basira.workflows.stores import open_models

    history, place = open_history(store), record_of(store, database).place
    card = read_card(open_models(history.root).folder(version))
    one = next(model for model in list_models(history, place) if model.version == version)
    if as_json:
        echo(json.dumps(card | {"stage": one.stage, "steps": _steps(one)}, ensure_ascii=False, indent=1))
        return
    console = open_console()
    names = name_actors(place, one.steps)
    console.print(f"{version}: {one.stage}", markup=False)
    for step in one.steps:
        line = f"  {step.taken_at[:16]}  {step.stage}  {names.get(step.actor, step.actor)}  {step.motive}"
        console.print(line, markup=False, soft_wrap=True, highlight=False)
    importance = card.pop("importance")
    files = card.pop("files")
    card["numbers"] = f"{len(card['numbers'])} numeric features"
    card["categories"] = ", ".join(name for name, _ in card["categories"])
    console.print_json(json.dumps(card))
    table = Table(title="What the trees gain most from")
    table.add_column("feature")
    table.add_column("share of gain", justify="right")
    for name, share in list(importance.items())[:15]:
        table.add_row(name, f"{share:.1%}")
    console.print(table)
    console.print(f"{len(files)} booster files, each checked against its hash when the model is read.")


@app.command("shadow")
def shadow(
    version: VersionArgument,
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Score the day's declarations with this model too, beside the live one. It decides nothing."""
    _take(version, "shadow", by, motive, store, database, as_json=as_json)


@app.command("promote")
def promote(
    version: VersionArgument,
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let this model decide, in the place of the live one. A manager, who neither trained it nor put it in the shadow.

    Services take it within a minute.
    """
    _take(version, "live", by, motive, store, database, as_json=as_json)


@app.command("retire")
def retire(
    version: VersionArgument,
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a model out of use for good. When it is the live one, the policy's fallback decides until another is."""
    _take(version, "retired", by, motive, store, database, as_json=as_json)


@app.command("rollback")
def rollback(
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring back the model that was live before, and retire the one that is. A manager alone may do it."""
    from basira.workflows.models.stages import roll_back

    place = record_of(store, database).place
    taken, back = roll_back(open_history(store), place, login=by, now=datetime.now(), motive=motive)
    if as_json:
        echo(json.dumps({"live": back, "retired": taken}, indent=1))
        return
    gone = f" {taken} is retired." if taken else ""
    open_console().print(f"{back} is live again.{gone}", markup=False, soft_wrap=True)


def _take(version: str, stage: Stage, by: str, motive: str, store: Path, database: str, *, as_json: bool) -> None:
    from basira.workflows.models.stages import take_model_step

    place = record_of(store, database).place
    step = take_model_step(open_history(store), place, version, stage, login=by, now=datetime.now(), motive=motive)
    if as_json:
        echo(json.dumps(asdict(step), ensure_ascii=False, indent=1))
        return
    open_console().print(f"{version} is {stage} since {step.taken_at[:16]}.", markup=False, soft_wrap=True)


def _body(one: StagedModel) -> dict[str, Any]:
    return {**one.card, "version": one.version, "stage": one.stage, "is_kept": one.is_kept, "steps": _steps(one)}


def _steps(one: StagedModel) -> list[dict[str, Any]]:
    return [asdict(step) for step in one.steps]


def _figures(one: StagedModel) -> tuple[str, ...]:
    """What a card says in short; a dash in each column of a model whose files are gone."""
    if not one.is_kept:
        return ("–",) * 6
    card: Any = one.card
    late, training = card["later_items"], card["training"]
    shown = [f"{late[n]:.3f}" if n in late else "–" for n in ("auc", "brier")]
    return card["as_of"], card["created_at"], f"{training['rows']:,}", f"{training['irregular']:,}", *shown
