"""Conditions that no declaration meets, and those that every declaration meets.

Enters: a settled condition. Leaves: whether it can never be true, never be false. Never here: a full decision
procedure: what is not recognised is taken as possible. Recognised: on one field ranges that do not meet, values that
exclude each other, a value beside its absence, a part beside its negation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from basira.rules import model
from basira.rules.model import Condition
from basira.rules.names import UNITS

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_NEGATED: dict[model.Comparison, model.Comparison] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}


@dataclass
class _Known:
    """What the parts of a conjunction say of one field: a range, its open ends, values."""

    low: float = -inf
    high: float = inf
    is_low_open: bool = False
    is_high_open: bool = False
    values: set[str] | None = None
    excluded: set[str] = field(default_factory=set)
    is_missing: bool = False
    is_read: bool = False

    def is_impossible(self) -> bool:
        if self.low > self.high or (self.low == self.high and (self.is_low_open or self.is_high_open)):
            return True
        if self.values is not None and not self.values - self.excluded:
            return True
        return self.is_missing and self.is_read


def is_never_true(condition: Condition) -> bool:
    """Whether no declaration makes it true.

    >>> low, high = (model.Compare(model.FieldValue("net_mass_kg"), c, model.Number(5.0)) for c in ("<", ">"))
    >>> is_never_true(model.AllOf((low, high))), is_never_true(model.AnyOf((low, high)))
    (True, False)
    """
    return _never(_pushed(condition, is_negated=False))


def is_never_false(condition: Condition) -> bool:
    """Whether no declaration makes it false: it is true, or unknown, of every one."""
    return _never(_pushed(condition, is_negated=True))


def _pushed(condition: Condition, *, is_negated: bool) -> Condition:
    """The same with every negation at a leaf."""
    match condition:
        case model.Not(part):
            return _pushed(part, is_negated=not is_negated)
        case model.AllOf(parts) | model.AnyOf(parts):
            pushed = tuple(_pushed(part, is_negated=is_negated) for part in parts)
            return model.AllOf(pushed) if isinstance(condition, model.AllOf) != is_negated else model.AnyOf(pushed)
        case model.AnyItem(part) | model.AllItems(part):
            inner = _pushed(part, is_negated=is_negated)
            return model.AnyItem(inner) if isinstance(condition, model.AnyItem) != is_negated else model.AllItems(inner)
        case model.Compare(left, comparison, right) if is_negated:
            return model.Compare(left, _NEGATED[comparison], right)
    return model.Not(condition) if is_negated else condition


def _never(condition: Condition) -> bool:
    match condition:
        case model.AllOf(parts):
            return any(_never(part) for part in parts) or _excludes(parts)
        case model.AnyOf(parts):
            return all(_never(part) for part in parts)
        case model.AnyItem(part) | model.AllItems(part):
            return _never(part)
        case model.CountItems(part, comparison, count):
            if comparison == "<":
                return count == 0
            return comparison in (">", ">=", "=") and (count > 0 or comparison == ">") and _never(part)
        case model.Between(_, model.Number() as low, model.Number() as high):
            return _plain(low) > _plain(high)
        case model.Between(_, model.Day(low), model.Day(high)):
            return low > high
    return _excludes((condition,))


def _excludes(parts: tuple[Condition, ...]) -> bool:
    known: dict[str, _Known] = {}
    said = set(parts)
    for part in parts:
        if isinstance(part, model.Not) and part.part in said:
            return True
        _note(part, known)
    return any(one.is_impossible() for one in known.values())


def _note(part: Condition, known: dict[str, _Known]) -> None:
    for name in model.field_names(part.part if isinstance(part, model.Not) else part):
        one = known.setdefault(name, _Known())
        inner = part.part if isinstance(part, model.Not) else part
        if isinstance(inner, model.IsMissing):
            one.is_missing |= inner is part
            one.is_read |= inner is not part
        else:
            one.is_read = True  # true or false, it has a value
    match part:
        case model.OneOf(name, values):
            one = known[name]
            one.values = set(values) if one.values is None else one.values & set(values)
        case model.Not(model.OneOf(name, values)):
            known[name].excluded |= set(values)
        case model.Compare(model.FieldValue(name), comparison, (model.Number() | model.Day()) as bound):
            _narrow(known[name], comparison, _plain(bound))
        case model.Compare((model.Number() | model.Day()) as bound, comparison, model.FieldValue(name)):
            _narrow(known[name], _FLIPPED[comparison], _plain(bound))
        case model.Between(
            model.FieldValue(name), model.Number() | model.Day() as low, model.Number() | model.Day() as high
        ):
            _narrow(known[name], ">=", _plain(low))
            _narrow(known[name], "<=", _plain(high))


def _narrow(one: _Known, comparison: str, bound: float) -> None:
    if comparison in ("<", "<=", "=") and (bound, comparison != "<") < (one.high, not one.is_high_open):
        one.high, one.is_high_open = bound, comparison == "<"
    if comparison in (">", ">=", "=") and (-bound, comparison != ">") < (-one.low, not one.is_low_open):
        one.low, one.is_low_open = bound, comparison == ">"


def _plain(bound: model.Number | model.Day) -> float:
    if isinstance(bound, model.Day):
        return float(bound.day.toordinal())
    _, times, over = UNITS.get(bound.unit, ("", 1.0, 1.0))
    return bound.value * times / over
