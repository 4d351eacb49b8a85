"""The slots of an office's day after a declaration changed its lane, or left.

Enters: a connection, what holds of the declaration, the lane that it takes. Leaves: the state to write at the sequence
that was read. Never here: a write; a decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.selection.online.state import OnlineState, counted
from basira.selection.policy.model import Policy
from basira.serving.decide.placement import read_office_day, state_text
from basira.serving.status import Status


@dataclass(frozen=True)
class Moved:
    """A state to write. ``sequence``: the one that was read, 0 when there was none."""

    office: str
    day: str
    sequence: int
    state: str


def move_slots(connection: sa.Connection, status: Status, policy: Policy, *, taken: str | None, now: datetime) -> Moved:
    """The state of today, with the declaration's slot given back and another one taken.

    A slot of an earlier day is not given back, nor one in which the declaration was inspected: it was used. ``taken``:
    None for a cancellation. Its sequence moves even when no slot does.
    """
    office, day = status.office, now.date()
    known = read_office_day(connection, office, policy, day=day)
    state = known.state
    if state is None:
        raise StoreError(
            "Expected the state of {office} on {day}, found none.",
            hint="Send the change again.",
            office=office,
            day=day,
        )
    moved = move_state(state, status, policy, taken=taken, day=day)
    return Moved(office, day.isoformat(), known.sequence, state_text(moved))


def move_state(state: OnlineState, status: Status, policy: Policy, *, taken: str | None, day: date) -> OnlineState:
    """The state of ``day`` after the change, as `move_slots` says."""
    assignment, before = status.assignment, state.sequence
    if assignment.day == day.isoformat() and not status.is_inspected and assignment.inspects:
        state = counted(state, lane=status.lane, change=-1)
    if taken is not None and policy.lane(taken).inspects:
        state = counted(state, lane=taken, change=1)
    return replace(state, sequence=before + 1)
