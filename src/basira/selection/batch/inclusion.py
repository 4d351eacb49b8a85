"""The inclusion probability: how likely it was, before the draws, that a declaration would be inspected.

Enters: the plan of the random control, the strata, the ranking, and the slots that each outcome leaves. Leaves: one
probability per declaration of the pool (those without a mandatory rule). Never here: the outcome of the draw: the
probability is the same, whatever was drawn.

P(inspected) = P(drawn) + P(not drawn, and reached by the fallback's or the model's slots). The second part is a mean
over the total drawn (at most two values) and the part of it that falls on declarations without a score (at most
two values each): these decide the slots left to the fallback and to the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from basira.selection.batch.draw import DrawPlan, mean_drawn
from basira.selection.batch.reach import Integers, Places, Ranking, Reals, reach_probability


@dataclass(frozen=True)
class PlacesLeft:
    """Places after the random control. ``fallback``: how many declarations without a score get an inspecting one."""

    fallback: int
    model: Places


@dataclass(frozen=True)
class Pool:
    """The declarations outside the mandatory list.

    ``strata``: their sizes; the first ``unscored_strata`` hold those without a score, and no others do.
    ``unscored``: stratum of each declaration without a score. ``ranking``: those that the model may select, with
    strata numbered from the first one with scores.
    """

    strata: Integers
    unscored_strata: int
    unscored: Integers
    ranking: Ranking


def inclusion_probability(
    pool: Pool, plan: DrawPlan, *, places_left: Callable[[int, int], PlacesLeft]
) -> tuple[float, Reals, Reals]:
    """The probability of random control (the same for all), and of inspection for the unscored and for the ranked.

    ``places_left``: from the number drawn and the number without a score then waiting, the slots left.
    """
    size = int(pool.strata.sum())
    drawn = plan.expected_total / size
    unscored, ranked = np.full(len(pool.unscored), drawn), np.full(len(pool.ranking.stratum), drawn)
    without = int(pool.strata[: pool.unscored_strata].sum())
    for branch in plan.branches:
        head, tail = branch.steps[: pool.unscored_strata], branch.steps[pool.unscored_strata :]
        upper = float(branch.total * without % size) / size
        for state, chance in ((0, 1.0 - upper), (1, upper)):
            if chance == 0.0:
                continue
            waiting = without - branch.total * without // size - state
            left = places_left(branch.total, waiting)
            if left.fallback:
                # P(not drawn, and the chain leaves the unscored strata in this state), by stratum.
                spared = chance - mean_drawn(head, begin=0, end=state) / pool.strata[: pool.unscored_strata]
                unscored += branch.probability * spared[pool.unscored] * left.fallback / waiting
            if len(ranked):
                reached = reach_probability(
                    pool.ranking, strata=pool.strata[pool.unscored_strata :], steps=tail, begin=state, places=left.model
                )
                ranked += branch.probability * chance * reached
    return drawn, np.minimum(unscored, 1.0), np.minimum(ranked, 1.0)
