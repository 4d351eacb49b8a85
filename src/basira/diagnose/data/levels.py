"""Jumps of the level of unit values: grams for kilograms, another currency, another unit.

Enters: by office, heading and month the middle deviation of the logarithm of value per kg from the middle of its code.
Leaves: a table, findings. Never here: a single item's price.

Trade moves prices by tens of percent; a unit or a currency moves all of an office's at once, by a factor that stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Said, Table
from basira.diagnose.statistics import Floats, Ints

# A factor that trade does not explain, and how many standard errors it must be away from that.
SMALLEST_FACTOR = 2.5
STANDARD_ERRORS = 4.0
FEWEST_MONTHS = 2
FEWEST_ITEMS = 20
# Spread of a single item's deviation, where a series is too short to give its own.
USUAL_SPREAD = 0.6


@dataclass(frozen=True)
class Jump:
    """From ``month`` on the level of ``office`` and ``heading`` is ``factor`` times the one before."""

    office: str
    heading: str
    month: int
    factor: float
    errors: float
    before: int
    after: int


def judge_levels(levels: pl.DataFrame) -> tuple[Table, tuple[Finding, ...]]:
    """The jumps, the largest first.

    ``levels``: one row an office, heading and month: ``office``, ``heading`` (four digits; "" all of the office),
    ``month``, ``items``, ``level`` (logarithm; the median of the items' deviations from their code's median).
    """
    jumps = [found for found in map(_jump, levels.partition_by("office", "heading")) if found is not None]
    jumps.sort(key=lambda one: (-abs(math.log(one.factor)), one.office, one.heading))
    whole = {one.office for one in jumps if not one.heading}
    findings = tuple(_finding(one) for one in jumps if not one.heading or one.office not in whole)
    rows: list[tuple[Cell, ...]] = [
        (one.office, one.heading or None, one.month, one.factor, _cause(one.factor), one.before, one.after, one.errors)
        for one in jumps
    ]
    columns = (
        *(Column("office", "code"), Column("heading", "code"), Column("month", "month"), Column("factor", "ratio")),
        Column("cause", "word"),
        *(Column("items_before", "count"), Column("items_after", "count"), Column("standard_errors", "number")),
    )
    return Table("data.levels", columns, tuple(rows)), findings


def _jump(series: pl.DataFrame) -> Jump | None:
    ordered = series.sort("month")
    level: Floats = ordered["level"].to_numpy()
    items: Ints = ordered["items"].to_numpy().astype(np.int64)
    best: tuple[float, int, float] | None = None
    for at in range(FEWEST_MONTHS, len(level) - FEWEST_MONTHS + 1):
        before, after = items[:at].sum(), items[at:].sum()
        if before < FEWEST_ITEMS or after < FEWEST_ITEMS:
            continue
        # Medians of months: one strange month moves nothing.
        shift = float(np.median(level[at:]) - np.median(level[:at]))
        left = np.concatenate((level[:at] - np.median(level[:at]), level[at:] - np.median(level[at:])))
        weight = np.sqrt(items.astype(np.float64))
        # Of one item, from the months' own spread; never below a third of the usual.
        spread = max(USUAL_SPREAD / 3, float(np.median(np.abs(left) * weight)) * 1.4826)
        error = 1.2533 * spread * math.sqrt(1 / before + 1 / after)
        # The split that leaves the least within the two sides.
        rest = float((np.abs(left) * weight).sum())
        if best is None or rest < best[0]:
            best = (rest, at, shift / error)
    if best is None:
        return None
    _, at, _ = best
    shift = float(np.median(level[at:]) - np.median(level[:at]))
    errors = _beyond(best[2], shift)
    if abs(shift) < math.log(SMALLEST_FACTOR) or errors < STANDARD_ERRORS:
        return None
    office, heading, month = (ordered[name][at] for name in ("office", "heading", "month"))
    return Jump(office, heading, month, math.exp(shift), errors, int(items[:at].sum()), int(items[at:].sum()))


def _beyond(errors: float, shift: float) -> float:
    """How many standard errors a shift is beyond half of the smallest that counts."""
    if shift == 0:
        return 0.0
    return abs(errors) * max(0.0, 1 - math.log(SMALLEST_FACTOR) / 2 / abs(shift))


def _cause(factor: float) -> str:
    """The usual one of a factor."""
    larger = max(factor, 1 / factor)
    for cause, low, high in (
        ("cause.thousand", 700, 1400),
        ("cause.hundred", 75, 130),
        ("cause.currency", 8, 14),
        ("cause.pounds", 2.0, 2.45),
    ):
        if low <= larger <= high:
            return cause
    return "cause.unknown"


def _finding(one: Jump) -> Finding:
    values = {
        "office": Said(one.office, "code"),
        "heading": Said(one.heading, "code"),
        "month": Said(one.month, "month"),
        "factor": Said(max(one.factor, 1 / one.factor), "ratio"),
        "items": Said(one.after, "count"),
        "cause": Said(_cause(one.factor), "word"),
    }
    way = "up" if one.factor > 1 else "down"
    return Finding(f"unit_jump_{way}" if one.heading else f"unit_jump_office_{way}", "high", "data.levels", values)
