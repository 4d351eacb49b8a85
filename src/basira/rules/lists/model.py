"""A list and its entries as values.

Enters: what a person wrote. Leaves: the same in the one form that declarations hold, or `RuleError`; what is in force
on a day. Never here: who may write a list (`rules.lifecycle`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, get_args

from basira.rules.check import in_one_form
from basira.rules.faults import rule_fault
from basira.rules.similar import NameIndex
from basira.rules.values import ListValues
from basira.schema.text import find_odd

ListKind = Literal["operators", "products", "origins", "addresses", "containers"]
# "exact": the same text; "name": a close one too.
Matching = Literal["exact", "name"]
LIST_KINDS: tuple[ListKind, ...] = get_args(ListKind)
# Close enough to look at, in judgement: one letter in ten is another.
CLOSE_ENOUGH = 0.9
LEAST_CLOSE = 0.7
MOST_ENTRIES = 100_000
MOST_SNOOZE_DAYS = 180
_LONGEST = 200
_NAME = re.compile(r"[a-z][a-z0-9-]{1,59}")
# The form of an entry, as the field has it that it is compared with.
_VALUE_KINDS: Mapping[ListKind, str] = {"products": "commodity", "origins": "country"}
_FORMS: Mapping[str, re.Pattern[str]] = {
    "commodity": re.compile(r"[0-9]{2,12}"),
    "country": re.compile(r"[A-Z]{2}"),
}


@dataclass(frozen=True)
class ListHeader:
    """What a list is. ``least_closeness``: of a list of names, from which a name is on it, 0.7 to 1. ``owner``: who
    answers for it, a service or a function."""

    name: str
    kind: ListKind
    title: str
    owner: str
    matching: Matching = "exact"
    least_closeness: float = 1.0


@dataclass(frozen=True)
class Entry:
    """One entry. ``starts_on``, ``ends_on``: first and last day; None: no end. ``source``: where it comes from;
    ``reason``: why it is there; ``owner``: who answers for it, "" for the owner of the list."""

    value: str
    starts_on: date
    ends_on: date | None
    source: str
    reason: str
    owner: str = ""

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True)
class Ending:
    """The earlier last day of an entry. ``entry``: its number in the list. ``motive``: why it ends."""

    entry: int
    ends_on: date
    motive: str


def settle_header(header: ListHeader) -> ListHeader:
    """A list's header, settled. Raises `RuleError`."""
    if not _NAME.fullmatch(header.name):
        raise rule_fault("list_name", place="name", found=header.name)
    if header.kind not in LIST_KINDS:
        raise rule_fault("one_of", place="kind", expected=", ".join(LIST_KINDS), found=header.kind)
    least = 1.0 if header.matching == "exact" else header.least_closeness
    if not LEAST_CLOSE <= least <= 1:
        raise rule_fault("range", place="least_closeness", low=LEAST_CLOSE, high=1, found=least)
    if header.matching == "name" and header.kind in _VALUE_KINDS:
        raise rule_fault("one_of", place="matching", expected="exact", found=header.matching)
    title, owner = (_text(getattr(header, name), name) for name in ("title", "owner"))
    return ListHeader(header.name, header.kind, title, owner, header.matching, least)


def settle_value(value: str, kind: ListKind) -> str:
    """A value in the one form that declarations have it in."""
    return in_one_form(value, _VALUE_KINDS.get(kind, "text"))


def settle_entry(entry: Entry, kind: ListKind) -> Entry:
    """An entry in the one form that declarations hold. Raises `RuleError` with the name of the column."""
    value_kind = _VALUE_KINDS.get(kind, "text")
    value = settle_value(entry.value, kind)
    form = _FORMS.get(value_kind)
    if not value or len(value) > _LONGEST or (form is not None and not form.fullmatch(value)):
        raise rule_fault("entry_form", place="value", kind=kind, found=entry.value or "-")
    if (odd := find_odd(value)) is not None:
        raise rule_fault("odd_character", place="value", found=odd.place)
    if entry.ends_on is not None and entry.ends_on < entry.starts_on:
        raise rule_fault("expires_before", place="until", start=entry.starts_on, end=entry.ends_on)
    source, reason = _text(entry.source, "source"), _text(entry.reason, "reason", most=500)
    return Entry(value, entry.starts_on, entry.ends_on, source, reason, _text(entry.owner, "owner", least=0))


def settle_snooze(entry: Entry, *, today: date) -> Entry:
    """A snooze of an operator: it ends, within 180 days, and begins neither in the past nor after that. Raises
    `RuleError`."""
    last = today + timedelta(days=MOST_SNOOZE_DAYS - 1)
    if entry.ends_on is None or entry.ends_on > last:
        raise rule_fault("snooze_long", place="until", most=MOST_SNOOZE_DAYS, found=entry.ends_on or "-")
    if entry.starts_on < today:
        raise rule_fault("entry_ends", place="from", least=today, most=last, found=entry.starts_on)
    return settle_entry(entry, "operators")


def require_once(entries: Sequence[Entry]) -> None:
    """Raise `RuleError` for a value that is on a list twice at a time: which reason held could not be shown."""
    of_value: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.ends_on is not None and entry.ends_on < entry.starts_on:
            continue  # ended before it began
        of_value.setdefault(entry.value, []).append(entry)
    for value, several in of_value.items():
        several.sort(key=lambda one: one.starts_on)
        for one, following in pairwise(several):
            if one.ends_on is None or following.starts_on <= one.ends_on:
                raise rule_fault("entry_twice", found=value)


def values_of(header: ListHeader, entries: Iterable[Entry], *, on: date) -> ListValues:
    """What rules read of a list on a day: the entries in force."""
    values = [entry.value for entry in entries if entry.holds_on(on)]
    # In one order, so that of two names that are as close the same is always the one shown.
    names = NameIndex(tuple(sorted(values)), header.least_closeness) if header.matching == "name" else None
    return ListValues(frozenset(values), has_prefixes=header.kind == "products", names=names)


def _text(value: str, place: str, *, least: int = 1, most: int = _LONGEST) -> str:
    text = " ".join(value.split())
    if not least <= len(text) <= most or "\0" in text:
        raise rule_fault("text_form", place=place, least=least, most=most, found=text or "-")
    return text
