"""One declaration decided and recorded: `decide`, from the body to the lane, for ever on record.

Enters: a JSON body, the service, the moment, who asks. Leaves: a decision as recorded, or `Refused`. Never here: an
answer that is not recorded; a release because something is missing; a clock.

Everything that takes time is done before the transaction. In it: the state at the sequence that was read, the events,
the answer under its idempotency key. Whoever comes second reads again and decides again; the draws stay the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

import basira
from basira.schema.errors import StoreError
from basira.schema.records import ItemAssessment
from basira.selection.policy import Policy
from basira.storage.operations_events import Event, append_events, find_events
from basira.storage.operations_online import Answer, find_answer, find_state, save_answer, save_state
from basira.workflows.serve_assess import Scored, assess_online, explained_items
from basira.workflows.serve_body import Declaration, FieldFault, Refused, read_declaration
from basira.workflows.serve_context import Service
from basira.workflows.serve_place import Earlier, Placed, past_days, place
from basira.workflows.serve_words import decision_body

Row = Mapping[str, Any]
# Each try is lost only when another worker decided for the same office within these milliseconds.
_TRIES = 20
_ANSWERS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Asked:
    """Who asks, and under which idempotency key, when there is one. ``digest``: SHA-256 of the request's body."""

    actor: str
    route: str = ""
    key: str | None = None
    digest: str = ""


@dataclass(frozen=True)
class Decision:
    """``body``: what is answered, JSON values. ``is_new``: decided now, not recorded before."""

    body: Mapping[str, Any]
    is_new: bool


def decide(body: object, service: Service, *, now: datetime, asked: Asked) -> Decision | Refused:
    """Decide on one declaration and record it, or give the recorded decision again when the same was sent before.

    ``now``: local time without a zone; its day is the day of the office's places. Raises UsageError when an idempotency
    key came with another body, StoreError when the record can't be written (nothing is then decided), PolicyError when
    no policy is in force.
    """
    declaration = read_declaration(body, received_at=now)
    if isinstance(declaration, Refused):
        return declaration
    policy = service.policy(now.date())
    scored = assess_online(declaration, service, today=now.date())
    for _ in range(_TRIES):
        decided = _attempt(declaration, scored, policy, service, now=now, asked=asked)
        if decided is not None:
            return decided
    raise StoreError(
        f"Expected to record a decision within {_TRIES} tries, found other workers quicker each time.",
        hint="Nothing was recorded; send the declaration again.",
    )


class _OvertakenError(Exception):
    """Another worker wrote first: the transaction is rolled back, and all is read again."""


def _attempt(
    declaration: Declaration, scored: Scored, policy: Policy, service: Service, *, now: datetime, asked: Asked
) -> Decision | Refused | None:
    """One try; None when another worker was first."""
    office, day = scored.candidate.office, now.date()
    with service.database.read() as connection:
        known = find_events(connection, declaration.declaration_id)
        stored = find_state(connection, office, day.isoformat())
        past = [] if stored is not None else past_days(connection, office, day=day)
    numbered = _numbered(declaration, known)
    if isinstance(numbered, Refused):
        return numbered
    if isinstance(numbered, dict):
        return Decision(decision_body(numbered, language=service.language), is_new=False)
    candidate = replace(scored.candidate, declaration_version=numbered.version)
    placed = place(
        candidate, policy, stored=stored, past=past, earlier=_earlier(known), now=now, seed=service.seed
    )  # fmt: skip
    inspects = policy.lane(placed.selection.lane).inspects
    items = explained_items(scored, service.model) if inspects else scored.assessed.assessments
    if scored.fallback is not None:
        items = ()
    events = _events(numbered, scored, placed, policy, service, items, asked=asked, now=now, is_first=not known)
    try:
        with service.database.write() as connection:
            if asked.key and (given := _given(connection, asked, now=now)) is not None:
                return Decision(json.loads(given.response), is_new=False)
            if placed.state is not None and not save_state(
                connection, office, day.isoformat(), state=placed.state, expected_sequence=placed.sequence, now=now
            ):
                raise _OvertakenError
            rows = append_events(connection, events, now=now)
            decided = {**rows[-1], "payload": events[-1].payload}
            made = decision_body(decided, language=service.language)
            if asked.key:
                save_given(connection, asked, Answer(200, json.dumps(made, ensure_ascii=False)), now=now)
    except _OvertakenError:
        return None
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError):  # the same declaration or key, recorded meanwhile
            return None
        raise
    return Decision(made, is_new=True)


