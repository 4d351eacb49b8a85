"""Values that people think in and no field or feature holds as it is: a price per kg, the usual one.

Enters: the numbers that one is made of. Leaves: the number, or None. Never here: an expression of another engine: one
row and three million are computed by the same function, so that no rounding of a logarithm parts them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Maker: TypeAlias = Callable[..., float | None]


@dataclass(frozen=True)
class Derived:
    """``inputs``: names of numbers; ``make``: gets them, each a float or None. ``meaning``: for the list of names."""

    inputs: tuple[str, ...]
    make: Maker
    unit: str
    meaning: str


def _quotient(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _usual(one: float | None, other: float | None, gap: float | None) -> float | None:
    """The price per kg whose logarithm is ``gap`` below that of the declared one."""
    declared = _quotient(one, other)
    if declared is None or gap is None:
        return None
    # Ten thousand times the usual price is a broken figure, and the exponential would leave the doubles.
    return declared / math.exp(gap) if abs(gap) < 50 else None


DERIVED: Mapping[str, Derived] = {
    "value_per_kg": Derived(
        ("customs_value_amount", "net_mass_kg"), _quotient, "amount/kg", "customs value over net mass"
    ),
    "value_per_unit": Derived(
        ("customs_value_amount", "quantity"), _quotient, "amount/unit", "customs value over quantity"
    ),
    "kg_per_unit": Derived(("net_mass_kg", "quantity"), _quotient, "kg/unit", "net mass over quantity"),
    "value_per_kg_reference": Derived(
        ("customs_value_amount", "net_mass_kg", "value_per_kg_vs_reference"),
        _usual,
        "amount/kg",
        "median customs value per kg of comparable imports",
    ),
}
