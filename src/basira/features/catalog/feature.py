"""What an entry of the catalog says of a feature.

Enters: nothing. Leaves: `Feature`, and what several groups of entries share. Never here: an entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["model", "category", "evidence"]

YEAR_DAYS = 365
# A supplier's or importer's own median needs few comparables.
MINIMUM_OWN_COUNT = 3
# Within what a 32-bit float holds.
LARGEST = "1e38"


@dataclass(frozen=True)
class Feature:
    """One feature.

    ``sql``: over the joined row of profiles and references (see `basira.features.batch.sql`).
    ``window_days``: days of history it looks at; None for all history, 0 for the item alone.
    ``role``: "model" and "category" go to the model, "evidence" only to reasons and references.
    ``reason``: family of reasons it speaks through; empty when it has no words of its own.
    ``verify``: what an officer is asked to verify when that family is among an item's reasons: "value",
    "classification", "origin", "quantity" or "documents", the same for the whole family; empty when the family points
    at nothing in particular, as a trader's past does. What the likely kinds of irregularity ask for comes before it.
    """

    name: str
    sql: str
    role: Role
    entity: str
    window_days: int | None
    unit: str
    meaning: str
    reason: str = ""
    verify: str = ""


def limit_ratio(sql: str) -> str:
    # A mass of 1e-300 kg makes a ratio that no 32-bit float holds: unknown, not infinite (NaN fails the test too).
    return f"case when abs({sql}) < {LARGEST} then {sql} end"
