"""A declaration's whole history as answers show it: every event in order, with its author and time.

Enters: a database, a declaration's number, what the caller may see. Leaves: JSON values. Never here: a personal value
of the declaration; a declaration of an office that the caller may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NotRequired, TypedDict

import sqlalchemy as sa

from basira.decisions.events import AnyRecord, Cancellation, Outcome, Registration, Reselection
from basira.decisions.records import Decision
from basira.schema.errors import NotFoundError
from basira.serving.record import Known, find_known
from basira.serving.status import Status, status_of
from basira.serving.views.answers import (
    ChangeBody,
    DecisionBody,
    DeclarationBody,
    ExplanationBody,
    ItemBody,
    OutcomeBody,
    StatusBody,
    Step,
)
from basira.serving.views.decision import decision_body
from basira.serving.views.explained import Explained, explained_reselection
from basira.storage.database.connection import Database
from basira.storage.record.events import find_office

Sees = Callable[[str], bool]


class _ChangeId(TypedDict):
    reselection_id: NotRequired[str]
    cancellation_id: NotRequired[str]


def declaration_history(
    database: Database, declaration_id: str, *, language: str, sees: Sees, is_secret_hidden: bool = False
) -> DeclarationBody:
    """A declaration: its status, its decisions, its results, and all events in order. ``language``: of the sentences.
    ``sees``: whether the caller may see an office.

    Raises NotFoundError when there is none, or when it belongs to an office that the caller may not see: the answer is
    the same.
    """
    known, status = known_declaration(database, declaration_id, sees=sees)
    made = {one.event_id: one for one in known if isinstance(one, Decision)}
    decisions = {
        key: decision_body(one, language=language, is_secret_hidden=is_secret_hidden) for key, one in made.items()
    }
    changes = {
        one.event_id: explained_reselection(
            made[one.decision_id], one, language=language, is_secret_hidden=is_secret_hidden
        )
        for one in known
        if isinstance(one, Reselection) and one.decision_id in made
    }
    return {
        "declaration_id": declaration_id,
        "standing": status_body(status),
        "explanation": _explanation(status, decisions, changes),
        "decisions": list(decisions.values()),
        "outcomes": [outcome_body(one) for one in known if isinstance(one, Outcome)],
        "history": [_step(one, decisions, changes) for one in known],
    }


def _explanation(
    status: Status, decisions: Mapping[str, DecisionBody], changes: Mapping[str, Explained]
) -> ExplanationBody | None:
    """The explanation of the lane in force: the decision's, or that of an officer's re-selection."""
    change = status.assignment
    if isinstance(change, Reselection):
        explained = changes.get(change.event_id)
        return None if explained is None else explained.explanation
    shown = decisions.get(status.decision.event_id)
    return None if shown is None else shown["explanation"]


def known_declaration(database: Database, declaration_id: str, *, sees: Sees) -> tuple[list[AnyRecord], Status]:
    """The events of a declaration and its status. Raises NotFoundError, as `declaration_history`."""
    with database.read() as connection:
        known = seen_events(connection, declaration_id, sees=sees)
    return known, required_status(known, sees=sees)


def seen_events(connection: sa.Connection, declaration_id: str, *, sees: Sees) -> list[AnyRecord]:
    """The events of a declaration. Raises NotFoundError, as `declaration_history`, and then only its office was read: a
    hidden declaration takes no longer than an unknown one."""
    office = find_office(connection, declaration_id)
    if office is None or not sees(office):
        raise _missing_declaration()
    return find_known(connection, declaration_id)


def required_status(known: Known, *, sees: Sees) -> Status:
    """The status of the declaration whose events these are. Raises NotFoundError, as `declaration_history`."""
    status = status_of(known)
    if status is None or not sees(status.office):
        raise _missing_declaration()
    return status


def _missing_declaration() -> NotFoundError:
    return NotFoundError(
        "Expected a declaration decided online, found none of this number.",
        hint="Check the number; one that was targeted in a batch is shown by `basira explain`.",
    )


def status_body(status: Status) -> StatusBody:
    """The status of a declaration. ``given_by``: the id that a change of the lane names. ``since``, ``by``: of the
    event that made this status: its cancellation, else the event that assigned the lane."""
    assignment = status.assignment
    last = status.cancellation or assignment
    return {
        "given_by": assignment.event_id,
        "decision_id": status.decision.event_id,
        "declaration_version": status.decision.declaration_version,
        "office": status.office,
        "lane": status.lane,
        "inspects": assignment.inspects,
        "status": status.name,
        "is_reselected": isinstance(assignment, Reselection),
        "since": last.recorded_at,
        "by": last.actor,
    }


def outcome_body(outcome: Outcome) -> OutcomeBody:
    """An inspection result as answers show it."""
    return {
        "outcome_id": outcome.event_id,
        "declaration_id": outcome.declaration_id,
        "decision_id": outcome.decision_id,
        "result": dict(outcome.result),
    }


def change_body(change: Reselection | Cancellation) -> ChangeBody:
    """A re-selection or a cancellation as answers show it."""
    named: _ChangeId = (
        {"reselection_id": change.event_id} if isinstance(change, Reselection) else {"cancellation_id": change.event_id}
    )
    return {
        **named,
        "declaration_id": change.declaration_id,
        "decision_id": change.decision_id,
        "office": change.office,
        "before": change.before,
        "after": change.after if isinstance(change, Reselection) else None,
        "motive": change.motive,
        "note": change.personal.get("note"),
        "at": change.recorded_at,
        "by": change.actor,
    }


def items_of_change(change: Reselection, explained: Explained) -> list[ItemBody] | None:
    """The items of a re-selection as its own lane explains them: with the reasons that its decision was recorded
    without, as the officer's pick, and with nothing that the decision's lane alone looks at. None where nobody inspects
    it, and it recorded none."""
    return explained.items if change.inspects or change.items is not None else None


def _step(
    one: AnyRecord,
    decisions: Mapping[str, DecisionBody],
    changes: Mapping[str, Explained],
) -> Step:
    step: Step = {
        "event_id": one.event_id,
        "kind": one.kind,
        "at": one.recorded_at,
        "by": one.actor,
        "declaration_version": one.declaration_version,
    }
    if isinstance(one, Registration):
        return {**step, "content": one.content, "is_text_erased": one.is_text_erased}
    if isinstance(one, Decision):
        shown = decisions[one.event_id]
        return {
            **step,
            "office": shown["office"],
            "lane": shown["lane"],
            "inspects": shown["inspects"],
            "basis": shown["basis"],
            "basis_text": shown["basis_text"],
            "fallback": shown["fallback"],
        }
    if isinstance(one, Outcome):
        return {**step, "decision_id": one.decision_id, "result": dict(one.result)}
    change = change_body(one)
    step |= {
        "decision_id": change["decision_id"],
        "office": change["office"],
        "before": change["before"],
        "after": change["after"],
        "motive": change["motive"],
        "note": change["note"],
    }
    explained = changes.get(one.event_id)
    if explained is None or not isinstance(one, Reselection):
        return step
    items = items_of_change(one, explained)
    return step if items is None else {**step, "items": items}
