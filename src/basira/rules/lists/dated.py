"""Lists over time: what was in force on a day, by what was known then.

Enters: the entries of lists with the day from which each is known. Leaves: what rules read on a day; the days on which
it changes. Never here: an entry of a later day in the verdict of an earlier one: an operator who was put on a list
because of what was found would else be a hit on the declaration with which it was found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from basira.rules.lists.model import Entry, ListHeader, values_of
from basira.rules.values import ListValues


@dataclass(frozen=True)
class DatedEntry:
    """An entry, in each of its versions with the day from which it is known; the first is the entry as it was added,
    others have another last day."""

    versions: tuple[tuple[date, Entry], ...]

    def known_on(self, day: date) -> Entry | None:
        """The entry as it was known on a day; None before."""
        known = [entry for known_from, entry in self.versions if known_from <= day]
        return known[-1] if known else None


class DatedLists:
    """Lists and their entries. Made once for a period, and asked for each of its days."""

    def __init__(self, lists: Mapping[str, tuple[ListHeader, Sequence[DatedEntry]]]) -> None:
        self._lists = lists
        self._changes = sorted({day for _, entries in lists.values() for one in entries for day in _changes_of(one)})
        self._made: dict[int, Mapping[str, ListValues]] = {}

    def stretch_of(self, day: date) -> int:
        """The number of the stretch of days of a day: on all days of one the lists are the same."""
        return bisect_right(self._changes, day)

    def on(self, day: date) -> Mapping[str, ListValues]:
        """What rules read of each list on a day."""
        stretch = self.stretch_of(day)
        if stretch not in self._made:
            self._made[stretch] = {
                name: values_of(header, [e for one in entries if (e := one.known_on(day)) is not None], on=day)
                for name, (header, entries) in self._lists.items()
            }
        return self._made[stretch]


def _changes_of(one: DatedEntry) -> list[date]:
    days = []
    for known_from, entry in one.versions:
        days += [known_from, entry.starts_on]
        if entry.ends_on is not None and entry.ends_on < date.max:
            days.append(entry.ends_on + timedelta(days=1))
    return days
