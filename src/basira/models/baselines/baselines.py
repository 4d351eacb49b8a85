"""The baselines of every evaluation, behind one interface.

Enters: items (schema columns and x_* extras) with `is_irregular` to learn from, and items without it
to score. Leaves: one score per test row, a probability where the method has one, and CPU seconds.
Never here: our own features or model, files, the label of a test row.

Each baseline is what a careful practitioner would run in an afternoon: an unfairly weak one would
flatter us. One thread each, so that the CPU seconds compare.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.baselines import learned, lookup
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]
LABEL = "is_irregular"


@dataclass(frozen=True)
class BaselineResult:
    """One value per test row, in the test's row order. ``probability`` is None when the method only ranks."""

    score: Floats
    probability: Floats | None
    fit_cpu_seconds: float
    score_cpu_seconds: float


# A fitted baseline: items to score, then whether it gives probabilities or only an order.
Scorer = Callable[[pl.DataFrame], Floats]
Fit = Callable[[pl.DataFrame, pl.DataFrame, int], Scorer]


@dataclass(frozen=True)
class Baseline:
    """``fit(early, late, seed)`` learns from the early rows, may stop on the late ones, and may learn from both."""

    name: str
    meaning: str
    gives_probability: bool
    fit: Fit

    def fit_score(
        self, train: pl.DataFrame, valid: pl.DataFrame | None, test: pl.DataFrame, *, seed: int
    ) -> BaselineResult:
        """Learn from ``train`` (and ``valid``), score ``test``.

        Parameters
        ----------
        train, valid : items with a boolean `is_irregular`; rows where it is null (not inspected) are left
            out. Without ``valid`` the last fifth of ``train`` by `declared_at` takes its place. What is
            learned in the end is learned from all of these rows.
        test : items to score. Any label on it is dropped before the method sees it.
        seed : of everything random.

        Raises
        ------
        ModelError : nothing to learn from, or one class only.
        """
        known = train.filter(pl.col(LABEL).is_not_null())
        late = None if valid is None else valid.filter(pl.col(LABEL).is_not_null())
        if late is None or late.is_empty():
            known, late = split_late(known)
        labels = pl.concat([known[LABEL], late[LABEL]])
        if labels.n_unique() < 2:
            raise ModelError(
                "Expected inspected items both regular and irregular to fit {value!r}, found {labels_count} of "
                "{n_unique} class.",
                hint="Give a longer period of inspection results.",
                value=self.name,
                labels_count=len(labels),
                n_unique=labels.n_unique(),
            )
        blind = test.drop(LABEL, strict=False)
        started = time.process_time()
        scorer = self.fit(known, late, seed)
        fitted = time.process_time()
        score = scorer(blind) if len(blind) else np.zeros(0)
        ended = time.process_time()
        return BaselineResult(score, score if self.gives_probability else None, fitted - started, ended - fitted)


def split_late(train: pl.DataFrame, *, share: float = 0.2) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The early rows, and the last ``share`` by `declared_at`: never shuffled, because what is new comes late."""
    ordered = train.sort("declared_at", maintain_order=True)
    cut = len(ordered) - int(len(ordered) * share)
    return ordered[:cut], ordered[cut:]


BASELINES: tuple[Baseline, ...] = (
    Baseline("constant", "The past rate for everyone.", True, lookup.fit_constant),
    Baseline("random", "A draw, with the seed.", False, lookup.fit_random),
    Baseline("price_order", "Highest customs value first.", False, lookup.fit_price_order),
    Baseline("importer_history", "The importer's smoothed past rate.", True, lookup.fit_importer_history),
    Baseline(
        "pair_lookup",
        "The smoothed past rate of the same code and net mass, backing off to the code's.",
        True,
        lookup.fit_pair_lookup,
    ),
    Baseline("logistic_regression", "Logs of numbers, frequent categories.", True, learned.fit_logistic_regression),
    Baseline("xgboost", "Plain XGBoost on label-encoded columns.", True, learned.fit_xgboost),
    Baseline("lightgbm_raw", "Plain LightGBM on raw columns, native categories.", True, learned.fit_lightgbm_raw),
)
