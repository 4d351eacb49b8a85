"""What is recorded of a decision: the declaration that arrived, and the lane it got, as two events.

Enters: a declaration, what is known of it, its scores, its lane. Leaves: events to append; or the decision that the
record holds for the same content; or the conflict. Never here: a write, a choice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import basira
from basira.ingest.rates import RateTable
from basira.schema.detail import NO_STATE, detail_text
from basira.schema.records import ItemAssessment, Selection
from basira.selection.policy.model import Policy
from basira.selection.reselection import CONTROLS
from basira.serving.currency import conversion_values
from basira.serving.decide.placement import Earlier, Placed
from basira.serving.decide.scoring import Scored
from basira.serving.message import Declaration, FieldFault, Refused, claims_none
from basira.serving.service import Service
from basira.serving.status import day_of, is_inspection
from basira.storage.record.events import Event

Row = Mapping[str, Any]


def numbered(
    declaration: Declaration, known: Sequence[Row], *, held: Callable[[], int] = lambda: 0
) -> Declaration | Refused | dict[str, Any]:
    """The declaration with its version; or the decision recorded for the same content; or the conflict. ``held``: the
    latest version that a file brought: one without a number comes after it."""
    sent = [event for event in known if event["kind"] in ("registration", "amendment")]
    if not sent:
        before = 0 if declaration.has_version else held()
        return declaration.with_version(before + 1) if before else declaration
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
    if any(event["kind"] == "cancellation" for event in known):
        fault = FieldFault(None, "declaration_id", "cancelled", "a declaration that is not cancelled")
        return Refused((fault,), declaration.declaration_id, is_conflict=True)
    if version is None:
        return declaration.with_version(max(latest, held()) + 1)
    if version <= latest:
        fault = FieldFault(None, "declaration_version", "version_conflict", f"the content recorded, or {latest + 1}")
        return Refused((fault,), declaration.declaration_id, is_conflict=True)
    return declaration


def _is_same(declaration: Declaration, event: Row) -> bool:
    # What was erased can't be compared any more.
    content = declaration.content_without_texts() if event["is_text_erased"] else declaration.content()
    if _as_read(event["payload"].get("content")) != _as_read(json.loads(json.dumps(content))):
        return False
    kept, sent = event["personal"], declaration.personal()
    return kept.keys() == sent.keys() and all(kept[name] in (None, value) for name, value in sent.items())


def _as_read(content: Any) -> Any:
    """Recorded content as it is read now: an earlier version kept a word for no as the code of a preference."""
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        return content
    kept = [
        {name: value for name, value in item.items() if name != "preference" or not claims_none(value)}
        for item in content["items"]
    ]
    return {**content, "items": kept}


def earlier_lane(known: Sequence[Row]) -> Earlier | None:
    """The lane that the declaration has already; None when it never had one."""
    lanes = [event for event in known if event["lane"] is not None]
    if not lanes:
        return None
    last = lanes[-1]
    return Earlier(
        last["office"], day_of(last), last["lane"], last["payload"].get("basis", "none"),
        float(last["payload"].get("inclusion_probability", 0.0)),
        inspects=bool(last["payload"].get("inspects")),
        is_inspected=any(is_inspection(event, after=last) for event in known),
        arrivals=frozenset((event["office"], day_of(event)) for event in lanes if event["kind"] == "decision"),
        ground=last["payload"].get("ground"),
    )  # fmt: skip


def event_id(kind: str, *parts: object) -> str:
    """An id that names its content: recording the same thing twice is refused by the database."""
    return f"{kind[0]}-{hashlib.sha256(json.dumps([kind, *parts]).encode()).hexdigest()[:32]}"


def decision_events(
    declaration: Declaration, scored: Scored, placed: Placed, policy: Policy, service: Service,
    items: Sequence[Row], *, actor: str, now: datetime, is_first: bool, earlier: Earlier | None,
    rates: RateTable | None = None,
) -> list[Event]:  # fmt: skip
    """The arrival and the decision. ``items``: their `item_values`, with reasons where the lane inspects. ``rates``: by
    which the declaration's amounts were converted, if they were."""
    name, selection, texts = declaration.declaration_id, placed.selection, declaration.texts()
    converted = conversion_values(declaration, "" if rates is None else rates.digest)
    conversion = {} if converted is None else {"conversion": converted}
    arrived = Event(
        # A first one whatever its version: of two senders, of whom one numbers them, the second is refused this id, and
        # comes as an amendment.
        event_id=event_id("arrival", name) if is_first else event_id("arrival", name, declaration.version),
        kind="registration" if is_first else "amendment",
        declaration_id=name,
        declaration_version=declaration.version,
        actor=actor,
        payload={"content": declaration.content_without_texts(), **conversion},
        personal=declaration.personal(),
        texts={"content": texts} if texts else {},
    )
    decided = Event(
        event_id=event_id("decision", name, declaration.version),
        kind="decision",
        declaration_id=name,
        declaration_version=declaration.version,
        office=selection.office,
        lane=selection.lane,
        actor=actor,
        payload={
            "basis": selection.basis,
            "detail": detail_text(selection),
            **_ground(placed, policy, earlier),
            **_chosen(placed.chosen),
            "inclusion_probability": float(selection.inclusion_probability),
            "inspects": policy.lane(selection.lane).inspects,
            "fallback": scored.fallback or (NO_STATE if placed.state is None else None),
            "fraud_probability": scored.candidate.fraud_probability,
            "expected_revenue": scored.candidate.expected_revenue,
            "currency": declaration.rows[0]["value_currency"] or "MAD",
            **conversion,
            "items": list(items),
            "decided_at": now.isoformat(),
            "is_simulated": service.is_simulated,
            "versions": {
                "software": basira.__version__,
                "model": None if service.model is None else service.model.version,
                "model_digest": None if service.model is None else service.model.digest,
                "profiles": scored.profiles,
                "profiles_digest": scored.profiles_digest,
                "policy": f"{policy.name} {policy.version}",
                "policy_digest": policy.digest,
            },
        },
    )
    return [arrived, decided]


def _ground(placed: Placed, policy: Policy, earlier: Earlier | None) -> dict[str, Mapping[str, str]]:
    """Why the mandatory list asks for this version, or else for one before it, by language: recorded, because a list
    changes; whatever gave the lane, because whoever inspects must know."""
    asked = placed.chosen or placed.selection
    entry = policy.find_mandatory(asked.rule_id) if asked.basis == "mandatory" else None
    if entry is not None:
        return {"ground": entry.reason.model_dump()}
    return {"ground": earlier.ground} if earlier is not None and earlier.ground else {}


def _chosen(chosen: Selection | None) -> dict[str, Mapping[str, str]]:
    """The control that a version would have been under which kept a more intensive lane: nobody lowers it further."""
    if chosen is None or chosen.basis not in CONTROLS:
        return {}
    return {"chosen": {"basis": chosen.basis, "lane": chosen.lane, "detail": detail_text(chosen)}}


def item_values(item: ItemAssessment) -> dict[str, Any]:
    """The assessment as JSON values. Most have no reasons, and are written down without a way through JSON."""
    if item.reasons or item.references or item.verify:
        values: dict[str, Any] = json.loads(json.dumps(item, default=vars))
        return values
    return {
        "item_number": item.item_number,
        "fraud_probability": item.fraud_probability,
        "revenue_if_fraud": item.revenue_if_fraud,
        "expected_revenue": item.expected_revenue,
        "kind_probabilities": dict(item.kind_probabilities),
        "reasons": [],
        "verify": [],
        "references": [],
    }
