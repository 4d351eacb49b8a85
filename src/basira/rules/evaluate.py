"""The verdict of rules on one declaration.

Enters: settled rules, the lists of a day, the facts of one declaration. Leaves: a verdict each: hit, no hit, unknown
(which fields decide it), error (which fields are of a wrong type). Never here: a null that counts as false; a wish, a
draw (see `fires`).

Rules are compiled once, to functions. `bulk` says the same of many declarations, and tests hold the two together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from basira.rules import model
from basira.rules.derived import DERIVED
from basira.rules.faults import rule_fault
from basira.rules.model import Condition, Operand
from basira.rules.names import UNITS, Name, Vocabulary
from basira.rules.values import (
    Facts,
    ListValues,
    fold_prose,
    is_of_wrong_kind,
    read_day,
    read_flag,
    read_number,
    read_text,
)

Outcome = Literal["hit", "no_hit", "unknown", "error"]
Truth: TypeAlias = bool | None
# Of facts, an item's position, and the truths of the quantifiers that stand within the quantifier.
Test: TypeAlias = Callable[[Facts, int, Sequence[Truth]], Truth]
Reading: TypeAlias = Callable[[Facts, int], float | None]
TextReading: TypeAlias = Callable[[Facts, int], str | None]

COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
# The field that says in which currency amounts are.
CURRENCY_FIELD = "value_currency"


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a declaration.

    ``items``: positions of the items that hit, from 0, of a rule on any item. ``fields``: of an unknown or an error,
    the names that decide it.
    """

    outcome: Outcome
    items: tuple[int, ...] = ()
    fields: tuple[str, ...] = ()


def compile_condition(condition: Condition, vocabulary: Vocabulary, lists: Mapping[str, ListValues]) -> Test:
    """The test of a settled condition. Raises `RuleError` when a list is not given."""
    return _Compiler(vocabulary, lists).test(condition)


class Compiled:
    """Tests of conditions and of their parts, each made once: for conditions that are asked again and again.

    It holds every condition that it was asked for; make one for the rules of a day, not for texts that come and go.
    """

    def __init__(self, vocabulary: Vocabulary, lists: Mapping[str, ListValues]) -> None:
        self._compiler = _Compiler(vocabulary, lists)
        # By identity: the same part of a rule is the same object, and to hash a condition costs more than to test it.
        self._made: dict[int, tuple[Condition, Test, tuple[Test, ...]]] = {}

    def of(self, condition: Condition) -> tuple[Test, Sequence[Test]]:
        """The test of a condition on an item, and those of the quantifiers in it. Raises `RuleError` for a list that
        is not given."""
        found = self._made.get(id(condition))
        if found is None:
            within: list[Test] = []
            test = self._compiler.test(condition, within)
            self._made[id(condition)] = found = (condition, test, tuple(within))
        return found[1], found[2]


def judge(
    condition: Condition,
    test: Test,
    facts: Facts,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues],
    *,
    compiled: Compiled | None = None,
) -> Verdict:
    """The verdict of a condition. ``test``: what `compile_condition` made of the same arguments; ``compiled``: of the
    same names and lists, where parts are asked for again and again."""
    compiled = compiled or Compiled(vocabulary, lists)
    truth = test(facts, 0, ())
    if truth is False:
        return Verdict("no_hit")
    if truth is None:
        deciding = _Doubt(facts, vocabulary, compiled)
        deciding.look(condition, range(1))
        outcome: Outcome = "error" if deciding.wrong else "unknown"
        return Verdict(outcome, fields=tuple(deciding.wrong or deciding.missing))
    items: tuple[int, ...] = ()
    if isinstance(condition, model.AnyItem):
        truths = truths_of_items(condition.part, facts, compiled)
        items = tuple(position for position, one in enumerate(truths) if one)
    return Verdict("hit", items)


