"""`basira policy`: a policy checked, compared and looked at before it changes.

Enters: options. Leaves: tables on the screen, or JSON. Never here: a choice, a record.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import messages, say_number
from basira.cli.options import (
    Language,
    LanguageOption,
    LiveModelOption,
    MemoryOption,
    PolicyOption,
    open_console,
    open_history,
    steps,
)
from basira.render.shown import echo
from basira.schema.days import parse_day
from basira.schema.errors import PolicyError, UsageError
from basira.schema.json_values import JsonObject

if TYPE_CHECKING:
    from basira.workflows.targeting.preview import OrderPreview

app = typer.Typer(help="Look at a selection policy before it changes.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Look at a selection policy before it changes."""


@app.command()
def preview(
    day: Annotated[str, typer.Option("--day", help="The only day, YYYY-MM-DD.")] = "",
    first: Annotated[str, typer.Option("--from", help="First day of a period, YYYY-MM-DD.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day of a period, YYYY-MM-DD.")] = "",
    store: StoreOption = DEFAULT_STORE,
    policy: PolicyOption = "morocco",
    office: Annotated[str, typer.Option(help="Only this office's declarations.")] = "",
    any_office: Annotated[
        bool, typer.Option("--any-office", help="Accept every code as an office, without the policy's list.")
    ] = False,
    model: LiveModelOption = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random control, the same for every order.")] = 0,
    memory: MemoryOption = "2GB",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Compare what the orders balanced, findings and revenue would select: on days of your own, and on past results.

    Example: basira policy preview --day 22/01/2024

    Give --day, or --from and --to. Each day is seen as on the day before it, by a model that knows nothing later than
    the day before the first one. Nothing is recorded.
    """
    from basira.selection.policy.load import find_policy, load_policy
    from basira.serving.admissible import folded_office
    from basira.workflows.engine import EngineBounds
    from basira.workflows.models.stages import live_model
    from basira.workflows.stores import operations_of
    from basira.workflows.targeting.preview import PreviewedDays, preview_orders
    from basira.workflows.targeting.score import check_period, choose_model

    if bool(day) == bool(first or last) or bool(first) != bool(last):
        raise UsageError(
            "Expected --day, or --from and --to, found something else.", hint="basira policy preview --day 2024-06-12"
        )
    begin = parse_day(day or first, name="--day" if day else "--from")
    end = parse_day(day or last, name="--day" if day else "--to")
    check_period(begin, end)
    history = open_history(store)
    folder = find_policy(policy)
    known = begin - timedelta(days=1)
    chosen = (
        choose_model(history, as_of=known, version=model)
        if model
        else live_model(history, operations_of(history), as_of=known)
    )
    with steps("preview", quiet=as_json) as progress:
        found = preview_orders(
            history,
            PreviewedDays(begin, end, seed, folded_office(office) or None, any_office),
            model=chosen,
            policy_on=lambda on: load_policy(folder, on),
            engine=EngineBounds(memory=memory),
            progress=progress,
        )
    if as_json:
        body = asdict(found) | {"first": begin.isoformat(), "last": end.isoformat()}
        echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    console.print(selected_table(found, language))
    console.print(designs_table(found, language))
    console.print(said.say("preview.designs.note"), markup=False)
    if found.past is None:
        console.print(said.say("preview.no_past", model=found.model_version), markup=False)
        return
    console.print(past_table(found.past, language))
    price = found.past["price"]
    for name in ("findings_kept", "revenue_gained", "revenue_kept"):
        if price[name] is not None:
            figure = _with_interval(*price[name], language=language)
            console.print(said.say(f"preview.{name}", figure=figure), markup=False)


@app.command()
def check(
    policy: Annotated[str, typer.Argument(help="Policy folder, or the name of a shipped one.")],
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Check every version of a policy's folder: what is wrong in it, and days on which none is in force.

    Example: basira policy check policies/morocco

    Exit code 6 when a version is not valid.
    """
    from basira.render.error_texts import say_phrase
    from basira.selection.policy.check import check_policy
    from basira.selection.policy.load import find_policy

    found = check_policy(find_policy(policy, option="POLICY"))
    if as_json:
        echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1, default=str))
    else:
        console, said = open_console(), messages(language.value)
        for one in found:
            if one.gap_until is not None:
                console.print(said.say("policy.gap", day=_day(one.gap_until, language)), style="yellow", markup=False)
            if one.fault:
                console.print(f"✗ {say_phrase(one.fault, language.value)}", style="red", markup=False, soft_wrap=True)
                console.print(f"  → {say_phrase(one.hint, language.value)}", markup=False, soft_wrap=True)
                continue
            until = said.say("policy.no_end") if one.valid_until is None else _day(one.valid_until, language)
            line = said.say(
                "policy.version",
                file=one.file,
                version=one.version,
                first=_day(one.valid_from, language),
                last=until,
                lanes=say_number(one.lanes, language.value),
                offices=say_number(one.offices, language.value),
                mandatory=say_number(one.mandatory, language.value),
            )
            console.print(f"✓ {line}", markup=False, soft_wrap=True)
    faults = sum(bool(one.fault) for one in found)
    if faults:
        raise typer.Exit(PolicyError.exit_code)


