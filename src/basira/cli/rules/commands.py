"""`basira rules`: risk profiles written, checked, tried, tested on the past, approved by a second person, retired.

Enters: options; a rule as text or as a file of JSON. Leaves: what was recorded, verdicts with reasons, figures. Never
here: the meaning of a rule; a step without the login of the person who takes it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.keys import open_database
from basira.cli.lists import faults_in
from basira.cli.messages import messages
from basira.cli.options import Language, LanguageOption, MemoryOption, PolicyOption, open_history, show_json, steps
from basira.cli.rules.shown import evidence_line, lines_of_test, rate_line
from basira.render.shown import echo, say_line

if TYPE_CHECKING:
    from basira.rules.lifecycle import State
    from basira.rules.lists.dated import DatedLists
    from basira.rules.model import Condition, Rule
    from basira.rules.names import Vocabulary
    from basira.rules.values import ListValues
    from basira.storage.rules.store import StoredStep
    from basira.workflows.rules.life import RuleVersion
    from basira.workflows.stores import Database

app = typer.Typer(no_args_is_help=True, help="Risk profiles: rules that analysts write.")

ByOption = Annotated[str, typer.Option("--by", help="Your login: an account with the role that the step takes.")]
RuleArgument = Annotated[str, typer.Argument(help="Identifier of the rule.")]
VersionOption = Annotated[int, typer.Option("--version", min=0, help="Version of the rule; the newest by default.")]
MotiveOption = Annotated[str, typer.Option("--motive", help="Why; it is audited. Name no person.")]
TextOption = Annotated[str, typer.Option("--text", help="A condition, in French, Arabic or English.")]
FromOption = Annotated[str, typer.Option("--from", help="First day of declaration, YYYY-MM-DD.")]
ListsOfTodayOption = Annotated[
    bool, typer.Option("--lists-of-today", help="As if today's lists had been known before: flatters the past.")
]
ToOption = Annotated[str, typer.Option("--to", help="Last day of declaration, YYYY-MM-DD.")]


@app.command("new")
def new(
    rule_id: RuleArgument,
    by: ByOption,
    text: Annotated[str, typer.Option("--text", help="The condition, in French, Arabic or English.")],
    title: Annotated[str, typer.Option("--title", help="What the rule looks for, in a line.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is written: what was seen.")],
    starts: Annotated[str, typer.Option("--starts", help="First day on which it holds, YYYY-MM-DD.")],
    expires: Annotated[str, typer.Option("--expires", help="Last day, YYYY-MM-DD; within 366 days.")],
    lane: Annotated[str, typer.Option("--lane", help="Lane that it wants, or a more intensive one.")] = "",
    mandatory: Annotated[bool, typer.Option("--mandatory", help="On every hit, beyond capacity too.")] = False,
    tag: Annotated[str, typer.Option("--tag", help="A word to find its hits by.")] = "",
    sample: Annotated[float, typer.Option("--sample", help="Share of the hits on which it acts, 0 to 1.")] = 1.0,
    office: Annotated[list[str] | None, typer.Option("--office", help="Holds there alone; repeatable.")] = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Record a rule as a draft, from the text of its condition. The same identifier again: its next version."""
    from basira.rules.json_form import write_condition
    from basira.rules.text import parse_condition
    from basira.workflows.rules.life import read_rule_text, write_version
    from basira.workflows.rules.lists import known_vocabulary

    with faults_in(language), open_database(store, database) as opened:
        vocabulary = known_vocabulary(opened)
        content = {
            "rule_id": rule_id,
            "title": title,
            "reason": reason,
            "condition": write_condition(parse_condition(text, vocabulary)),
            "effect": {"lane": lane, "is_mandatory": mandatory, "tag": tag},
            "sample_share": sample,
            "offices": office or [],
            "starts_on": starts,
            "expires_on": expires,
        }
        rule = read_rule_text(json.dumps(content), vocabulary)
        made = write_version(opened, rule, login=by, now=datetime.now())
    _show(made, language, as_json)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files of JSON, one rule each.")],
    by: ByOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Record the rules of files as drafts. All of them are checked before the first is recorded."""
    from basira.workflows.rules.life import write_version
    from basira.workflows.rules.lists import known_vocabulary

    with faults_in(language), open_database(store, database) as opened:
        vocabulary = known_vocabulary(opened)
        rules = [_read_file(path, vocabulary) for path in files]
        made = [write_version(opened, rule, login=by, now=datetime.now()) for rule in rules]
    if as_json:
        show_json([_content(one) for one in made])
        return
    for one in made:
        _show(one, language, as_json=False)


@app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="A file of JSON; - for standard input.")] = None,
    text: TextOption = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Check a rule, or the text of a condition, and show it in three languages. Nothing is recorded."""
    from basira.rules.json_form import write_condition
    from basira.rules.write import write_text

    vocabulary, _ = _names_and_lists(store, database)
    with faults_in(language):
        condition = _condition_of(file, text, vocabulary)
    written = {one.value: write_text(condition, vocabulary, one.value) for one in Language}
    if as_json:
        echo(json.dumps({"condition": write_condition(condition), "text": written}, ensure_ascii=False, indent=1))
        return
    for one, sentence in written.items():
        echo(f"{one}: {sentence}")


