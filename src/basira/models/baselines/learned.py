"""Baselines that learn from raw columns: logistic regression, XGBoost, LightGBM.

Enters: labelled items, early and late. Leaves: a function from items to probabilities. Never here: a
feature over history. The boosters choose their number of rounds on the late rows, then fit again on
all rows with it. Heavy imports are made on use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.baselines.columns import Columns, category_texts, choose_columns, fit_encoder, number_matrix

Floats = NDArray[np.float64]
Scorer = Callable[[pl.DataFrame], Floats]
_LABEL = "is_irregular"

_MAX_ROUNDS = 2000
_PATIENCE = 50  # rounds without progress on the late rows
_RARE = 20  # a category seen less often gets no column of its own in the logistic regression


def fit_logistic_regression(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:
    """L2 logistic regression on standardised log(1 + x), missing marks, and one column per frequent category."""
    import scipy.sparse as sp
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    past = pl.concat([early, late], how="diagonal_relaxed")
    columns = choose_columns(past)
    logs = _logs(past, columns)
    centre, spread = np.nanmean(logs, axis=0), np.nanstd(logs, axis=0)
    spread[spread == 0] = 1.0
    onehot = OneHotEncoder(min_frequency=_RARE, handle_unknown="infrequent_if_exist")
    if columns.categories:
        onehot.fit(_texts(past, columns))

    def matrix(items: pl.DataFrame) -> Any:
        found = (_logs(items, columns) - centre) / spread
        parts = [sp.csr_matrix(np.nan_to_num(found, nan=0.0)), sp.csr_matrix(np.isnan(found).astype(np.float64))]
        if columns.categories:
            parts.append(onehot.transform(_texts(items, columns)))
        return sp.hstack(parts, format="csr")

    model = LogisticRegression(C=1.0, max_iter=500, random_state=seed)
    model.fit(matrix(past), past[_LABEL].to_numpy())
    return lambda items: np.asarray(model.predict_proba(matrix(items))[:, 1], dtype=np.float64)


def fit_xgboost(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:
    """Histogram trees of depth 6 on label-encoded columns, as the published comparisons run it."""
    import xgboost as xgb

    settings = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_depth": 6,
        "eta": 0.1,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
    past = pl.concat([early, late], how="diagonal_relaxed")
    encoder = fit_encoder(past)

    def data(items: pl.DataFrame, *, labelled: bool) -> Any:
        label = items[_LABEL].cast(pl.Float64).to_numpy() if labelled else None
        return xgb.DMatrix(encoder.matrix(items, unknown=-1.0), label=label, nthread=1)

    trial = xgb.train(
        settings,
        data(early, labelled=True),
        num_boost_round=_MAX_ROUNDS,
        evals=[(data(late, labelled=True), "late")],
        early_stopping_rounds=_PATIENCE,
        verbose_eval=False,
    )
    model = xgb.train(settings, data(past, labelled=True), num_boost_round=trial.best_iteration + 1)
    return lambda items: np.asarray(model.predict(data(items, labelled=False)), dtype=np.float64)


def fit_lightgbm_raw(early: pl.DataFrame, late: pl.DataFrame, seed: int) -> Scorer:
    """Leaf-wise trees on raw columns, categories native; a category never seen counts as missing."""
    import lightgbm as lgb

    settings = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    past = pl.concat([early, late], how="diagonal_relaxed")
    encoder = fit_encoder(past)
    columns = encoder.columns
    category_places = list(range(len(columns.numbers), len(columns.numbers) + len(columns.categories)))

    def data(items: pl.DataFrame, *, within: Any = None) -> Any:
        return lgb.Dataset(
            encoder.matrix(items, unknown=np.nan),
            label=items[_LABEL].cast(pl.Float64).to_numpy(),
            categorical_feature=category_places,
            reference=within,
            free_raw_data=True,
        )

    first = data(early)
    trial = lgb.train(
        settings,
        first,
        num_boost_round=_MAX_ROUNDS,
        valid_sets=[data(late, within=first)],
        callbacks=[lgb.early_stopping(_PATIENCE, verbose=False)],
    )
    model = lgb.train(settings, data(past), num_boost_round=max(1, trial.best_iteration))
    return lambda items: np.asarray(
        model.predict(encoder.matrix(items, unknown=np.nan), num_threads=1), dtype=np.float64
    )


def _logs(items: pl.DataFrame, columns: Columns) -> Floats:
    found: Floats = np.log1p(np.maximum(number_matrix(items, columns.numbers), 0.0))
    return found


def _texts(items: pl.DataFrame, columns: Columns) -> NDArray[np.object_]:
    return np.column_stack(
        [category_texts(items, c).fill_null("").to_numpy().astype(object) for c in columns.categories]
    )
