"""What nearly hits, and what hits by a little: the condition of a rule that decides.

Enters: a settled condition; findings of one declaration. Leaves: the condition without one of its parts; how near to
its threshold a value is. Never here: another meaning than `evaluate` gives; what should be changed in a rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from basira.rules import model
from basira.rules.evaluate import plain_number
from basira.rules.findings import Finding
from basira.rules.model import Condition, Operand
from basira.rules.values import read_number

_MOST_PARTS = 20


@dataclass(frozen=True)
class Loosened:
    """A condition without one of its parts: what this hits, and the whole does not, only ``part`` keeps out.

    ``of_item``: of a part on any item, what the rest asks of that item; None of a part on the declaration.
    """

    part: Condition
    rest: Condition
    of_item: Condition | None = None


def loosen(condition: Condition) -> tuple[Loosened, ...]:
    """A condition without each of the parts that must all be true, at most 20; none of a condition of one part.

    >>> one, other = model.IsTrue("is_oea"), model.IsMissing("quantity")
    >>> [found.part for found in loosen(model.AnyItem(model.AllOf((one, other))))] == [one, other]
    True
    """
    return tuple(found for _, found in zip(range(_MOST_PARTS), _loosen(condition), strict=False))


def _loosen(condition: Condition) -> Iterator[Loosened]:
    match condition:
        case model.AllOf(parts):
            for number, part in enumerate(parts):
                others = (*parts[:number], *parts[number + 1 :])
                inner = tuple(_loosen(part))
                for one in inner:
                    whole = model.AllOf((*parts[:number], one.rest, *parts[number + 1 :]))
                    yield Loosened(one.part, whole, one.of_item)
                if not inner and others:
                    yield Loosened(part, others[0] if len(others) == 1 else model.AllOf(others))
        case model.AnyItem(part):
            for one in _loosen(part):
                yield Loosened(one.part, model.AnyItem(one.rest), one.of_item or one.rest)


def margin_of(finding: Finding) -> float | None:
    """How far a number is from its threshold, as a share of the larger of the two, 0 to 2; None of a condition that
    compares no number, or has no value.

    >>> compared = model.Compare(model.FieldValue("quantity"), ">", model.Number(80.0))
    >>> margin_of(Finding(compared, True, 1, (("quantity", 100.0),)))
    0.2
    """
    read = {name: read_number(value) for name, value in finding.read}
    match finding.condition:
        case model.Compare(left, _, right):
            pairs = [(left, right)]
        case model.Between(operand, low, high):
            pairs = [(operand, low), (operand, high)]
        case _:
            return None
    found = [_margin(_number_of(one, read), _number_of(other, read)) for one, other in pairs]
    known = [one for one in found if one is not None]
    return min(known) if len(known) == len(found) else None


def _margin(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return None
    largest = max(abs(one), abs(other))
    return abs(one - other) / largest if largest else 0.0


def _number_of(operand: Operand, read: Mapping[str, float | None]) -> float | None:
    """A number as the condition computes it; None: it has no value, is a day, or is beyond all numbers."""
    match operand:
        case model.Number():
            return plain_number(operand)
        case model.FieldValue(field):
            found = read.get(field)
        case model.Arithmetic(operation, left, right):
            one, other = _number_of(left, read), _number_of(right, read)
            if one is None or other is None or (operation == "/" and not other):
                return None
            found = {"+": one + other, "-": one - other, "*": one * other}.get(operation)
            if found is None:
                found = one / other
        case _:
            return None
    return found if found is not None and math.isfinite(found) else None
