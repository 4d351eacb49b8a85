"""A condition checked against the names: types, units, lists, one written form of its values.

Enters: a condition as it was read, the vocabulary, where its nodes stand. Leaves: the same condition settled, or
`RuleError`. Never here: a value of a declaration.

Settled: names known, values in the one form that declarations have theirs in, nested parts flattened, nothing said
twice. Equal rules are equal records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from basira.rules import model
from basira.rules.contradictions import is_never_false, is_never_true
from basira.rules.faults import rule_fault
from basira.rules.model import Condition, Operand, Rule
from basira.rules.names import TEXTS, UNITS, Name, Vocabulary
from basira.rules.values import fold_prose
from basira.schema.text import character_name, find_odd, fold_digits, fold_identifier

_FORMS: Mapping[str, re.Pattern[str]] = {
    "country": re.compile(r"[A-Z]{2}"),
    "currency": re.compile(r"[A-Z]{3}"),
    "commodity": re.compile(r"[0-9]{2,12}"),
}
_CURRENCY = _FORMS["currency"]
_RULE_ID = re.compile(r"[a-z][a-z0-9-]{1,59}")


def settle_rule(rule: Rule, vocabulary: Vocabulary, places: Mapping[int, Any], lanes: tuple[str, ...] = ()) -> Rule:
    """A whole rule, settled. ``lanes``: of the policy that inspect; empty: any name is taken. Raises `RuleError`."""
    if not _RULE_ID.fullmatch(rule.rule_id):
        raise rule_fault("rule_id", place="rule_id", found=rule.rule_id)
    if rule.expires_on < rule.starts_on:
        raise rule_fault("expires_before", place="expires_on", start=rule.starts_on, end=rule.expires_on)
    if rule.expires_on - rule.starts_on > timedelta(days=model.LONGEST_DAYS - 1):
        raise rule_fault("expires_late", place="expires_on", most=model.LONGEST_DAYS)
    effect = rule.effect
    if lanes and effect.lane and effect.lane not in lanes:
        raise rule_fault("one_of", place="effect.lane", expected=", ".join(lanes), found=effect.lane)
    if effect.is_mandatory and not effect.lane:
        raise rule_fault("mandatory_lane", place="effect")
    if effect.is_exempt and (effect.lane or effect.is_mandatory):
        raise rule_fault("exempt_lane", place="effect")
    if effect.is_mandatory and rule.sample_share < 1:
        raise rule_fault("mandatory_sample", place="sample_share")
    if effect == model.Effect():
        raise rule_fault("no_effect", place="effect")
    settled = settle(rule.condition, vocabulary, places)
    return model.Rule(
        rule_id=rule.rule_id,
        title=rule.title.strip(),
        condition=settled,
        effect=effect,
        starts_on=rule.starts_on,
        expires_on=rule.expires_on,
        reason=rule.reason.strip(),
        sample_share=rule.sample_share,
        offices=tuple(dict.fromkeys(fold_identifier(office).upper() for office in rule.offices)),
    )


def settle(condition: Condition, vocabulary: Vocabulary, places: Mapping[int, Any]) -> Condition:
    """A condition, settled. Raises `RuleError`: an unknown name, a wrong type or unit, a contradiction, a tautology."""
    settled = _Settler(vocabulary, places).settle(condition, is_within=False, depth=1)
    if sum(1 + sum(1 for _ in model.operands(one)) for one in model.walk(settled)) > model.MOST_NODES:
        raise rule_fault("too_many", most=model.MOST_NODES)
    if is_never_true(settled):
        raise rule_fault("never_true", place=places.get(id(condition)))
    if is_never_false(settled):
        raise rule_fault("never_false", place=places.get(id(condition)))
    return settled


def in_one_form(value: str, kind: str) -> str:
    """A value as declarations hold it, by the kind of its field.

    >>> in_one_form(" cn", "country"), in_one_form("٨٥١٧", "commodity"), in_one_form("Société–1", "text")
    ('CN', '8517', 'Société-1')
    """
    folded = fold_digits(value).strip() if kind == "commodity" else fold_identifier(value)
    return folded.upper() if kind in ("code", "country", "currency") else folded


class _Settler:
    def __init__(self, vocabulary: Vocabulary, places: Mapping[int, Any]) -> None:
        self._vocabulary, self._places = vocabulary, places

    def settle(self, condition: Condition, *, is_within: bool, depth: int) -> Condition:
        if depth > 2 * model.MOST_DEPTH:
            raise rule_fault("too_deep", place=self._place(condition), most=model.MOST_DEPTH)
        match condition:
            case model.AllOf(parts) | model.AnyOf(parts):
                kind = type(condition)
                flat: list[Condition] = []
                for part in parts:
                    one = self.settle(part, is_within=is_within, depth=depth + 1)
                    flat += one.parts if isinstance(one, kind) else [one]
                flat = list(dict.fromkeys(flat))
                return flat[0] if len(flat) == 1 else kind(tuple(flat))
            case model.Not(part):
                inner = self.settle(part, is_within=is_within, depth=depth + 1)
                return inner.part if isinstance(inner, model.Not) else model.Not(inner)
            case model.AnyItem(part):
                return model.AnyItem(self.settle(part, is_within=True, depth=depth + 1))
            case model.AllItems(part):
                return model.AllItems(self.settle(part, is_within=True, depth=depth + 1))
            case model.CountItems(part, comparison, count):
                return model.CountItems(self.settle(part, is_within=True, depth=depth + 1), comparison, count)
        for name in model.field_names(condition):
            if self._name(name, condition).is_of_item and not is_within:
                raise rule_fault("outside_item", place=self._place(condition), name=name)
        return self._settle_leaf(condition)

    def _settle_leaf(self, condition: Condition) -> Condition:
        match condition:
            case model.Compare(left, comparison, right):
                if isinstance(left, model.Number | model.Day) and isinstance(right, model.Number | model.Day):
                    raise rule_fault("no_field", place=self._place(condition))
                self._check_alike(condition, left, right)
                return model.Compare(self._operand(left), comparison, self._operand(right))
            case model.Between(operand, low, high):
                self._check_alike(condition, operand, low)
                self._check_alike(condition, operand, high)
                return model.Between(self._operand(operand), self._operand(low), self._operand(high))
            case model.OneOf(field, values):
                name = self._typed(field, condition, TEXTS)
                return model.OneOf(field, self._values(values, name, condition, is_whole=True))
            case model.StartsWith(field, prefixes):
                name = self._typed(field, condition, TEXTS)
                return model.StartsWith(field, self._values(prefixes, name, condition, is_whole=False))
            case model.Contains(field, texts):
                self._typed(field, condition, TEXTS | {"prose"})
                for text in texts:
                    if not fold_prose(text):  # every text holds it
                        raise rule_fault("empty_value", place=self._place(condition))
                    if "\0" in text or not text.isprintable():
                        odd = next(c for c in text if not c.isprintable())
                        raise rule_fault("odd_character", place=self._place(condition), found=character_name(odd))
                return model.Contains(field, tuple(dict.fromkeys(text.strip() for text in texts)))
            case model.InList(field, list_name):
                self._typed(field, condition, TEXTS)
                if list_name not in self._vocabulary.lists:
                    nearest = self._vocabulary.nearest_list(list_name)
                    raise rule_fault("unknown_list", place=self._place(condition), nearest=nearest, found=list_name)
                fields = self._vocabulary.list_fields(list_name)
                if fields is not None and field not in fields:  # it would never hit, and nothing would show it
                    expected = ", ".join(sorted(fields)) or "-"
                    raise rule_fault(
                        "list_kind", place=self._place(condition), name=field, found=list_name, expected=expected
                    )
            case model.IsTrue(field):
                self._typed(field, condition, {"flag"})
            case model.OnWeekday(field, days):
                self._typed(field, condition, {"moment"})
                return model.OnWeekday(field, tuple(day for day in model.WEEKDAYS if day in days))
        return condition

    def _place(self, node: object) -> Any:
        return self._places.get(id(node))

    def _name(self, name: str, node: object) -> Name:
        found = self._vocabulary.names.get(name)
        if found is None:
            nearest = self._vocabulary.nearest(name)
            raise rule_fault("unknown_field", place=self._place(node), nearest=nearest, found=name)
        return found

    def _typed(self, name: str, node: object, kinds: frozenset[Any] | set[Any]) -> Name:
        found = self._name(name, node)
        if found.kind not in kinds:
            raise rule_fault("wrong_kind", place=self._place(node), name=name, kind=found.kind)
        return found

    def _values(self, values: tuple[str, ...], name: Name, node: object, *, is_whole: bool) -> tuple[str, ...]:
        settled = []
        for value in values:
            one = in_one_form(value, name.kind)
            if not one:
                raise rule_fault("empty_value", place=self._place(node))
            if (odd := find_odd(one)) is not None:
                raise rule_fault("odd_character", place=self._place(node), found=odd.place)
            form = _FORMS.get(name.kind)
            part = form if is_whole else re.compile(r"[0-9]{1,12}") if name.kind == "commodity" else None
            if part is not None and not part.fullmatch(one):
                raise rule_fault("value_form", place=self._place(node), name=name.name, kind=name.kind, found=one)
            settled.append(one)
        return tuple(dict.fromkeys(settled))

    def _operand(self, operand: Operand) -> Operand:
        if isinstance(operand, model.Arithmetic):
            return model.Arithmetic(operand.operation, self._operand(operand.left), self._operand(operand.right))
        return operand

    def _check_alike(self, condition: Condition, left: Operand, right: Operand) -> None:
        """Both are days, or both numbers of one measure."""
        if self._is_day(left) != self._is_day(right):
            raise rule_fault("day_and_number", place=self._place(condition))
        one, other = self._measure(left), self._measure(right)
        for literal, against in ((left, other), (right, one)):
            if isinstance(literal, model.Number) and literal.unit and self._unit(literal) != against:
                raise rule_fault("wrong_unit", place=self._place(literal), unit=literal.unit, measure=against or "1")

    def _is_day(self, operand: Operand) -> bool:
        match operand:
            case model.Day():
                return True
            case model.FieldValue(name):
                found = self._typed(name, operand, {"number", "moment"})
                return found.kind == "moment"
            case model.Arithmetic(_, left, right):
                if self._is_day(left) or self._is_day(right):
                    raise rule_fault("day_arithmetic", place=self._place(operand))
        return False

    def _unit(self, number: model.Number) -> str:
        """What a literal's unit measures. Raises `RuleError` for an unknown unit."""
        if number.unit in UNITS:
            return UNITS[number.unit][0]
        if _CURRENCY.fullmatch(number.unit):
            return "amount"
        raise rule_fault("unknown_unit", place=self._place(number), found=number.unit, expected=", ".join(UNITS))

    def _measure(self, operand: Operand) -> str:
        match operand:
            case model.Number(_, unit):
                return self._unit(operand) if unit else ""
            case model.FieldValue(name):
                return self._name(name, operand).measure
            case model.Arithmetic(operation, left, right):
                for one in (left, right):
                    if isinstance(one, model.Number) and one.unit:
                        raise rule_fault("unit_in_arithmetic", place=self._place(one), unit=one.unit)
                first, second = self._measure(left), self._measure(right)
                if operation in "+-":
                    if first != second and not isinstance(left, model.Number) and not isinstance(right, model.Number):
                        raise rule_fault(
                            "mixed_units", place=self._place(operand), one=first or "1", other=second or "1"
                        )
                    return first or second
                if operation == "/":
                    if first == second:
                        return "rate"  # a share of one in the other
                    return first if isinstance(right, model.Number) else "mixed"
                return first if not second else second if not first else "mixed"
        return ""


def check_persons(condition: Condition, vocabulary: Vocabulary) -> None:
    """Raise `RuleError` for a condition that writes out an identifier of a person: what is recorded of a rule is kept
    for good, and a person's identifier must be erasable. A list, which can forget, is the place for it."""
    for one in model.walk(condition):
        if isinstance(one, model.OneOf | model.StartsWith | model.Contains):
            name = vocabulary.names[one.field]
            if name.is_personal:
                raise rule_fault("personal_value", name=name.name)


def check_dates(rule: Rule, *, today: date) -> None:
    """Raise `RuleError` for a rule that is over before it is submitted."""
    if rule.expires_on < today:
        raise rule_fault("expired", place="expires_on", end=rule.expires_on)
