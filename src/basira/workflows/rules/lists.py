"""Lists on record: made, filled in, ended, put to rules as of a day; operators for whom a rule sleeps.

Enters: the operational database, lists and entries as people write them, the login of the person who acts, the moment.
Leaves: changes with their event in the audit; what rules read on a day. Never here: half an import; an entry that was
recorded after the moment that is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import cast

import sqlalchemy as sa

from basira.rules.faults import rule_fault
from basira.rules.lifecycle import require_writer
from basira.rules.lists.dated import DatedEntry, DatedLists
from basira.rules.lists.model import (
    Ending,
    Entry,
    ListHeader,
    ListKind,
    Matching,
    require_once,
    settle_entry,
    settle_header,
    settle_snooze,
    settle_value,
    values_of,
)
from basira.rules.lists.snoozes import PREFIX, list_of
from basira.rules.lists.table import read_entries
from basira.rules.names import Vocabulary
from basira.rules.values import Listed, ListValues
from basira.schema.errors import NotFoundError, RuleError
from basira.storage.database.connection import Database, moment_text
from basira.storage.rules.lists import (
    Act,
    EntryContent,
    NewEntry,
    StoredChange,
    StoredEntry,
    StoredList,
    add_entries,
    end_entry,
    find_list,
    get_list,
    last_change_by,
    list_changes,
    list_ends,
    list_entries,
    list_lists,
    make_list,
)
from basira.storage.rules.store import get_version, recorded_probabilities
from basira.workflows.rules.life import find_person, read_stored
from basira.workflows.rules.vocabulary import make_vocabulary

_SNOOZED = "Operators for whom the rule sleeps"


@dataclass(frozen=True)
class ShownEntry:
    """An entry with its number in the list. ``entry``: None when its content was erased."""

    number: int
    entry: Entry | None
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True)
class ListShown:
    """A list with its entries and changes."""

    header: ListHeader
    last: int
    entries: tuple[ShownEntry, ...]
    changes: tuple[StoredChange, ...]


@dataclass(frozen=True)
class ListsOfDay:
    """What rules read on a day. ``changes``: of each list the last change that counts, to be recorded: the same changes
    and the same day give the same lists again. ``erased``: of each list, how many entries in force were erased."""

    values: Mapping[str, ListValues]
    changes: Mapping[str, int]
    erased: Mapping[str, int]


def create_list(database: Database, header: ListHeader, *, login: str, now: datetime) -> StoredList:
    """Make an empty list. Raises RuleError: no right, a list of this name, a header that is not well formed."""
    settled = settle_header(header)
    with database.write() as connection:
        person = find_person(connection, login)
        require_writer(person.roles)
        if find_list(connection, settled.name) is not None:
            raise rule_fault("list_exists", found=settled.name)
        return make_list(connection, _stored(settled), Act(person.id, now))


def add_to_list(
    database: Database,
    name: str,
    entries: Sequence[Entry],
    *,
    login: str,
    now: datetime,
    motive: str | None = None,
    expected: int | None = None,
) -> StoredList:
    """Add entries as one change: all of them, or none. Raises RuleError, also for a value that is on it already on one
    of the same days; NotFoundError without such a list. ``expected``: the last change that the person saw."""
    with database.write() as connection:
        person = find_person(connection, login)
        require_writer(person.roles)
        stored = get_list(connection, _named(name))
        settled = [settle_entry(entry, _kind(stored)) for entry in entries]
        _require_last(stored, expected)
        require_once([*_known_entries(connection, name), *settled])
        return add_entries(connection, name, [_new(one) for one in settled], Act(person.id, now, motive, stored.last))


def import_list(
    database: Database,
    name: str,
    content: bytes,
    *,
    login: str,
    now: datetime,
    motive: str | None = None,
    expected: int | None = None,
) -> tuple[int, tuple[RuleError, ...]]:
    """Add the entries of a table (CSV, XLSX): how many were added, and the faults of its rows. With one fault nothing
    is changed. Raises RuleError for what is no table, and as `add_to_list`."""
    with database.read() as connection:
        kind = _kind(get_list(connection, _named(name)))
    entries, faults = read_entries(content, kind)
    if faults:
        return 0, faults
    if entries:
        add_to_list(database, name, entries, login=login, now=now, motive=motive, expected=expected)
    return len(entries), ()


def end_in_list(
    database: Database, name: str, ending: Ending, *, login: str, now: datetime, expected: int | None = None
) -> StoredList:
    """Give an entry an earlier last day, not before yesterday: what held stays as it was. Raises RuleError without a
    motive, without such an entry, and for a later or a past day; NotFoundError without such a list."""
    motive, ends_on, today = ending.motive.strip(), ending.ends_on, now.date()
    if not motive:
        raise rule_fault("motive")
    with database.write() as connection:
        person = find_person(connection, login)
        require_writer(person.roles)
        stored = get_list(connection, name)
        _require_last(stored, expected)
        held = {one.entry: one for one in list_entries(connection, name)}.get(ending.entry)
        if held is None:
            raise rule_fault("entry_absent", found=ending.entry)
        # Yesterday ends it at once: from today on it does not hold.
        least = today - timedelta(days=1)
        if ends_on < least or (held.ends_on is not None and ends_on.isoformat() > held.ends_on):
            raise rule_fault("entry_ends", place="until", least=least, most=held.ends_on or "9999-12-31", found=ends_on)
        act = Act(person.id, now, motive, stored.last)
        return end_entry(connection, name, ending.entry, ends_on.isoformat(), act)


def snooze(database: Database, rule_id: str, asked: Entry, *, login: str, now: datetime) -> StoredList:
    """Put a rule to sleep for an operator, with a reason and an end within 180 days.

    Raises RuleError: no right, too long, a mandatory rule, asleep already; NotFoundError without such a rule.
    """
    settled = settle_snooze(asked, today=now.date())
    name = list_of(rule_id)
    with database.write() as connection:
        person = find_person(connection, login)
        require_writer(person.roles)
        if read_stored(get_version(connection, rule_id)).effect.is_mandatory:
            raise rule_fault("snooze_mandatory", found=rule_id)
        if find_list(connection, name) is None:
            header = ListHeader(name, "operators", _SNOOZED, rule_id)
            make_list(connection, _stored(header), Act(person.id, now))
        require_once([*_known_entries(connection, name), settled])
        return add_entries(connection, name, [_new(settled)], Act(person.id, now))


def list_kinds(connection: sa.Connection) -> dict[str, ListKind]:
    """The kind of each list that a rule may name: see `vocabulary.make_vocabulary`."""
    return {one.name: _kind(one) for one in list_lists(connection) if not one.name.startswith(PREFIX)}


def known_vocabulary(database: Database) -> Vocabulary:
    """The names that rules may use, with the lists of a database."""
    with database.read() as connection:
        return make_vocabulary(kinds=list_kinds(connection))


def read_dated(database: Database, *, is_known_always: bool = False) -> tuple[Vocabulary, DatedLists]:
    """The names that rules may use and the lists over time: see `dated_lists`."""
    with database.read() as connection:
        return make_vocabulary(kinds=list_kinds(connection)), dated_lists(connection, is_known_always=is_known_always)


def read_probabilities(database: Database, *, first: date, last: date) -> dict[str, float]:
    """The probabilities of inspection that runs recorded of the declarations of some days."""
    with database.read() as connection:
        return recorded_probabilities(connection, first=first.isoformat(), last=last.isoformat())


def lists_on(
    connection: sa.Connection,
    day: date,
    *,
    names: Collection[str] | None = None,
    changes: Mapping[str, int] | None = None,
    until: datetime | None = None,
) -> ListsOfDay:
    """The lists of these names as rules read them on a day; by default all of them, those of snoozes too.

    ``changes``: of each list the last change that counts, as a decision recorded it, to make it again; a list that is
    not among them was not there. Without: the last one until the moment ``until``, or now.
    """
    values: dict[str, ListValues] = {}
    used: dict[str, int] = {}
    erased: dict[str, int] = {}
    for stored in list_lists(connection):
        if names is not None and stored.name not in names:
            continue
        number = stored.last
        if changes is not None:
            number = changes.get(stored.name, 0)
        elif until is not None:
            number = last_change_by(connection, stored.name, moment_text(until))
        if not number:
            continue
        entries = list_entries(connection, stored.name, as_of=number)
        values[stored.name] = values_of(_header(stored), [e for one in entries if (e := _entry(one))], on=day)
        used[stored.name] = number
        erased[stored.name] = sum(one.content is None and _holds(one, day) for one in entries)
    return ListsOfDay(values, used, erased)


def dated_lists(connection: sa.Connection, *, is_known_always: bool = False) -> DatedLists:
    """Every list over time, for the declarations of a past period.

    An entry counts from the day after it was recorded: on its own day the declaration may have come before it.
    ``is_known_always``: as if today's entries had been known on each of their days. What was found in the period may
    then be why an entry is there, and the figures are too good.
    """
    found: dict[str, tuple[ListHeader, list[DatedEntry]]] = {}
    for stored in list_lists(connection):
        known_from = {
            one.number: date.min if is_known_always else date.fromisoformat(one.taken_at[:10]) + timedelta(days=1)
            for one in list_changes(connection, stored.name)
        }
        ends: dict[int, list[tuple[date, date]]] = {}
        for number, change, ends_on in list_ends(connection, stored.name):
            ends.setdefault(number, []).append((known_from[change], date.fromisoformat(ends_on)))
        dated = []
        for one in list_entries(connection, stored.name):
            entry = _entry(one)
            if entry is not None:
                added = replace(entry, ends_on=_day(one.added_until))
                later = [(known, replace(entry, ends_on=ends_on)) for known, ends_on in ends.get(one.entry, ())]
                dated.append(DatedEntry(((known_from[one.number], added), *later)))
        found[stored.name] = (_header(stored), dated)
    return DatedLists(found)


def show_list(connection: sa.Connection, name: str) -> ListShown:
    """A list with its entries, those that are over too, and its changes. Raises NotFoundError."""
    stored = get_list(connection, name)
    entries = [
        ShownEntry(one.entry, _entry(one), date.fromisoformat(one.starts_on), _day(one.ends_on))
        for one in list_entries(connection, name)
    ]
    return ListShown(_header(stored), stored.last, tuple(entries), tuple(list_changes(connection, name)))


def find_in_list(connection: sa.Connection, name: str, value: str, *, on: date) -> Listed | None:
    """The entry of a list that a value is on, on a day; None when it is not. Raises NotFoundError without the list."""
    header = show_list(connection, name).header
    return lists_on(connection, on).values[name].find(settle_value(value, header.kind))


def show_lists(connection: sa.Connection) -> list[tuple[StoredList, int]]:
    """Every list with the number of its entries, those of snoozes too."""
    return [(one, len(list_entries(connection, one.name))) for one in list_lists(connection)]


def _require_last(stored: StoredList, expected: int | None) -> None:
    if expected is not None and stored.last != expected:
        raise rule_fault("list_changed", expected=expected, found=stored.last)


def _named(name: str) -> str:
    """A list that is no list of snoozes, which has bounds of its own."""
    if name.startswith(PREFIX):
        raise NotFoundError(
            "Expected a list, found the snoozes {name!r}.",
            hint="Use `basira lists snooze`.",
            name=name,
        )
    return name


def _known_entries(connection: sa.Connection, name: str) -> list[Entry]:
    return [entry for one in list_entries(connection, name) if (entry := _entry(one)) is not None]


def _holds(one: StoredEntry, day: date) -> bool:
    return one.starts_on <= day.isoformat() and (one.ends_on is None or day.isoformat() <= one.ends_on)


def _entry(one: StoredEntry) -> Entry | None:
    """None when its content was erased, or it ended before it began: it never held."""
    starts_on, ends_on, content = date.fromisoformat(one.starts_on), _day(one.ends_on), one.content
    if content is None:
        return None
    return Entry(content.value, starts_on, ends_on, content.source, content.reason, content.owner)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _new(entry: Entry) -> NewEntry:
    content = EntryContent(entry.value, entry.source, entry.reason, entry.owner)
    ends_on = None if entry.ends_on is None else entry.ends_on.isoformat()
    return NewEntry(content, entry.starts_on.isoformat(), ends_on)


def _stored(header: ListHeader) -> StoredList:
    return StoredList(
        header.name, header.kind, header.matching, header.least_closeness, header.title, header.owner, last=0
    )


def _header(stored: StoredList) -> ListHeader:
    matching = cast("Matching", stored.matching)
    return ListHeader(stored.name, _kind(stored), stored.title, stored.owner, matching, stored.least_closeness)


def _kind(stored: StoredList) -> ListKind:
    return cast("ListKind", stored.kind)
