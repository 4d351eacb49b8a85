"""Basira's own strategy: the shipped risk model on its features, and a random control share that is never left out.

Enters: a view. Leaves: `Chosen`. Never here: features, the model's own fitting.

The random control is drawn among what the model left, with a known probability: it is what keeps an
unbiased estimate of the whole possible, and what finds the frauds that no label speaks of.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

import basira
from basira.features.catalog import MODEL_FEATURES
from basira.laboratory.strategies_mixed import Choose, mix
from basira.laboratory.strategies_scored import Learn, Scorer, by_score, choose_random, known_items
from basira.laboratory.view import View
from basira.models.fit import ModelOrigin, fit_risk_model
from basira.models.settings import FitSettings
from basira.schema.days import date_of

Floats = NDArray[np.float64]
Order = Literal["fraud_probability", "expected_revenue", "balanced"]

RANDOM_CONTROL = 0.05
# Fitted anew every period: one bag and quicker steps instead of the four bags of a model that serves for
# months (measured on KCS: docs/explanation/laboratory.md).
WEEKLY = FitSettings(learning_rate=0.1, bags=(), try_both_below=0)


def learn_basira(order: Order, settings: FitSettings = WEEKLY) -> Learn:
    """The risk model on what is known on the eve, ranking by ``order``.

    "balanced" takes from both orders in turn: an item's place is the better of its two places.
    """

    def learn(view: View) -> Scorer:
        known_items(view)
        model = fit_risk_model(
            view.knowledge.training(),
            numbers=MODEL_FEATURES,
            settings=settings,
            seed=view.seed,
            origin=ModelOrigin(date_of(view.first_day - 1).isoformat(), "", 0, basira.__version__),
        )

        def score(v: View) -> Floats:
            found = model.predict(v.features())
            if order == "balanced":
                return -np.minimum(_places(found.fraud_probability), _places(found.expected_revenue))
            chosen: Floats = getattr(found, order)
            return chosen

        return score

    return learn


def choose_by_model(order: Order) -> Choose:
    """The risk model in this order, and the random control."""
    return mix([(by_score(learn_basira(order)), 1 - RANDOM_CONTROL), (choose_random, RANDOM_CONTROL)])


def _places(values: Floats) -> Floats:
    """0 for the highest value, 1 for the next; equal values in the order given."""
    places = np.empty(len(values))
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return places
