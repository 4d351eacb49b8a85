"""A world as the loop sees it: items come out, a choice is inspected, results come back.

Enters: nothing. Leaves: the interface of the two kinds of world (`replay`, `live`), and how both count their
periods. Never here: either of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl
import pyarrow as pa

from basira.laboratory.runs.plan import Plan
from basira.laboratory.worlds.ledger import RevenueBasis
from basira.schema.days import date_of, day_of
from basira.schema.errors import UsageError


@dataclass(frozen=True)
class Inspected:
    """What an inspected period gave.

    ``known``: results that the administration has learned, or will on a day they name (schema `OUTCOMES`).
    ``results``: one row per inspected item with a recorded result, known yet or not: ``item_id``,
    ``is_irregular``, ``revenue``. ``truth``: one row per item of the period, inspected or not: the same
    columns, and ``kind`` (of `IRREGULARITY_KINDS`; null: regular, or unknown); ``is_irregular`` null where
    unknown. Both for figures only.
    """

    known: pa.Table
    results: pl.DataFrame
    truth: pl.DataFrame


class World(Protocol):
    """``opening_items``, ``opening_outcomes``: what was declared and learned before the first period.

    ``has_oracle``: ``Inspected.truth`` is the truth itself, not only what inspections recorded.
    """

    name: str
    is_simulated: bool
    has_oracle: bool
    revenue_basis: RevenueBasis
    opening_items: pa.Table
    opening_outcomes: pa.Table

    @property
    def total(self) -> int:
        """Periods from the first to the last."""
        ...

    @property
    def is_over(self) -> bool: ...

    @property
    def first_day(self) -> int:
        """First day of the period that waits, days since 1970-01-01."""
        ...

    @property
    def last_day(self) -> int: ...

    @property
    def waiting(self) -> pa.Table:
        """Items that wait for a choice (schema `ITEMS`)."""
        ...

    def inspect(self, item_ids: Sequence[str]) -> Inspected:
        """Inspect these items, and go to the next period."""
        ...


class CountedPeriods:
    """How many periods there are and how many are over: a part of both worlds."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    @property
    def total(self) -> int:
        return self._total

    @property
    def is_over(self) -> bool:
        return self._done >= self._total


def first_start(plan: Plan, *, low: int, high: int, middle: int) -> int:
    """The day of the first period: the plan's, else ``middle``; all days since 1970-01-01.

    Raises
    ------
    UsageError : it is not one of the world's days, ``low`` to ``high``.
    """
    start = middle if plan.start is None else day_of(plan.start)
    if not low <= start <= high:
        raise UsageError(
            "starts_on: expected a day of the world, {low} to {high}, found {start}.",
            hint="Choose a day within it.",
            low=date_of(low),
            high=date_of(high),
            start=date_of(start),
        )
    return start


def count_periods(plan: Plan, *, start: int, high: int) -> int:
    """Periods from ``start`` to the last day ``high``, a broken one at the end included; at most the plan's.

    >>> count_periods(Plan("small", rates=(0.1,), period_days=7), start=0, high=14)
    3
    """
    left = -(-(high - start + 1) // plan.period_days)
    return left if plan.periods is None else min(left, plan.periods)
