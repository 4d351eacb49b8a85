"""What an officer or the clearance system changes of a declaration: another lane, or its cancellation.

Enters: a body with a motive, what the officer saw and may do. Leaves: the change as recorded, or why it is not made.
Never here: a change that overwrites another officer's change; a change without a motive; an event altered (undoing
is another change).

One transaction holds everything: the state of the office's day at the sequence that was read, the event, the answer
under its key. The state's sequence always moves, so that a decision under way at the same office reads again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from basira.decisions.events import Cancellation, Reselection
from basira.decisions.recorded import ItemValues
from basira.schema.errors import StoreError
from basira.selection.policy.model import Policy
from basira.selection.reselection import CONTROLS, Obstacle, find_obstacle, lanes_to_give
from basira.serving.changes.capacity import Moved, move_slots
from basira.serving.changes.reassess import explain_again
from basira.serving.decide.events import event_id
from basira.serving.decide.idempotency import Asked, store_answer
from basira.serving.message import FieldFault, Rejected
from basira.serving.record import Known, append_record, find_known
from basira.serving.service import Service
from basira.serving.status import Status, controls_of
from basira.serving.views.answers import ChangeAnswer
from basira.serving.views.declaration import change_body, required_status, seen_events, status_body
from basira.storage.online.office_state import Answer, save_state
from basira.storage.record.chain import is_storable

Sees = Callable[[str], bool]

SHORTEST_MOTIVE, LONGEST_MOTIVE, LONGEST_NOTE = 3, 500, 500
_TRIES = 20
_LOWERING = "lowering_not_allowed"
_LOWERED: Mapping[Obstacle, str] = {
    "policy": "The policy lets no role give a less intensive lane.",
    "role": "Expected a role that may give a less intensive lane.",
    "mandatory": "The policy lets no role give a mandatory control a less intensive lane than its rule did.",
    "random": "The policy lets no role give a random control a less intensive lane than it was drawn for.",
}


@dataclass(frozen=True)
class NotAllowed:
    """A change that the officer may not make. ``code``: stable, for programs. ``is_open_to_others``: another role may
    make it."""

    code: str
    detail: str
    is_open_to_others: bool = False


@dataclass(frozen=True)
class Requester:
    """Who asks for a change. ``sees``: whether they may see an office; ``may_lower``: whether they may give a less
    intensive lane at one. ``seen``: the event that gave the lane which they saw, as If-Match names it."""

    asked: Asked
    sees: Sees
    may_lower: Callable[[str], bool] = lambda _: False
    seen: str | None = None


@dataclass(frozen=True)
class _Change:
    """A body that was read. ``lane``: "" for a cancellation. ``seen``: the lane-giving event that the officer saw."""

    lane: str
    motive: str
    note: str | None
    seen: str | None


class _OvertakenError(Exception):
    """Another writer was first: the transaction is rolled back, and all is read again."""


def reselect(
    body: object, declaration_id: str, service: Service, *, now: datetime, by: Requester
) -> ChangeAnswer | Rejected | NotAllowed:
    """Give a declaration another lane.

    ``body``: ``lane``, ``motive``, perhaps ``note`` and ``given_by`` (or the requester's ``seen``): the event that gave
    the lane which the requester saw. Raises NotFoundError, UsageError (an idempotency key with another body),
    StoreError.
    """
    policy = service.policy(now.date())
    change = _read(body, declaration_id, lanes=lanes_to_give(policy), seen=by.seen)
    if isinstance(change, Rejected):
        return change

    def judge(status: Status, known: Known) -> Rejected | NotAllowed | None:
        if status.cancellation is not None:
            return conflict(declaration_id, "cancelled", "a declaration that is not cancelled", status)
        if change.seen is None:
            return NotAllowed("seen_required", "Expected If-Match, or given_by in the body: the lane that was seen.")
        if change.seen != status.assignment.event_id:
            return conflict(declaration_id, "changed_meanwhile", "the event that gave the lane in force", status)
        if change.lane == status.lane:
            fault = FieldFault(None, "lane", "same_lane", "another lane than it has")
            return Rejected((fault,), declaration_id, status=status_body(status))
        return _check_lowering(change.lane, status, known, policy, may_lower=by.may_lower)

    def record(status: Status, known: Known) -> Reselection:
        items = _late_items(status, known, service) if policy.lane(change.lane).inspects else None
        return _reselection(change, status, policy, by.asked, items=items)

    return _carry_out(declaration_id, service, judge, record, policy=policy, now=now, by=by)


def _check_lowering(
    lane: str, status: Status, known: Known, policy: Policy, *, may_lower: Callable[[str], bool]
) -> NotAllowed | None:
    """Why this less intensive lane may not be given; None when it may, or when it is not less intensive."""
    obstacle = find_obstacle(
        lane,
        current=status.lane,
        controls={control: controls_of(known, control) for control in CONTROLS},
        policy=policy,
        may_lower=lambda: may_lower(status.office),
    )
    if obstacle is None:
        return None
    return NotAllowed(_LOWERING, _LOWERED[obstacle], is_open_to_others=obstacle == "role")


def cancel(
    body: object, declaration_id: str, service: Service, *, now: datetime, by: Requester
) -> ChangeAnswer | Rejected | NotAllowed:
    """Take a declaration out of the queue, for good; its slot is free again, unless it was inspected in it.

    ``body``: ``motive``, perhaps ``note`` and ``given_by``. The same cancellation again, by any caller, changes nothing
    when the motive is the same. Raises as `reselect`.
    """
    change = _read(body, declaration_id, lanes=None, seen=by.seen)
    if isinstance(change, Rejected):
        return change

    def judge(status: Status, _known: Known) -> Rejected | NotAllowed | ChangeAnswer | None:
        if status.cancellation is not None:
            if _is_again(change, status.cancellation):
                return _answer(status.cancellation, status)
            return conflict(declaration_id, "cancelled", "a declaration that is not cancelled", status)
        if change.seen is not None and change.seen != status.assignment.event_id:
            return conflict(declaration_id, "changed_meanwhile", "the event that gave the lane in force", status)
        return None

    def record(status: Status, _known: Known) -> Cancellation:
        return Cancellation(
            event_id=event_id("cancellation", declaration_id),
            declaration_id=declaration_id,
            actor=by.asked.actor,
            declaration_version=status.decision.declaration_version,
            office=status.office,
            decision_id=status.decision.event_id,
            motive=change.motive,
            before={"lane": status.lane, "given_by": status.assignment.event_id},
            personal={} if change.note is None else {"note": change.note},
        )

    policy = service.policy(now.date())
    return _carry_out(declaration_id, service, judge, record, policy=policy, now=now, by=by)


def conflict(declaration_id: str, code: str, expected: str, status: Status) -> Rejected:
    """A change that contradicts what is recorded, and what holds."""
    fault = FieldFault(None, "declaration_id", code, expected)
    return Rejected((fault,), declaration_id, is_conflict=True, status=status_body(status))


def _is_again(change: _Change, cancellation: Cancellation) -> bool:
    """Whether a cancellation adds nothing to the recorded one: a note that was added would be lost."""
    kept = cancellation.personal
    # Erased values can't be compared any more.
    has_note = change.note is None or ("note" in kept and kept["note"] in (None, change.note))
    return cancellation.motive == change.motive and has_note


Change = Reselection | Cancellation
Judge = Callable[[Status, Known], "Rejected | NotAllowed | ChangeAnswer | None"]
MakeRecord = Callable[[Status, Known], Change]


def _carry_out(
    declaration_id: str,
    service: Service,
    judge: Judge,
    make: MakeRecord,
    *,
    policy: Policy,
    now: datetime,
    by: Requester,
) -> ChangeAnswer | Rejected | NotAllowed:
    for _ in range(_TRIES):
        with service.database.read() as connection:
            known = seen_events(connection, declaration_id, sees=by.sees)
            status = required_status(known, sees=by.sees)
            answer = judge(status, known)
            if answer is not None:
                return answer
            made = make(status, known)
            moved = move_slots(connection, status, policy, taken=made.lane, now=now)
        try:
            with service.database.write() as connection:
                return _write(connection, made, moved, known, now=now, asked=by.asked)
        except _OvertakenError:
            continue
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):  # else: the same change, or the key, meanwhile
                raise
    raise StoreError(
        "Expected to record a change within {tries} tries, found other workers quicker each time.",
        hint="Nothing was recorded; send it again.",
        tries=_TRIES,
    )


def _write(
    connection: sa.Connection,
    made: Reselection | Cancellation,
    moved: Moved,
    known: Known,
    *,
    now: datetime,
    asked: Asked,
) -> ChangeAnswer:
    # The state first, as a decision does: taken in another order, two transactions could wait for each other.
    if not save_state(
        connection, moved.office, moved.day, state=moved.state, expected_sequence=moved.sequence, now=now
    ):
        raise _OvertakenError
    append_record(connection, made, now=now)
    # Only this transaction appends now, so nothing can come between this look and the commit.
    after = find_known(connection, made.declaration_id)
    if [one.event_id for one in after[:-1]] != [one.event_id for one in known]:
        raise _OvertakenError
    made = replace(made, sequence=after[-1].sequence, recorded_at=after[-1].recorded_at)
    answer = _answer(made, required_status(after, sees=lambda _: True))
    if asked.key:
        store_answer(connection, asked, Answer(200, json.dumps(answer, ensure_ascii=False)), now=now)
    return answer


def _answer(change: Change, status: Status) -> ChangeAnswer:
    return {**change_body(change), "standing": status_body(status)}


def _late_items(status: Status, known: Known, service: Service) -> Sequence[ItemValues] | None:
    """The items with reasons, of a decision whose lane did not inspect. None where the record has reasons already, or
    where there can't be any."""
    if any(item["reasons"] or item["verify"] for item in status.decision.items):
        return None
    if isinstance(status.assignment, Reselection) and status.assignment.items is not None:
        return status.assignment.items
    return explain_again(known, status.decision, service)


def _reselection(
    change: _Change, status: Status, policy: Policy, asked: Asked, *, items: Sequence[ItemValues] | None
) -> Reselection:
    """``items``: with the reasons that the decision was recorded without; None: it has them, or there are none."""
    assignment, decision = status.assignment, status.decision
    return Reselection(
        event_id=event_id("reselection", assignment.declaration_id, assignment.event_id),
        declaration_id=assignment.declaration_id,
        declaration_version=decision.declaration_version,
        office=status.office,
        lane=change.lane,
        decision_id=decision.event_id,
        actor=asked.actor,
        motive=change.motive,
        before={"lane": status.lane, "given_by": assignment.event_id},
        after={"lane": change.lane},
        inspects=policy.lane(change.lane).inspects,
        # Of the selection, which an officer does not change: what an amendment is compared with.
        basis=assignment.basis,
        inclusion_probability=assignment.inclusion_probability,
        ground=assignment.ground,
        items=items,
        personal={} if change.note is None else {"note": change.note},
    )


def _read(body: object, declaration_id: str, *, lanes: Sequence[str] | None, seen: str | None) -> _Change | Rejected:
    """The body of a change. ``lanes``: those that may be given, None when none is to be named."""
    if not isinstance(body, dict):
        return Rejected((FieldFault(None, None, "bad_json", "a JSON object with a motive"),), declaration_id)
    names = {"motive", "note", "given_by"} | (set() if lanes is None else {"lane"})
    faults = []
    if body.keys() - names:
        faults.append(FieldFault(None, None, "column_count", f"only {', '.join(sorted(names))}"))
    texts: dict[str, str | None] = {}
    for name in names:
        value = body.get(name)
        if value is not None and (not isinstance(value, str) or not is_storable(value)):
            faults.append(FieldFault(None, name, "bad_json", "a text"))
            value = None
        texts[name] = value.strip() if isinstance(value, str) else None
    motive, note = texts["motive"] or "", texts["note"] or None
    bounds = f"{SHORTEST_MOTIVE} to {LONGEST_MOTIVE} characters"
    if not SHORTEST_MOTIVE <= len(motive) <= LONGEST_MOTIVE:
        faults.append(FieldFault(None, "motive", "out_of_range" if motive else "missing", bounds))
    if note is not None and len(note) > LONGEST_NOTE:
        faults.append(FieldFault(None, "note", "out_of_range", f"at most {LONGEST_NOTE} characters"))
    lane = ""
    if lanes is not None:
        lane = texts["lane"] or ""
        if lane not in lanes:
            faults.append(FieldFault(None, "lane", "unknown_lane" if lane else "missing", ", ".join(lanes)))
    if faults:
        return Rejected(tuple(sorted(set(faults), key=lambda fault: (fault.field or "", fault.code))), declaration_id)
    return _Change(lane, motive, note, texts["given_by"] or seen)
