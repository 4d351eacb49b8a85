"""Small policies and candidates for the tests of selection, and the plain oracles that hold it.

The oracles are written to be obviously right: loops over every possible draw, no formula shared with the code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import date
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from basira.schema.records import Candidate
from basira.selection import Policy

MONDAY = date(2021, 1, 4)


def wording(text: str) -> dict[str, str]:
    return {"fr": text, "ar": text, "en": text}


def content(**changes: Any) -> dict[str, Any]:
    """A policy of four lanes as a file would hold it, with the changes given to its top-level fields."""
    base: dict[str, Any] = {
        "name": "test",
        "version": "1",
        "valid_from": date(2020, 1, 1),
        "language": "en",
        "status": "Invented for tests.",
        "lanes": [
            {"id": "green", "label": wording("green"), "inspects": False},
            {"id": "blue", "label": wording("blue"), "inspects": False},
            {"id": "yellow", "label": wording("yellow"), "inspects": True, "effectiveness": 0.25},
            {"id": "orange", "label": wording("orange"), "inspects": True, "effectiveness": 0.5},
            {"id": "red", "label": wording("red"), "inspects": True, "effectiveness": 1.0},
        ],
        "capacity": [{"office": "*", "lanes": counts(2, 1, 1)}],
        "random_control": {"share": 0.0, "lane": "orange"},
        "objective": {"rank_by": "revenue"},
        "fallback": {"lane": "yellow"},
    }
    base.update(changes)
    return deepcopy(base)


def counts(yellow: int, orange: int, red: int) -> dict[str, dict[str, int]]:
    return {"yellow": {"count": yellow}, "orange": {"count": orange}, "red": {"count": red}}


def policy(**changes: Any) -> Policy:
    return Policy.model_validate(content(**changes))


def listed(lane: str, name: str = "list-1", **match: list[str]) -> dict[str, Any]:
    return {"id": name, "lane": lane, "match": match, "reason": wording("because")}


def candidate(
    name: str, revenue: float | None, *, office: str = "A", oea: bool = False, **attributes: str
) -> Candidate:
    """A candidate whose probability falls in step with its revenue."""
    probability = None if revenue is None else min(1.0, revenue / 1000)
    return Candidate(name, 1, office, probability, revenue, oea, {key: (value,) for key, value in attributes.items()})


def best_value(values: Sequence[float], caps: Sequence[float], slots: Sequence[float]) -> float:
    """Largest total of value x effectiveness over every assignment of declarations to at most one slot each.

    ``caps``: the largest effectiveness open to each. ``slots``: effectiveness of each slot.
    """
    if not values:
        return 0.0
    rest = best_value(values[1:], caps[1:], slots)
    for place, effect in enumerate(slots):
        if effect <= caps[0] and effect not in slots[:place]:
            left = [*slots[:place], *slots[place + 1 :]]
            rest = max(rest, values[0] * effect + best_value(values[1:], caps[1:], left))
    return rest


def every_size(strata: Sequence[int], total: int) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
    """Every division of a draw between strata, with its probability.

    Counted so far, two strata in a row are as in systematic sampling (points start, start + N, ... on a line where a
    stratum of size n has length total x n; every start of 0..N-1 equally likely), and the past before is forgotten.
    """
    pool = sum(strata)

    def counted(strata_passed: int, start: int) -> int:
        return sum(start + point * pool < total * sum(strata[:strata_passed]) for point in range(total))

    def after(passed: int, count: int) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
        if passed == len(strata):
            yield Fraction(1), ()
            return
        here = [start for start in range(pool) if counted(passed, start) == count]
        nexts = Counter(counted(passed + 1, start) for start in here)
        for then, times in nexts.items():
            for probability, rest in after(passed + 1, then):
                yield Fraction(times, len(here)) * probability, (then - count, *rest)

    yield from after(0, 0)


def every_draw(strata: Sequence[Sequence[int]], total: int) -> Iterator[tuple[Fraction, frozenset[int]]]:
    """Every set that can be drawn, with its probability. ``strata``: the members of each."""
    for probability, sizes in every_size([len(stratum) for stratum in strata], total):
        sets = list(product(*(combinations(members, size) for members, size in zip(strata, sizes, strict=True))))
        for chosen in sets:
            yield probability / len(sets), frozenset(one for part in chosen for one in part)
