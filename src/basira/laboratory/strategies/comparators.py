"""The published trees on Basira's features, in the published orders besides probability.

Enters: a view. Leaves: scorers. Never here: our model. What they lack is only what is ours in learning and in
choosing, so that the comparison says what that is worth.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.strategies.scored import FEWEST_OF_A_CLASS, Scorer, fit_trees, known_items, predict_trees
from basira.laboratory.worlds.view import View
from basira.models.risk.matrix import choose_encoding

Floats = NDArray[np.float64]


def learn_revenue(view: View) -> Scorer:
    """Probability x revenue if irregular."""
    probability, amount = _heads(view)
    return lambda v: probability(v) * np.expm1(np.clip(amount(v), 0.0, 50.0))


def learn_log_revenue(view: View) -> Scorer:
    """Probability x log(1 + revenue if irregular)."""
    probability, amount = _heads(view)
    return lambda v: probability(v) * np.maximum(amount(v), 0.0)


def _heads(view: View) -> tuple[Scorer, Scorer]:
    """Scorers of the probability and of log(1 + revenue if irregular); ModelError with too few results."""
    known_items(view)
    items = view.knowledge.training()
    categories = sorted(c for c in items.features.columns if c.startswith("category_"))
    encoding = choose_encoding(items.features, MODEL_FEATURES, categories)

    def matrix(features: pl.DataFrame) -> Floats:
        return encoding.matrix(features).astype(np.float64)

    x = matrix(items.features)
    paying = items.is_irregular & (np.nan_to_num(items.revenue) > 0)
    first = fit_trees(x, items.is_irregular.astype(float), seed=view.seed)
    if int(paying.sum()) < FEWEST_OF_A_CLASS:
        # Too few amounts to learn from: all alike, and the order is by probability.
        return lambda v: predict_trees(first, matrix(v.features())), lambda v: np.ones(len(v.items))
    second = fit_trees(x[paying], np.log1p(items.revenue[paying]), seed=view.seed, objective="reg:squarederror")
    return (
        lambda v: predict_trees(first, matrix(v.features())),
        lambda v: predict_trees(second, matrix(v.features())),
    )
