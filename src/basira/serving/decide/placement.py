"""A slot in a lane: read the state of an office's day, choose a lane, make the next state.

Enters: a candidate, the state of its office's day, the earlier lane of an amended declaration. Leaves: a selection and
the next state (None: decided without one). Never here: a write.

A worker keeps the states that it wrote last (`OfficeDays`): reading one back from its text costs more than a decision.
The database goes on deciding whether they hold, by their sequence.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from basira.schema.errors import BasiraError, StoreError
from basira.schema.records import Basis, Candidate, Selection
from basira.selection.online.decide import decide_online, decide_without_state
from basira.selection.online.forecast import plan_day
from basira.selection.online.replan import replan_day
from basira.selection.online.state import OnlineState, begin_day, counted, read_plan, read_state, with_places
from basira.selection.online.tally import Tally
from basira.selection.policy.model import Policy
from basira.serving.decide.office_day import rebuild_day
from basira.storage.online.office_state import find_state, find_states

if TYPE_CHECKING:
    from basira.serving.decide.lookup import New
    from basira.serving.decide.scoring import Scored

_LOG = logging.getLogger("basira.service")
_UNREADABLE = (BasiraError, ArithmeticError, LookupError, TypeError, ValueError)
# Eight weeks of past days: see `plan_day`.
_PAST_DAYS = 56
# More offices than a country has: a client that makes names up must not fill the memory.
_MOST_OFFICES = 2_000


@dataclass(frozen=True)
class Earlier:
    """The lane that an amended declaration has. ``day``: when it was given, YYYY-MM-DD.

    ``inspects``: whether that lane inspected, by the policy of that time: only such a lane has slots. ``is_inspected``:
    a result came since: the slot was used. ``arrivals``: the offices and days of its decisions: these count it already.
    ``ground``: why a mandatory rule covers it, by language.
    """

    office: str
    day: str
    lane: str
    basis: Basis
    inclusion_probability: float
    inspects: bool = False
    is_inspected: bool = False
    arrivals: frozenset[tuple[str, str]] = frozenset()
    ground: Mapping[str, str] | None = None

    def holds_place(self, day: date) -> bool:
        """Whether its slot belongs to this day and was not used by an inspection: then it can be given back."""
        return self.inspects and self.day == day.isoformat() and not self.is_inspected


@dataclass(frozen=True)
class Placed:
    """``state``: the next one; None when the day's state could not be used. ``chosen``: what the version alone would
    have got, where it kept an earlier lane that is more intensive."""

    selection: Selection
    state: OnlineState | None
    chosen: Selection | None = None


@dataclass(frozen=True)
class OfficeDay:
    """An office's current day. ``sequence``: of the database's row, 0 when there is none.

    ``state``: of that row; a state that was planned with another policy is planned again (see `place`).
    """

    sequence: int
    state: OnlineState | None


class OfficeDays:
    """The states that this process wrote last. Call `forget` when the database shows that they no longer hold."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[date, OfficeDay]] = {}

    def find(self, office: str, day: date) -> OfficeDay | None:
        """The state of an office's day; None when this process wrote none."""
        known = self._known.get(office)
        return known[1] if known is not None and known[0] == day else None

    def keep(self, office: str, day: date, known: OfficeDay) -> None:
        """Keep what was just committed; the office's day before is dropped."""
        if len(self._known) >= _MOST_OFFICES:
            self._known.clear()
        self._known[office] = (day, known)

    def forget(self) -> None:
        """Read all again from the database."""
        self._known.clear()


def state_text(state: OnlineState) -> str:
    """Plan and state as one text, as the database keeps them."""
    return json.dumps({"plan": state.plan.canonical, "state": state.to_json()}, ensure_ascii=False)


def restore_state(text: str) -> OnlineState:
    """The state that a text holds; raises StoreError when the text is damaged."""
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
    """The tallies of the office's latest days, from their states; a day whose state can't be read is left out."""
    first = (day - timedelta(days=_PAST_DAYS)).isoformat()
    found = []
    for on, stored in sorted(find_states(connection, office, first=first, end=day.isoformat()).items(), reverse=True):
        try:
            found.append((date.fromisoformat(on), restore_state(stored.state).today))
        except StoreError:
            continue
    return found


def read_office_day(
    connection: sa.Connection, office: str, policy: Policy, *, day: date, is_locked: bool = False
) -> OfficeDay:
    """An office's day as the database has it; planned from its past days when it begins.

    ``is_locked``: no other transaction may write it until this one ends.
    """
    stored = find_state(connection, office, day.isoformat(), is_locked=is_locked)
    if stored is None:
        return OfficeDay(0, begin_day(plan_day(office, policy, day=day, past=past_days(connection, office, day=day))))
    try:
        return OfficeDay(stored.sequence, restore_state(stored.state))
    except StoreError:  # damaged: rebuilt from the record, or its slots would be given a second time
        past = past_days(connection, office, day=day)
    try:
        state = rebuild_day(connection, office, policy, day=day, past=past, sequence=stored.sequence)
    except _UNREADABLE as error:  # of the record's content; an unreachable database is no reason to decide without it
        _LOG.error("state_lost", extra={"fields": {"office": office, "error": type(error).__name__}})
        return OfficeDay(stored.sequence, None)
    return OfficeDay(stored.sequence, state)


