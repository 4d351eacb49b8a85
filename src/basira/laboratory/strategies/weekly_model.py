"""The strategy's weekly model: what is known of fraud before any label, and then what the labels say.

Enters: results known before the period with their features; features of the period's items. Leaves: a probability per
item, and how much is at stake. Never here: a result not yet known, the order in which items are chosen.

Few irregular results (hundreds): two kinds of small trees, three bags each, averaged in log odds.

    from the prior    boosted on top of  b0 + b1 x planted cut + b2 x ln(0.05 + taxes over value)
    from the rate     boosted from the mean, the planted cut one feature among the others

b0, b1, b2 are fitted to the results with a prior around 1: without any result the prior alone ranks. Fraud pays
where taxes are due: that is all that b2 says. Many irregular results (a thousand): the shipped risk model, which
then knows better. Which of the tried ways won, and what did not: docs/explanation/targeting-research.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

import basira
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.strategies.planted import PlantedCuts, fit_planted_cuts
from basira.laboratory.worlds.view import View
from basira.models.risk.fit import FEWEST_OF_A_CLASS, ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.matrix import choose_encoding
from basira.models.risk.risk_model import POTENTIAL
from basira.models.risk.settings import FitSettings
from basira.schema.days import date_of
from basira.schema.errors import ModelError
from basira.schema.stake import StakeScale

Floats = NDArray[np.float64]

# From here on the risk model's own choice of size and rounds is better than a prior and small trees: it has results
# enough to choose on. Between the worlds tried (up to some 600) and KCS (thousands); not tuned.
MANY_IRREGULAR = 1000
# Fitted anew every period: one bag and quicker steps instead of the four bags of a model that serves for
# months (measured on KCS: docs/explanation/laboratory.md).
WEEKLY = FitSettings(learning_rate=0.1, bags=(), try_both_below=0)
_PLANTED = "planted_cut"
_BAGS = 3
_ROUNDS_FROM_PRIOR, _ROUNDS_FROM_RATE = 80, 120
# Prior of b1 and b2: mean and standard deviation; and of b0 (one item in twenty).
_SLOPE, _SLOPE_SPREAD = np.array([1.0, 1.0]), np.array([0.3, 0.5])
_START, _START_SPREAD = -3.0, 3.0
_LEAST_TAX = 0.05


@dataclass(frozen=True)
class Judged:
    """One entry per item of the view. ``stake``: amount that an irregularity could bring, 0 where nothing was ever
    recovered (then there is nothing to weigh a finding by). ``scale``: by which the model weighs stakes; None: it says
    nothing of it."""

    probability: Floats
    stake: Floats
    scale: StakeScale | None = None


def judge(view: View) -> Judged:
    """Learn on what is known before the period and judge the period's items.

    Raises
    ------
    ModelError : fewer than ten results of either class, and too few items with comparables.
    """
    features = view.features()
    known = _training(view)
    irregular = 0 if known is None else int(known.is_irregular.sum())
    pays = known is not None and bool(np.any(known.revenue[known.is_irregular] > 0))
    stake = np.maximum(features[POTENTIAL].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy(), 0.0)
    if not pays and irregular >= FEWEST_OF_A_CLASS:
        stake = np.zeros(len(stake))
    if known is not None and irregular >= MANY_IRREGULAR:
        return Judged(_by_risk_model(known, features, view), stake)
    try:
        return Judged(_by_few(known, features, view.seed), stake)
    except ModelError:
        if known is None:
            raise
        # No comparables (a source without mass, a first week): the risk model, if results allow.
        return Judged(_by_risk_model(known, features, view), stake)


def _training(view: View) -> TrainingItems | None:
    try:
        return view.knowledge.training()
    except ModelError:
        return None


def _by_risk_model(known: TrainingItems, features: pl.DataFrame, view: View) -> Floats:
    origin = ModelOrigin(date_of(view.first_day - 1).isoformat(), "", 0, basira.__version__)
    model = fit_risk_model(known, numbers=MODEL_FEATURES, settings=WEEKLY, seed=view.seed, origin=origin)
    return model.predict(features).fraud_probability


def _by_few(known: TrainingItems | None, features: pl.DataFrame, seed: int) -> Floats:
    if known is None:
        planted = fit_planted_cuts(features, seed=seed)
        return np.asarray(expit(_START + _evidence(planted, features) @ _SLOPE), dtype=np.float64)
    # Originals are items that are not known to be irregular: found regular, or waiting for the choice.
    shared = [c for c in features.columns if c in known.features.columns]
    originals = pl.concat(
        [known.features.filter(pl.Series(~known.is_irregular)).select(shared), features.select(shared)],
        how="vertical_relaxed",
    )
    planted = fit_planted_cuts(originals, seed=seed)
    evidence, new_evidence = _evidence(planted, known.features), _evidence(planted, features)
    irregular = known.is_irregular
    start, slopes = fit_prior(evidence, irregular, known.weight)
    prior = start + new_evidence @ slopes
    if min(int(irregular.sum()), int((~irregular).sum())) < FEWEST_OF_A_CLASS:
        return np.asarray(expit(prior), dtype=np.float64)
    x, new = _matrices(known.features, evidence[:, 0], features, new_evidence[:, 0])
    rate = float(logit(np.clip(np.average(irregular, weights=known.weight), 1e-6, 1 - 1e-6)))
    from_prior = _boost(x, known, start + evidence @ slopes, new, rounds=_ROUNDS_FROM_PRIOR, seed=seed)
    from_rate = _boost(x, known, np.full(len(x), rate), new, rounds=_ROUNDS_FROM_RATE, seed=seed + _BAGS)
    return np.asarray(expit((prior + from_prior + rate + from_rate) / 2), dtype=np.float64)


def _evidence(planted: PlantedCuts, features: pl.DataFrame) -> Floats:
    tax = features["tax_share_declared"].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).clip(0.0, 1.0).to_numpy()
    return np.column_stack([planted.score(features), np.log(_LEAST_TAX + tax)])


def fit_prior(evidence: Floats, irregular: NDArray[np.bool_], weight: Floats) -> tuple[float, Floats]:
    """Intercept and slopes of a logistic regression with a normal prior (see the module); slopes are never negative.

    Parameters
    ----------
    evidence : (rows, 2): the planted cut's log odds, ln(0.05 + taxes over value).

    >>> start, slopes = fit_prior(np.zeros((0, 2)), np.zeros(0, bool), np.zeros(0))
    >>> round(start, 3), slopes.round(3).tolist()
    (-3.0, [1.0, 1.0])
    """
    y = irregular.astype(np.float64)

    def loss(b: Floats) -> tuple[float, Floats]:
        z = b[0] + evidence @ b[1:]
        away, begin = (b[1:] - _SLOPE) / _SLOPE_SPREAD, (b[0] - _START) / _START_SPREAD
        likelihood = float(np.sum(weight * (y * log_expit(z) + (1 - y) * log_expit(-z))))
        value = 0.5 * float(away @ away + begin**2) - likelihood
        slope = weight * (expit(z) - y)
        return value, np.concatenate(([slope.sum() + begin / _START_SPREAD], evidence.T @ slope + away / _SLOPE_SPREAD))

    bounds = [(-15.0, 5.0), (0.0, 4.0), (0.0, 4.0)]
    found = minimize(loss, np.concatenate(([_START], _SLOPE)), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), np.asarray(found[1:], dtype=np.float64)


def _matrices(
    features: pl.DataFrame, planted: Floats, new: pl.DataFrame, new_planted: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Numbers only: with so few irregular results, categories of sixty codes are learned by heart."""
    with_planted = features.with_columns(pl.Series(_PLANTED, planted))
    encoding = choose_encoding(with_planted, (*MODEL_FEATURES, _PLANTED), ())
    return encoding.matrix(with_planted), encoding.matrix(new.with_columns(pl.Series(_PLANTED, new_planted)))


