"""Basira's own strategy: the weekly model in an order that weighs findings and revenue, and a random control.

Enters: a view. Leaves: `Chosen`. Never here: features, the model's own fitting.

    place in the order = probability x (1 + stake) ** a

With a = 0 findings are all that counts, with 1 revenue. A little of the stake costs almost no findings and brings
much revenue: among items of like probability the larger goes first (docs/explanation/targeting-research.md). Where
no revenue was ever recorded, a is 0.
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
from basira.schema.errors import ModelError

Floats = NDArray[np.float64]
Order = Literal["findings", "revenue", "balanced"]

RANDOM_CONTROL = 0.05
# Tried on other seeds than those reported: .15 to .3 and .5 to 1 lie within each other's noise.
_EXPONENTS = {"findings": 0.2, "revenue": 0.5}


def choose_by_model(order: Order, *, control: float = RANDOM_CONTROL) -> Choose:
    """The model in this order, and the random control; all at random, noted as a fallback, where nothing is learned.

    "balanced" takes from both orders in turn: an item's place is the better of its two places.
    """

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
    """A score per item, the highest first."""
    if order == "balanced":
        return -np.minimum(_places(order_by(judged, "findings")), _places(order_by(judged, "revenue")))
    found: Floats = np.log(np.maximum(judged.probability, 1e-300)) + _EXPONENTS[order] * np.log1p(judged.stake)
    return found


def _interest(judged: Judged) -> Floats:
    """Where a result teaches most: where the model is unsure, and much is at stake."""
    found: Floats = judged.probability * (1 - judged.probability) * (1 + judged.stake) ** _EXPONENTS["findings"]
    return found


def _places(values: Floats) -> Floats:
    """0 for the highest value, 1 for the next; equal values in the order given."""
    places = np.empty(len(values))
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return places
