"""Lists that rules name, as answers show them: headers, entries in pages, changes.

Enters: a database, a name, a day. Leaves: JSON values. Never here: a change; a login (an actor is an opaque id).

An entry may name a person or a firm: its value, source, reason and owner are null once it was erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from basira.rules.lists.snoozes import PREFIX
from basira.storage.database.connection import Database
from basira.storage.rules.lists import StoredList
from basira.workflows.rules.lists import ListShown, ShownEntry, find_in_list, show_list, show_lists


class ListBody(TypedDict):
    """A list. ``matching``: exact or name; ``least_closeness``: of names, from which a close one is on it, 0.7 to 1;
    ``rule_id``: of a list of snoozes, the rule that sleeps; null for a list that rules name; ``entry_count``: also of
    those that are over; ``last_change``: the ``seen`` of a change that is made next."""

    name: str
    kind: str
    title: str
    owner: str
    matching: str
    least_closeness: float
    rule_id: str | None
    entry_count: int
    last_change: int


class EntryBody(TypedDict):
    """An entry. ``starts_on``, ``ends_on``: first and last day, YYYY-MM-DD; null: no end. ``is_erased``: its content is
    gone."""

    entry: int
    starts_on: str
    ends_on: str | None
    is_erased: bool
    value: str | None
    source: str | None
    reason: str | None
    owner: str | None


class ListsBody(TypedDict):
    """Every list, in the order of names; those of snoozes too."""

    lists: Sequence[ListBody]


class ListContentBody(TypedDict):
    """A list with a page of its entries. ``on``: only those in force on this day; null: all of them; ``total``: how
    many these are; ``next_cursor``: of the next page; null: this is the last one."""

    list: ListBody
    on: str | None
    total: int
    entries: Sequence[EntryBody]
    next_cursor: int | None


class ListChangeBody(TypedDict):
    """One change. ``action``: made, added, ended; ``by``: opaque id; ``entry_count``: that it added or ended."""

    number: int
    action: str
    by: str
    at: str
    entry_count: int
    motive: str | None


class ListHistoryBody(TypedDict):
    """The changes of a list, in their order."""

    name: str
    changes: Sequence[ListChangeBody]


class ListMatchBody(TypedDict):
    """Whether a value is on a list on a day. ``entry``: the value of the entry that it is or is near, null without one;
    ``closeness``: 1 for the same, null without one."""

    name: str
    on: str
    is_on: bool
    entry: str | None
    closeness: float | None


def lists_body(database: Database) -> ListsBody:
    """Every list with the number of its entries."""
    with database.read() as connection:
        found = show_lists(connection)
    return {"lists": [_list_body(one, count) for one, count in found]}


def list_body_of(database: Database, name: str) -> ListBody:
    """A list without its entries. Raises NotFoundError."""
    with database.read() as connection:
        return _body_of(show_list(connection, name))


def list_content_body(
    database: Database, name: str, *, on: date | None = None, after: int = 0, limit: int = 100
) -> ListContentBody:
    """A list with a page of its entries in their order: those after the entry ``after``, ``limit`` at most. Raises
    NotFoundError."""
    with database.read() as connection:
        found = show_list(connection, name)
    wanted = [one for one in found.entries if on is None or _holds(one, on)]
    page = [one for one in wanted if one.number > after]
    return {
        "list": _body_of(found),
        "on": None if on is None else on.isoformat(),
        "total": len(wanted),
        "entries": [_entry_body(one) for one in page[:limit]],
        "next_cursor": page[limit - 1].number if len(page) > limit else None,
    }


def list_history_body(database: Database, name: str) -> ListHistoryBody:
    """The changes of a list. Raises NotFoundError."""
    with database.read() as connection:
        changes = show_list(connection, name).changes
    return {
        "name": name,
        "changes": [
            {
                "number": one.number,
                "action": one.action,
                "by": one.actor,
                "at": one.taken_at,
                "entry_count": one.entry_count,
                "motive": one.motive,
            }
            for one in changes
        ],
    }


def list_match_body(database: Database, name: str, value: str, *, on: date) -> ListMatchBody:
    """Whether a value is on a list on a day, which entry, and how close. Raises NotFoundError."""
    with database.read() as connection:
        found = find_in_list(connection, name, value, on=on)
    return {
        "name": name,
        "on": on.isoformat(),
        "is_on": found is not None,
        "entry": None if found is None else found.entry,
        "closeness": None if found is None else found.closeness,
    }


def _body_of(found: ListShown) -> ListBody:
    header = found.header
    return {
        "name": header.name,
        "kind": header.kind,
        "title": header.title,
        "owner": header.owner,
        "matching": header.matching,
        "least_closeness": header.least_closeness,
        "rule_id": _rule_of(header.name),
        "entry_count": len(found.entries),
        "last_change": found.last,
    }


def _list_body(stored: StoredList, count: int) -> ListBody:
    return {
        "name": stored.name,
        "kind": stored.kind,
        "title": stored.title,
        "owner": stored.owner,
        "matching": stored.matching,
        "least_closeness": stored.least_closeness,
        "rule_id": _rule_of(stored.name),
        "entry_count": count,
        "last_change": stored.last,
    }


def _rule_of(name: str) -> str | None:
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else None


def _entry_body(one: ShownEntry) -> EntryBody:
    entry = one.entry
    return {
        "entry": one.number,
        "starts_on": one.starts_on.isoformat(),
        "ends_on": None if one.ends_on is None else one.ends_on.isoformat(),
        "is_erased": entry is None,
        "value": None if entry is None else entry.value,
        "source": None if entry is None else entry.source,
        "reason": None if entry is None else entry.reason,
        "owner": None if entry is None else entry.owner or None,
    }


def _holds(one: ShownEntry, day: date) -> bool:
    return one.starts_on <= day and (one.ends_on is None or day <= one.ends_on)
