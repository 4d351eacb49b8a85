"""Basira's own strategy: the weekly model in the balanced order of `basira.schema.stake`, and a random control.

Enters: a view. Leaves: `Chosen`. Never here: features, the model's own fitting.

A little of the stake costs almost no findings and brings much revenue: among items of like probability the larger goes
first (docs/explanation/targeting-research.md). A typical stake is the median of the period's items, unless the model
that judged them has a scale of its own. Where no revenue was ever recorded, findings alone count.
"""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from basira.laboratory.strategies.mixed import Choose, whole_shares
from basira.laboratory.strategies.random_control import draw_systematically, inclusion_probabilities
from basira.laboratory.strategies.scored import choose_random
from basira.laboratory.strategies.weekly_model import Judged, judge
from basira.laboratory.worlds.view import Chosen, View, top
from basira.models.risk.stakes import typical_stake
from basira.schema.errors import ModelError
from basira.schema.stake import StakeScale, balanced_values

Floats = NDArray[np.float64]
# "balanced": the exponent of the scale, by default the product's. "revenue": a larger one. "turns": see `order_by`.
Order = Literal["balanced", "revenue", "turns"]

RANDOM_CONTROL = 0.05
# Tried on other seeds than those reported: .5 to 1 lie within each other's noise.
_MORE_REVENUE = 0.5


def choose_by_model(order: Order, *, control: float = RANDOM_CONTROL) -> Choose:
    """The model in this order, and the random control; all at random, noted as a fallback, where nothing is learned."""

    def choose(view: View) -> Chosen:
        started = time.process_time()
        try:
            judged = judge(view)
        except ModelError:
            drawn = choose_random(view)
            return Chosen(drawn.ids, drawn.inclusion, {"fallback": 1.0}, time.process_time() - started)
        fitted = time.process_time() - started
        of_model, of_control = whole_shares(view.k, (1 - control, control))
        ids = top(order_by(judged, order), view.among(np.ones(len(view.items), dtype=np.bool_), of_model))
        if of_control == 0:
            return Chosen(ids, (1.0,) * len(ids), {}, fitted)
        left = np.flatnonzero(~view.items["item_id"].is_in(list(ids)).to_numpy())
        probability = inclusion_probabilities(_interest(judged)[left], of_control)
        drawn_at = draw_systematically(probability, view.rng(2))
        control_ids = tuple(view.items["item_id"].gather(left[drawn_at]).to_list())
        inclusion = (1.0,) * len(ids) + tuple(float(p) for p in probability[drawn_at])
        return Chosen(ids + control_ids, inclusion, {"control": float(of_control)}, fitted)

    return choose


def order_by(judged: Judged, order: Order) -> Floats:
    """A score per item, the highest first. "turns" takes from both others in turn: an item's place is the better of its
    two places."""
    if order == "turns":
        return -np.minimum(_places(order_by(judged, "balanced")), _places(order_by(judged, "revenue")))
    exponent = _MORE_REVENUE if order == "revenue" else None
    expected = judged.probability * judged.stake
    return np.array(balanced_values(judged.probability, expected, _scale_of(judged), exponent=exponent))


def _scale_of(judged: Judged) -> StakeScale | None:
    """The judging model's own scale; else that of the period's items. None where nothing is at stake."""
    if judged.scale is not None:
        return judged.scale
    typical = typical_stake(judged.stake)
    return None if typical is None else StakeScale(typical)


def _interest(judged: Judged) -> Floats:
    """Where a result teaches most: where the model is unsure, and much is at stake."""
    return (1 - judged.probability) * order_by(judged, "balanced")


def _places(values: Floats) -> Floats:
    """0 for the highest value, 1 for the next; equal values in the order given."""
    places = np.empty(len(values))
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return places
