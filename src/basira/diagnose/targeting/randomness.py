"""Is the random control random? What was drawn beside what was not, within each office and day.

Enters: declarations as `prepare_declarations` leaves them, a seed. Leaves: a table of tests, findings. Never here: a
verdict from a single test: probabilities are adjusted for how many there are.

The number drawn in an office and day is taken as given. Under a draw by chance, whatever its size, each declaration of
the office and day is as likely as the other; the mean of any attribute among the drawn then has a known mean and
variance. Two populations are tried, for administrations differ: all declarations, and those that no rule selected; the
control is doubted only when neither explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from basira.diagnose.findings import Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import Flags, Floats, Ints, adjust, drawn_by_chance, two_sided

FEWEST_DRAWN = 30
# Fewer expected among the drawn, and a category says nothing.
FEWEST_EXPECTED = 8.0
# As rare as this, after adjustment: it is doubted.
RARE = 0.001
_REDRAWS = 400
_CATEGORIES = 6


@dataclass(frozen=True)
class Test:
    """``attribute``: message code, ``value`` of a category, None of a measure. ``drawn``: mean (or share) among the
    drawn, ``others`` what a draw by chance expects. ``chance``: of a distance as large, unadjusted."""

    attribute: str
    value: str | None
    drawn: float
    expected: float
    distance: float
    chance: float


def judge_randomness(
    declared: pl.DataFrame, *, seed: int
) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """The tests, and whether the control is doubted. ``seed``: of the redraws of the order test."""
    if declared["basis"].null_count() == declared.height:
        return (), (), (Unjudged("random", ("x_basis",)),)
    drawn = int(declared["is_random"].sum())
    if drawn == 0:
        return (), (Finding("no_random", "high", "targeting.rates"),), ()
    if drawn < FEWEST_DRAWN:
        values = {"drawn": Said(drawn, "count"), "needed": Said(FEWEST_DRAWN, "count")}
        return (), (Finding("few_random", "medium", "targeting.rates", values),), ()
    tried = []
    for population in (declared, declared.filter(pl.col("is_random") | ~pl.col("is_selected"))):
        tests = _tests(population, seed=seed)
        tried.append((tests, adjust([one.chance for one in tests])))
    tests, chances = max(tried, key=lambda pair: min(pair[1], default=1.0))
    order = sorted(range(len(tests)), key=lambda n: chances[n])
    rows: list[tuple[Cell, ...]] = [
        (
            f"attribute.{tests[n].attribute}",
            tests[n].value,
            tests[n].drawn,
            tests[n].expected,
            tests[n].distance,
            chances[n],
        )
        for n in order
    ]
    columns = (
        *(Column("attribute", "word"), Column("group", "code"), Column("among_drawn", "number3")),
        *(Column("by_chance", "number3"), Column("standard_errors", "number"), Column("chance", "chance")),
    )
    table = Table("targeting.random", columns, tuple(rows))
    if not order or chances[order[0]] >= RARE:
        return (table,), (), ()
    first = tests[order[0]]
    values = {
        "attribute": Said(f"attribute.{first.attribute}", "word"),
        "drawn": Said(first.drawn, "number3"),
        "expected": Said(first.expected, "number3"),
        "chance": Said(chances[order[0]], "chance"),
        "controls": Said(drawn, "count"),
    }
    return (table,), (Finding("random_not_random", "high", "targeting.random", values),), ()


def _tests(population: pl.DataFrame, *, seed: int) -> list[Test]:
    """Of the offices and days with both drawn and other declarations."""
    frame = population.with_columns(
        stratum=pl.struct("office", "day").rank("dense").cast(pl.Int64) - 1,
        place=(pl.col("declared_at").rank("ordinal").over("office", "day") - 0.5) / pl.len().over("office", "day"),
        importer_size=pl.len().over("importer"),
        declarant_size=pl.len().over("declarant"),
    ).filter(pl.col("is_random").any().over("stratum") & ~pl.col("is_random").all().over("stratum"))
    drawn: Flags = frame["is_random"].to_numpy()
    strata: Ints = frame["stratum"].to_numpy()
    found = []
    for name, values in _measures(frame):
        known = np.isfinite(values)
        found += _test(name, None, values[known], drawn[known], strata[known])
    for name in ("chapter", "origin", "declarant", "transport", "procedure"):
        for value in _categories(frame, name):
            is_it = (frame[name] == value).fill_null(value=False).to_numpy().astype(np.float64)
            found += _test(name, str(value), is_it, drawn, strata)
    order = _order_test(frame, seed=seed)
    return found if order is None else [*found, order]


def _measures(frame: pl.DataFrame) -> list[tuple[str, Floats]]:
    """Of heavy-tailed amounts the rank, as a share of all."""
    measures = []
    for name in ("value", "tax", "items", "importer_size", "declarant_size"):
        rank = (frame[name].rank("average") / max(1, frame.height)).cast(pl.Float64)
        measures.append((name, rank.fill_null(float("nan")).to_numpy()))
    measures.append(("place", frame["place"].to_numpy()))
    if frame["is_oea"].null_count() < frame.height:
        measures.append(("oea", frame["is_oea"].cast(pl.Float64).fill_null(float("nan")).to_numpy()))
    return measures


def _categories(frame: pl.DataFrame, name: str) -> Sequence[object]:
    counted = (
        frame.filter(pl.col(name).is_not_null())[name].value_counts(sort=True).sort("count", name, descending=True)
    )
    if counted.height < 2:
        return ()
    rate = float(frame["is_random"].mean() or 0.0)  # type: ignore[arg-type]  # the mean of flags is a number
    return counted.filter(pl.col("count") * rate >= FEWEST_EXPECTED)[name].head(_CATEGORIES).to_list()


def _test(name: str, value: str | None, values: Floats, drawn: Flags, strata: Ints) -> list[Test]:
    if not drawn.any():
        return []
    _, strata = np.unique(strata, return_inverse=True)
    distance = drawn_by_chance(values, drawn, strata)
    if distance is None:
        return []
    size = np.bincount(strata)
    mean = np.bincount(strata, weights=values) / size
    taken = np.bincount(strata, weights=drawn.astype(np.float64), minlength=len(size))
    expected = float((taken * mean).sum() / taken.sum())
    return [Test(name, value, float(values[drawn].mean()), expected, distance, two_sided(distance))]


def _order_test(frame: pl.DataFrame, *, seed: int) -> Test | None:
    """How even the distances between drawn declarations are, in the order of registration: every k-th is too even.

    Their mean absolute step from one to the next within an office, against redraws of as many an office and day.
    """
    ordered = frame.sort("office", "declared_at", "declaration_id").with_columns(
        row=pl.int_range(pl.len()).over("office").cast(pl.Int64)
    )
    strata = ordered.group_by("office", "day", maintain_order=True).agg(
        first=pl.col("row").min(), size=pl.len(), taken=pl.col("is_random").sum()
    )
    taken: Ints = strata["taken"].to_numpy().astype(np.int64)
    if taken.sum() < FEWEST_DRAWN:
        return None
    first, size = (np.repeat(strata[name].to_numpy().astype(np.int64), taken) for name in ("first", "size"))
    office = np.repeat(strata["office"].rank("dense").to_numpy().astype(np.int64), taken)
    own = _evenness(office, ordered.filter("is_random")["row"].to_numpy().astype(np.int64))
    generator = np.random.default_rng(seed)
    redrawn = np.array([_evenness(office, first + generator.integers(0, np.maximum(1, size))) for _ in range(_REDRAWS)])
    if redrawn.std() == 0:
        return None
    distance = float((own - redrawn.mean()) / redrawn.std())
    return Test("evenness", None, own, float(redrawn.mean()), distance, two_sided(distance))


def _evenness(office: Ints, rows: Ints) -> float:
    """Spread of the steps between drawn rows over their mean: about 1 by chance, 0 for every k-th."""
    order = np.lexsort((rows, office))
    step = np.diff(rows[order])[np.diff(office[order]) == 0]
    return float(step.std() / max(1e-9, step.mean())) if len(step) else 0.0
