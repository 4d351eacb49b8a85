"""The steps of a program: each reads values at some places of a list, and writes one.

Enters: places and a function. Leaves: a step. Never here: what a step means to DuckDB (see `online.compiler`).
None is null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Step = Callable[[list[Any]], None]
Block = tuple[tuple[Step, ...], int]


def strict(function: Callable[..., Any], places: Sequence[int], into: int) -> Step:
    """``function`` of the values; null when one is."""
    if len(places) == 1:
        (only,) = places

        def one(values: list[Any]) -> None:
            x = values[only]
            values[into] = None if x is None else function(x)

        return one
    if len(places) != 2:
        raise ValueError(f"one place or two, not {len(places)}")
    first, second = places

    def two(values: list[Any]) -> None:
        x, y = values[first], values[second]
        values[into] = None if x is None or y is None else function(x, y)

    return two


def loose(function: Callable[..., Any], places: Sequence[int], into: int) -> Step:
    """``function`` of the values, nulls among them."""
    wanted = tuple(places)

    def step(values: list[Any]) -> None:
        values[into] = function(*[values[p] for p in wanted])

    return step


def is_null(place: int, into: int, *, expected: bool) -> Step:
    """Whether the value is null (``expected``) or is not."""

    def step(values: list[Any]) -> None:
        values[into] = (values[place] is None) is expected

    return step


def coalesce(places: Sequence[int], into: int) -> Step:
    """The first value that is not null."""
    wanted = tuple(places)

    def step(values: list[Any]) -> None:
        values[into] = next((x for p in wanted if (x := values[p]) is not None), None)

    return step


def conjunction(places: Sequence[int], into: int, *, decides: bool) -> Step:
    """AND (``decides`` False) and OR (True) of three truth values: null unless the others decide."""
    wanted = tuple(places)

    def step(values: list[Any]) -> None:
        found = [values[p] for p in wanted]
        values[into] = decides if decides in found else None if None in found else not decides

    return step


def branch(test: int, yes: Block, no: Block, into: int) -> Step:
    """The one block or the other; null is not true."""
    (yes_steps, yes_place), (no_steps, no_place) = yes, no
    if not yes_steps and not no_steps:

        def choose(values: list[Any]) -> None:
            values[into] = values[yes_place] if values[test] else values[no_place]

        return choose

    def step(values: list[Any]) -> None:
        if values[test]:
            for one in yes_steps:
                one(values)
            values[into] = values[yes_place]
        else:
            for one in no_steps:
                one(values)
            values[into] = values[no_place]

    return step
