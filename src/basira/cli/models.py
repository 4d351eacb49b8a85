"""`basira models`: the models of the store, their cards, their stages, and the steps that change which one decides.

Enters: options; the login of the person who takes a step. Leaves: two lines a model, a card, a step on record. Never
here: a model's files; which step may follow which.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from basira.cli.db import DatabaseOption, record_of
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.next_command import next_command
from basira.cli.options import Language, LanguageOption, open_console, open_history
from basira.render.shown import echo

if TYPE_CHECKING:
    from basira.monitor.estimate import Estimate
    from basira.monitor.stages import Stage, StageStep
    from basira.render.catalogs import Catalog
    from basira.schema.json_values import JsonObject
    from basira.workflows.models.stages import StagedModel
    from basira.workflows.proof.compare import Comparison

app = typer.Typer(
    no_args_is_help=True, help="Fitted models: list them, read a card, choose with a second person which one decides."
)

VersionArgument = Annotated[str, typer.Argument(help="Version, as `models list` shows it.")]
ByOption = Annotated[str, typer.Option("--by", help="Your login: an account with the role that the step takes.")]
MotiveOption = Annotated[str, typer.Option("--motive", help="Why; it is audited. Name no person.")]


@app.command("list")
def list_all(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """The models of the store with their stages, the latest knowledge first. Only the live one decides."""
    from basira.render.numbers import format_date
    from basira.workflows.models.stages import list_models

    models = list_models(open_history(store), record_of(store, database).place)
    if as_json:
        echo(json.dumps([_body(one) for one in models], ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    if not models:
        train = next_command("train", "--as-of", date.today(), store=store)
        console.print(said.say("models.none", command=train), markup=False, soft_wrap=True, highlight=False)
        return
    # No table: its columns would be cut on a narrow screen, and a version is copied into other commands.
    for one in models:
        since = format_date(one.steps[-1].taken_at[:10], language=language.value) if one.steps else "–"
        stage = said.say(f"models.stage.{one.stage}")
        head = f"{one.version} · {stage} · {said.say('models.since')} {since}"
        console.print(head, style="bold", markup=False, soft_wrap=True, highlight=False)
        names = ("knows_to", "made_at", "items", "irregular", "auc", "brier")
        pairs = zip(names, _figures(one, language), strict=True)
        line = " · ".join(f"{said.say(f'models.{name}')} {figure}" for name, figure in pairs)
        console.print(Padding(Text(line), (0, 0, 0, 3), expand=False))
    if not any(one.stage == "live" for one in models):
        console.print(said.say("models.no_live"), style="yellow")


@app.command("show")
def show_model(
    version: VersionArgument,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """A model's stage and the steps of its life; its card: what it was fitted on, how, how good it was."""
    from basira.models.risk.files import read_card
    from basira.render.numbers import format_percent
    from basira.workflows.models.stages import list_models, name_actors
    from basira.workflows.stores import open_models

    history, place = open_history(store), record_of(store, database).place
    card = read_card(open_models(history.root).folder(version))
    one = next(model for model in list_models(history, place) if model.version == version)
    if as_json:
        echo(json.dumps(card | {"stage": one.stage, "steps": _steps(one)}, ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    names = name_actors(place, one.steps)
    stage = said.say(f"models.stage.{one.stage}")
    console.print(said.say("models.head", version=version, stage=stage), markup=False)
    for step in one.steps:
        taken = said.say(f"models.stage.{step.stage}")
        line = f"  {step.taken_at[:16]}  {taken}  {names.get(step.actor, step.actor)}  {step.motive}"
        console.print(line, markup=False, soft_wrap=True, highlight=False)
    importance = card.pop("importance")
    files = card.pop("files")
    numeric = len(card["numbers"])
    card["numbers"] = said.say_count("models.numeric", numeric, n=say_number(numeric, language.value))
    card["categories"] = ", ".join(name for name, _ in card["categories"])
    # Whole in --json; here what a reader looks for.
    held = card.get("held") or {}
    compared, detection = held.pop("found_over_expected", None), held.pop("detection", None)
    console.print_json(json.dumps(card))
    if compared:
        console.print(_compared(compared, said, language.value))
    if detection:
        console.print(_detection(detection, said, language.value))
    table = Table(title=said.say("models.gain"))
    table.add_column(said.say("models.feature"))
    table.add_column(said.say("models.share"), justify="right")
    for name, share in list(importance.items())[:15]:
        table.add_row(name, format_percent(share, language=language.value, digits=1))
    console.print(table)
    console.print(said.say_count("models.files", len(files), n=say_number(len(files), language.value)))


# What `found_over_expected` is grouped by, in the order shown.
_GROUPINGS = ("by_probability", "by_expected_revenue", "by_potential_duties")
_SHOWN_GROUPS = ("first 1 %", "1", "2", "3", "10")


def _compared(compared: JsonObject, said: Catalog, language: str) -> Table:
    """Found over expected: of all, and by grouping the first hundredth, the first three tenths and the last one."""
    table = Table(title=said.say("models.compared"))
    for column in ("models.compared.of", "models.compared.probability", "models.compared.revenue"):
        table.add_column(said.say(column), justify="left" if column.endswith("of") else "right")
    lines = [(said.say("models.compared.all"), compared["all"])]
    for grouping in _GROUPINGS:
        for group in _SHOWN_GROUPS:
            if group in compared[grouping]:
                rank = "models.compared.hundredth" if group == "first 1 %" else "models.compared.tenth"
                name = f"{said.say(f'models.compared.{grouping}')}, {said.say(rank, n=group)}"
                lines.append((name, compared[grouping][group]))
    for name, both in lines:
        table.add_row(name, *(_ratio(both[what], language) for what in ("probability", "revenue")))
    return table


def _detection(detection: JsonObject, said: Catalog, language: str) -> Table:
    """What each lane finds of what was expected, against all lanes together, by kind."""
    kinds = list(dict.fromkeys(kind for lane in detection.values() for kind in lane))
    table = Table(title=said.say("models.detection"))
    table.add_column(said.say("models.detection.lane"))
    for kind in kinds:
        table.add_column(said.say(f"models.detection.{kind}"), justify="right")
    for lane, found in detection.items():
        table.add_row(lane, *(_ratio(found.get(kind), language) for kind in kinds))
    return table


def _ratio(one: JsonObject | None, language: str) -> str:
    """A ratio with its interval; a dash where nothing was expected or no amount is known."""
    from basira.render.numbers import format_number

    if one is None or one["value"] is None:
        return "–"
    value, low, high = (
        "?" if one[end] is None else format_number(one[end], language=language, digits=2)
        for end in ("value", "low", "high")
    )
    return f"{value} [{low} – {high}]"


@app.command("shadow")
def shadow(
    version: VersionArgument,
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Score the day's declarations with this model too, beside the live one. It decides nothing."""
    step = _take(version, "shadow", by, motive, store=store, database=database)
    _show_step(step, language, as_json=as_json)


@app.command("compare")
def compare(
    version: VersionArgument,
    first: Annotated[str, typer.Option("--from", help="First day that was decided, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day that was decided, YYYY-MM-DD.")],
    as_of: Annotated[
        str, typer.Option("--as-of", help="Last day whose results count, YYYY-MM-DD; today by default.")
    ] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """What a model in the shadow would have found of the days it was tried beside, against the live one."""
    from basira.schema.days import parse_day
    from basira.workflows.proof.compare import compare_shadow
    from basira.workflows.targeting.score import check_period

    begin, end = parse_day(first, name="--from"), parse_day(last, name="--to")
    check_period(begin, end)
    known = parse_day(as_of, name="--as-of") if as_of else date.today()
    place = record_of(store, database).place
    found = compare_shadow(open_history(store), place, version, first=begin, last=end, as_of=known)
    if as_json:
        echo(json.dumps(asdict(found), ensure_ascii=False, indent=1, default=str))
        return
    _show_comparison(found, version, language.value)


def _show_comparison(found: Comparison, version: str, language: str) -> None:
    """The totals of both models by estimator, the gain, and what it says; or why nothing is estimated."""
    from basira.render.error_texts import say_phrase

    console, said = open_console(), messages(language)
    if found.is_simulated:
        console.print(said.say("simulated"), style="bold yellow")
    head = said.say(
        "compare.head",
        version=version,
        declarations=say_number(found.declarations, language),
        results=say_number(found.results, language),
        without=say_number(found.runs_without, language),
    )
    console.print(head, markup=False, soft_wrap=True)
    revenue = said.say("compare.revenue", currency=found.currency)
    for what, one in ((said.say("compare.irregular"), found.findings), (revenue, found.revenue)):
        if one.gain is None:
            reason = say_phrase(one.other.support.refusal or one.live.support.refusal, language)
            console.print(said.say("compare.refused", what=what, reason=reason), markup=False, soft_wrap=True)
            continue
        verdict = f"compare.{one.verdict.replace(' ', '_')}"
        table = Table(title=said.say(verdict, what=what, version=version))
        for column in ("", said.say("compare.live"), version):
            table.add_column(column, justify="right" if column else "left")
        for shown in ("inverse", "self_normalised", "doubly_robust"):
            sides = (_interval(getattr(side, shown), language) for side in (one.live, one.other))
            table.add_row(said.say(f"compare.{shown}"), *sides)
        effective = (say_number(side.support.effective, language) for side in (one.live, one.other))
        table.add_row(said.say("compare.effective"), *effective)
        table.add_row(said.say("compare.gain"), "", _interval(one.gain, language))
        console.print(table)


@app.command("promote")
def promote(
    version: VersionArgument,
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Let this model decide, in the place of the live one. A manager, who neither trained it nor put it in the shadow.

    Services take it within a minute.
    """
    step = _take(version, "live", by, motive, store=store, database=database)
    _show_step(step, language, as_json=as_json)


@app.command("retire")
def retire(
    version: VersionArgument,
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Take a model out of use for good. When it is the live one, the policy's fallback decides until another is."""
    step = _take(version, "retired", by, motive, store=store, database=database)
    _show_step(step, language, as_json=as_json)


@app.command("rollback")
def rollback(
    by: ByOption,
    motive: MotiveOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Bring back the model that was live before, and retire the one that is. A manager alone may do it."""
    from basira.workflows.models.stages import roll_back

    place = record_of(store, database).place
    taken, back = roll_back(open_history(store), place, login=by, now=datetime.now(), motive=motive)
    if as_json:
        echo(json.dumps({"live": back, "retired": taken}, indent=1))
        return
    said = messages(language.value)
    lines = [said.say("models.back", version=back), *([said.say("models.gone", version=taken)] if taken else [])]
    open_console().print(" ".join(lines), markup=False, soft_wrap=True, highlight=False)


def _take(version: str, stage: Stage, by: str, motive: str, *, store: Path, database: str) -> StageStep:
    from basira.workflows.models.stages import take_model_step

    place = record_of(store, database).place
    return take_model_step(open_history(store), place, version, stage, login=by, now=datetime.now(), motive=motive)


def _show_step(step: StageStep, language: Language, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(asdict(step), ensure_ascii=False, indent=1))
        return
    said = messages(language.value)
    stage = said.say(f"models.stage.{step.stage}")
    line = said.say("models.step", version=step.version, stage=stage, at=step.taken_at[:16])
    open_console().print(line, markup=False, soft_wrap=True, highlight=False)


def _interval(one: Estimate | None, language: str) -> str:
    if one is None:
        return "–"
    total, low, high = (say_number(round(value), language) for value in (one.total, one.low, one.high))
    return f"{total} ({low} – {high})"


def _body(one: StagedModel) -> dict[str, Any]:
    return {**one.card, "version": one.version, "stage": one.stage, "is_kept": one.is_kept, "steps": _steps(one)}


def _steps(one: StagedModel) -> list[dict[str, Any]]:
    return [asdict(step) for step in one.steps]


def _figures(one: StagedModel, language: Language) -> tuple[str, ...]:
    """What a card says in short; a dash in each column of a model whose files are gone."""
    if not one.is_kept:
        return ("–",) * 6
    from basira.render.numbers import format_date, format_number

    card: Any = one.card
    late, training = card["later_items"], card["training"]
    code = language.value
    shown = [format_number(late[n], language=code, digits=3) if n in late else "–" for n in ("auc", "brier")]
    counts = [say_number(training[name], code) for name in ("rows", "irregular")]
    days = [format_date(str(card[name])[:10], language=code) for name in ("as_of", "created_at")]
    return *days, *counts, *shown