def _numbered(declaration: Declaration, known: Sequence[Row]) -> Declaration | Refused | dict[str, Any]:
    """The declaration with its version; or the decision recorded for the same content; or the conflict."""
    sent = [event for event in known if event["kind"] in ("registration", "amendment")]
    if not sent:
        return declaration
    latest = max(int(event["declaration_version"]) for event in sent)
    version = declaration.version if declaration.has_version else None
    same = [e for e in sent if _is_same(declaration, e) and version in (None, e["declaration_version"])]
    # Without a number, what repeats the latest version is that version; what repeats an older one amends back to it.
    for event in reversed(same):
        if version is not None or event["declaration_version"] == latest:
            return next(
                dict(row) for row in known
                if row["kind"] == "decision" and row["declaration_version"] == event["declaration_version"]
            )  # fmt: skip
    if version is None:
        return declaration.with_version(latest + 1)
    if version <= latest:
        fault = FieldFault(None, "declaration_version", "version_conflict", f"the content recorded, or {latest + 1}")
        return Refused((fault,), declaration.declaration_id, is_conflict=True)
    return declaration


def _is_same(declaration: Declaration, event: Row) -> bool:
    if event["payload"].get("content") != json.loads(json.dumps(declaration.content())):
        return False
    kept, sent = event["personal"], declaration.personal()
    # What was erased can't be compared any more.
    return kept.keys() == sent.keys() and all(kept[name] in (None, value) for name, value in sent.items())


def _earlier(known: Sequence[Row]) -> Earlier | None:
    lanes = [event for event in known if event["lane"] is not None]
    if not lanes:
        return None
    last = lanes[-1]
    return Earlier(
        last["office"], last["day"], last["lane"], last["payload"].get("basis", "none"),
        float(last["payload"].get("inclusion_probability", 0.0)),
    )  # fmt: skip


def event_id(kind: str, *parts: object) -> str:
    """An id that names its content: recording the same thing twice is refused by the database."""
    return f"{kind[0]}-{hashlib.sha256(json.dumps([kind, *parts]).encode()).hexdigest()[:32]}"


def _events(
    declaration: Declaration, scored: Scored, placed: Placed, policy: Policy, service: Service,
    items: Sequence[ItemAssessment], *, asked: Asked, now: datetime, is_first: bool,
) -> list[Event]:  # fmt: skip
    selection, name = placed.selection, declaration.declaration_id
    arrived = Event(
        event_id=event_id("arrival", name, declaration.version),
        kind="registration" if is_first else "amendment",
        declaration_id=name,
        declaration_version=declaration.version,
        actor=asked.actor,
        payload={"content": declaration.content()},
        personal=declaration.personal(),
    )
    decided = Event(
        event_id=event_id("decision", name, declaration.version),
        kind="decision",
        declaration_id=name,
        declaration_version=declaration.version,
        office=selection.office,
        lane=selection.lane,
        actor=asked.actor,
        payload={
            "basis": selection.basis,
            "detail": selection.detail,
            "inclusion_probability": float(selection.inclusion_probability),
            "inspects": policy.lane(selection.lane).inspects,
            "fallback": scored.fallback,
            "fraud_probability": scored.candidate.fraud_probability,
            "expected_revenue": scored.candidate.expected_revenue,
            "currency": declaration.rows[0]["value_currency"] or "MAD",
            "items": [json.loads(json.dumps(asdict(item))) for item in items],
            "decided_at": now.isoformat(),
            "is_simulated": service.is_simulated,
            "versions": {
                "software": basira.__version__,
                "model": None if service.model is None else service.model.version,
                "profiles": scored.profiles,
                "policy": f"{policy.name} {policy.version}",
                "policy_digest": policy.digest,
            },
        },
    )
    return [arrived, decided]


def _given(connection: sa.Connection, asked: Asked, *, now: datetime) -> Answer | None:
    return find_answer(
        connection, asked.key or "", client=asked.actor, route=asked.route, request_digest=asked.digest, now=now
    )


def given_answer(service: Service, asked: Asked, *, now: datetime) -> Answer | None:
    """The answer given under the key before; None without a key, or when it is new."""
    if not asked.key:
        return None
    with service.database.read() as connection:
        return _given(connection, asked, now=now)


def save_given(connection: sa.Connection, asked: Asked, answer: Answer, *, now: datetime) -> None:
    """Keep an answer under its key for a day, in the caller's transaction."""
    save_answer(
        connection, asked.key or "", answer, client=asked.actor, route=asked.route, request_digest=asked.digest,
        now=now, expires_at=now + _ANSWERS_KEPT,
    )  # fmt: skip