def truths_of_items(condition: Condition, facts: Facts, compiled: Compiled) -> list[Truth]:
    """The truth of a condition on an item, of each item."""
    test, within = compiled.of(condition)
    known = [one(facts, 0, ()) for one in within]
    return [test(facts, position, known) for position in range(len(facts.items))]


def read_raw(name: Name, facts: Facts, position: int) -> object:
    """The value of a name as it stands in the facts; None when it is not there."""
    if name.source == "declared":
        return facts.items[position].get(name.name)
    if name.source == "score":
        return facts.scores.get(name.name)
    if name.source == "derived":
        made = DERIVED[name.name]
        return made.make(*(read_number(_read_input(one, facts, position)) for one in made.inputs))
    column = facts.features.get(name.name)
    return None if column is None or position >= len(column) else column[position]


def _read_input(name: str, facts: Facts, position: int) -> object:
    """A derived value is made of declared values and of features; the two share no name."""
    found = facts.items[position].get(name)
    if found is None and (column := facts.features.get(name)) is not None:
        return column[position] if position < len(column) else None
    return found


def currency_of(condition: Condition) -> str:
    """The currency in which a comparison gives its amounts; "" for none."""
    for one in model.operands(condition):
        if isinstance(one, model.Number) and one.unit and one.unit not in UNITS:
            return one.unit
    return ""


def plain_number(number: model.Number) -> float:
    """A literal in the unit of the field that it is compared with.

    >>> plain_number(model.Number(30.0, "%")), plain_number(model.Number(2.0, "t"))
    (0.3, 2000.0)
    """
    _, times, over = UNITS.get(number.unit, ("", 1.0, 1.0))
    return number.value * times / over


def count_truth(comparison: str, count: int, certain: int, open_count: int) -> Truth:
    """Whether a number of items compares, of which ``certain`` count and ``open_count`` more may.

    >>> count_truth(">=", 2, 2, 1), count_truth(">=", 2, 1, 0), count_truth(">=", 2, 1, 1)
    (True, False, None)
    """
    compared = COMPARED[comparison]
    first = compared(certain, count)
    if all(compared(certain + more, count) == first for more in range(1, open_count + 1)):
        return first
    return None