def _boost(
    x: NDArray[np.float32], known: TrainingItems, start: Floats, new: NDArray[np.float32], *, rounds: int, seed: int
) -> Floats:
    """Log odds to add to the start: the mean of three bags."""
    import lightgbm as lgb

    parameters: dict[str, Any] = {
        "objective": "binary", "boost_from_average": False, "learning_rate": 0.05, "num_leaves": 8, "max_depth": 3,
        # At most thirty: a leaf must be able to hold what a handful of irregular items have in common.
        "min_data_in_leaf": int(max(5, min(30, len(x) / 50))), "min_sum_hessian_in_leaf": 0.01, "lambda_l2": 5.0,
        "feature_fraction": 0.3, "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1, "verbose": -1,
        "max_bin": 63, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    data = lgb.Dataset(
        x,
        known.is_irregular.astype(np.float64),
        weight=known.weight,
        init_score=start,
        free_raw_data=False,
        params={"max_bin": 63, "verbose": -1, "num_threads": 1},
    )
    total = np.zeros(len(new))
    for bag in range(_BAGS):
        fitted = lgb.train(parameters | {"seed": seed + bag}, data, rounds)
        total += np.asarray(fitted.predict(new, raw_score=True, num_threads=1), dtype=np.float64)
    return total / _BAGS
