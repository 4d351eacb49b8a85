"""Boosted trees, fitted with time in mind.

Enters: a matrix, targets, weights, in order of time. Leaves: LightGBM boosters, the rounds and size
chosen on the later rows. Never here: shuffled rows, calendars, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from basira.models.risk.settings import FitSettings

Floats = NDArray[np.float64]
# The mean of so many contributions is known to a few hundredths of log-odds, and costs a tenth of a second.
_MOST_USUAL = 200
Matrix = NDArray[np.float32]

_PREDICT_THREADS = 1  # a server answers one item at a time: a second thread only costs

# Small trees win where labels are few or nothing of the item was seen before; larger ones where
# there is much to learn. Depth stays at 6 so that exact contributions stay quick.
_SIZES: dict[str, dict[str, Any]] = {
    "small": {"num_leaves": 15, "max_depth": 4},
    "large": {"num_leaves": 31, "max_depth": 6},
}
# Irregular items are few: a leaf must be able to hold what a handful of them have in common.
_LEAST_IN_A_LEAF, _MOST_OF_THE_LEAST = 10, 20


def _parameters(size: str, objective: str, settings: FitSettings, rows: int, total: int, seed: int) -> dict[str, Any]:
    # By the total, not by the rows of this fit: rounds chosen at one pace mean nothing at another.
    brisk = total >= settings.brisk_from
    found = dict(_SIZES[size])
    # Half a percent of the rows, within these limits.
    found["min_data_in_leaf"] = int(max(_LEAST_IN_A_LEAF, min(_MOST_OF_THE_LEAST, rows / 200)))
    return {
        "objective": objective,
        "learning_rate": settings.learning_rate * (2 if brisk else 1),
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": 0.4 if brisk else 0.8,
        "bagging_freq": 1,
        "cat_smooth": 20,
        "cat_l2": 20,
        "min_data_per_group": int(max(10, min(100, rows / 100))),
        "max_cat_threshold": 16,
        "max_bin": 63 if brisk else 127 if rows >= settings.try_both_below else 255,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
        "seed": seed,
    } | found


@dataclass(frozen=True)
class Fitting:
    """What every fit of a model shares. ``names``: of the matrix's columns; ``categories``: positions of those that are
    codes."""

    names: Sequence[str]
    categories: list[int]
    settings: FitSettings
    seed: int


def _data(
    x: Matrix,
    y: Floats,
    weight: Floats | None,
    fitting: Fitting,
    size: dict[str, Any],
    reference: lgb.Dataset | None = None,
) -> lgb.Dataset:
    return lgb.Dataset(
        x,
        y,
        weight=weight,
        feature_name=list(fitting.names),
        categorical_feature=fitting.categories or "auto",
        reference=reference,
        params={"max_bin": size["max_bin"], "verbose": -1, "num_threads": size["num_threads"]},
        free_raw_data=False,
    )


def fit_until_late(
    early: tuple[Matrix, Floats, Floats],
    late: tuple[Matrix, Floats, Floats],
    fitting: Fitting,
    *,
    size: str,
    rows: int,
    total: int,
) -> tuple[int, Floats]:
    """Fit one size on the earlier rows and stop on the later ones: rounds (at least 10), the later rows' raw scores.

    ``early``, ``late``: matrix, target, weight. ``rows``: labelled items among the earlier rows, ``total``: among all
    rows; both decide on the pace, which planted rows must not change.
    """
    settings = fitting.settings
    parameters = _parameters(size, "binary", settings, rows, total, fitting.seed) | {"metric": "binary_logloss"}
    train = _data(*early, fitting, parameters)
    booster = lgb.train(
        parameters,
        train,
        settings.most_rounds,
        valid_sets=[_data(*late, fitting, parameters, train)],
        valid_names=["late"],
        callbacks=[lgb.early_stopping(settings.patience, verbose=False)],
    )
    raw = np.asarray(booster.predict(late[0], raw_score=True, num_threads=settings.threads), dtype=np.float64)
    return max(10, booster.best_iteration), raw


def fit_bags(
    rows: tuple[Matrix, Floats, Floats | None],
    fitting: Fitting,
    *,
    size: str,
    rounds: int,
    bags: int,
    objective: str = "binary",
    labelled: int | None = None,
) -> list[lgb.Booster]:
    """Fit ``bags`` boosters on all rows, each with its own seed of rows and columns.

    ``rows``: matrix, target, weight (None: all count alike). ``labelled``: how many of the rows are no planted ones;
    None: all. They decide on the pace.
    """
    found = []
    labelled = len(rows[1]) if labelled is None else labelled
    for bag in range(bags):
        parameters = _parameters(size, objective, fitting.settings, labelled, labelled, fitting.seed + bag)
        fitted = lgb.train(parameters, _data(*rows, fitting, parameters), rounds)
        # Read back from its own text: what is used now is to the last bit what a reader of the files gets.
        found.append(lgb.Booster(model_str=fitted.model_to_string()))
    return found


def predict_raw(boosters: Sequence[lgb.Booster], x: Matrix, *, threads: int = _PREDICT_THREADS) -> Floats:
    """Mean raw score of the boosters, one per row."""
    total = np.zeros(len(x))
    for booster in boosters:
        total += np.asarray(booster.predict(x, raw_score=True, num_threads=threads), dtype=np.float64)
    return total / len(boosters)


def contributions(boosters: Sequence[lgb.Booster], x: Matrix, *, threads: int = _PREDICT_THREADS) -> Floats:
    """Exact (tree SHAP) contributions to the mean raw score: rows x (features + 1), the base last."""
    total = np.zeros((len(x), x.shape[1] + 1))
    for booster in boosters:
        total += np.asarray(booster.predict(x, pred_contrib=True, num_threads=threads), dtype=np.float64)
    return total / len(boosters)


def usual_contributions(
    boosters: Sequence[lgb.Booster], x: Matrix, is_irregular: NDArray[Any], declared_day: NDArray[Any], *, slope: float
) -> list[float]:
    """What each feature adds to the score of an item that was inspected and found regular: calibrated log-odds, in the
    encoding's order, the mean of the latest ones; empty where there is none. ``slope``: the calibration's.

    The trees' own base is a mixture with planted frauds, beside which every usual price speaks for its item.
    """
    regular = np.flatnonzero(~is_irregular.astype(bool))
    latest = regular[np.argsort(declared_day[regular], kind="stable")][-_MOST_USUAL:]
    if not len(latest):
        return []
    found = slope * contributions(boosters, x[latest])[:, :-1].mean(axis=0)
    return [round(float(one), 6) for one in found]
