"""ECOD, through the library PyOD: items in the tails of many columns at once; no label is used.

Enters: a view. Leaves: scores. Never here: the sums of tail probabilities themselves.

Li and others, ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution Functions, TKDE 2022.
Nothing deep about it: it shares the optional extra because its library does.
"""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl

from basira.laboratory.deep.columns import MOST_UNLABELLED
from basira.laboratory.deep.extra import PYOD, check_installed, load
from basira.laboratory.strategies.published_columns import fit_published_columns
from basira.laboratory.strategies.scored import Floats, Scorer
from basira.laboratory.worlds.view import View


def learn_ecod(view: View) -> Scorer:
    """How far in the tails an item lies among the latest declared, in the columns of `isolation_forest`."""
    check_installed("ecod", PYOD)
    ecod = load("pyod.models.ecod", needs=PYOD)
    earlier = view.knowledge.declared()
    base = (earlier if len(earlier) else view.items).sort("declared_day", "item_id").tail(MOST_UNLABELLED)
    # The columns need a label only for their flags, which an unsupervised method must not see.
    columns = fit_published_columns(base.with_columns(pl.lit(value=False).alias("is_irregular")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ecod.ECOD(n_jobs=1).fit(columns.fill(base))

    def score(v: View) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model.decision_function(columns.fill(v.items)), dtype=np.float64)

    return score
