"""An inspection result taken into the record.

Enters: a service, a declaration's number, a result. Leaves: the result as recorded, or `Rejected`. Never here: a result
that replaces another; a result that the history would reject in the night, after it was acknowledged; a declaration's
personal values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from basira.decisions.events import Outcome, Registration
from basira.feedback.resolve import EXPECTED
from basira.schema.errors import PolicyError, StoreError
from basira.serving.decide.events import event_id
from basira.serving.decide.idempotency import Asked, given_answer, store_answer
from basira.serving.message import (
    MOST_AHEAD,
    PERSONAL,
    FieldFault,
    OutcomeRow,
    Rejected,
    json_values,
    read_outcome,
)
from basira.serving.record import Known, append_record, find_known
from basira.serving.service import Service
from basira.serving.status import Status, lanes_of
from basira.serving.views.answers import OutcomeBody
from basira.serving.views.declaration import known_declaration, outcome_body
from basira.storage.online.office_state import Answer
from basira.storage.record.officers import find_in_hand

Sees = Callable[[str], bool]
# Of a declaration's items, in the words of a fault.
_MOST_NAMED = 20


def record_outcome(
    body: object,
    declaration_id: str,
    service: Service,
    *,
    now: datetime,
    asked: Asked,
    sees: Sees,
    signs_as: str | None = None,
) -> OutcomeBody | Rejected:
    """Take one inspection result in. The same result again changes nothing; another one with the same item and
    ``known_at`` is a conflict. A cancelled declaration takes results too: what was found stays found.

    ``signs_as``: for a person, the only inspector that the result may name, and who alone may have the declaration in
    hand, if anybody has (`held_by_other`); None: a system, which may name any inspector.

    Raises NotFoundError for a declaration that was never decided, UsageError when an idempotency key came with another
    body.
    """
    row = _read_row(body, declaration_id, now=now, signs_as=signs_as)
    if isinstance(row, Rejected):
        return row
    try:
        try:
            return _record(row, declaration_id, service, now=now, asked=asked, sees=sees, signs_as=signs_as)
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        # The same result, or the key, was recorded meanwhile: it is found now.
        return _record(row, declaration_id, service, now=now, asked=asked, sees=sees, signs_as=signs_as)
    except _HeldError:
        return _held(declaration_id)


@dataclass(frozen=True)
class SentResults:
    """The results of a form. ``bodies``: as `record_outcome` takes them, at least one. ``seen``: the id of the
    declaration's last event that the sender saw."""

    bodies: Sequence[object]
    seen: str


def record_outcomes(
    sent: SentResults,
    declaration_id: str,
    service: Service,
    *,
    now: datetime,
    asked: Asked,
    sees: Sees,
    signs_as: str | None = None,
) -> list[OutcomeBody] | Rejected:
    """Take the results of several items in together: all of them are recorded, or none.

    After any other event than the one that the sender saw it is a conflict (`changed_meanwhile`), so that two officers
    never answer for one another unknowingly. ``signs_as``: see `record_outcome`. ``item`` of a fault is the item's
    number, None where the result names none.

    The same request again, while the first one is recorded, gets the answer of the first. Raises NotFoundError and
    UsageError as `record_outcome`.
    """
    rows = []
    for body in sent.bodies:
        row = _read_row(body, declaration_id, now=now, signs_as=signs_as)
        if isinstance(row, Rejected):
            return replace(row, faults=_of_item(row.faults, body))
        rows.append(row)
    known, status = known_declaration(service.database, declaration_id, sees=sees)
    if known[-1].event_id != sent.seen:
        return _changed(declaration_id)
    decided_on = status.decision.day
    faults = [
        fault for row in rows for fault in _of_item(_faults(row, known, service, now, decided_on=decided_on), row)
    ]
    if faults:
        return Rejected(tuple(faults), declaration_id)
    made = [_outcome(row, declaration_id, status, asked) for row in rows]
    answers = [outcome_body(one) for one in made]
    try:
        with service.database.write() as connection:
            for one in made:
                append_record(connection, one, now=now)
            if _is_of_other(connection, declaration_id, signs_as):
                raise _HeldError
            # Only this transaction appends now, so nothing can come between this look and the commit.
            after = find_known(connection, declaration_id)
            if [one.event_id for one in after[: -len(made)]] != [one.event_id for one in known]:
                raise _OvertakenError
            if asked.key:
                store_answer(connection, asked, Answer(200, json.dumps(answers, ensure_ascii=False)), now=now)
    except _OvertakenError:
        return _changed(declaration_id)
    except _HeldError:
        return _held(declaration_id)
    except StoreError as error:
        if not isinstance(error.__cause__, IntegrityError):
            raise
        # The same request, or another officer's of the same moment, was recorded meanwhile.
        stored = given_answer(service.database, asked, now=now)
        return _changed(declaration_id) if stored is None else list(json.loads(stored.response))
    return answers


class _OvertakenError(Exception):
    """Another event came first: the transaction is rolled back."""


class _HeldError(Exception):
    """Another officer has the declaration in hand: the transaction is rolled back."""


def _is_of_other(connection: sa.Connection, declaration_id: str, signs_as: str | None) -> bool:
    """Whether another officer than a result's sender has the declaration in hand. Asked once the transaction appends:
    nothing can change hands then."""
    in_hand = None if signs_as is None else find_in_hand(connection, [declaration_id]).get(declaration_id)
    return in_hand is not None and in_hand.officer not in (None, signs_as)


def _held(declaration_id: str) -> Rejected:
    expected = "a declaration that no other officer has in hand: ask for it to be handed over"
    fault = FieldFault(None, "declaration_id", "held_by_other", expected)
    return Rejected((fault,), declaration_id, is_conflict=True)


