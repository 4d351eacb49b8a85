"""`basira lists`: lists that rules name, their entries, and operators for whom a rule sleeps.

Enters: options; tables as CSV or XLSX. Leaves: what was recorded, tables, sentences. Never here: what an entry means
for a rule; a change without the login of the person who makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.keys import open_database
from basira.cli.messages import messages, say_number
from basira.cli.options import Language, LanguageOption, show_json
from basira.render.shown import say_line

if TYPE_CHECKING:
    from basira.rules.lists.model import Entry
    from basira.schema.errors import RuleError
    from basira.storage.rules.lists import StoredList
    from basira.workflows.rules.lists import ListShown, ShownEntry

app = typer.Typer(no_args_is_help=True, help="Lists that rules name: operators, products, origins, containers.")

ByOption = Annotated[str, typer.Option("--by", help="Your login: an account with the role that the change takes.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the list.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it can be erased with the entry.")]
MotiveOption = Annotated[str, typer.Option("--motive", help="Why; it is audited. Name no person.")]
FromOption = Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD; today by default.")]


class Kind(StrEnum):
    """Kinds of lists."""

    operators = "operators"
    products = "products"
    origins = "origins"
    addresses = "addresses"
    containers = "containers"


@app.command("new")
def new(
    name: NameArgument,
    by: ByOption,
    kind: Annotated[Kind, typer.Option("--kind", help="What its entries are.")],
    title: Annotated[str, typer.Option("--title", help="What it is for, in a line. Name no person.")],
    owner: Annotated[str, typer.Option("--owner", help="The service that answers for it.")],
    names: Annotated[bool, typer.Option("--names", help="Entries are names: a close one is on the list too.")] = False,
    closeness: Annotated[
        float, typer.Option("--closeness", min=0.7, max=1, help="With --names: how close is close enough.")
    ] = 0.9,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Make an empty list. In a rule: importer_id in list 'NAME'."""
    from basira.rules.lists.model import ListHeader
    from basira.workflows.rules.lists import create_list

    header = ListHeader(name, kind.value, title, owner, "name" if names else "exact", closeness)
    with faults_in(language), open_database(store, database) as opened:
        made = create_list(opened, header, login=by, now=datetime.now())
    _show_change(made, language, "lists.made", as_json=as_json)


