"""One strategy against each other one: the same world, the same seed, the same periods.

Enters: the rows of ``results.parquet``. Leaves: differences with intervals and a word. Never here: a
verdict from two intervals that were made apart.

With two seeds or more, the difference is taken within each seed, and its interval is Student's over
seeds. With one seed there is nothing to take it over but the periods: they are drawn again with
replacement (both strategies' at once), which says how much hangs on single periods and nothing about
another world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.laboratory.report.figures import MEASURES, half_width

Verdict = Literal["ahead", "level", "behind"]
_RESAMPLES = 1000
_SEED = 1  # of the resampling: the same rows give the same page
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """``difference``: ours minus theirs. ``over``: what the interval is taken over; None: too few of either."""

    measure: str
    strategy: str
    ours: float
    theirs: float
    difference: float
    interval: tuple[float, float] | None
    over: Literal["seeds", "periods"] | None
    verdict: Verdict


def paired_differences(rows: pl.DataFrame, ours: str, measures: Sequence[str]) -> list[Difference]:
    """``ours`` against every other strategy by each measure, on the seeds and periods that both have.

    A measure that either has no value of is left out; so is a strategy with no seed in common.
    """
    found = []
    for other in rows["strategy"].unique().sort().to_list():
        if other != ours:
            found += [d for m in measures if (d := _difference(rows, ours, other, m)) is not None]
    return found


def _difference(rows: pl.DataFrame, ours: str, other: str, measure: str) -> Difference | None:
    above, below = MEASURES[measure]
    columns = ["seed", "period", above, below]
    pair = (
        rows.filter(pl.col("strategy") == ours)
        .select(columns)
        .join(rows.filter(pl.col("strategy") == other).select(columns), on=["seed", "period"], suffix="_other")
        .drop_nulls()
        .sort("seed", "period")
    )
    counts = pair.select(above, below, f"{above}_other", f"{below}_other").to_numpy().astype(np.float64)
    seeds = pair["seed"].to_numpy()
    sums = np.array([counts[seeds == s].sum(axis=0) for s in np.unique(seeds)]).reshape(-1, 4)
    sums = sums[(sums[:, 1] > 0) & (sums[:, 3] > 0)]
    if len(sums) == 0:
        return None
    values = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
    differences = values[0] - values[1]
    middle = float(differences.mean())
    half = half_width(differences)
    interval: tuple[float, float] | None = None
    over: Literal["seeds", "periods"] | None = None
    if half is not None:
        interval, over = (middle - half, middle + half), "seeds"
    elif len(counts) > 1:
        interval, over = _over_periods(counts), "periods"
    return Difference(
        measure, other, float(values[0].mean()), float(values[1].mean()), middle, interval, over, _verdict(interval)
    )


def _over_periods(counts: Floats) -> tuple[float, float] | None:
    draws = np.random.default_rng(_SEED).integers(0, len(counts), (_RESAMPLES, len(counts)))
    sums = counts[draws].sum(axis=1)
    sums = sums[(sums[:, 1] > 0) & (sums[:, 3] > 0)]
    if len(sums) == 0:
        return None
    low, high = np.quantile(sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3], [0.025, 0.975])
    return float(low), float(high)


def _verdict(interval: tuple[float, float] | None) -> Verdict:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "level"
    return "ahead" if interval[0] > 0 else "behind"
