"""Inspected items made to stand for those that nobody chose.

Enters: what is known of labelled items and of some without a result, as matrices. Leaves: a weight per labelled item.
Never here: a result, a decision, randomness.

Results are of items that were chosen, and some were chosen better than any feature says: among items of one score, the
inspected ones are irregular more often (docs/explanation/model.md). A probability is meant for all items, so its
calibration weighs each result by how many like it were not chosen: the ratio of the two densities, from trees that part
labelled from unlabelled items, fitted on other days than they weigh.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from basira.models.risk.trees import Fitting, Matrix, fit_bags, predict_raw

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

# Of either: with fewer nothing is known of how they differ.
FEWEST = 100
# No result stands for more than five, or for less than a fifth of one: the tails of the ratio are the least known.
HEAVIEST = 5.0
_ROUNDS = 60
# The ratio is as well known from so many labelled items; a fit on all would cost as much as the model.
_MOST_ROWS = 50_000


def population_weights(
    labelled: Matrix, day: Days, unlabelled: Matrix, unlabelled_day: Days, fitting: Fitting
) -> Floats:
    """Weights of the labelled items, shape (rows,), of mean 1; all 1 where either are fewer than `FEWEST`.

    Parameters
    ----------
    labelled, unlabelled : in the encoding's order. day, unlabelled_day : of declaration.
    """
    weights = np.ones(len(labelled))
    if min(len(labelled), len(unlabelled)) < FEWEST:
        return weights
    some = np.unique(np.linspace(0, len(labelled) - 1, min(len(labelled), _MOST_ROWS)).astype(np.int64))
    x = np.concatenate([labelled[some], unlabelled])
    y = np.concatenate([np.ones(len(some)), np.zeros(len(unlabelled))])
    half, of_labelled = np.concatenate([day[some], unlabelled_day]) % 2, day % 2
    for number in (0, 1):
        other, own = half != number, of_labelled == number
        if not own.any() or min(y[other].sum(), (1 - y[other]).sum()) < FEWEST // 4:
            continue
        boosters = fit_bags((x[other], y[other], None), fitting, size="small", rounds=_ROUNDS, bags=1)
        share = y[other].sum() / (1 - y[other]).sum()
        weights[own] = np.exp(-predict_raw(boosters, labelled[own])) * share
    weights = np.clip(weights / weights.mean(), 1 / HEAVIEST, HEAVIEST)
    return np.asarray(weights / weights.mean(), dtype=np.float64)