class _Compiler:
    """Makes tests. A quantifier within a quantifier says the same of each item: it is tested once, before the items."""

    def __init__(self, vocabulary: Vocabulary, lists: Mapping[str, ListValues]) -> None:
        self._vocabulary, self._lists = vocabulary, lists

    def test(self, condition: Condition, within: list[Test] | None = None) -> Test:
        """``within``: of a condition on an item, where the tests of its quantifiers are put."""
        match condition:
            case model.AllOf(parts):
                return _all_of([self.test(part, within) for part in parts])
            case model.AnyOf(parts):
                return _any_of([self.test(part, within) for part in parts])
            case model.Not(part):
                return _negation(self.test(part, within))
            case model.AnyItem() | model.AllItems() | model.CountItems():
                quantified = self._quantified(condition)
                if within is None:
                    return quantified
                within.append(quantified)
                return _known(len(within) - 1)
            case model.Compare(left, comparison, right):
                return self._with_currency(
                    condition, _compare(self._reading(left), self._reading(right), COMPARED[comparison])
                )
            case model.Between(operand, low, high):
                return self._with_currency(
                    condition, _between(self._reading(operand), self._reading(low), self._reading(high))
                )
            case model.OneOf(field, values):
                return _text_test(self._text(field), frozenset(values).__contains__)
            case model.InList(field, list_name):
                return _text_test(self._text(field), self._list(list_name).holds)
            case model.StartsWith(field, prefixes):
                return _text_test(self._text(field), _starts(prefixes))
            case model.Contains(field, texts):
                return _text_test(self._text(field), _holds(tuple(fold_prose(text) for text in texts)))
            case model.IsMissing(field):
                return self._is_missing(field)
            case model.IsTrue(field):
                name = self._vocabulary.names[field]
                return lambda facts, position, _known: read_flag(read_raw(name, facts, position))
            case model.OnWeekday(field, days):
                wanted = frozenset(model.WEEKDAYS.index(day) for day in days)
                return _weekday(self._reading(model.FieldValue(field)), wanted)

    def _quantified(self, condition: model.Quantified) -> Test:
        within: list[Test] = []
        test = self.test(condition.part, within)
        if isinstance(condition, model.CountItems):
            return _count_items(test, within, condition.comparison, condition.count)
        return _over_items(test, within, decisive=isinstance(condition, model.AnyItem))

    def _list(self, name: str) -> ListValues:
        if name not in self._lists:
            raise rule_fault("list_absent", found=name)
        return self._lists[name]

    def _text(self, field: str) -> TextReading:
        name = self._vocabulary.names[field]
        if name.source == "declared":
            return lambda facts, position: read_text(facts.items[position].get(field))
        return lambda facts, position: read_text(read_raw(name, facts, position))

    def _is_missing(self, field: str) -> Test:
        name = self._vocabulary.names[field]

        def test(facts: Facts, position: int, _known: Sequence[Truth]) -> Truth:
            raw = read_raw(name, facts, position)
            return None if is_of_wrong_kind(raw, name.kind) else _is_nothing(raw)

        return test

    def _with_currency(self, condition: Condition, test: Test) -> Test:
        """Unknown where the amounts are of another currency than the rule's."""
        currency = currency_of(condition)
        if not currency:
            return test

        def guarded(facts: Facts, position: int, known: Sequence[Truth]) -> Truth:
            return test(facts, position, known) if facts.items[position].get(CURRENCY_FIELD) == currency else None

        return guarded

    def _reading(self, operand: Operand) -> Reading:
        match operand:
            case model.Number():
                number = plain_number(operand)
                return lambda _facts, _position: number
            case model.Day(day):
                on = read_day(day)
                return lambda _facts, _position: on
            case model.FieldValue(field):
                name = self._vocabulary.names[field]
                read = read_day if name.kind == "moment" else read_number
                if name.source == "declared":
                    return lambda facts, position: read(facts.items[position].get(field))
                return lambda facts, position: read(read_raw(name, facts, position))
            case model.Arithmetic(operation, left, right):
                return _computed(self._reading(left), self._reading(right), operation)


class _Doubt:
    """Finds what decides an unknown: the fields that are missing, those of a wrong type."""

    def __init__(self, facts: Facts, vocabulary: Vocabulary, compiled: Compiled) -> None:
        self._facts, self._vocabulary, self._compiled = facts, vocabulary, compiled
        self.missing: dict[str, None] = {}
        self.wrong: dict[str, None] = {}

    def look(self, condition: Condition, positions: Sequence[int]) -> None:
        """Note the fields of a condition that is unknown at some of these positions."""
        truths = truths_of_items(condition, self._facts, self._compiled)
        unknown = [position for position in positions if truths[position] is None]
        if not unknown:
            return
        if isinstance(condition, model.AnyItem | model.AllItems | model.CountItems):
            self.look(condition.part, range(len(self._facts.items)))
            return
        for part in model.children(condition):
            self.look(part, unknown)
        names = [self._vocabulary.names[field] for field in model.field_names(condition)]
        if not names:
            return
        for position in unknown:
            self._note(names, currency_of(condition), position)

    def _note(self, names: Sequence[Name], currency: str, position: int) -> None:
        raws = [(name, read_raw(name, self._facts, position)) for name in names]
        wrong = [name.name for name, raw in raws if is_of_wrong_kind(raw, name.kind)]
        missing = [name.name for name, raw in raws if _is_nothing(raw)]
        if currency and self._facts.items[position].get(CURRENCY_FIELD) != currency:
            missing.append(CURRENCY_FIELD)
        # Everything is there, and the quotient is not: what it is made of decides.
        self.wrong |= dict.fromkeys(wrong)
        self.missing |= dict.fromkeys(missing or ([] if wrong else [name.name for name in names]))


