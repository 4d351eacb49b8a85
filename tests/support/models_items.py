"""Labelled items made up for the tests of the models: a random matrix with an irregularity planted in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from basira.models.risk.fit import ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.risk_model import POTENTIAL, RiskModel
from basira.models.risk.settings import FitSettings

NUMBERS = ("signal", "noise", "gap", "constant")
QUICK = FitSettings(most_rounds=60, bags=((1_000_000, 2),))
ORIGIN = ModelOrigin(as_of="2022-12-31", created_at="2023-01-01T00:00:00", snapshot=1, software="0")


def chance(signal: np.ndarray) -> np.ndarray:
    """The planted probability of an irregularity."""
    return 1 / (1 + np.exp(2.2 - 1.5 * signal))


def make_items(rows: int = 8000, *, seed: int = 1, first_day: int = 0, **changes: Any) -> TrainingItems:
    """Items over a year. Irregular more often where ``signal`` is high; value when ``gap`` is, origin otherwise.

    An irregular item evades a fifth of its potential duties, half of it where ``noise`` is above 0.
    """
    rng = np.random.default_rng(seed)
    signal, noise = rng.normal(size=rows), rng.normal(size=rows)
    gap = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows))
    irregular = rng.random(rows) < chance(signal)
    potential = np.round(np.exp(rng.normal(8, 1.5, rows)), 2)
    is_value = irregular & (np.nan_to_num(gap) > 0)
    features = pl.DataFrame(
        {
            "declaration_id": [f"D{seed}-{i:06d}" for i in range(rows)],
            "declaration_version": np.ones(rows, np.int32),
            "item_number": np.ones(rows, np.int32),
            "signal": signal.astype(np.float32),
            "noise": noise.astype(np.float32),
            "gap": pl.Series(gap.astype(np.float32)).fill_nan(None),
            "constant": np.ones(rows, np.float32),
            POTENTIAL: potential,
            "category_office": rng.choice(["A", "B", "C"], rows),
        }
    )
    items = TrainingItems(
        features=features,
        declared_day=np.sort(rng.integers(first_day, first_day + 365, rows)),
        is_irregular=irregular,
        revenue=np.where(irregular, potential * np.where(noise > 0, 0.5, 0.2), np.nan),
        kinds={
            "value": np.where(irregular, is_value.astype(float), 0.0),
            "origin": np.where(irregular, (irregular & ~is_value).astype(float), 0.0),
        },
        weight=np.ones(rows),
    )
    return replace(items, **changes)


def fit(
    items: TrainingItems, *, settings: FitSettings = QUICK, seed: int = 1, origin: ModelOrigin = ORIGIN
) -> RiskModel:
    return fit_risk_model(items, numbers=NUMBERS, settings=settings, seed=seed, origin=origin)


def texts(model: RiskModel) -> list[str]:
    return [b.model_to_string() for b in model.boosters]