@app.command("try")
def try_it(
    first: FromOption,
    last: ToOption,
    file: Annotated[Path | None, typer.Argument(help="A file of JSON; - for standard input.")] = None,
    text: TextOption = "",
    declaration: Annotated[str, typer.Option("--declaration", help="This one alone.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=100, help="How many declarations to show.")] = 5,
    lists_of_today: ListsOfTodayOption = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    memory: MemoryOption = "2GB",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show what a rule says of declarations of a period, and why. Nothing is recorded."""
    from basira.schema.days import parse_day
    from basira.workflows.engine import EngineBounds
    from basira.workflows.rules.backtest import Asked, try_rule
    from basira.workflows.rules.period import PeriodDays, read_period

    end = parse_day(last, name="--to")
    vocabulary, lists = _names_and_lists(store, database, is_known_always=lists_of_today)
    with faults_in(language), steps("read", quiet=as_json) as progress:
        condition = _condition_of(file, text, vocabulary)
        period = read_period(
            open_history(store),
            [condition],
            vocabulary,
            PeriodDays(parse_day(first, name="--from"), end, end),
            engine=EngineBounds(memory=memory),
            progress=progress,
        )
        tried = try_rule(condition, period, vocabulary, lists, Asked(language.value, declaration or None, most))
    if as_json:
        echo(json.dumps([asdict(one) for one in tried], ensure_ascii=False, indent=1))
        return
    for one in tried:
        say_line(one.declaration_id)
        for sentence in one.sentences:
            say_line(f"  {sentence}")
    if not tried:
        say_line(messages(language.value).say("rules.no_hit"))


@app.command("backtest")
def backtest(
    rule_id: RuleArgument,
    first: FromOption,
    last: ToOption,
    as_of: Annotated[str, typer.Option("--as-of", help="Last day whose results count, YYYY-MM-DD.")],
    by: Annotated[str, typer.Option("--by", help="Your login: the test is recorded as a step. Without: shown.")] = "",
    version: VersionOption = 0,
    lists_of_today: ListsOfTodayOption = False,
    policy: PolicyOption = "morocco",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    memory: MemoryOption = "2GB",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Put a rule on the declarations of a past period: hits, results as far as they are known, examples.

    Beside it: what the model and the other live rules would have found anyway, what would lose its slot, operators
    hit for the first time, false alarms by class of operator, findings missed and needless hits by little.

    The hit rate is corrected by the inclusion probabilities that runs recorded; where nothing was inspected, or no
    probability was recorded, it is unknown. An entry of a list counts from the day after it was recorded.
    """
    from basira.schema.days import parse_day
    from basira.selection.policy.load import find_policy, load_policy
    from basira.workflows.engine import EngineBounds
    from basira.workflows.rules.full_test import FullTestOrder, run_full_test, values_of_test
    from basira.workflows.rules.period import PeriodDays

    days = PeriodDays(parse_day(first, name="--from"), parse_day(last, name="--to"), parse_day(as_of, name="--as-of"))
    folder = find_policy(policy)
    with open_database(store, database) as opened, steps("back-test", quiet=as_json) as progress:
        found = run_full_test(
            open_history(store),
            opened,
            FullTestOrder(rule_id, days, datetime.now(), version or None, login=by, lists_of_today=lists_of_today),
            cache(lambda day: load_policy(folder, day)),
            engine=EngineBounds(memory=memory),
            progress=progress,
        )
    if as_json:
        echo(json.dumps(values_of_test(found), ensure_ascii=False, indent=1))
        return
    for line in lines_of_test(found, language.value):
        echo(line)


@app.command("compare")
def compare(
    rule_id: RuleArgument,
    one: Annotated[int, typer.Argument(help="A version.")],
    other: Annotated[int, typer.Argument(help="Another version.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two versions of a rule."""
    from basira.workflows.rules.life import compare_versions, show_version
    from basira.workflows.rules.vocabulary import make_vocabulary

    today = datetime.now().date()
    with open_database(store, database) as opened, opened.read() as connection:
        rules = [show_version(connection, rule_id, on=today, version=number).rule for number in (one, other)]
    lines = compare_versions(rules[0], rules[1], make_vocabulary(), language.value)
    if as_json:
        show_json(lines)
        return
    for line in lines or [messages(language.value).say("rules.same")]:
        say_line(line)


def _add_step(name: str, state: State, help_text: str, *, has_motive: bool = False) -> None:
    """Add the command that takes one step of a version's life, with a motive where the step needs one."""

    def take(
        rule_id: RuleArgument,
        by: ByOption,
        version: VersionOption = 0,
        store: StoreOption = DEFAULT_STORE,
        database: DatabaseOption = "",
        language: LanguageOption = Language.fr,
        as_json: JsonOption = False,
    ) -> None:
        with faults_in(language), open_database(store, database) as opened:
            step = _take(opened, rule_id, state, login=by, version=version, motive="")
        _show_step(step, language, as_json=as_json)

    def take_with_motive(
        rule_id: RuleArgument,
        by: ByOption,
        motive: MotiveOption,
        version: VersionOption = 0,
        store: StoreOption = DEFAULT_STORE,
        database: DatabaseOption = "",
        language: LanguageOption = Language.fr,
        as_json: JsonOption = False,
    ) -> None:
        with faults_in(language), open_database(store, database) as opened:
            step = _take(opened, rule_id, state, login=by, version=version, motive=motive)
        _show_step(step, language, as_json=as_json)

    app.command(name, help=help_text)(take_with_motive if has_motive else take)


_add_step("submit", "submitted", "Submit a version that was tested on the past.")
_add_step(
    "approve",
    "approved",
    "Approve a submitted version: another person than its author, with the role manager.",
    has_motive=True,
)
_add_step("reject", "draft", "Send a submitted version back: it is a draft again.", has_motive=True)
_add_step("shadow", "shadow", "Let an approved version be judged without acting.")
_add_step(
    "start",
    "live",
    "Make an approved version live, from its first day on. It takes the place of the version that was.",
)
_add_step("retire", "retired", "Retire a version, for good. Its record stays.", has_motive=True)


@app.command("watch")
def watch(
    first: FromOption,
    last: ToOption,
    as_of: Annotated[str, typer.Option("--as-of", help="Last day whose results count, YYYY-MM-DD.")],
    store: StoreOption = DEFAULT_STORE,
    memory: MemoryOption = "2GB",
    as_json: JsonOption = False,
) -> None:
    """Show what live rules were worth in the runs of a period, the one that gained most first.

    The gain is what acting on its hits found more than letting them go, by the hits that the draw let go.

    Its controls are weighed beside the random control of the same office by a test that may be looked at on any day, as
    long as --from stays the same: where the evidence is 20 or more, retirement is proposed. A person decides.
    """
    from basira.schema.days import parse_day
    from basira.workflows.engine import EngineBounds
    from basira.workflows.rules.period import PeriodDays
    from basira.workflows.rules.watch import watch_rules

    days = PeriodDays(parse_day(first, name="--from"), parse_day(last, name="--to"), parse_day(as_of, name="--as-of"))
    with steps("watch", quiet=as_json) as progress:
        found = watch_rules(open_history(store), days, engine=EngineBounds(memory=memory), progress=progress)
    if as_json:
        echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1, default=str))
        return
    for one in found:
        echo(f"{one.rule_id} version {one.version}: {one.title}")
        echo(f"  hits {one.hits:,}, acted on {one.acted:,}, let go {one.let_go:,}, controls {one.controls:,}")
        echo(f"  {rate_line(one.rate)}")
        if one.revenue is not None:
            echo(f"  revenue a control {one.revenue:,.0f}")
        gain = one.gain
        echo(
            "  gain unknown: mandatory, or too few hits drawn or found"
            if gain is None
            else f"  gain {gain.findings:.3f} findings a hit ({gain.low:.3f} to {gain.high:.3f})"
        )
        echo(f"  {evidence_line(one.evidence)}")
    if not found:
        echo("No live rule hit anything in the runs of the period.")


@app.command("list")
def list_all(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show every version of every rule, with what it is today."""
    from basira.workflows.rules.life import show_all

    with open_database(store, database) as opened, opened.read() as connection:
        found = show_all(connection, on=datetime.now().date())
    if as_json:
        echo(json.dumps([_content(one) for one in found], ensure_ascii=False, indent=1))
        return
    for one in found:
        rule, (status, dates) = one.rule, _status_and_dates(one, language)
        say_line(f"{rule.rule_id}  {one.stored.version}  {status}  {dates}  {rule.title}")
    if not found:
        say_line(messages(language.value).say("rules.none"))


@app.command("show")
def show(
    rule_id: RuleArgument,
    version: VersionOption = 0,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show one version: its condition, its dates, every step of its life."""
    from basira.workflows.rules.life import show_version

    with open_database(store, database) as opened, opened.read() as connection:
        found = show_version(connection, rule_id, on=datetime.now().date(), version=version or None)
    _show(found, language, as_json)


def _take(opened: Database, rule_id: str, state: State, *, login: str, version: int, motive: str) -> StoredStep:
    from basira.workflows.rules.life import take_step

    return take_step(opened, rule_id, state, login=login, now=datetime.now(), version=version or None, motive=motive)


def _show_step(step: StoredStep, language: Language, *, as_json: bool) -> None:
    if as_json:
        show_json(asdict(step))
        return
    said = messages(language.value)
    state = said.say(f"rules.status.{step.state}")
    say_line(said.say("rules.step", rule=step.rule_id, version=str(step.version), state=state))


def _names_and_lists(
    store: Path, database: str, *, is_known_always: bool = False
) -> tuple[Vocabulary, DatedLists | dict[str, ListValues]]:
    """The names that rules may use, and the lists over time; without a database there are no lists."""
    from basira.cli.db import record_of
    from basira.workflows.rules.lists import read_dated
    from basira.workflows.rules.vocabulary import make_vocabulary

    place = record_of(store, database).place if database or (store / "CURRENT").is_file() else None
    if place is None or (isinstance(place, Path) and not place.is_file()):
        return make_vocabulary(), {}
    with open_database(store, database) as opened:
        return read_dated(opened, is_known_always=is_known_always)


def _read_file(path: Path, vocabulary: Vocabulary) -> Rule:
    from basira.schema.errors import SourceError
    from basira.workflows.rules.life import read_rule_text

    try:
        text = sys.stdin.read(200_000) if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"Expected a file of JSON in UTF-8 at {str(path)!r}, found none that can be read.",
            hint="Name another file.",
        ) from error
    return read_rule_text(text, vocabulary)


def _condition_of(file: Path | None, text: str, vocabulary: Vocabulary) -> Condition:
    from basira.rules.text import parse_condition
    from basira.schema.errors import UsageError

    if (file is None) == (not text):
        raise UsageError("Expected either a file or --text, found both or neither.", hint="Give one of the two.")
    return _read_file(file, vocabulary).condition if file is not None else parse_condition(text, vocabulary)


def _content(one: RuleVersion) -> dict[str, Any]:
    return {
        "version": one.stored.version,
        "status": one.status,
        "digest": one.stored.digest,
        "author": one.stored.author,
        "rule": dict(one.stored.content),
        "steps": [asdict(step) for step in one.steps],
    }


def _show(one: RuleVersion, language: Language, as_json: bool) -> None:
    from basira.rules.write import write_text
    from basira.workflows.rules.vocabulary import make_vocabulary

    if as_json:
        echo(json.dumps(_content(one), ensure_ascii=False, indent=1))
        return
    rule = one.rule
    said, (status, dates) = messages(language.value), _status_and_dates(one, language)
    version = str(one.stored.version)
    say_line(said.say("rules.head", rule=rule.rule_id, version=version, status=status, dates=dates))
    say_line(f"  {rule.title}")
    say_line(f"  {write_text(rule.condition, make_vocabulary(), language.value)}")
    for step in one.steps:
        state, by = said.say(f"rules.status.{step.state}"), said.say("by", actor=step.actor)
        why = f"  {step.motive}" if step.motive else ""
        say_line(f"  {step.taken_at[:16]}  {state}  {by}{why}")


def _status_and_dates(one: RuleVersion, language: Language) -> tuple[str, str]:
    from basira.render.numbers import format_date

    said, code = messages(language.value), language.value
    first, last = (format_date(day, language=code) for day in (one.rule.starts_on, one.rule.expires_on))
    return said.say(f"rules.status.{one.status}"), said.say("from_to", first=first, last=last)