def _is_nothing(raw: object) -> bool:
    return raw is None or raw == "" or (isinstance(raw, float) and raw != raw)


def _known(number: int) -> Test:
    return lambda _facts, _position, known: known[number]


def _all_of(tests: Sequence[Test]) -> Test:
    def test(facts: Facts, position: int, known: Sequence[Truth]) -> Truth:
        truth: Truth = True
        for one in tests:
            found = one(facts, position, known)
            if found is False:
                return False
            if found is None:
                truth = None
        return truth

    return test


def _any_of(tests: Sequence[Test]) -> Test:
    def test(facts: Facts, position: int, known: Sequence[Truth]) -> Truth:
        truth: Truth = False
        for one in tests:
            found = one(facts, position, known)
            if found:
                return True
            if found is None:
                truth = None
        return truth

    return test


def _negation(one: Test) -> Test:
    def test(facts: Facts, position: int, known: Sequence[Truth]) -> Truth:
        found = one(facts, position, known)
        return None if found is None else not found

    return test


def _over_items(one: Test, within: Sequence[Test], *, decisive: bool) -> Test:
    """Over the items of a declaration: the first item of which ``one`` is ``decisive`` decides (True: any item; False:
    all items), and else an unknown item leaves the truth unknown."""

    def test(facts: Facts, _position: int, _known: Sequence[Truth]) -> Truth:
        known = [inner(facts, 0, ()) for inner in within]
        truth: Truth = not decisive
        for position in range(len(facts.items)):
            found = one(facts, position, known)
            if found is decisive:
                return decisive
            if found is None:
                truth = None
        return truth

    return test


def _count_items(one: Test, within: Sequence[Test], comparison: str, count: int) -> Test:
    def test(facts: Facts, _position: int, _known: Sequence[Truth]) -> Truth:
        known = [inner(facts, 0, ()) for inner in within]
        found = [one(facts, position, known) for position in range(len(facts.items))]
        return count_truth(comparison, count, found.count(True), found.count(None))

    return test


def _compare(left: Reading, right: Reading, compared: Callable[[float, float], bool]) -> Test:
    def test(facts: Facts, position: int, _known: Sequence[Truth]) -> Truth:
        one = left(facts, position)
        other = right(facts, position)
        return None if one is None or other is None else compared(one, other)

    return test


def _between(reading: Reading, low: Reading, high: Reading) -> Test:
    at_least, at_most = _compare(low, reading, operator.le), _compare(reading, high, operator.le)
    return _all_of([at_least, at_most])


def _text_test(reading: TextReading, holds: Callable[[str], bool]) -> Test:
    def test(facts: Facts, position: int, _known: Sequence[Truth]) -> Truth:
        found = reading(facts, position)
        return None if found is None else holds(found)

    return test


def _starts(prefixes: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda value: value.startswith(prefixes)


def _holds(texts: tuple[str, ...]) -> Callable[[str], bool]:
    def holds(value: str) -> bool:
        folded = fold_prose(value)
        return any(text in folded for text in texts)

    return holds


def _weekday(reading: Reading, wanted: frozenset[int]) -> Test:
    def test(facts: Facts, position: int, _known: Sequence[Truth]) -> Truth:
        day = reading(facts, position)
        return None if day is None else (int(day) + 3) % 7 in wanted  # 1970-01-01 was a Thursday

    return test


def _computed(left: Reading, right: Reading, operation: str) -> Reading:
    def read(facts: Facts, position: int) -> float | None:
        one, other = left(facts, position), right(facts, position)
        if one is None or other is None:
            return None
        if operation == "+":
            found = one + other
        elif operation == "-":
            found = one - other
        elif operation == "*":
            found = one * other
        else:
            if other == 0:
                return None
            found = one / other
        return found if found == found else None

    return read
