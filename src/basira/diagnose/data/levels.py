"""Jumps of the level of unit values: grams for kilograms, another currency, another unit.

Enters: by office, heading and month the middle deviation of the logarithm of value per kg from the middle of its code.
Leaves: a table, findings. Never here: a single item's price.

Trade moves prices by tens of percent; a unit or a currency moves all of an office's at once, by a factor that stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from basira.diagnose.findings import ALL, Cell, Column, Finding, Said, Table
from basira.diagnose.statistics import Floats, Ints

# A factor that trade does not explain, and how many standard errors it must be away from that.
SMALLEST_FACTOR = 2.5
STANDARD_ERRORS = 4.0
FEWEST_MONTHS = 2
FEWEST_ITEMS = 20
# Of importers with codes that they declared on both sides.
FEWEST_TRADES = 2
# Headings of one office that jump the same way: one finding.
SEVERAL = 3
# Spread of a single item's deviation, where a series is too short to give its own.
USUAL_SPREAD = 0.6


@dataclass(frozen=True)
class Jump:
    """From ``month`` on the level of ``office`` and ``heading`` ("" all of them) is ``factor`` times the one before."""

    office: str
    heading: str
    month: int
    factor: float
    errors: float
    before: int
    after: int


def find_jumps(levels: pl.DataFrame) -> list[Jump]:
    """The jumps of the level, the largest first.

    ``levels``: one row an office, heading and month: ``office``, ``heading`` (four digits; "" all of the office),
    ``month``, ``items``, ``level`` (logarithm; the median of the items' deviations from their code's median).
    """
    jumps = [found for found in map(_jump, levels.partition_by("office", "heading")) if found is not None]
    jumps.sort(key=lambda one: (-abs(math.log(one.factor)), one.office, one.heading))
    return jumps


def judge_levels(jumps: Sequence[Jump], trades: pl.DataFrame) -> tuple[Table, tuple[Finding, ...]]:
    """The table of jumps; those that the same trade shows before and after are findings.

    ``trades``: of the offices of the jumps, one row an importer, code and month: ``office``, ``heading``, ``importer``,
    ``code``, ``month``, ``price`` (median of the logarithm of value per kg). Other importers with other goods move a
    level as well: a unit moves the price of each importer's each code.
    """
    own = [_own_factor(one, trades) for one in jumps]
    is_sure = [
        count >= FEWEST_TRADES
        and factor is not None
        and math.log(factor) * math.copysign(1.0, math.log(one.factor)) >= abs(math.log(one.factor)) / 2
        for one, (count, factor) in zip(jumps, own, strict=True)
    ]
    whole = {one.office for one, sure in zip(jumps, is_sure, strict=True) if sure and not one.heading}
    sure_jumps = [
        one for one, sure in zip(jumps, is_sure, strict=True) if sure and (not one.heading or one.office not in whole)
    ]
    findings = tuple(_findings(sure_jumps))
    rows: list[tuple[Cell, ...]] = [
        (
            *(one.office, one.heading or ALL, one.month, one.factor, factor, count),
            *(_cause(one.factor) if sure else None, one.before, one.after, one.errors),
        )
        for one, (count, factor), sure in zip(jumps, own, is_sure, strict=True)
    ]
    columns = (
        *(Column("office", "code"), Column("heading", "code"), Column("month", "month"), Column("factor", "ratio")),
        *(Column("same_trade", "ratio"), Column("trades", "count"), Column("cause", "word")),
        *(Column("items_before", "count"), Column("items_after", "count"), Column("standard_errors", "number")),
    )
    return Table("data.levels", columns, tuple(rows)), findings


def _own_factor(jump: Jump, trades: pl.DataFrame) -> tuple[int, float | None]:
    """Importers and codes with items on both sides of a jump, and the middle of their own factors."""
    part = trades.filter(pl.col("office") == jump.office)
    if jump.heading:
        part = part.filter(pl.col("heading") == jump.heading)
    sides = (
        part.with_columns(is_after=pl.col("month") >= jump.month)
        .group_by("importer", "code")
        .agg(
            before=pl.col("price").filter(~pl.col("is_after")).median(),
            after=pl.col("price").filter("is_after").median(),
        )
        .drop_nulls()
    )
    shift = (sides["after"] - sides["before"]).median()
    return sides.height, math.exp(shift) if isinstance(shift, float) else None


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


def _findings(jumps: Sequence[Jump]) -> Iterator[Finding]:
    """One a jump; one for all headings of an office that jump the same way, when they are several."""
    places = list(dict.fromkeys((one.office, one.factor > 1) for one in jumps))
    for office, is_up in places:
        own = [one for one in jumps if (one.office, one.factor > 1) == (office, is_up)]
        if len(own) < SEVERAL:
            yield from map(_finding, own)
            continue
        factor = float(np.median([max(one.factor, 1 / one.factor) for one in own]))
        values = {
            "office": Said(office, "code"),
            "headings": Said(", ".join(sorted(one.heading for one in own)), "code"),
            "month": Said(min(one.month for one in own), "month"),
            "factor": Said(factor, "times"),
            "items": Said(sum(one.after for one in own), "count"),
            "cause": Said(_cause(factor), "word"),
        }
        yield Finding(f"unit_jumps_{'up' if is_up else 'down'}", "high", "data.levels", values)


def _finding(one: Jump) -> Finding:
    values = {
        "office": Said(one.office, "code"),
        "heading": Said(one.heading, "code"),
        "month": Said(one.month, "month"),
        "factor": Said(max(one.factor, 1 / one.factor), "times"),
        "items": Said(one.after, "count"),
        "cause": Said(_cause(one.factor), "word"),
    }
    way = "up" if one.factor > 1 else "down"
    return Finding(f"unit_jump_{way}" if one.heading else f"unit_jump_office_{way}", "high", "data.levels", values)