@app.command()
def compare(
    before: Annotated[str, typer.Argument(help="Policy folder, or the name of a shipped one.")],
    after: Annotated[str, typer.Argument(help="The policy to hold beside it; the same folder for another day.")] = "",
    day: Annotated[str, typer.Option("--day", help="Day on which the first is in force; today by default.")] = "",
    after_day: Annotated[
        str, typer.Option("--after-day", help="Day on which the second is in force; --day by default.")
    ] = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show the fields in which two policies differ, or two versions of one.

    Example: basira policy compare policies/morocco policies/draft --day 22/01/2024
    """
    from basira.selection.policy.check import compare_policies
    from basira.selection.policy.load import find_policy, load_policy

    on = parse_day(day, name="--day") if day else datetime.now().date()
    later = parse_day(after_day, name="--after-day") if after_day else on
    old = load_policy(find_policy(before, option="BEFORE"), on)
    new = load_policy(find_policy(after or before, option="AFTER"), later)
    found = compare_policies(old, new)
    if as_json:
        echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
        return
    console, said = open_console(), messages(language.value)
    names = {"before": f"{old.name} {old.version}", "after": f"{new.name} {new.version}"}
    if not found:
        console.print(said.say("policy.same", **names), markup=False)
        return
    count = len(found)
    line = said.say_count("policy.changed", count, n=say_number(count, language.value), **names)
    console.print(line, style="bold", markup=False)
    for one in found:
        absent = said.say("again.absent")
        # A name of the file: from left to right in Arabic too.
        console.print(f"{one.field}: {one.before or absent} → {one.after or absent}", markup=False, soft_wrap=True)


def _day(day: date | None, language: Language) -> str:
    from basira.render.numbers import format_date

    return format_date(None if day is None else day.isoformat(), language=language.value)


def selected_table(found: OrderPreview, language: Language = Language.fr) -> Table:
    """What each order would select, by office."""
    from basira.render.numbers import format_number

    said, code = messages(language.value), language.value
    order = said.say(f"preview.order.{found.order}")
    if found.exponent is not None:
        weight = format_number(found.exponent, language=code, digits=2)
        order = said.say("preview.exponent", order=order, exponent=weight)
    first, last = _day(found.first, language), _day(found.last, language)
    period = first if first == last else said.say("from_to", first=first, last=last)
    count = found.declarations
    values = {"period": period, "n": say_number(count, code), "order": order}
    table = Table(title=said.say_count("preview.title", count, **values))
    table.add_column(said.say("preview.office"), no_wrap=True)
    table.add_column(said.say("preview.order"), no_wrap=True)
    for name in ("inspected", "by_rank", "findings", "revenue", "others"):
        table.add_column(said.say(f"preview.{name}"), justify="right")
    for one in found.selected:
        table.add_row(
            said.say("results.all") if one.office == "*" else one.office,
            said.say(f"preview.order.{one.order}"),
            say_number(one.inspected, code),
            say_number(one.by_model, code),
            format_number(one.expected_findings, language=code, digits=1),
            format_number(one.expected_revenue, language=code, digits=0),
            say_number(one.others, code),
            style="bold" if one.order == found.order else "",
        )
    return table


def designs_table(found: OrderPreview, language: Language = Language.fr) -> Table:
    """How many plain controls the controls of each design would be worth."""
    from basira.render.numbers import UNKNOWN, format_number

    said, code = messages(language.value), language.value

    def write(value: float | None) -> str:
        return UNKNOWN if value is None else format_number(value, language=code, digits=1)

    table = Table(title=said.say("preview.designs"))
    table.add_column(said.say("preview.design"), no_wrap=True)
    for name in ("declarations", "controls", "rate", "gap"):
        table.add_column(said.say(f"preview.designs.{name}"), justify="right")
    for one in found.designs:
        table.add_row(
            said.say(f"preview.design.{one.design}"),
            say_number(one.declarations, code),
            write(one.controls),
            write(one.rate),
            write(one.gap),
            style="bold" if one.design == found.design else "",
        )
    return table


def past_table(past: JsonObject, language: Language = Language.fr) -> Table:
    """What each order would have found of the later results of training, by share inspected."""
    from basira.render.numbers import format_percent

    said, code = messages(language.value), language.value
    counts = {name: say_number(round(past[name]), code) for name in ("declarations", "findings")}
    table = Table(title=said.say("preview.past", **counts))
    table.add_column(said.say("preview.order"), no_wrap=True)
    table.add_column(said.say("preview.of_all"), no_wrap=True)
    for share in past["shares"]:
        table.add_column(format_percent(share, language=code), justify="right")
    for order, quantities in past["found"].items():
        for what, figures in quantities.items():
            cells = zip(figures["value"], figures["low"], figures["high"], strict=True)
            shown = (_with_interval(*cell, language=language) for cell in cells)
            table.add_row(said.say(f"preview.order.{order}"), said.say(f"preview.of.{what}"), *shown)
    return table


def _with_interval(value: float, low: float, high: float, *, language: Language) -> str:
    from basira.render.numbers import format_number

    # A semicolon: the decimal mark of two of the three languages is a comma.
    middle, least, most = (format_number(one, language=language.value, digits=2) for one in (value, low, high))
    return f"{middle} [{least} ; {most}]"
