"""What the model would have said of later items: fits in order of time, each asked about the days after its own.

Enters: days, and a way to fit on some rows and ask about others. Leaves: `Forecasts`. Never here: a row asked about
that its fit learned from.

One late part is not enough to calibrate on: it holds some hundred irregular items, and how far the fit before it was
off is partly how that season differed from the one before. The model that is kept has learned the late part, so to
move it by the whole of that difference counts it twice (docs/explanation/model.md). Several seasons, each foretold from
those before it, say how far the next one is off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Where the later parts begin, as shares of the rows in order of time.
STARTS = (0.4, 0.55, 0.7, 0.85)
# Raw score and revenue if irregular of the later rows, from a fit on the earlier ones.
Predict = Callable[[Bools, Bools], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Forecasts:
    """``rows``: which rows were foretold; ``raw`` and ``revenue`` (if irregular, an amount) of these, in order."""

    rows: Bools
    raw: Floats
    revenue: Floats


def forecast_later(
    day: NDArray[np.int64], irregular: Bools, predict: Predict, *, fewest: int, starts: Sequence[float] = STARTS
) -> Forecasts:
    """Foretell the rows of every later part from the rows of the days before it.

    Parameters
    ----------
    day : of each row, in order of time. fewest : irregular and compliant rows that a fit needs before a part; a part
        with fewer is foretold by none.
    """
    raw, revenue = np.full(len(day), np.nan), np.full(len(day), np.nan)
    # Whole days: two items of one day are never on both sides.
    first_days = sorted({int(day[int(len(day) * start)]) for start in starts}) if len(day) else []
    for number, first in enumerate(first_days):
        early, late = day < first, day >= first
        if number + 1 < len(first_days):
            late &= day < first_days[number + 1]
        if min(int(irregular[early].sum()), int((~irregular[early]).sum())) < fewest:
            continue
        raw[late], revenue[late] = predict(early, late)
    rows = np.isfinite(raw)
    return Forecasts(rows, raw[rows], revenue[rows])
