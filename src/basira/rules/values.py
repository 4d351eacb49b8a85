"""How a rule reads a value: one meaning of each type, for one declaration and for many.

Enters: a value as declared or computed. Leaves: what is compared, or None: absent, not a number, of a wrong type. Never
here: which rule reads it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from numbers import Real

from basira.rules.names import ValueKind
from basira.rules.similar import NameIndex
from basira.schema.days import EPOCH
from basira.schema.records import Figure, ItemRow


@dataclass(frozen=True)
class Facts:
    """One declaration as rules see it.

    ``items``: declared values, header values in each, in item order; one at least. ``features``: by the catalog's name,
    a value an item. ``scores``: of the declaration, by name; absent or None without a model.
    """

    items: Sequence[ItemRow]
    features: Mapping[str, Sequence[Figure]] = field(default_factory=dict)
    scores: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """The entry of a list that a value is on. ``closeness``: 1.0 for the same text, below it for a name that is
    close."""

    entry: str
    closeness: float = 1.0


@dataclass(frozen=True)
class ListValues:
    """What is on a list on a day, in the one written form.

    ``has_prefixes``: an entry stands for what begins with it, as of commodity codes. ``names``: the entries as names,
    of a list on which a close name is one; None: only the same text is.
    """

    values: frozenset[str]
    has_prefixes: bool = False
    names: NameIndex | None = None

    def holds(self, value: str) -> bool:
        """Whether a value is on the list."""
        if self.names is not None:
            return value in self.values or self.names.find(value) is not None
        if not self.has_prefixes:
            return value in self.values
        return any(value[:length] in self.values for length in self.lengths)

    def find(self, value: str) -> Listed | None:
        """The entry that a value is on, of several prefixes the longest; None when it is not on the list."""
        if value in self.values:
            return Listed(value)
        if self.names is not None:
            found = self.names.find(value)
            return None if found is None else Listed(*found)
        if self.has_prefixes:
            for length in reversed(self.lengths):
                if value[:length] in self.values:
                    return Listed(value[:length])
        return None

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths of its entries."""
        return tuple(sorted({len(value) for value in self.values}))


def read_number(value: object) -> float | None:
    """A number as a double; None for NaN, which says as little as nothing.

    >>> read_number(3), read_number(float("nan")), read_number(True), read_number("3")
    (3.0, None, None, None)
    """
    if type(value) is float:
        return value if value == value else None
    if value is None or isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number == number else None


def read_text(value: object) -> str | None:
    """A text as it is; the empty one says nothing."""
    return value if isinstance(value, str) and value else None


def read_day(value: object) -> float | None:
    """The day of a local moment, as a number of days since 1970; None for one with a time zone.

    >>> read_day(datetime(1970, 1, 2, 23, 59)), read_day("1970-01-02")
    (1.0, None)
    """
    if isinstance(value, datetime):
        return None if value.tzinfo is not None else float((value.date() - EPOCH).days)
    return float((value - EPOCH).days) if isinstance(value, date) else None


def read_flag(value: object) -> bool | None:
    """A flag; a number is no flag."""
    return value if isinstance(value, bool) else None


def is_of_wrong_kind(value: object, kind: ValueKind) -> bool:
    """Whether a value is there, and is none of its field's type."""
    if value is None:
        return False
    if kind == "number":
        return isinstance(value, bool) or not isinstance(value, Real)
    if kind == "moment":
        return read_day(value) is None
    return not isinstance(value, bool if kind == "flag" else str)


def fold_prose(text: str) -> str:
    """A text as it is searched: without case, accents, and the forms of letters; one space between words.

    >>> fold_prose("  Téléphones\\nMOBILES")
    'telephones mobiles'
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(text.casefold().split())
