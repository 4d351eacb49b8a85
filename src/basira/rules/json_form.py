"""The structured form of a rule: JSON, its source.

Enters: JSON values. Leaves: a `Rule`, and the JSON of one. Never here: a guess at a misspelt key, a default for what
is required, a name's meaning (see `check`).
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

from basira.rules import model
from basira.rules.faults import rule_fault
from basira.rules.model import Condition, Effect, Operand, Rule

Json: TypeAlias = Any
# Of each node of a condition, where it stands: a path of the JSON, or a place in a text. By identity.
Places: TypeAlias = dict[int, Any]

_LANGUAGES = ("fr", "ar", "en")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def write_rule(rule: Rule) -> dict[str, Json]:
    """The JSON of a rule: every key, in one order."""
    return {
        "rule_id": rule.rule_id,
        "title": rule.title,
        "reason": rule.reason,
        "condition": write_condition(rule.condition),
        "effect": write_effect(rule.effect),
        "sample_share": rule.sample_share,
        "offices": list(rule.offices),
        "starts_on": rule.starts_on.isoformat(),
        "expires_on": rule.expires_on.isoformat(),
    }


def write_effect(effect: Effect) -> dict[str, Json]:
    """The JSON of an effect: every key."""
    return {
        "lane": effect.lane,
        "is_mandatory": effect.is_mandatory,
        "is_exempt": effect.is_exempt,
        "weight": effect.weight,
        "tag": effect.tag,
        "message": dict(effect.message),
        "suspected": effect.suspected,
    }


def write_condition(condition: Condition) -> dict[str, Json]:
    """The JSON of a condition: one key that says what it is.

    >>> write_condition(model.StartsWith("commodity_code", ("8517",)))
    {'starts_with': {'field': 'commodity_code', 'prefixes': ['8517']}}
    """
    match condition:
        case model.AllOf(parts):
            return {"all": [write_condition(part) for part in parts]}
        case model.AnyOf(parts):
            return {"any": [write_condition(part) for part in parts]}
        case model.Not(part):
            return {"not": write_condition(part)}
        case model.AnyItem(part):
            return {"any_item": write_condition(part)}
        case model.AllItems(part):
            return {"all_items": write_condition(part)}
        case model.CountItems(part, comparison, count):
            return {"count_items": {"of": write_condition(part), "comparison": comparison, "count": count}}
        case model.Compare(left, comparison, right):
            return {"compare": {"left": _operand(left), "comparison": comparison, "right": _operand(right)}}
        case model.Between(operand, low, high):
            return {"between": {"operand": _operand(operand), "low": _operand(low), "high": _operand(high)}}
        case model.OneOf(field, values):
            return {"one_of": {"field": field, "values": list(values)}}
        case model.InList(field, name):
            return {"in_list": {"field": field, "list": name}}
        case model.StartsWith(field, prefixes):
            return {"starts_with": {"field": field, "prefixes": list(prefixes)}}
        case model.Contains(field, texts):
            return {"contains": {"field": field, "texts": list(texts)}}
        case model.IsMissing(field):
            return {"is_missing": {"field": field}}
        case model.IsTrue(field):
            return {"is_true": {"field": field}}
        case model.OnWeekday(field, days):
            return {"on_weekday": {"field": field, "days": list(days)}}


def _operand(operand: Operand) -> dict[str, Json]:
    match operand:
        case model.FieldValue(name):
            return {"field": name}
        case model.Number(value, unit):
            return {"number": value, "unit": unit} if unit else {"number": value}
        case model.Day(day):
            return {"day": day.isoformat()}
        case model.Arithmetic(operation, left, right):
            return {"operation": operation, "left": _operand(left), "right": _operand(right)}


def read_rule(values: Json) -> tuple[Rule, Places]:
    """A rule from its JSON, with the path of each node. Raises `RuleError` at the first fault.

    The condition's names, types and units are not looked at: see `check.settle`.
    """
    body = _mapping(
        values,
        "",
        {"rule_id", "title", "reason", "condition", "effect", "starts_on", "expires_on"},
        {"sample_share", "offices"},
    )
    places: Places = {}
    condition = _Reader(places).condition(body["condition"], "condition", 1)
    share = _number(body.get("sample_share", 1.0), "sample_share")
    if not 0 < share <= 1:
        raise rule_fault("range", place="sample_share", low="0", high="1", found=share)
    rule = Rule(
        rule_id=_text(body["rule_id"], "rule_id", most=80),
        title=_text(body["title"], "title"),
        condition=condition,
        effect=_read_effect(body["effect"]),
        starts_on=_day(body["starts_on"], "starts_on"),
        expires_on=_day(body["expires_on"], "expires_on"),
        reason=_text(body["reason"], "reason", most=2000),
        sample_share=share,
        offices=tuple(_texts(body.get("offices", []), "offices", least=0)),
    )
    return rule, places


def read_condition(values: Json) -> tuple[Condition, Places]:
    """A condition from its JSON, with the path of each node. Raises `RuleError`."""
    places: Places = {}
    return _Reader(places).condition(values, "condition", 1), places


def _read_effect(values: Json) -> Effect:
    body = _mapping(
        values, "effect", set(), {"lane", "is_mandatory", "is_exempt", "weight", "tag", "message", "suspected"}
    )
    weight = _number(body.get("weight", 1.0), "effect.weight")
    if not 0.1 <= weight <= 10:
        raise rule_fault("range", place="effect.weight", low="0.1", high="10", found=weight)
    message = _mapping(body.get("message", {}), "effect.message", set(), set(_LANGUAGES))
    suspected = body.get("suspected")
    if suspected is not None and suspected not in model.KINDS:
        raise rule_fault("one_of", place="effect.suspected", expected=", ".join(model.KINDS), found=suspected)
    return Effect(
        lane=_text(body.get("lane", ""), "effect.lane", least=0, most=80),
        is_mandatory=_flag(body.get("is_mandatory", False), "effect.is_mandatory"),
        is_exempt=_flag(body.get("is_exempt", False), "effect.is_exempt"),
        weight=weight,
        tag=_text(body.get("tag", ""), "effect.tag", least=0, most=80),
        message=tuple(
            (language, _text(message[language], f"effect.message.{language}", most=500))
            for language in _LANGUAGES
            if language in message
        ),
        suspected=suspected,
    )


class _Reader:
    """Reads conditions, and notes where each node stands. Counts what a hostile rule would make many."""

    def __init__(self, places: Places) -> None:
        self._places, self._count = places, 0

    def condition(self, values: Json, path: str, depth: int) -> Condition:
        self._count_node(path, depth)
        tag, body = self._tagged(values, path, self._READERS)
        made = self._READERS[tag](self, body, f"{path}.{tag}", depth + 1)
        self._places[id(made)] = path
        return made

    def operand(self, values: Json, path: str, depth: int) -> Operand:
        self._count_node(path, depth)
        made: Operand
        if isinstance(values, Mapping) and "field" in values:
            made = model.FieldValue(_text(_mapping(values, path, {"field"}, set())["field"], f"{path}.field"))
        elif isinstance(values, Mapping) and "number" in values:
            body = _mapping(values, path, {"number"}, {"unit"})
            made = model.Number(
                _number(body["number"], f"{path}.number"), _text(body.get("unit", ""), f"{path}.unit", least=0, most=10)
            )
        elif isinstance(values, Mapping) and "day" in values:
            made = model.Day(_day(_mapping(values, path, {"day"}, set())["day"], f"{path}.day"))
        else:
            body = _mapping(values, path, {"operation", "left", "right"}, set())
            if body["operation"] not in model.OPERATIONS:
                raise rule_fault("one_of", place=path, expected=" ".join(model.OPERATIONS), found=body["operation"])
            left, right = (self.operand(body[side], f"{path}.{side}", depth + 1) for side in ("left", "right"))
            made = model.Arithmetic(body["operation"], left, right)
        self._places[id(made)] = path
        return made

    def _count_node(self, path: str, depth: int) -> None:
        self._count += 1
        if self._count > model.MOST_NODES:
            raise rule_fault("too_many", place=path, most=model.MOST_NODES)
        if depth > 2 * model.MOST_DEPTH:  # a negation and a quantifier are levels of the JSON, not of a text
            raise rule_fault("too_deep", place=path, most=model.MOST_DEPTH)

    @staticmethod
    def _tagged(values: Json, path: str, known: Mapping[str, object]) -> tuple[str, Json]:
        if not isinstance(values, Mapping) or len(values) != 1:
            raise rule_fault("condition_form", place=path, found=type(values).__name__)
        [(tag, body)] = values.items()
        if tag not in known:
            nearest = (difflib.get_close_matches(str(tag), known, n=1) or [""])[0]
            raise rule_fault("one_of", place=path, nearest=nearest, expected=", ".join(known), found=tag)
        return tag, body

    def _parts(self, values: Json, path: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(values, list) or not values:
            raise rule_fault("list_form", place=path, found=type(values).__name__)
        return tuple(self.condition(part, f"{path}[{number}]", depth) for number, part in enumerate(values))

    def _all(self, body: Json, path: str, depth: int) -> Condition:
        return model.AllOf(self._parts(body, path, depth))

    def _any(self, body: Json, path: str, depth: int) -> Condition:
        return model.AnyOf(self._parts(body, path, depth))

    def _not(self, body: Json, path: str, depth: int) -> Condition:
        return model.Not(self.condition(body, path, depth))

    def _any_item(self, body: Json, path: str, depth: int) -> Condition:
        return model.AnyItem(self.condition(body, path, depth))

    def _all_items(self, body: Json, path: str, depth: int) -> Condition:
        return model.AllItems(self.condition(body, path, depth))

    def _count_items(self, body: Json, path: str, depth: int) -> Condition:
        one = _mapping(body, path, {"of", "comparison", "count"}, set())
        count = one["count"]
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 9999:
            raise rule_fault("range", place=f"{path}.count", low="0", high="9999", found=count)
        return model.CountItems(self.condition(one["of"], f"{path}.of", depth), _comparison(one, path), count)

    def _compare(self, body: Json, path: str, depth: int) -> Condition:
        one = _mapping(body, path, {"left", "comparison", "right"}, set())
        left, right = (self.operand(one[side], f"{path}.{side}", depth) for side in ("left", "right"))
        return model.Compare(left, _comparison(one, path), right)

    def _between(self, body: Json, path: str, depth: int) -> Condition:
        one = _mapping(body, path, {"operand", "low", "high"}, set())
        operand, low, high = (self.operand(one[side], f"{path}.{side}", depth) for side in ("operand", "low", "high"))
        return model.Between(operand, low, high)

    def _one_of(self, body: Json, path: str, _depth: int) -> Condition:
        return model.OneOf(*_field_and_texts(body, path, "values"))

    def _starts_with(self, body: Json, path: str, _depth: int) -> Condition:
        return model.StartsWith(*_field_and_texts(body, path, "prefixes"))

    def _contains(self, body: Json, path: str, _depth: int) -> Condition:
        return model.Contains(*_field_and_texts(body, path, "texts"))

    def _on_weekday(self, body: Json, path: str, _depth: int) -> Condition:
        field, days = _field_and_texts(body, path, "days")
        found = tuple(day for day in model.WEEKDAYS if day in days)
        if unknown := [day for day in days if day not in model.WEEKDAYS]:
            raise rule_fault("one_of", place=path, expected=", ".join(model.WEEKDAYS), found=unknown[0])
        return model.OnWeekday(field, found)

    def _in_list(self, body: Json, path: str, _depth: int) -> Condition:
        one = _mapping(body, path, {"field", "list"}, set())
        return model.InList(_text(one["field"], f"{path}.field"), _text(one["list"], f"{path}.list"))

    def _is_missing(self, body: Json, path: str, _depth: int) -> Condition:
        return model.IsMissing(_text(_mapping(body, path, {"field"}, set())["field"], f"{path}.field"))

    def _is_true(self, body: Json, path: str, _depth: int) -> Condition:
        return model.IsTrue(_text(_mapping(body, path, {"field"}, set())["field"], f"{path}.field"))

    _READERS: Mapping[str, Callable[[_Reader, Json, str, int], Condition]] = {
        "all": _all,
        "any": _any,
        "not": _not,
        "any_item": _any_item,
        "all_items": _all_items,
        "count_items": _count_items,
        "compare": _compare,
        "between": _between,
        "one_of": _one_of,
        "in_list": _in_list,
        "starts_with": _starts_with,
        "contains": _contains,
        "is_missing": _is_missing,
        "is_true": _is_true,
        "on_weekday": _on_weekday,
    }


def _mapping(values: Json, path: str, required: set[str], optional: set[str]) -> Mapping[str, Json]:
    if not isinstance(values, Mapping):
        raise rule_fault("object_form", place=path or None, found=type(values).__name__)
    known = required | optional
    if unknown := sorted(str(key) for key in values if key not in known):
        nearest = (difflib.get_close_matches(unknown[0], known, n=1) or [""])[0]
        raise rule_fault(
            "one_of", place=path or None, nearest=nearest, expected=", ".join(sorted(known)), found=unknown[0]
        )
    if missing := sorted(required - values.keys()):
        raise rule_fault("missing_key", place=path or None, expected=missing[0])
    return values


def _text(value: Json, path: str, *, least: int = 1, most: int = model.LONGEST_VALUE) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise rule_fault("text_form", place=path, least=least, most=most, found=_brief(value))
    return value


def _texts(values: Json, path: str, *, least: int = 1) -> list[str]:
    if not isinstance(values, list) or not least <= len(values) <= model.MOST_VALUES:
        raise rule_fault("values", place=path, most=model.MOST_VALUES)
    return [_text(one, f"{path}[{number}]") for number, one in enumerate(values)]


def _field_and_texts(body: Json, path: str, key: str) -> tuple[str, tuple[str, ...]]:
    one = _mapping(body, path, {"field", key}, set())
    return _text(one["field"], f"{path}.field"), tuple(_texts(one[key], f"{path}.{key}"))


def _number(value: Json, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise rule_fault("number_form", place=path, found=_brief(value))
    if not abs(value) <= model.LARGEST or not math.isfinite(value):
        raise rule_fault("range", place=path, low=f"-{model.LARGEST:g}", high=f"{model.LARGEST:g}", found=_brief(value))
    return float(value) + 0.0  # no negative zero: it is written as zero


def _flag(value: Json, path: str) -> bool:
    if not isinstance(value, bool):
        raise rule_fault("flag_form", place=path, found=_brief(value))
    return value


def _day(value: Json, path: str) -> date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):  # no week dates, which are ISO too
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise rule_fault("day_form", place=path, found=_brief(value))


def _comparison(values: Mapping[str, Json], path: str) -> model.Comparison:
    found = values["comparison"]
    for one in model.COMPARISONS:
        if found == one:
            return one
    raise rule_fault("one_of", place=path, expected=" ".join(model.COMPARISONS), found=_brief(found))


def _brief(value: Json) -> str:
    return (
        value
        if isinstance(value, str)
        else repr(value)[:100]
        if isinstance(value, int | float)
        else type(value).__name__
    )