def _changed(declaration_id: str) -> Rejected:
    fault = FieldFault(None, "declaration_id", "changed_meanwhile", "the last event of the declaration that you saw")
    return Rejected((fault,), declaration_id, is_conflict=True)


def _of_item(faults: Sequence[FieldFault], values: object) -> tuple[FieldFault, ...]:
    number = values.get("item_number") if isinstance(values, dict) else None
    return tuple(replace(fault, item=number) for fault in faults)


def _read_row(body: object, declaration_id: str, *, now: datetime, signs_as: str | None) -> OutcomeRow | Rejected:
    """A result as it is recorded, signed by its sender where that is a person."""
    row = read_outcome(body, declaration_id, received_at=now)
    if not isinstance(row, Rejected) and signs_as is not None and row.setdefault("inspector_id", signs_as) != signs_as:
        fault = FieldFault(None, "inspector_id", "other_inspector", "your own user id, or nothing: you sign yourself")
        return Rejected((fault,), declaration_id)
    return row


def _record(
    row: OutcomeRow,
    declaration_id: str,
    service: Service,
    *,
    now: datetime,
    asked: Asked,
    sees: Sees,
    signs_as: str | None,
) -> OutcomeBody | Rejected:
    known, status = known_declaration(service.database, declaration_id, sees=sees)
    made = _outcome(row, declaration_id, status, asked)
    for one in known:
        if isinstance(one, Outcome) and one.event_id == made.event_id:
            if one.result == made.result:
                return outcome_body(one)
            fault = FieldFault(None, "known_at", "result_conflict", "a later known_at for a corrected result")
            return Rejected((fault,), declaration_id, is_conflict=True)
    if faults := _faults(row, known, service, now, decided_on=status.decision.day):
        return Rejected(tuple(faults), declaration_id)
    with service.database.write() as connection:
        append_record(connection, made, now=now)
        if _is_of_other(connection, declaration_id, signs_as):
            raise _HeldError
        answer = outcome_body(made)
        if asked.key:
            store_answer(connection, asked, Answer(200, json.dumps(answer, ensure_ascii=False)), now=now)
    return answer


def _outcome(row: OutcomeRow, declaration_id: str, status: Status, asked: Asked) -> Outcome:
    """The result as a record of the decision that holds."""
    last = status.decision
    fields: Mapping[str, object] = row
    return Outcome(
        event_id=event_id("outcome", declaration_id, row.get("item_number"), row["known_at"].isoformat()),
        declaration_id=declaration_id,
        actor=asked.actor,
        result=json_values(fields, [name for name in fields if name not in PERSONAL]),
        personal={name: str(value) for name, value in fields.items() if name in PERSONAL},
        declaration_version=last.declaration_version,
        office=status.office,
        decision_id=last.event_id,
    )


def _faults(row: OutcomeRow, known: Known, service: Service, now: datetime, *, decided_on: str) -> list[FieldFault]:
    """The fault of a result of this declaration: by the history's own rules (`feedback.resolve`), or by what no
    inspection can have found."""
    faults = []
    sent = [one.content for one in known if isinstance(one, Registration) and one.content is not None]
    numbers = sorted({int(item["item_number"]) for content in sent for item in content["items"]})
    if row.get("item_number") not in (None, *numbers):
        shown = ", ".join(str(number) for number in numbers[:_MOST_NAMED]) + (", ..." if numbers[_MOST_NAMED:] else "")
        faults.append(FieldFault(None, "item_number", "unknown_declaration", f"an item of the declaration: {shown}"))
    known_at, declared_on = row["known_at"], min(content["header"]["declared_at"][:10] for content in sent)
    if known_at.date().isoformat() < declared_on:
        field, expected = EXPECTED["known_before_declared"]
        faults.append(FieldFault(None, field, "known_before_declared", f"{expected}, {declared_on}"))
    if known_at > now + MOST_AHEAD:
        latest = f"a moment not after {now + MOST_AHEAD:%Y-%m-%dT%H:%M}, a day from now"
        faults.append(FieldFault(None, "known_at", "date_out_of_range", latest))
    # By the day: where only a day is known of known_at, it is that day's midnight.
    inspected_at = row.get("inspected_at")
    if inspected_at is not None and inspected_at.date() > known_at.date():
        faults.append(FieldFault(None, "inspected_at", "contradiction", "a day not after that of known_at"))
    if row.get("is_irregular") is False and row.get("additional_revenue_amount"):
        expected = "nothing recovered on a compliant result"
        faults.append(FieldFault(None, "additional_revenue_amount", "contradiction", expected))
    named = row.get("inspection_lane")
    lanes = () if named is None else _lanes(service, (now.date(), date.fromisoformat(decided_on)))
    if named is not None and lanes and not _is_lane(named, known, lanes):
        faults.append(FieldFault(None, "inspection_lane", "unknown_lane", ", ".join(lanes)))
    return faults


def _lanes(service: Service, days: Sequence[date]) -> tuple[str, ...]:
    """The lanes of the policies of these days; empty where no policy was in force, and a lane can't be judged."""
    found: dict[str, None] = {}
    for day in days:
        with suppress(PolicyError):
            found |= dict.fromkeys(service.policy(day).intensity)
    return tuple(found)


def _is_lane(named: str, known: Known, lanes: Sequence[str]) -> bool:
    """Whether it is a lane of the policies, or one that the declaration was in. Codes of results are in capitals."""
    given = (one.lane for one in lanes_of(known))
    return named.upper() in {lane.upper() for lane in (*lanes, *given)}
