"""The inclusion probability: how likely it was, before the draws, that a declaration would be inspected.

Enters: the plan of the random control, the strata, the ranking, and the slots that each outcome leaves. Leaves: one
probability per declaration of the pool (those without a mandatory rule). Never here: the outcome of the draw: the
probability is the same, whatever was drawn.

P(inspected) = P(drawn) + P(not drawn, and reached by the fallback's or the model's slots). The second part is a mean
over the total drawn (at most two values) and the part of it that falls on declarations without a score (at most
two values each): these decide the slots left to the fallback and to the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from basira.selection.batch.draw import DrawPlan, mean_drawn, weighted_sizes
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
    strata numbered from the first one with scores. ``weights``: of one declaration of each stratum; None: all alike.
    """

    strata: Integers
    unscored_strata: int
    unscored: Integers
    ranking: Ranking
    weights: Sequence[Fraction] | None = None


def inclusion_probability(
    pool: Pool, plan: DrawPlan, *, places_left: Callable[[int, int], PlacesLeft]
) -> tuple[Reals, Reals, Reals]:
    """The probability of random control, by stratum, and of inspection for the unscored and for the ranked.

    ``places_left``: from the number drawn and the number without a score then waiting, the slots left.
    """
    sums = weighted_sizes([int(n) for n in pool.strata], pool.weights)
    size = sum(sums, Fraction(0))
    # As fractions, so that plain draws have the same bits as before there were weights: the mean over the size.
    drawn = np.array(
        [plan.expected_total / float(size / (part / int(n))) for part, n in zip(sums, pool.strata, strict=True)]
    )
    unscored = drawn[pool.unscored]
    ranked = drawn[pool.ranking.stratum + pool.unscored_strata]
    without = int(pool.strata[: pool.unscored_strata].sum())
    weight_without = sum(sums[: pool.unscored_strata], Fraction(0))
    for branch in plan.branches:
        head, tail = branch.steps[: pool.unscored_strata], branch.steps[pool.unscored_strata :]
        fewest, rest = divmod(branch.total * weight_without / size, 1)
        upper = float(rest)
        for state, chance in ((0, 1.0 - upper), (1, upper)):
            if chance == 0.0:
                continue
            waiting = without - int(fewest) - state
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
