"""A world as the loop sees it: items come out, a choice is inspected, results come back.

Enters: nothing. Leaves: the interface of the two kinds of world (`replay`, `live`). Never here: either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl
import pyarrow as pa

from basira.laboratory.ledger import RevenueBasis


@dataclass(frozen=True)
class Inspected:
    """What an inspected period gave.

    ``known``: results that the administration has learned, or will on a day they name (schema `OUTCOMES`).
    ``results``: one row per inspected item with a recorded result, known yet or not: ``item_id``,
    ``is_irregular``, ``revenue``. ``truth``: one row per item of the period, inspected or not: the same
    columns; ``is_irregular`` null where nobody knows. Both for figures only.
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
