"""A rule as values: what it asks, what it wants, from when to when.

Enters: nothing. Leaves: frozen records. Never here: text, JSON, a declaration.

A condition is true, false or unknown of a declaration (Kleene's three values): unknown when what decides it is not
declared. A condition on an item's field stands within an item quantifier; within another quantifier's condition a
quantifier again ranges over all items of the declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias, get_args

Comparison = Literal["<", "<=", "=", "!=", ">=", ">"]
Operation = Literal["+", "-", "*", "/"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Kind = Literal["value", "classification", "origin", "quantity", "prohibited", "documents"]
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
KINDS: tuple[Kind, ...] = get_args(Kind)

# Bounds of one rule. A rule that a person can read has some ten conditions; the bounds keep a hostile one cheap.
MOST_CHARACTERS = 4_000
MOST_TOKENS = 600
MOST_NODES = 200
MOST_DEPTH = 10
MOST_VALUES = 100
LONGEST_VALUE = 200
LARGEST = 1e18
# A rule ends: at most so many days after it begins.
LONGEST_DAYS = 366


@dataclass(frozen=True)
class FieldValue:
    """The value of a field of the schema, or of a feature of the catalog, by its name."""

    name: str


@dataclass(frozen=True)
class Number:
    """A number. ``unit``: as written, of `UNITS` or a currency; "": the field's own. 30 with "%" is 0.3."""

    value: float
    unit: str = ""


@dataclass(frozen=True)
class Day:
    """A day. The moment of a field is compared by its day, in the administration's local time: up to and with the last
    day is what people mean by "until"."""

    day: date


@dataclass(frozen=True)
class Arithmetic:
    """Two operands put together. By zero, the quotient is unknown."""

    operation: Operation
    left: Operand
    right: Operand


Operand: TypeAlias = FieldValue | Number | Day | Arithmetic


@dataclass(frozen=True)
class Compare:
    """Two numbers, or two days, compared as doubles."""

    left: Operand
    comparison: Comparison
    right: Operand


@dataclass(frozen=True)
class Between:
    """A number or a day in a closed range."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True)
class OneOf:
    """A code, a country or an identifier that is one of some, each in its one written form."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class InList:
    """A value that is on a list; of a list of commodity codes, one that begins as an entry does."""

    field: str
    list_name: str


@dataclass(frozen=True)
class StartsWith:
    """A code or an identifier that begins with one of some."""

    field: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class Contains:
    """A text that holds one of some texts; case, accents and the form of letters do not count."""

    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class IsMissing:
    """A field without a value. Never unknown."""

    field: str


@dataclass(frozen=True)
class IsTrue:
    """A flag that is set."""

    field: str


@dataclass(frozen=True)
class OnWeekday:
    """A moment on one of some days of the week."""

    field: str
    days: tuple[Weekday, ...]


@dataclass(frozen=True)
class AllOf:
    """Every part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """A part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part is false."""

    part: Condition


@dataclass(frozen=True)
class AnyItem:
    """The condition is true of an item, all of it of the same one."""

    part: Condition


@dataclass(frozen=True)
class AllItems:
    """The condition is true of every item."""

    part: Condition


@dataclass(frozen=True)
class CountItems:
    """So many items for which the condition is true. Unknown while the unknown ones could decide it."""

    part: Condition
    comparison: Comparison
    count: int


Leaf: TypeAlias = Compare | Between | OneOf | InList | StartsWith | Contains | IsMissing | IsTrue | OnWeekday
Quantified: TypeAlias = AnyItem | AllItems | CountItems
Condition: TypeAlias = Leaf | AllOf | AnyOf | Not | Quantified


@dataclass(frozen=True)
class Effect:
    """What a rule wants of a declaration that it hits.

    ``lane``: that lane or a more intensive one; "": no lane. ``is_mandatory``: also beyond capacity, and on every hit.
    ``is_exempt``: not by the model's ranking; never out of the random control, of a mandatory rule or of a prohibition.
    ``weight``: the value that ranks is multiplied by it, 0.1 to 10. ``tag``: a word to look for. ``message``: what the
    inspector reads, by language. ``suspected``: the kind of irregularity.
    """

    lane: str = ""
    is_mandatory: bool = False
    is_exempt: bool = False
    weight: float = 1.0
    tag: str = ""
    message: tuple[tuple[str, str], ...] = ()
    suspected: Kind | None = None


@dataclass(frozen=True)
class Rule:
    """One version of one rule.

    ``sample_share``: of the hits, so many are acted on, drawn by the keyed hash; 1: all. ``starts_on``, ``expires_on``:
    first and last day. ``offices``: those where it holds; empty: everywhere. ``reason``: why an analyst wrote it.
    """

    rule_id: str
    title: str
    condition: Condition
    effect: Effect
    starts_on: date
    expires_on: date
    reason: str
    sample_share: float = 1.0
    offices: tuple[str, ...] = field(default=())

    def holds_on(self, day: date, office: str) -> bool:
        """Whether it holds on a day at an office, by its dates and offices alone."""
        return self.starts_on <= day <= self.expires_on and (not self.offices or office in self.offices)


def children(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that one is made of; none of a leaf."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return parts
        case Not(part) | AnyItem(part) | AllItems(part) | CountItems(part):
            return (part,)
    return ()


def operands(condition: Condition) -> Iterator[Operand]:
    """The operands of a leaf, with those that they are made of."""
    match condition:
        case Compare(left, _, right):
            waiting = [right, left]
        case Between(operand, low, high):
            waiting = [high, low, operand]
        case _:
            return
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, Arithmetic):
            waiting += [one.right, one.left]


def field_names(condition: Condition) -> Iterator[str]:
    """The names that a condition reads itself, in the order of its text; without those of its parts."""
    match condition:
        case OneOf(name) | InList(name) | StartsWith(name) | Contains(name) | IsMissing(name) | IsTrue(name):
            yield name
        case OnWeekday(name):
            yield name
        case Compare() | Between():
            yield from (one.name for one in operands(condition) if isinstance(one, FieldValue))


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and everything that it is made of, in the order of its text."""
    waiting = [condition]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(children(one))
