"""What is recorded of a decision: the declaration that arrived, and the lane it got, as two events.

Enters: a declaration, what is known of it, its scores, its lane. Leaves: events to append; or the decision that the
record holds for the same content; or the conflict. Never here: a write, a choice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import basira
from basira.decisions.events import Registration
from basira.decisions.recorded import ItemValues
from basira.decisions.records import Decision
from basira.schema.records import Selection
from basira.selection.online.decide import NO_STATE
from basira.selection.policy.model import Policy
from basira.serving.decide.placement import Earlier, Placed
from basira.serving.decide.scoring import Scored
from basira.serving.message import Declaration, FieldFault, Refused
from basira.serving.record import Known
from basira.serving.service import Service
from basira.serving.status import CONTROLS, cancellation_of, is_inspection, lanes_of


def numbered(
    declaration: Declaration, known: Known, *, held: Callable[[], int] = lambda: 0
) -> Declaration | Refused | Decision:
    """The declaration with its version; or the decision recorded for the same content; or the conflict. ``held``: the
    latest version that a file brought: one without a number comes after it."""
    sent = [one for one in known if isinstance(one, Registration)]
    if not sent:
        before = 0 if declaration.has_version else held()
        return declaration.with_version(before + 1) if before else declaration
    latest = max(one.declaration_version for one in sent)
    version = declaration.version if declaration.has_version else None
    same = [one for one in sent if version in (None, one.declaration_version) and _is_same(declaration, one)]
    # Without a number, what repeats the latest version is that version; what repeats an older one amends back to it.
    for arrived in reversed(same):
        if version is not None or arrived.declaration_version == latest:
            decisions = (one for one in known if isinstance(one, Decision))
            return next(one for one in decisions if one.declaration_version == arrived.declaration_version)
    if cancellation_of(known) is not None:
        fault = FieldFault(None, "declaration_id", "cancelled", "a declaration that is not cancelled")
        return Refused((fault,), declaration.declaration_id, is_conflict=True)
    if version is None:
        return declaration.with_version(max(latest, held()) + 1)
    if version <= latest:
        fault = FieldFault(None, "declaration_version", "version_conflict", f"the content recorded, or {latest + 1}")
        return Refused((fault,), declaration.declaration_id, is_conflict=True)
    return declaration


def _is_same(declaration: Declaration, arrived: Registration) -> bool:
    # What was erased can't be compared any more.
    content = declaration.content_without_texts() if arrived.is_text_erased else declaration.content()
    if arrived.content != json.loads(json.dumps(content)):
        return False
    kept, sent = arrived.personal, declaration.personal()
    return kept.keys() == sent.keys() and all(kept[name] in (None, value) for name, value in sent.items())


def earlier_lane(known: Known) -> Earlier | None:
    """The lane that the declaration has already; None when it never had one."""
    lanes = lanes_of(known)
    if not lanes:
        return None
    last = lanes[-1]
    return Earlier(
        last.office,
        last.day,
        last.lane,
        last.basis,
        float(last.inclusion_probability),
        inspects=bool(last.inspects),
        is_inspected=any(is_inspection(one, after=last) for one in known),
        arrivals=frozenset((one.office, one.day) for one in lanes if isinstance(one, Decision)),
        ground=last.ground,
    )


def event_id(kind: str, *parts: object) -> str:
    """An id that names its content: recording the same thing twice is refused by the database."""
    return f"{kind[0]}-{hashlib.sha256(json.dumps([kind, *parts]).encode()).hexdigest()[:32]}"


def decision_records(
    declaration: Declaration, scored: Scored, placed: Placed, policy: Policy, service: Service,
    items: Sequence[ItemValues], *, actor: str, now: datetime, is_first: bool, earlier: Earlier | None,
) -> tuple[Registration, Decision]:  # fmt: skip
    """The arrival and the decision. ``items``: their `item_values`, with reasons where the lane inspects."""
    name, selection, texts = declaration.declaration_id, placed.selection, declaration.texts()
    arrived = Registration(
        # A first one whatever its version: of two senders, of whom one numbers them, the second is refused this id, and
        # comes as an amendment.
        event_id=event_id("arrival", name) if is_first else event_id("arrival", name, declaration.version),
        is_amendment=not is_first,
        declaration_id=name,
        declaration_version=declaration.version,
        actor=actor,
        content=declaration.content_without_texts(),
        personal=declaration.personal(),
        texts={"content": texts} if texts else {},
    )
    decided = Decision(
        event_id=event_id("decision", name, declaration.version),
        declaration_id=name,
        declaration_version=declaration.version,
        office=selection.office,
        lane=selection.lane,
        actor=actor,
        basis=selection.basis,
        detail=selection.detail,
        ground=_ground(placed, policy, earlier),
        chosen=_chosen(placed.chosen),
        inclusion_probability=float(selection.inclusion_probability),
        inspects=policy.lane(selection.lane).inspects,
        fallback=scored.fallback or (NO_STATE if placed.state is None else None),
        fraud_probability=scored.candidate.fraud_probability,
        expected_revenue=scored.candidate.expected_revenue,
        currency=declaration.rows[0]["value_currency"] or "MAD",
        items=items,
        decided_at=now.isoformat(),
        is_simulated=service.is_simulated,
        versions={
            "software": basira.__version__,
            "model": None if service.model is None else service.model.version,
            "model_digest": None if service.model is None else service.model.digest,
            "profiles": scored.profiles,
            "profiles_digest": scored.profiles_digest,
            "policy": f"{policy.name} {policy.version}",
            "policy_digest": policy.digest,
        },
    )
    return arrived, decided


def _ground(placed: Placed, policy: Policy, earlier: Earlier | None) -> Mapping[str, str] | None:
    """Why the mandatory list asks for this version, or else for one before it, by language: recorded, because a list
    changes; whatever gave the lane, because whoever inspects must know."""
    asked = placed.chosen or placed.selection
    entry = policy.find_mandatory(asked.detail) if asked.basis == "mandatory" else None
    if entry is not None:
        return entry.reason.model_dump()
    return (earlier.ground or None) if earlier is not None else None


def _chosen(chosen: Selection | None) -> Mapping[str, str] | None:
    """The control that a version would have been under which kept a more intensive lane: nobody lowers it further."""
    if chosen is None or chosen.basis not in CONTROLS:
        return None
    return {"basis": chosen.basis, "lane": chosen.lane, "detail": chosen.detail}
