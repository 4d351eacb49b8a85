"""Figures of one period, and of a whole comparison.

Enters: what was chosen, what came back, the truth where there is one. Leaves: one row a period; sums
over periods; means over seeds with intervals. Never here: a strategy.

    precision            found / selected with a known result
    recall               found / possible
    revenue_share        revenue of what was found / revenue of all that was possible
    normalised_found     found / the most that any choice of k could have found
    normalised_revenue   revenue found / the most that any choice of k could have brought

"Possible" is what is known to be irregular: by the truth in the simulated country, by recorded results in
a replay. Over several periods, figures are ratios of sums, not means of ratios.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.laboratory.worlds.world import Inspected

MEASURES: Mapping[str, tuple[str, str]] = {
    "precision": ("found", "answered"),
    "recall": ("found", "possible_found"),
    "revenue_share": ("revenue", "possible_revenue"),
    "normalised_found": ("found", "best_found"),
    "normalised_revenue": ("revenue", "best_revenue"),
    "oracle_precision": ("truly_irregular", "selected"),
    "oracle_revenue": ("truly_evaded", "best_revenue"),
}
# Student's t, 97.5 %, by degrees of freedom; beyond ten the next lower of these.
_T = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    6: 2.447,
    7: 2.365,
    8: 2.306,
    9: 2.262,
    10: 2.228,
    20: 2.086,
    30: 2.042,
}


def period_counts(
    k: int, inspected: Inspected, ids: tuple[str, ...], *, has_oracle: bool
) -> dict[str, float | int | None]:
    """Counts and amounts of one period.

    ``truly_irregular``, ``truly_evaded``: of the chosen, by the truth, found or not; None in a replay.

    >>> truth = pl.DataFrame({"item_id": ["a", "b"], "is_irregular": [True, True], "revenue": [5.0, 20.0]})
    >>> row = period_counts(1, Inspected(known=None, results=truth[:1], truth=truth), ("a",), has_oracle=False)
    >>> row["found"], row["revenue"], row["best_found"], row["best_revenue"], row["truly_irregular"]
    (1, 5.0, 1, 20.0, None)
    """
    truth, results = inspected.truth, inspected.results
    irregular = truth.filter(pl.col("is_irregular").fill_null(value=False))
    best = np.sort(irregular["revenue"].to_numpy())[::-1][:k]
    of_chosen = irregular.filter(pl.col("item_id").is_in(list(ids)))
    return {
        "selected": len(ids),
        "answered": len(results),
        "found": int(results["is_irregular"].sum()),
        "revenue": float(results["revenue"].sum()),
        "possible_found": len(irregular),
        "possible_revenue": float(irregular["revenue"].sum()),
        "best_found": min(k, len(irregular)),
        "best_revenue": float(best.sum()),
        "truly_irregular": len(of_chosen) if has_oracle else None,
        "truly_evaded": float(of_chosen["revenue"].sum()) if has_oracle else None,
    }


def with_measures(rows: pl.DataFrame) -> pl.DataFrame:
    """The measures beside the counts; null where there is nothing to divide by."""
    return rows.with_columns(
        pl.when(pl.col(below) > 0).then(pl.col(above) / pl.col(below)).alias(name)
        for name, (above, below) in MEASURES.items()
    )


def cumulate(rows: pl.DataFrame) -> pl.DataFrame:
    """Each period's row with the counts of all periods up to it, and the measures of these."""
    counts = sorted({column for pair in MEASURES.values() for column in pair})
    ordered = rows.sort("strategy", "seed", "period")
    summed = ordered.with_columns(pl.col(c).cum_sum().over("strategy", "seed") for c in counts)
    return with_measures(summed)


def over_seeds(rows: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    """Mean of each measure over seeds, and its 95 % interval (Student's t, within 0 and 1; null with one seed).

    One row per value of ``by``; columns NAME, NAME_low, NAME_high.
    """
    found = []
    for key, group in rows.group_by(*by, maintain_order=True):
        row: dict[str, object] = dict(zip(by, key, strict=True))
        row["seeds"] = group["seed"].n_unique()
        for name in MEASURES:
            values = group[name].drop_nulls().to_numpy()
            mean = float(values.mean()) if len(values) else None
            half = half_width(values)
            row[name] = mean
            row[f"{name}_low"] = None if half is None or mean is None else max(0.0, mean - half)
            row[f"{name}_high"] = None if half is None or mean is None else min(1.0, mean + half)
        found.append(row)
    return pl.DataFrame(found, infer_schema_length=None)


def half_width(values: NDArray[np.float64]) -> float | None:
    """Half of the 95 % interval of a mean over seeds (Student's t); None with fewer than two.

    >>> half_width(np.array([0.3])) is None, round(half_width(np.array([0.1, 0.2, 0.3])), 3)
    (True, 0.248)
    """
    if len(values) < 2:
        return None
    degrees = max(d for d in _T if d <= len(values) - 1)
    return _T[degrees] * float(values.std(ddof=1)) / float(len(values) ** 0.5)


def summary(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per strategy, best first by normalised_found: over all periods, means over seeds; CPU seconds a period,
    the highest memory of a run, periods chosen at random for want of results."""
    last = cumulate(rows).filter(pl.col("period") == pl.col("period").max().over("strategy", "seed"))
    cost = rows.group_by("strategy").agg(
        pl.col("choose_cpu_seconds", "fit_cpu_seconds", "features_cpu_seconds").mean(),
        pl.col("peak_memory_mb").max(),
        pl.col("fallback").sum(),
    )
    found = over_seeds(last, ("strategy",)).join(cost, on="strategy")
    return found.sort("normalised_found", descending=True, nulls_last=True)