def find_office_days(
    offices: Sequence[str],
    days: OfficeDays,
    read: Callable[[], AbstractContextManager[sa.Connection]],
    policy: Policy,
    *,
    day: date,
    is_locked: bool,
) -> dict[str, OfficeDay]:
    """The offices' days: those that this process wrote last, else as the database has them. ``read``: opens a
    connection, when one is needed."""
    kept = {office: known for office in offices if (known := days.find(office, day)) is not None}
    missing = [office for office in offices if office not in kept]
    if not missing:
        return kept
    with read() as connection:
        for office in missing:
            kept[office] = known = read_office_day(connection, office, policy, day=day, is_locked=is_locked)
            if known.state is None:  # to try again for each group would hold all offices up
                days.keep(office, day, known)
    return kept


def place(
    candidate: Candidate,
    policy: Policy,
    *,
    state: OnlineState | None,
    earlier: Earlier | None,
    now: datetime,
    seed: int,
) -> Placed:
    """Choose the lane; without a state, by the policy alone. When the policy changed during the day, the day is planned
    again from its current state.

    An amendment never gets a less intensive lane than its declaration has: amending would be a way out. It is one
    arrival of its office's day, and holds one slot: its own is free for it while its lane is chosen. A slot in which it
    was inspected was used, and a slot of an earlier day or of another office is not this day's (`without_slot`).
    """
    day = now.date()
    if state is None:
        return _combine(decide_without_state(candidate, policy, day=day, seed=seed), None, earlier, policy)
    before = replan_day(state, policy)
    if earlier is None:
        return Placed(*decide_online(candidate, before, policy, moment=now, seed=seed))
    is_held = earlier.office == candidate.office and earlier.holds_place(day)
    selection, after = decide_online(
        candidate,
        without_slot(before, earlier) if is_held else before,
        policy,
        moment=now,
        seed=seed,
        is_counted=(candidate.office, day.isoformat()) in earlier.arrivals,
    )
    placed = _combine(selection, after, earlier, policy)
    if placed.chosen is None:
        return placed
    after = replace(after, used=before.used, beyond=before.beyond)
    kept = placed.selection.lane
    if not is_held and policy.lane(kept).inspects:
        after = with_places(after, policy, lane=kept, change=1)
    return replace(placed, state=after)


@dataclass(frozen=True)
class PlacedGroup:
    """``lanes``: of each, in their order. ``states``: of the offices' days after them all, by office."""

    lanes: Sequence[tuple[New, Scored, Placed]]
    states: Mapping[str, OnlineState]


def place_in_order(
    new: Sequence[New],
    scores: Mapping[int, Scored],
    days: Mapping[str, OfficeDay],
    policy: Policy,
    *,
    now: datetime,
    seed: int,
) -> PlacedGroup:
    """A lane for each, one after the other. ``days``: of `offices_of`, as they stand before."""
    states: dict[str, OnlineState] = {}
    lanes: list[tuple[New, Scored, Placed]] = []
    for one in new:
        scored = scores[one.number]
        candidate = replace(scored.candidate, declaration_version=one.declaration.version)
        office = candidate.office
        state = states.get(office, days[office].state)
        placed = place(candidate, policy, state=state, earlier=one.earlier, now=now, seed=seed)
        if placed.state is not None:
            states[office] = placed.state
        left = left_office(one.earlier, office=office, day=now.date())
        if one.earlier is not None and left is not None:
            before = states.get(left, days[left].state)
            if before is not None:
                states[left] = without_slot(before, one.earlier)
        lanes.append((one, scored, placed))
    return PlacedGroup(lanes, states)


def offices_of(new: Sequence[New], scores: Mapping[int, Scored], *, day: date) -> list[str]:
    """The offices whose days change: of the declarations, and of what goes elsewhere by an amendment. In the order in
    which all take their locks: see `state_statements`."""
    offices: set[str] = set()
    for one in new:
        office = scores[one.number].candidate.office
        left = left_office(one.earlier, office=office, day=day)
        offices |= {office} if left is None else {office, left}
    return sorted(offices)


def left_office(earlier: Earlier | None, *, office: str, day: date) -> str | None:
    """The office whose day gets a slot back when the declaration goes to ``office``; None when none does."""
    if earlier is None or earlier.office == office or not earlier.holds_place(day):
        return None
    return earlier.office


def without_slot(state: OnlineState, earlier: Earlier) -> OnlineState:
    """The day with the slot of an earlier version free again, also of a lane that today's policy lacks."""
    return counted(state, lane=earlier.lane, change=-1)


def _combine(selection: Selection, state: OnlineState | None, earlier: Earlier | None, policy: Policy) -> Placed:
    if earlier is None:
        return Placed(selection, state)
    # The probability that either version is selected is at least the larger of the two: versions at one office share
    # their draws, versions at two offices have their own.
    probability = max(selection.inclusion_probability, earlier.inclusion_probability)
    lane = _lane_of(earlier, policy)
    if policy.intensity[lane] <= policy.intensity[selection.lane]:
        return Placed(replace(selection, inclusion_probability=probability), state)
    kept = Selection(
        declaration_id=selection.declaration_id,
        declaration_version=selection.declaration_version,
        office=selection.office,
        lane=lane,
        basis=earlier.basis,
        inclusion_probability=probability,
        rank=None,
        kept_lane=True,
    )
    return Placed(kept, state, chosen=selection)


def _lane_of(earlier: Earlier, policy: Policy) -> str:
    """The lane that an amendment keeps. When today's policy lacks that lane: the most intensive one if the lane
    inspected, else the least intensive."""
    if earlier.lane in policy.intensity:
        return earlier.lane
    inspecting = [lane.id for lane in policy.lanes if lane.inspects]
    return inspecting[-1] if earlier.inspects and inspecting else policy.lanes[0].id