@app.command("add")
def add(
    name: NameArgument,
    value: Annotated[str, typer.Argument(help="An identifier, a name, a code, as declarations have it.")],
    by: ByOption,
    source: Annotated[str, typer.Option("--source", help="Where it comes from; it can be erased with the entry.")],
    reason: ReasonOption,
    starts: FromOption = "",
    until: Annotated[str, typer.Option("--until", help="Last day, YYYY-MM-DD; without: no end.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it; by default the list's owner.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Add one entry."""
    from basira.workflows.rules.lists import add_to_list

    entry = _entry(value, starts, until, source, reason, owner)
    with faults_in(language), open_database(store, database) as opened:
        changed = add_to_list(opened, name, [entry], login=by, now=datetime.now())
    _show_change(changed, language, "lists.changed", as_json=as_json, number=str(changed.last))


@app.command("import")
def import_table(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="CSV or XLSX: value, from, until, source, reason, owner.")],
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Why; it is audited. Name no person.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Add the entries of a table: all of them, or none when a row is broken."""
    from basira.schema.errors import SourceError
    from basira.workflows.rules.lists import import_list

    try:
        content = file.read_bytes()
    except OSError as error:
        raise SourceError(
            "Expected a file at {file!r}, found none that can be read.",
            hint="Name it.",
            file=str(file),
        ) from error
    with faults_in(language), open_database(store, database) as opened:
        count, faults = import_list(opened, name, content, login=by, now=datetime.now(), motive=motive or None)
        if faults:
            raise _all_of(faults, language)
    if as_json:
        show_json({"name": name, "added": count})
        return
    say_line(messages(language.value).say_count("lists.added", count, name=name, n=say_number(count, language.value)))


@app.command("end")
def end(
    name: NameArgument,
    entry: Annotated[int, typer.Argument(help="Number of the entry.")],
    by: ByOption,
    motive: MotiveOption,
    until: Annotated[str, typer.Option("--until", help="Its last day; by default yesterday: it holds no more.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Give an entry an earlier end. What it did until then stays on record."""
    from datetime import timedelta

    from basira.rules.lists.model import Ending
    from basira.schema.days import parse_day
    from basira.workflows.rules.lists import end_in_list

    now = datetime.now()
    ends_on = parse_day(until, name="--until") if until else now.date() - timedelta(days=1)
    with faults_in(language), open_database(store, database) as opened:
        changed = end_in_list(opened, name, Ending(entry, ends_on, motive), login=by, now=now)
    day = _shown_day(ends_on, language)
    _show_change(changed, language, "lists.ended", as_json=as_json, entry=str(entry), day=day)


@app.command("snooze")
def snooze_operator(
    rule_id: Annotated[str, typer.Argument(help="Identifier of the rule.")],
    operator: Annotated[str, typer.Argument(help="Importer, exporter or declarant for whom the rule sleeps.")],
    by: ByOption,
    reason: ReasonOption,
    until: Annotated[str, typer.Option("--until", help="Last day, YYYY-MM-DD; within 180 days.")],
    source: Annotated[str, typer.Option("--source", help="Who asked for it.")] = "analyst",
    starts: FromOption = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Put a rule to sleep for an operator. `basira lists end snooze:RULE` wakes it."""
    from basira.workflows.rules.lists import snooze

    entry = _entry(operator, starts, until, source, reason, "")
    with faults_in(language), open_database(store, database) as opened:
        changed = snooze(opened, rule_id, entry, login=by, now=datetime.now())
    day = _shown_day(entry.ends_on, language)
    values = {"rule": rule_id, "operator": entry.value, "day": day}
    _show_change(changed, language, "lists.asleep", as_json=as_json, **values)


@app.command("list")
def list_all(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show every list, with the number of its entries."""
    from basira.workflows.rules.lists import show_lists

    with open_database(store, database) as opened, opened.read() as connection:
        found = show_lists(connection)
    if as_json:
        show_json([{**asdict(one), "entries": count} for one, count in found])
        return
    said = messages(language.value)
    for one, count in found:
        kind = said.say(f"lists.kind.{one.kind}")
        if one.matching == "name":
            kind = said.say("lists.names", kind=kind, closeness=_closeness(one.least_closeness, language))
        change = said.say("lists.change", number=str(one.last))
        say_line(f"{one.name}  {kind}  {_entries(count, language)}  {change}  {one.title} ({one.owner})")
    if not found:
        say_line(said.say("lists.no_list"))


@app.command("show")
def show(
    name: NameArgument,
    on: Annotated[str, typer.Option("--on", help="Only entries in force on this day, YYYY-MM-DD.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show the entries of a list, those that are over too."""
    found = _read(name, store, database)
    entries = _in_force(found, on)
    if as_json:
        show_json({**asdict(found.header), "entries": [asdict(one) for one in entries]})
        return
    said, header = messages(language.value), found.header
    change = said.say("lists.change", number=str(found.last))
    say_line(f"{header.name}  {header.title} ({header.owner})  {change}")
    for one in entries:
        first, last = _shown_day(one.starts_on, language), _shown_day(one.ends_on, language)
        dates = said.say("from_to", first=first, last=last) if one.ends_on else said.say("from_on", first=first)
        content = said.say("lists.erased")
        if one.entry is not None:
            content = "  ".join((one.entry.value, one.entry.source, one.entry.reason))
        say_line(f"  {one.number}  {dates}  {content}")
    if not entries:
        say_line(said.say("lists.no_entry"))


@app.command("history")
def history(
    name: NameArgument,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show the changes of a list: who, when, how many entries."""
    changes = _read(name, store, database).changes
    if as_json:
        show_json([asdict(one) for one in changes])
        return
    said = messages(language.value)
    for one in changes:
        action, by = said.say(f"lists.action.{one.action}"), said.say("by", actor=one.actor)
        why = f"  {one.motive}" if one.motive else ""
        say_line(f"{one.number}  {one.taken_at[:16]}  {action}  {_entries(one.entry_count, language)}  {by}{why}")


@app.command("export")
def export(
    name: NameArgument,
    out: Annotated[Path, typer.Option("--out", help="File to write, as CSV. It names persons.")],
    on: Annotated[str, typer.Option("--on", help="Only entries in force on this day, YYYY-MM-DD.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Write the entries of a list as CSV, which `import` reads back. Erased entries are left out."""
    from basira.render.writing import write_whole
    from basira.rules.lists.table import write_entries

    entries = [one.entry for one in _in_force(_read(name, store, database), on) if one.entry is not None]
    write_whole(out, write_entries(entries))
    if as_json:
        show_json({"file": out, "entries": len(entries)})
        return
    say_line(f"{messages(language.value).say('written', path=str(out))}  {_entries(len(entries), language)}")


@app.command("match")
def match(
    name: NameArgument,
    value: Annotated[str, typer.Argument(help="What a declaration says.")],
    on: Annotated[str, typer.Option("--on", help="Day, YYYY-MM-DD; today by default.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show whether a value is on a list on a day: which entry, and how close."""
    from basira.workflows.rules.lists import find_in_list

    with open_database(store, database) as opened, opened.read() as connection:
        found = find_in_list(connection, name, value, on=_day(on, "--on") or datetime.now().date())
    if as_json:
        show_json(None if found is None else asdict(found))
        return
    said = messages(language.value)
    if found is None:
        say_line(said.say("lists.absent"))
    else:
        closeness = _closeness(found.closeness, language, digits=3)
        say_line(said.say("lists.match", entry=str(found.entry), closeness=closeness))


@contextmanager
def faults_in(language: Language) -> Iterator[None]:
    """A fault of a rule or a list, raised again in the person's language."""
    from basira.schema.errors import RuleError

    try:
        yield
    except RuleError as error:
        raise _in_language(error, language) from None


def _in_language(error: RuleError, language: Language) -> RuleError:
    from basira.rules.faults import say_fault, say_hint
    from basira.schema.errors import RuleError

    return RuleError(
        say_fault(error, language.value),
        hint=say_hint(error, language.value),
        reason=error.reason,
        place=error.place,
        nearest=error.nearest,
        values=error.values,
    )


_MOST_FAULTS = 20


def _all_of(faults: Sequence[RuleError], language: Language) -> RuleError:
    """The first fault, after each of the others was shown."""
    for one in faults[1:_MOST_FAULTS]:
        say_line(str(_in_language(one, language).message), err=True)
    return faults[0]


def _show_change(made: StoredList, language: Language, message: str, *, as_json: bool, **values: str) -> None:
    """Show what became of a list, as JSON or in the sentence ``message``, which is given its name too."""
    if as_json:
        show_json(asdict(made))
    else:
        say_line(messages(language.value).say(message, name=made.name, **values))


def _entries(count: int, language: Language) -> str:
    return messages(language.value).say_count("lists.entries", count, n=say_number(count, language.value))


def _shown_day(day: date | None, language: Language) -> str:
    from basira.render.numbers import format_date

    return format_date(day, language=language.value)


def _closeness(value: float, language: Language, *, digits: int = 2) -> str:
    from basira.render.numbers import format_number

    return format_number(value, language=language.value, digits=digits)


def _entry(value: str, starts: str, until: str, source: str, reason: str, owner: str) -> Entry:
    from basira.rules.lists.model import Entry

    first = _day(starts, "--from") or datetime.now().date()
    return Entry(value, first, _day(until, "--until"), source, reason, owner)


def _day(text: str, name: str) -> date | None:
    from basira.schema.days import parse_day

    return parse_day(text, name=name) if text else None


def _read(name: str, store: Path, database: str) -> ListShown:
    from basira.workflows.rules.lists import show_list

    with open_database(store, database) as opened, opened.read() as connection:
        return show_list(connection, name)


def _in_force(found: ListShown, on: str) -> list[ShownEntry]:
    day = _day(on, "--on")
    return [
        one
        for one in found.entries
        if day is None or (one.starts_on <= day and (one.ends_on is None or day <= one.ends_on))
    ]
