"""Figures of an item's features and declared values: a number, a ratio, a count; None where there is none to show.

Enters: a row by name. Leaves: finite numbers. Never here: what a figure means.
"""

from __future__ import annotations

import math

from basira.schema.records import ItemRow

Row = ItemRow


def number_of(row: Row, name: str) -> float | None:
    """The value as a finite number, in its own unit; None where it is absent, null or not finite."""
    value = row.get(name)
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def ratio_of(row: Row, upper: str, lower: str) -> float | None:
    """One value by another; None where one is not known, the second is 0, or the ratio is no number to show."""
    a, b = number_of(row, upper), number_of(row, lower)
    ratio = a / b if a is not None and b else math.nan
    # A mass of 1e-320 kg is positive and valid: the value of a kilogram of it is no number to show.
    return ratio if math.isfinite(ratio) else None


def from_log_of(row: Row, name: str) -> float | None:
    """A value that is kept as thousandths of its natural logarithm; None where it is not known."""
    logged = number_of(row, name)
    return None if logged is None else math.exp(logged / 1000)


def count_of(row: Row, name: str) -> int:
    """A whole number; 0 where it is not known."""
    return int(number_of(row, name) or 0)
