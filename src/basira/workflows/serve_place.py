"""A place in a lane: the state of an office's day read, a lane chosen, the next state.

Enters: a candidate, the stored state, the earlier lane of an amended declaration. Leaves: a selection, and the state's
text to write at the sequence that was read (None: decided without a state). Never here: a write.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.schema.records import Basis, Candidate, Selection
from basira.selection.online import decide_online, decide_without_state
from basira.selection.online_forecast import plan_day
from basira.selection.online_state import OnlineState, begin_day, read_plan, read_state, with_places
from basira.selection.online_tally import Tally
from basira.selection.policy import Policy
from basira.storage.operations_online import StoredState, find_state

# Eight weeks of past days: see `plan_day`.
_PAST_DAYS = 56
KEPT = "earlier_lane_kept"


@dataclass(frozen=True)
class Earlier:
    """The lane that an amended declaration has. ``day``: when it was given, YYYY-MM-DD."""

    office: str
    day: str
    lane: str
    basis: Basis
    inclusion_probability: float


@dataclass(frozen=True)
class Placed:
    """``sequence``: the one that was read. ``state``: None when the day's state could not be used."""

    selection: Selection
    sequence: int
    state: str | None


def state_text(state: OnlineState) -> str:
    """Plan and state as one text, as the database keeps them."""
    return json.dumps({"plan": state.plan.canonical, "state": state.to_json()}, ensure_ascii=False)


def restored(text: str) -> OnlineState:
    """The state of its text; StoreError when it is not one."""
    try:
        content = json.loads(text)
        plan, progress = content["plan"], content["state"]
    except (ValueError, KeyError, TypeError):
        raise StoreError(
            "Expected the recorded plan and state of an office's day, found something else.",
            hint="Declarations are decided without a state until the day ends.",
        ) from None
    return read_state(progress, read_plan(plan))


def past_days(connection: sa.Connection, office: str, *, day: date) -> list[tuple[date, Tally]]:
    """What the office's latest days were like, from their states; a day whose state can't be read is left out."""
    found = []
    for back in range(1, _PAST_DAYS + 1):
        on = day - timedelta(days=back)
        stored = find_state(connection, office, on.isoformat())
        if stored is not None:
            try:
                found.append((on, restored(stored.state).today))
            except StoreError:
                continue
    return found


def place(
    candidate: Candidate, policy: Policy, *, stored: StoredState | None, past: Sequence[tuple[date, Tally]],
    earlier: Earlier | None, now: datetime, seed: int,
) -> Placed:  # fmt: skip
    """Choose the lane. Without a readable state, or with one of another policy, by the policy's words alone.

    An amendment never gets a less intensive lane than its declaration has: amending would be a way out.
    """
    day = now.date()
    try:
        if stored is None:
            state = begin_day(plan_day(candidate.office, policy, day=day, past=past))
        else:
            state = restored(stored.state)
            if state.plan.policy_digest != policy.digest:
                raise StoreError("The day was planned with another policy.", hint="It takes effect tomorrow.")
    except StoreError:
        selection = decide_without_state(candidate, policy, day=day, seed=seed)
        return Placed(_combined(selection, earlier, policy), stored.sequence if stored else 0, None)
    selection, state = decide_online(candidate, state, policy, moment=now, seed=seed)
    final = _combined(selection, earlier, policy)
    if earlier is not None:
        # Of the two lanes one is left: the place of the other is free again, when it was a place of this day.
        if final.detail == KEPT:
            is_same_day = (earlier.office, earlier.day) == (candidate.office, day.isoformat())
            state = _freed(state, policy, selection.lane)
            if not is_same_day:
                state = _taken(state, policy, final.lane)
        elif (earlier.office, earlier.day) == (candidate.office, day.isoformat()):
            state = _freed(state, policy, earlier.lane)
    return Placed(final, stored.sequence if stored else 0, state_text(state))


def _combined(selection: Selection, earlier: Earlier | None, policy: Policy) -> Selection:
    if earlier is None:
        return selection
    # At least the larger of the two: the versions share their draws.
    probability = max(selection.inclusion_probability, earlier.inclusion_probability)
    if policy.intensity.get(earlier.lane, 0) <= policy.intensity[selection.lane]:
        return replace(selection, inclusion_probability=probability)
    return replace(
        selection, lane=earlier.lane, basis=earlier.basis, inclusion_probability=probability, detail=KEPT
    )  # fmt: skip


def _freed(state: OnlineState, policy: Policy, lane: str) -> OnlineState:
    return _changed(state, policy, lane, -1)


def _taken(state: OnlineState, policy: Policy, lane: str) -> OnlineState:
    return _changed(state, policy, lane, 1)


def _changed(state: OnlineState, policy: Policy, lane: str, change: int) -> OnlineState:
    if lane not in policy.intensity or not policy.lane(lane).inspects:
        return state
    return with_places(state, policy, lane=lane, change=change)
