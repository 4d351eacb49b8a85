"""The product's model in the laboratory: fitted on what is known before the period, asked about the period's items.

Enters: results known before the period with their features, planted frauds; features of the period's items. Leaves: a
probability per item, and how much is at stake. Never here: a way of learning of its own (`basira.models.risk` is what
`train`, `target` and the service ask too), a result not yet known, the order in which items are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import basira
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.worlds.view import View
from basira.models.risk.fit import FEWEST_OF_A_CLASS, ModelOrigin, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.schema.days import date_of
from basira.schema.stake import StakeScale

Floats = NDArray[np.float64]

# As `train` fits, but that it begins with planted frauds alone, where nothing was found yet.
WEEKLY = FitSettings(fewest_of_a_class=0)


@dataclass(frozen=True)
class Judged:
    """One entry per item of the view. ``stake``: amount that an irregularity could bring, 0 where nothing was ever
    recovered (then there is nothing to weigh a finding by). ``scale``: by which the model weighs stakes; None: it says
    nothing of it."""

    probability: Floats
    stake: Floats
    scale: StakeScale | None = None


def judge(view: View, settings: FitSettings = WEEKLY) -> Judged:
    """Learn on what is known before the period and judge the period's items.

    Raises
    ------
    ModelError : too few results of either class, and nothing to plant frauds in.
    """
    known = view.knowledge.training_with_planted()
    features = view.features()
    origin = ModelOrigin(date_of(view.first_day - 1).isoformat(), "", 0, basira.__version__)
    model = fit_risk_model(known, numbers=MODEL_FEATURES, settings=settings, seed=view.seed, origin=origin)
    irregular = int(known.is_irregular.sum())
    predictions = model.predict(features)
    stake = predictions.revenue_if_fraud
    if irregular >= FEWEST_OF_A_CLASS and not bool(np.any(known.revenue[known.is_irregular] > 0)):
        stake = np.zeros(len(stake))
    return Judged(predictions.fraud_probability, stake, model.stake_scale)
