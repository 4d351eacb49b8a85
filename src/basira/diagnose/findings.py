"""What a diagnosis is made of: figures in tables, findings that rest on them, and what could not be judged.

Enters: nothing. Leaves: frozen records. Never here: words of a language: codes name messages of the locale.

A table's code is stable: `basira diagnose --only CODE` repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

# How a value is written. "word": the code of a message; "code": an identifier, written as it
# is; "field": the name of a field of the schema; "fields": several, parted by ", "; "number3": with three decimals.
Unit = Literal[
    "count",
    "share",
    "days",
    "hours",
    "money",
    "ratio",
    "times",
    "number",
    "number3",
    "chance",
    "word",
    "code",
    "field",
    "fields",
    "month",
    "day",
]
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval. ``value`` None: nothing to compute it from."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Said:
    """A value with its unit: as a finding says it, or a cell of a column of several units."""

    value: str | int | float | None
    unit: Unit


# A code that stands for all of them: all offices, all groups.
ALL = "*"
Cell: TypeAlias = str | int | float | Interval | Said | None


@dataclass(frozen=True)
class Column:
    """``code``: names the message `column.<code>`."""

    code: str
    unit: Unit


@dataclass(frozen=True)
class Table:
    """Figures. ``code`` names its title, definition and denominator; ``shown``: how many rows the report shows, all of
    them are in the annex. Every row has a cell a column, None where there is no figure."""

    code: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    shown: int = 15


@dataclass(frozen=True)
class Finding:
    """Something that a person should know. ``table``: code of the table that shows it. ``values``: by the names that
    the message `finding.<code>` has."""

    code: str
    severity: Severity
    table: str
    values: Mapping[str, Said] = field(default_factory=dict)


@dataclass(frozen=True)
class Unjudged:
    """A question without an answer. ``fields``: what would answer it."""

    code: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A line chart of shares. ``code`` names its words; ``lines``: message of each line, its points (0 to 1)."""

    code: str
    lines: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]


@dataclass(frozen=True)
class Part:
    """``code``: "data", "targeting", "possible", "unknowns" or "plan"."""

    code: str
    tables: tuple[Table, ...] = ()
    findings: tuple[Finding, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Scope:
    """What was diagnosed. ``command``: repeats it, without `--out`."""

    first: date
    last: date
    declarations: int
    items: int
    results: int
    offices: int
    currency: str
    is_simulated: bool
    command: str


@dataclass(frozen=True)
class Diagnosis:
    """``parts``: in their order. ``starting``: name and text of files to start from."""

    scope: Scope
    parts: tuple[Part, ...]
    starting: tuple[tuple[str, str], ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all parts, the most severe first, else in the order of the parts."""
        found = [one for part in self.parts for one in part.findings]
        return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))

    @property
    def unjudged(self) -> tuple[Unjudged, ...]:
        """Of all parts, in their order."""
        return tuple(one for part in self.parts for one in part.unjudged)

    def find_table(self, code: str) -> Table | None:
        """The table of a code, None when the diagnosis has none."""
        return next((one for part in self.parts for one in part.tables if one.code == code), None)
