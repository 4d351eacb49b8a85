"""A line of a chart of bars, as `charts.html` draws it.

Enters: a label and shares. Leaves: the line. Never here: what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A line of a chart. ``value``, ``low``, ``high``: 0 to 1; None: nothing to show. ``text``: beside the bar, where
    that is not ``value`` as a percentage."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    text: str = ""
