"""Baselines that only count: constant, random, price order, importer history, pair look-up.

Enters: labelled items. Leaves: a function from items to one score each. Never here: a booster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scorer = Callable[[pl.DataFrame], Floats]
_LABEL = "is_irregular"

# How many rows of its parent's rate a key starts with. A pair that repeats keeps its result almost
# surely, so a fifth of a row is enough; a code or an importer mixes good and bad, and ten rows hold it back.
_PAIR_PRIOR = 0.2
_GROUP_PRIOR = 10.0


def fit_constant(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:  # noqa: ARG001 - one interface
    base = _base_rate(pl.concat([early, late], how="diagonal_relaxed"))
    return lambda items: np.full(len(items), base)


def fit_random(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:  # noqa: ARG001 - one interface
    return lambda items: np.random.default_rng(seed).random(len(items))


def fit_price_order(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:  # noqa: ARG001 - one interface
    """The customs value, or the invoice value where the source has no other; unknown values last."""

    def score(items: pl.DataFrame) -> Floats:
        for name in ("customs_value_amount", "invoice_amount"):
            if name in items.columns and items[name].null_count() < len(items):
                return items[name].cast(pl.Float64).fill_null(-1.0).to_numpy()
        return np.zeros(len(items))

    return score


def fit_importer_history(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:  # noqa: ARG001 - one interface
    past = pl.concat([early, late], how="diagonal_relaxed")
    base = _base_rate(past)
    if "importer_id" not in past.columns:
        return lambda items: np.full(len(items), base)
    return _look_up(past, [(("importer_id",), _GROUP_PRIOR)], base)


def fit_pair_lookup(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:  # noqa: ARG001 - one interface
    past = pl.concat([early, late], how="diagonal_relaxed")
    keys: list[tuple[tuple[str, ...], float]] = [(("commodity_code",), _GROUP_PRIOR)]
    if "net_mass_kg" in past.columns:
        keys.append((("commodity_code", "net_mass_kg"), _PAIR_PRIOR))
    return _look_up(past, keys, _base_rate(past))


def _base_rate(past: pl.DataFrame) -> float:
    return float(past[_LABEL].cast(pl.Float64).to_numpy().mean())


def _look_up(past: pl.DataFrame, keys: Sequence[tuple[tuple[str, ...], float]], base: float) -> Scorer:
    """Rates by key, each smoothed towards the one before it, the first towards ``base``.

    rate = (irregular + prior * parent) / (rows + prior). A key never seen, or with a null part, keeps
    its parent's rate.
    """
    counts = [
        past.drop_nulls(list(names))
        .group_by(list(names))
        .agg(pl.len().cast(pl.Float64).alias("_rows"), pl.col(_LABEL).sum().cast(pl.Float64).alias("_irregular"))
        for names, _ in keys
    ]

    def score(items: pl.DataFrame) -> Floats:
        rate = np.full(len(items), base)
        for (names, prior), table in zip(keys, counts, strict=True):
            if not set(names) <= set(items.columns):
                continue
            found = items.select(names).join(table, on=list(names), how="left", maintain_order="left")
            rows = found["_rows"].fill_null(0.0).to_numpy()
            irregular = found["_irregular"].fill_null(0.0).to_numpy()
            rate = (irregular + prior * rate) / (rows + prior)
        return rate

    return score
