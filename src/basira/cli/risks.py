"""`basira risks`: the register of risks.

Enters: options. Leaves: entries with their level, those with an overdue review first. Never here: what a level is; a
change without the login of the person who makes it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.keys import open_database
from basira.cli.lists import ByOption, MotiveOption, faults_in
from basira.cli.messages import messages
from basira.cli.options import Language, LanguageOption, show_json
from basira.render.shown import say_line

if TYPE_CHECKING:
    from basira.workflows.rules.register import RiskShown

app = typer.Typer(no_args_is_help=True, help="The register of risks.")

RiskArgument = Annotated[str, typer.Argument(help="Identifier of the risk.")]
ReviewOption = Annotated[str, typer.Option("--review", help="Day of the next review, YYYY-MM-DD.")]


class Treatment(StrEnum):
    """What is done about a risk."""

    reduce = "reduce"
    avoid = "avoid"
    share = "share"
    accept = "accept"


@app.command("new")
def new(
    risk_id: RiskArgument,
    by: ByOption,
    title: Annotated[str, typer.Option("--title", help="What may happen, in a line. Name no person.")],
    owner: Annotated[str, typer.Option("--owner", help="The service that answers for it.")],
    likelihood: Annotated[int, typer.Option("--likelihood", min=1, max=5, help="1 rare to 5 almost certain.")],
    consequence: Annotated[int, typer.Option("--consequence", min=1, max=5, help="1 slight to 5 grave.")],
    plan: Annotated[str, typer.Option("--plan", help="What is done about it.")],
    review: ReviewOption,
    treatment: Annotated[Treatment, typer.Option("--treatment", help="In a word.")] = Treatment.reduce,
    office: Annotated[str, typer.Option("--office", help="Of a local risk; without: national.")] = "",
    rule: Annotated[list[str] | None, typer.Option("--rule", help="A rule that stands for it; repeatable.")] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Write a risk down."""
    from basira.rules.register import Risk
    from basira.schema.days import parse_day
    from basira.workflows.rules.register import write_entry

    risk = Risk(
        risk_id,
        title,
        owner,
        likelihood,
        consequence,
        treatment.value,
        plan,
        parse_day(review, name="--review"),
        office,
        tuple(rule or ()),
    )
    with faults_in(language), open_database(store, database) as opened:
        made = write_entry(opened, risk, login=by, now=datetime.now(), expected=0)
    if as_json:
        show_json(_content(made))
        return
    say_line(_line(made, language))


@app.command("review")
def review_risk(
    risk_id: RiskArgument,
    by: ByOption,
    motive: MotiveOption,
    review: ReviewOption,
    likelihood: Annotated[int, typer.Option("--likelihood", min=0, max=5, help="0: as it was.")] = 0,
    consequence: Annotated[int, typer.Option("--consequence", min=0, max=5, help="0: as it was.")] = 0,
    closed: Annotated[bool, typer.Option("--closed", help="It is a risk no more.")] = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Write down that a risk was looked at, what it is now, and when it is looked at again."""
    from basira.rules.register import Review
    from basira.schema.days import parse_day
    from basira.workflows.rules.register import review_entry

    review_on = parse_day(review, name="--review")
    looked = Review(review_on, motive, likelihood or None, consequence or None, is_closed=closed)
    with faults_in(language), open_database(store, database) as opened:
        made = review_entry(opened, risk_id, looked, login=by, now=datetime.now())
    if as_json:
        show_json(_content(made))
        return
    say_line(_line(made, language))


@app.command("list")
def list_all(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show every risk: overdue reviews first, then the gravest."""
    from basira.workflows.rules.register import show_register

    with open_database(store, database) as opened, opened.read() as connection:
        found = show_register(connection, on=datetime.now().date())
    _show(found, language, as_json=as_json)


@app.command("show")
def show(
    risk_id: RiskArgument,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show every version of a risk."""
    from basira.workflows.rules.register import show_entry

    with open_database(store, database) as opened, opened.read() as connection:
        found = show_entry(connection, risk_id, on=datetime.now().date())
    _show(found, language, as_json=as_json)


def _show(found: list[RiskShown], language: Language, *, as_json: bool) -> None:
    if as_json:
        show_json([_content(one) for one in found])
        return
    said = messages(language.value)
    for one in found:
        say_line(_line(one, language))
        rules = said.say("risks.rules", rules=", ".join(one.risk.rules)) if one.risk.rules else ""
        treatment = said.say(f"risks.treatment.{one.risk.treatment}")
        say_line(f"   {'  '.join(part for part in (treatment, one.risk.plan, rules) if part)}")
    if not found:
        say_line(said.say("risks.none"))


def _content(one: RiskShown) -> dict[str, object]:
    return {**one.stored.content, "version": one.stored.version, "level": one.risk.level, "overdue": one.is_overdue}


def _line(one: RiskShown, language: Language) -> str:
    from basira.render.numbers import format_date

    said, risk = messages(language.value), one.risk
    due = "closed" if risk.state == "closed" else "overdue" if one.is_overdue else "review"
    review = said.say(f"risks.{due}", day=format_date(risk.review_on, language=language.value))
    product = f"{risk.likelihood} × {risk.consequence} = {risk.product}"
    level = f"{said.say(f'risks.level.{risk.level}')} ({product})"
    where = risk.office or said.say("risks.national")
    return f"{risk.risk_id}  {one.stored.version}  {level}  {where}  {review}  {risk.title} ({risk.owner})"
