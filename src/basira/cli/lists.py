"""`basira lists`: lists that rules name, their entries, and operators for whom a rule sleeps.

Enters: options; tables as CSV or XLSX. Leaves: what was recorded, tables, sentences. Never here: what an entry means
for a rule; a change without the login of the person who makes it.
"""

from __future__ import annotations

import json
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
from basira.cli.options import Language, LanguageOption
from basira.render.shown import echo

if TYPE_CHECKING:
    from basira.rules.lists.model import Entry
    from basira.schema.errors import RuleError
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
) -> None:
    """Make an empty list. In a rule: importer_id in list 'NAME'."""
    from basira.rules.lists.model import ListHeader
    from basira.workflows.rules.lists import create_list

    header = ListHeader(name, kind.value, title, owner, "name" if names else "exact", closeness)
    with faults_in(language), open_database(store, database) as opened:
        create_list(opened, header, login=by, now=datetime.now())
    echo(f"{name}: made.")


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
) -> None:
    """Add one entry."""
    from basira.workflows.rules.lists import add_to_list

    entry = _entry(value, starts, until, source, reason, owner)
    with faults_in(language), open_database(store, database) as opened:
        changed = add_to_list(opened, name, [entry], login=by, now=datetime.now())
    echo(f"{name}: change {changed.last}.")


@app.command("import")
def import_table(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="CSV or XLSX: value, from, until, source, reason, owner.")],
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Why; it is audited. Name no person.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
) -> None:
    """Add the entries of a table: all of them, or none when a row is broken."""
    from basira.schema.errors import SourceError
    from basira.workflows.rules.lists import import_list

    try:
        content = file.read_bytes()
    except OSError as error:
        raise SourceError(f"Expected a file at {str(file)!r}, found none that can be read.", hint="Name it.") from error
    with faults_in(language), open_database(store, database) as opened:
        count, faults = import_list(opened, name, content, login=by, now=datetime.now(), motive=motive or None)
        if faults:
            raise _all_of(faults, language)
    echo(f"{name}: {count:,} entries added.")


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
) -> None:
    """Give an entry an earlier end. What it did until then stays on record."""
    from datetime import timedelta

    from basira.rules.lists.model import Ending
    from basira.schema.days import parse_day
    from basira.workflows.rules.lists import end_in_list

    now = datetime.now()
    ends_on = parse_day(until, name="--until") if until else now.date() - timedelta(days=1)
    with faults_in(language), open_database(store, database) as opened:
        end_in_list(opened, name, Ending(entry, ends_on, motive), login=by, now=now)
    echo(f"{name}: entry {entry} until {ends_on}.")


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
) -> None:
    """Put a rule to sleep for an operator. `basira lists end snooze:RULE` wakes it."""
    from basira.workflows.rules.lists import snooze

    entry = _entry(operator, starts, until, source, reason, "")
    with faults_in(language), open_database(store, database) as opened:
        snooze(opened, rule_id, entry, login=by, now=datetime.now())
    echo(f"{rule_id}: sleeps for {entry.value} until {entry.ends_on}.")


@app.command("list")
def list_all(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False) -> None:
    """Show every list, with the number of its entries."""
    from basira.workflows.rules.lists import show_lists

    with open_database(store, database) as opened, opened.read() as connection:
        found = show_lists(connection)
    if as_json:
        echo(json.dumps([{**asdict(one), "entries": count} for one, count in found], ensure_ascii=False, indent=1))
        return
    for one, count in found:
        close = f", names from {one.least_closeness:.2f}" if one.matching == "name" else ""
        echo(f"{one.name}  {one.kind}{close}  {count:,} entries  change {one.last}  {one.title} ({one.owner})")


@app.command("show")
def show(
    name: NameArgument,
    on: Annotated[str, typer.Option("--on", help="Only entries in force on this day, YYYY-MM-DD.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the entries of a list, those that are over too."""
    found = _read(name, store, database)
    entries = _in_force(found, on)
    if as_json:
        shown = [asdict(one) for one in entries]
        echo(json.dumps({**asdict(found.header), "entries": shown}, ensure_ascii=False, indent=1, default=str))
        return
    echo(f"{found.header.name}: {found.header.title} ({found.header.owner}), change {found.last}")
    for one in entries:
        dates = f"{one.starts_on} to {one.ends_on or '…'}"
        if one.entry is None:
            echo(f"  {one.number}  {dates}  erased")
        else:
            echo(f"  {one.number}  {dates}  {one.entry.value}  {one.entry.source}: {one.entry.reason}")


@app.command("history")
def history(
    name: NameArgument, store: StoreOption = DEFAULT_STORE, database: DatabaseOption = "", as_json: JsonOption = False
) -> None:
    """Show the changes of a list: who, when, how many entries."""
    changes = _read(name, store, database).changes
    if as_json:
        echo(json.dumps([asdict(one) for one in changes], ensure_ascii=False, indent=1))
        return
    for one in changes:
        why = f": {one.motive}" if one.motive else ""
        echo(f"{one.number}  {one.taken_at[:16]}  {one.action}  {one.entry_count:,} entries  by {one.actor}{why}")


@app.command("export")
def export(
    name: NameArgument,
    out: Annotated[Path, typer.Option("--out", help="File to write, as CSV. It names persons.")],
    on: Annotated[str, typer.Option("--on", help="Only entries in force on this day, YYYY-MM-DD.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
) -> None:
    """Write the entries of a list as CSV, which `import` reads back. Erased entries are left out."""
    from basira.render.writing import write_whole
    from basira.rules.lists.table import write_entries

    entries = [one.entry for one in _in_force(_read(name, store, database), on) if one.entry is not None]
    write_whole(out, write_entries(entries))
    echo(f"{out}: {len(entries):,} entries.")


@app.command("match")
def match(
    name: NameArgument,
    value: Annotated[str, typer.Argument(help="What a declaration says.")],
    on: Annotated[str, typer.Option("--on", help="Day, YYYY-MM-DD; today by default.")] = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show whether a value is on a list on a day: which entry, and how close."""
    from basira.workflows.rules.lists import find_in_list

    with open_database(store, database) as opened, opened.read() as connection:
        found = find_in_list(connection, name, value, on=_day(on, "--on") or datetime.now().date())
    if as_json:
        echo(json.dumps(None if found is None else asdict(found), ensure_ascii=False, indent=1))
    elif found is None:
        echo("Not on the list.")
    else:
        echo(f"{found.entry}, {found.closeness:.3f} close.")


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
        echo(str(_in_language(one, language).message), err=True)
    return faults[0]


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
