"""What holds of a declaration now, from everything recorded of it.

Enters: a declaration's events in order. Leaves: a `Standing`: who gave the lane in force, the decision behind it, and
whether it waits. Never here: the database; a rule of what may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from basira.schema.detail import read_detail

Row = Mapping[str, Any]


# waiting: somebody is to inspect it; inspected: a result came after the lane was given; released: its lane does not
# inspect.
Status = Literal["waiting", "inspected", "released", "cancelled"]


@dataclass(frozen=True)
class Standing:
    """``given``: the event that gave the lane in force, a decision or a re-selection. ``decision``: the decision that
    it is, or that it changed. ``cancellation``: the event, or None. ``is_inspected``: a result came after ``given``."""

    given: Row
    decision: Row
    cancellation: Row | None
    is_inspected: bool

    @property
    def lane(self) -> str:
        """The lane in force."""
        return str(self.given["lane"])

    @property
    def office(self) -> str:
        """The office that has it."""
        return str(self.given["office"])

    @property
    def status(self) -> Status:
        """In one word."""
        if self.cancellation is not None:
            return "cancelled"
        if self.is_inspected:
            return "inspected"
        return "waiting" if self.given["payload"].get("inspects") else "released"


def day_of(event: Row) -> str:
    """The day in which a lane was given a place, YYYY-MM-DD: that of its moment. The chain's day is a later one when
    somebody else had recorded something after midnight already."""
    return str(event["recorded_at"])[:10]


def controls_of(known: Sequence[Row], basis: str) -> list[str]:
    """The lanes that the list ("mandatory") or the draw ("random") gave any version, or would have given one that kept
    a more intensive lane."""
    found = []
    for event in known:
        if event["kind"] != "decision":
            continue
        payload = event["payload"]
        if not read_detail(payload.get("detail", "")).kept_lane:
            chosen = {"basis": payload.get("basis"), "lane": event["lane"]}
        else:
            chosen = payload.get("chosen") or {}
        if chosen.get("basis") == basis:
            found.append(str(chosen["lane"]))
    return found


def standing_of(known: Sequence[Row]) -> Standing | None:
    """What holds of a declaration; None when no decision on it is recorded."""
    lanes = [event for event in known if event["lane"] is not None]
    if not lanes:
        return None
    given = lanes[-1]
    decision = next(
        (event for event in reversed(lanes) if event["kind"] == "decision"),
        given,
    )
    cancelled = next((event for event in known if event["kind"] == "cancellation"), None)
    return Standing(given, decision, cancelled, any(is_inspection(event, after=given) for event in known))


def is_inspection(event: Row, *, after: Row) -> bool:
    """Whether an event is the result of an inspection made in the lane that ``after`` gave."""
    return (
        event["kind"] == "outcome"
        and event["sequence"] > after["sequence"]
        and event["payload"].get("is_inspected") is not False
    )
