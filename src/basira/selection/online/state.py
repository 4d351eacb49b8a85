"""The state of an office's day of online selection: a small frozen record, one row of a database.

Enters: a plan when the day begins; recorded texts later. Leaves: the state, and its text. Never here: a decision, a
clock, a place in memory where two workers could disagree: the database holds the state, and ``sequence`` says which.

Plan and state are two texts, each read and checked by itself; the database keeps them together, in one text that is
written with every decision. The plan stays the same all day, unless the policy changes (see `online.replan`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache

from pydantic import ConfigDict, NonNegativeInt, TypeAdapter, ValidationError

from basira.schema.errors import StoreError, UsageError
from basira.schema.records import CapacityUse
from basira.selection.online.forecast import DayPlan
from basira.selection.online.outlook import assured_count
from basira.selection.online.tally import HOURS, Tally
from basira.selection.policy.model import Policy, Share


@dataclass(frozen=True)
class Control:
    """The random control in one stratum: how many could be drawn so far, and how many were."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    pool_count: NonNegativeInt = 0
    drawn_count: NonNegativeInt = 0


@dataclass(frozen=True)
class _Progress:
    """The part of a state that changes, as its text holds it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    plan_digest: str
    sequence: NonNegativeInt
    latest_at: datetime
    today: Tally
    used: dict[str, NonNegativeInt]
    control: dict[str, Control]
    unscored_rate: Share
    beyond: dict[str, NonNegativeInt] = field(default_factory=dict)


@dataclass(frozen=True)
class OnlineState:
    """An office's day so far.

    ``sequence``: decisions and corrections so far; the number that a worker names when it writes the next one.
    ``latest_at``: the latest moment seen. ``used``: slots used by lane id. ``control``: by stratum.
    ``unscored_rate``: share of the latest arrivals without a score, so that a model that fails is noticed in minutes.
    ``beyond``: by lane id, those inspected beyond the lane's capacity: under the list, or without a score.
    """

    plan: DayPlan
    sequence: int
    latest_at: datetime
    today: Tally = field(default_factory=Tally)
    used: Mapping[str, int] = field(default_factory=dict)
    control: Mapping[str, Control] = field(default_factory=dict)
    unscored_rate: float = 0.0
    beyond: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """The state without its plan, as canonical JSON: sorted keys, no spaces, one text for one state."""
        content = {
            "beyond": dict(self.beyond),
            "control": {stratum: asdict(one) for stratum, one in self.control.items()},
            "latest_at": self.latest_at.isoformat(),
            "plan_digest": self.plan.digest,
            "sequence": self.sequence,
            "today": self.today.content(),
            "unscored_rate": self.unscored_rate,
            "used": dict(self.used),
        }
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def begin_day(plan: DayPlan) -> OnlineState:
    """The state before the first declaration."""
    recent = plan.recent
    rate = recent.unscored_count / recent.count if recent.count else 0.0
    midnight = datetime(plan.day.year, plan.day.month, plan.day.day)
    return OnlineState(plan, 0, midnight, today=Tally(order=recent.order), unscored_rate=rate)


def read_plan(text: str) -> DayPlan:
    """The plan of its canonical text. A worker keeps it in memory for the day. Raises StoreError when it is not one.

    >>> read_plan("{}")
    Traceback (most recent call last):
    ...
    basira.schema.errors.StoreError: Expected the recorded plan of an office's day, found office: Field required.
    """
    try:
        plan = _readers()[0].validate_json(text)
    except ValidationError as error:
        raise _describe_fault(error, "plan") from None
    if len(plan.profile) != HOURS or len(plan.recent.by_hour) != HOURS:
        raise _unreadable("plan", f"hours that are not {HOURS}")
    return plan


def read_state(text: str, plan: DayPlan) -> OnlineState:
    """The state of its canonical text.

    Raises StoreError when it is not one, or not of this plan: decide without a state then (`decide_without_state`),
    never with a new one, which would give the day's slots a second time.
    """
    try:
        progress = _readers()[1].validate_json(text)
    except ValidationError as error:
        raise _describe_fault(error, "state") from None
    if progress.plan_digest != plan.digest:
        raise _unreadable("state", f"one of another plan than that of {plan.office} on {plan.day}")
    if len(progress.today.by_hour) != HOURS:
        raise _unreadable("state", f"hours that are not {HOURS}")
    return OnlineState(
        plan,
        progress.sequence,
        progress.latest_at,
        progress.today,
        progress.used,
        progress.control,
        progress.unscored_rate,
        progress.beyond,
    )


def with_places(state: OnlineState, policy: Policy, *, lane: str, change: int) -> OnlineState:
    """The state after another writer took (+) or gave back (-) slots of a lane.

    For a re-selection by an officer, a cancelled declaration, a decision made without a state. Pacing counts them from
    the next declaration on. In a lane with inspections beyond its capacity, one given back makes these fewer. Raises
    UsageError for a lane that needs no capacity.
    """
    if lane not in policy.intensity or not policy.lane(lane).inspects:
        raise UsageError(
            "Expected a lane that inspects, found {lane!r}.",
            hint="Only these lanes have places; see the policy.",
            lane=lane,
        )
    return counted(state, lane=lane, change=change)


def counted(state: OnlineState, *, lane: str, change: int) -> OnlineState:
    """As `with_places`, for a state whose day was planned with another policy than the one that knows the lane."""
    over = state.beyond.get(lane, 0)
    fewer = min(over, max(0, -change))
    beyond = {**state.beyond, lane: over - fewer} if fewer else state.beyond
    used = max(0, state.used.get(lane, 0) + change + fewer)
    return replace(state, sequence=state.sequence + 1, used={**state.used, lane: used}, beyond=beyond)


def capacity_use(state: OnlineState, policy: Policy) -> tuple[CapacityUse, ...]:
    """Places of each inspecting lane that exist so far, and those used: above them by those beyond capacity.

    At the end of the day this is the day's capacity: a count of the policy, or its share of the declarations, or of
    `online.advance` times the forecast where that is more.
    """
    plan = state.plan
    count = assured_count(arrived=state.today.count, advance=policy.online.advance * plan.expected_count)
    return tuple(
        CapacityUse(
            plan.office,
            lane.id,
            policy.capacity_of(plan.office, lane.id, day=plan.day, day_total=count),
            state.used.get(lane.id, 0) + state.beyond.get(lane.id, 0),
        )
        for lane in policy.lanes
        if lane.inspects
    )


@cache
def _readers() -> tuple[TypeAdapter[DayPlan], TypeAdapter[_Progress]]:
    return TypeAdapter(DayPlan), TypeAdapter(_Progress)


def _describe_fault(error: ValidationError, what: str) -> StoreError:
    fault = error.errors(include_url=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return _unreadable(what, f"{place}: {fault['msg']}" if place else fault["msg"])


def _unreadable(what: str, found: str) -> StoreError:
    return StoreError(
        "Expected the recorded {what} of an office's day, found {found}.",
        hint="Decide without a state until it is rebuilt from the day's recorded decisions.",
        what=what,
        found=found,
    )
