"""The order in which an office's declarations deserve the model's slots.

Enters: candidates of one office and day, and the policy's objective. Leaves: a value for each, the order, and
which declarations the model may select at all. Never here: slots; a missing score read as zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from basira.schema.records import Candidate
from basira.schema.stake import StakeScale, balanced_value
from basira.selection.policy.model import Objective, OeaTreatment, Policy

# What the model may select. "lane_limited": into the lanes that relief leaves open to authorised operators; "exempt":
# relief or an analyst's rule alone keeps it out; "ineligible": it is under a minimum of the policy.
Eligibility = Literal["unscored", "eligible", "lane_limited", "exempt", "ineligible"]


@dataclass(frozen=True)
class Ranked:
    """Values and order of an office's candidates, by their position in the sequence given.

    ``value``: None without a usable score. ``order``: positions of those that have one, best first.
    ``unusable``: positions whose score is not a possible number (they are treated as without a score).
    """

    value: tuple[float | None, ...]
    order: tuple[int, ...]
    unusable: tuple[int, ...]


def has_score(candidate: Candidate) -> bool:
    """Whether the model answered, with numbers that can be: a probability, and a revenue not below zero."""
    probability, revenue = candidate.fraud_probability, candidate.expected_revenue
    return probability is not None and revenue is not None and 0 <= probability <= 1 and 0 <= revenue < math.inf


def rank(candidates: Sequence[Candidate], ties: Sequence[int], objective: Objective) -> Ranked:
    """Rank one office's candidates of a day; equal values are in the order of ``ties``, a hash.

    With the order "balanced" the value is p (1 + stake)^a, see `value_of`. With "blend" it is
    w r / mean(r) + (1 - w) p / mean(p), means over the office's day, so that money and probability weigh alike in every
    office. A mean of zero leaves its part at zero.
    """
    scored = [i for i, candidate in enumerate(candidates) if has_score(candidate)]
    value: list[float | None] = [None] * len(candidates)
    if objective.order == "blend":
        probability = {i: candidates[i].fraud_probability or 0.0 for i in scored}
        revenue = {i: candidates[i].expected_revenue or 0.0 for i in scored}
        weight = objective.revenue_weight or 0.0
        # fsum: the same total in whatever order the declarations came.
        by_revenue = _per_mean(weight, math.fsum(revenue.values()), len(scored))
        by_probability = _per_mean(1 - weight, math.fsum(probability.values()), len(scored))
        for i in scored:
            value[i] = weight_of(candidates[i]) * (by_revenue * revenue[i] + by_probability * probability[i])
    else:
        for i in scored:
            value[i] = value_of(candidates[i], objective)
    order = sorted(scored, key=lambda i: (-(value[i] or 0.0), ties[i], candidates[i].declaration_id))
    unusable = [
        i
        for i, candidate in enumerate(candidates)
        if value[i] is None and (candidate.fraud_probability, candidate.expected_revenue).count(None) == 0
    ]
    return Ranked(tuple(value), tuple(order), tuple(unusable))


def value_of(candidate: Candidate, objective: Objective) -> float:
    """The value of a scored candidate by itself, the same in a batch and online; not of a blend, which needs a day.

    In the balanced order one for which nothing is known to be at stake (no declared value: expected revenue 0), or
    whose model has no scale of stakes, ranks by its probability. What analysts' rules weigh is multiplied.
    """
    probability, revenue = candidate.fraud_probability or 0.0, candidate.expected_revenue or 0.0
    if objective.order == "balanced":
        value = balanced_value(probability, revenue, candidate.stake_scale, exponent=objective.stake_exponent)
    else:
        value = revenue if objective.order == "revenue" else probability
    return weight_of(candidate) * value


def weight_of(candidate: Candidate) -> float:
    """By what the value of a candidate is multiplied: 1 where no rule weighs it."""
    return 1.0 if candidate.wish is None else candidate.wish.weight


def in_force(scale: StakeScale | None, objective: Objective) -> StakeScale | None:
    """The scale that weighs stakes under this objective, with the policy's exponent where it has one; None where stakes
    are not weighed."""
    if scale is None or objective.order != "balanced":
        return None
    return scale if objective.stake_exponent is None else replace(scale, exponent=objective.stake_exponent)


def _per_mean(weight: float, total: float, count: int) -> float:
    return weight * count / total if total > 0 else 0.0


def eligibility(candidate: Candidate, policy: Policy) -> Eligibility:
    """Whether the model may select the candidate, and into which lanes."""
    if not has_score(candidate):
        return "unscored"
    if not _passes(candidate, policy.objective):
        return "ineligible"
    if candidate.wish is not None and candidate.wish.is_exempt:
        return "exempt"
    if not candidate.is_oea:
        return "eligible"
    heaviest = heaviest_for_oea(policy)
    if _is_relieved(candidate, policy.oea) or not any(lane.inspects for lane in policy.lanes[: heaviest + 1]):
        return "exempt"
    return "lane_limited" if heaviest < len(policy.lanes) - 1 else "eligible"


def heaviest_for_oea(policy: Policy) -> int:
    """Number of the most intensive lane that relief leaves open to authorised operators."""
    maximum = policy.oea.maximum_lane
    return len(policy.lanes) - 1 if maximum is None else policy.intensity[maximum]


def _passes(candidate: Candidate, objective: Objective) -> bool:
    """Whether the model may select this scored candidate, relief for authorised operators apart."""
    return (candidate.fraud_probability or 0.0) >= objective.minimum_fraud_probability and (
        candidate.expected_revenue or 0.0
    ) >= objective.minimum_expected_revenue


def _is_relieved(candidate: Candidate, oea: OeaTreatment) -> bool:
    """Whether relief takes this scored candidate out of the model's selection: an operator under its thresholds."""
    return candidate.is_oea and (
        (candidate.fraud_probability or 0.0) < oea.minimum_fraud_probability
        or (candidate.expected_revenue or 0.0) < oea.minimum_expected_revenue
    )
