"""The status of a declaration, from all its records.

Enters: a declaration's records in order. Leaves: a `StatusName`: the event that assigned the lane in force, the
decision behind it, and whether it waits. Never here: the database; a rule of what may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from basira.decisions.events import AnyRecord, Assignment, Cancellation, Outcome, Reselection
from basira.decisions.recorded import Recorded
from basira.decisions.records import Decision
from basira.serving.record import Known

# waiting: its lane inspects; inspected: a result came after the lane was given; released: its lane does not
# inspect.
StatusName = Literal["waiting", "inspected", "released", "cancelled"]


@dataclass(frozen=True)
class Status:
    """``assignment``: what gave the lane in force, a decision or a re-selection. ``decision``: the decision that it is,
    or that it changed. ``cancellation``: None when there is none. ``is_inspected``: a result came after
    ``assignment``."""

    assignment: Assignment
    decision: Decision
    cancellation: Cancellation | None
    is_inspected: bool

    @property
    def lane(self) -> str:
        """The lane in force."""
        return self.assignment.lane

    @property
    def office(self) -> str:
        """The office that holds the declaration."""
        return self.assignment.office

    @property
    def name(self) -> StatusName:
        """In one word."""
        if self.cancellation is not None:
            return "cancelled"
        if self.is_inspected:
            return "inspected"
        return "waiting" if self.assignment.inspects else "released"


def lanes_of(known: Known) -> list[Assignment]:
    """The decisions and re-selections, in order: each gave a lane."""
    return [one for one in known if isinstance(one, Decision | Reselection)]


def cancellation_of(known: Known) -> Cancellation | None:
    """The cancellation; None when there is none."""
    return next((one for one in known if isinstance(one, Cancellation)), None)


def controls_of(known: Known, basis: str) -> list[str]:
    """The lanes that a mandatory rule ("mandatory") or the draw ("random") gave to any version, or would have given to
    a version that kept a more intensive lane."""
    lanes = []
    for one in known:
        if not isinstance(one, Decision):
            continue
        if not one.detail_fields.kept_lane and one.basis == basis:
            lanes.append(one.lane)
        elif one.detail_fields.kept_lane and one.chosen is not None and one.chosen.get("basis") == basis:
            lanes.append(one.chosen["lane"])
    return lanes


def status_of(known: Known) -> Status | None:
    """The status of a declaration; None when no decision on it is recorded."""
    lanes = lanes_of(known)
    decision = next((one for one in reversed(lanes) if isinstance(one, Decision)), None)
    if decision is None:
        return None
    assignment = lanes[-1]
    return Status(
        assignment, decision, cancellation_of(known), any(is_inspection(one, after=assignment) for one in known)
    )


def is_inspection(record: AnyRecord, *, after: Recorded) -> bool:
    """Whether a record is the result of an inspection made in the lane that ``after`` gave."""
    return isinstance(record, Outcome) and record.sequence > after.sequence and record.is_inspected
