"""An office's day made again from its recorded decisions, when its state can't be read.

Enters: the day's plan, what was recorded of the day, the lanes in force. Leaves: a state that knows the slots used.
Never here: a slot given a second time.

It is the state that was lost, but for what is not recorded in a decision: values count as those of declarations open to
every lane, and the random control begins its strata anew. Both change later chances a little, and no place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from basira.schema.records import Basis, Candidate, Wish
from basira.schema.stake import StakeScale
from basira.selection.online.decide import count_arrival
from basira.selection.online.forecast import DayPlan
from basira.selection.online.state import OnlineState, begin_day
from basira.selection.policy.model import Policy
from basira.selection.steps import STEPS, Step, StepClaims


@dataclass(frozen=True)
class RecordedArrival:
    """The first decision on a declaration: when, with which scores, and why it got its lane: see `Selection`.

    ``stake_scale``: by which its stake was weighed; None where it was not. ``wish``: of the rules that acted.
    """

    moment: datetime
    fraud_probability: float | None
    expected_revenue: float | None
    basis: Basis
    rule_id: str
    stake_scale: StakeScale | None = None
    wish: Wish | None = None


def recover_day(
    plan: DayPlan,
    policy: Policy,
    *,
    arrivals: Sequence[RecordedArrival],
    used: Mapping[str, int],
    beyond: Mapping[str, int],
    sequence: int,
    steps: tuple[Step, ...] = STEPS,
) -> OnlineState:
    """The state after the arrivals, in their order. ``used``, ``beyond``: slots by lane id, of the lanes in force.

    Those of a lane that this policy lacks stay counted: a worker that has another one may decide next.

    ``sequence``: at least that of the state that was lost.
    """
    state, claims = begin_day(plan), StepClaims(steps, policy, plan.day)
    for one in arrivals:
        candidate = Candidate(
            "", 1, plan.office, one.fraud_probability, one.expected_revenue, stake_scale=one.stake_scale, wish=one.wish
        )
        claim = claims.recall(candidate, one.basis, one.rule_id)
        state = count_arrival(candidate, claim, state, policy, moment=max(one.moment, state.latest_at))
    return replace(state, sequence=sequence, used=dict(used), beyond=dict(beyond))
