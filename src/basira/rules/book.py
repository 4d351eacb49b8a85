"""Many rules on one declaration, compiled once and looked up by what they ask for.

Enters: settled rules, the names, the lists of a day. Leaves: the rules that hit a declaration, and those that are
unknown of it; all the others are no hit. Never here: a rule passed over because a value that it asks for is missing.

A rule that asks for one of some codes or origins is looked at only when an item has one of them, or has no such value:
then the rule is unknown, not without a hit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from basira.rules import model
from basira.rules.evaluate import Compiled, Test, Truth, Verdict, compile_condition, judge
from basira.rules.model import Condition, Rule
from basira.rules.names import Vocabulary
from basira.rules.values import Facts, ListValues, read_text

# A list of more values is no good pointer: its look-up table would be larger than the rules.
_MOST_POINTED = 20_000
# Of two pointers of a rule the one whose values are rarer.
_ORDER = ("importer_id", "exporter_id", "declarant_id", "container_id", "commodity_code", "origin_country")


@dataclass(frozen=True)
class _Pointer:
    """What an item must have for a condition to be true. ``has_prefixes``: values begin with one of these."""

    field: str
    values: frozenset[str]
    has_prefixes: bool = False


class RuleBook:
    """Rules in their order, ready for one declaration after another. ``compiled``: the tests of their parts."""

    def __init__(self, rules: Sequence[Rule], vocabulary: Vocabulary, lists: Mapping[str, ListValues]) -> None:
        """Raises `RuleError` when a rule names a list that is not given."""
        self.rules, self.vocabulary, self.lists = tuple(rules), vocabulary, lists
        self.compiled = Compiled(vocabulary, lists)
        self._tests: list[Test] = [compile_condition(rule.condition, vocabulary, lists) for rule in rules]
        self._always: list[int] = []
        self._whole: dict[str, dict[str, list[int]]] = {}
        self._prefixed: dict[str, dict[str, list[int]]] = {}
        # Of a field, all the rules that it points to: an item without a value asks for each of them.
        self._by_field: dict[str, list[int]] = {}
        for number, rule in enumerate(rules):
            pointer = _pointer(rule.condition, vocabulary, lists)
            if pointer is None:
                self._always.append(number)
                continue
            self._by_field.setdefault(pointer.field, []).append(number)
            index = (self._prefixed if pointer.has_prefixes else self._whole).setdefault(pointer.field, {})
            for value in pointer.values:
                index.setdefault(value, []).append(number)
        self._lengths = {field: sorted({len(value) for value in index}) for field, index in self._prefixed.items()}

    def find(self, facts: Facts, *, day: date, office: str) -> list[tuple[int, Truth]]:
        """The positions of the rules in force that hit (true) or are unknown (None), in order; all the others are no
        hit."""
        found: list[tuple[int, Truth]] = []
        for number in sorted(self._asked(facts)):
            if self.rules[number].holds_on(day, office) and (truth := self._tests[number](facts, 0, ())) is not False:
                found.append((number, truth))
        return found

    def truths(self, facts: Facts, *, day: date, office: str) -> list[tuple[Rule, Truth]]:
        """As `find`, with the rules themselves."""
        return [(self.rules[number], truth) for number, truth in self.find(facts, day=day, office=office)]

    def verdict(self, rule: Rule, facts: Facts) -> Verdict:
        """The whole verdict of one of the rules: which items, which fields."""
        return self.verdict_of(self.rules.index(rule), facts)

    def verdict_of(self, number: int, facts: Facts) -> Verdict:
        """The same, of the rule at a position."""
        condition, test = self.rules[number].condition, self._tests[number]
        return judge(condition, test, facts, self.vocabulary, self.lists, compiled=self.compiled)

    def _asked(self, facts: Facts) -> set[int]:
        """The rules that can be true or unknown of the declaration."""
        found = set(self._always)
        for field, numbers in self._by_field.items():
            whole, prefixed = self._whole.get(field, {}), self._prefixed.get(field, {})
            for value in {item.get(field) for item in facts.items}:
                text = read_text(value)
                if text is None:
                    found.update(numbers)
                    break
                found.update(whole.get(text, ()))
                if prefixed:
                    for length in self._lengths[field]:
                        found.update(prefixed.get(text[:length], ()))
        return found


def _pointer(condition: Condition, vocabulary: Vocabulary, lists: Mapping[str, ListValues]) -> _Pointer | None:
    """What the items must have for a condition to be true; None when that is not said by one field of the declaration.

    When every item has a value and none has one of these, the condition is false, never unknown.
    """
    match condition:
        case model.OneOf(field, values):
            return _declared(field, vocabulary, _Pointer(field, frozenset(values)))
        case model.StartsWith(field, prefixes):
            return _declared(field, vocabulary, _Pointer(field, frozenset(prefixes), has_prefixes=True))
        case model.InList(field, name):
            listed = lists[name]
            if len(listed.values) > _MOST_POINTED or listed.names is not None:  # close names have no look-up
                return None
            return _declared(field, vocabulary, _Pointer(field, listed.values, listed.has_prefixes))
        case model.AllOf(parts):
            pointers = [one for part in parts if (one := _pointer(part, vocabulary, lists)) is not None]
            return min(pointers, key=_width, default=None)
        case model.AnyOf(parts):
            return _union(_pointer(part, vocabulary, lists) for part in parts)
        case model.AnyItem(part) | model.AllItems(part):
            return _pointer(part, vocabulary, lists)
        case model.CountItems(part, comparison, count) if comparison in (">", ">=", "=") and count > 0:
            return _pointer(part, vocabulary, lists)
    return None


def _declared(field: str, vocabulary: Vocabulary, pointer: _Pointer) -> _Pointer | None:
    return pointer if vocabulary.names[field].source == "declared" else None


def _width(pointer: _Pointer) -> tuple[int, int, int]:
    place = _ORDER.index(pointer.field) if pointer.field in _ORDER else len(_ORDER)
    shortest = min(map(len, pointer.values), default=0)
    return place, -shortest, len(pointer.values)


def _union(pointers: Iterable[_Pointer | None]) -> _Pointer | None:
    found = list(pointers)
    first = found[0]
    if first is None:
        return None
    values = first.values
    for one in found[1:]:
        if one is None or (one.field, one.has_prefixes) != (first.field, first.has_prefixes):
            return None
        values |= one.values
    return _Pointer(first.field, values, first.has_prefixes)
