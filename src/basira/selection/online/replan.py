"""An office's day planned again in its middle, when the policy changes: it goes on from its current state.

Enters: the state as the policy before left it, the policy that holds now. Leaves: a state of a new plan. Never here: a
slot given a second time; a score judged again; the past, which the plan of the morning has summed up already.

Lane by lane, by id, the slots used count against the new policy's capacity; those of a lane that is gone or no longer
inspects count nothing, and stay known: a worker that still has the policy before decides in turn with one that has the
new one, and would give them again. The forecast, the arrivals and what the random control drew are carried over as they
were counted. Of another order the values of recent days are dropped; the day's own weigh wrongly until those of the new
order outnumber them, which changes chances and no place, and no later day counts them.
"""

from __future__ import annotations

from dataclasses import replace

from basira.selection.online.forecast import DayPlan, order_mark, within_policy
from basira.selection.online.state import OnlineState
from basira.selection.online.tally import Tally
from basira.selection.policy.model import Policy


def replan_day(state: OnlineState, policy: Policy) -> OnlineState:
    """The state under ``policy``; the same one when that planned the day. Its sequence stays: nothing happened yet."""
    before = state.plan
    if before.policy_digest == policy.digest:
        return state
    order = order_mark(policy)
    is_same_order = before.recent.order == order
    plan = DayPlan(
        office=before.office,
        day=before.day,
        policy_digest=policy.digest,
        expected_count=before.expected_count,
        profile=before.profile,
        recent=within_policy(before.recent, policy) if is_same_order else Tally(order=order),
    )
    today = state.today.within(len(policy.lanes))
    return replace(state, plan=plan, today=today if is_same_order else replace(today, order="mixed"))
