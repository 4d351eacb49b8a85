"""What is recorded of a decision: the declaration that arrived, and the lane it got, as two events.

Enters: a declaration, what is known of it, its scores, its lane. Leaves: the two records. Never here: a write, a
choice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import basira
from basira.decisions.events import Registration
from basira.decisions.recorded import ItemValues
from basira.decisions.records import Decision
from basira.render.languages import LANGUAGES
from basira.schema.canonical import canonical_values
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.detail import NO_STATE, detail_text
from basira.schema.records import Candidate, Selection
from basira.selection.policy.model import Policy
from basira.selection.ranking import in_force
from basira.selection.reselection import CONTROLS
from basira.serving.currency import conversion_values
from basira.serving.decide.placement import Earlier, Placed
from basira.serving.decide.scoring import Scored
from basira.workflows.rules.said import say_ground

if TYPE_CHECKING:
    from basira.serving.decide.lookup import New


def event_id(kind: str, *parts: object) -> str:
    """An id that names its content: the database rejects the same event a second time."""
    return f"{kind[0]}-{hashlib.sha256(json.dumps([kind, *parts]).encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Origin:
    """The versions and digests that a decision was made with. ``model``, ``model_digest``: None without a model.
    ``is_simulated``: the declarations come from the simulated country."""

    model: str | None
    model_digest: str | None
    is_simulated: bool = False


def build_records(
    new: New,
    scored: Scored,
    placed: Placed,
    items: Sequence[ItemValues],
    *,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> tuple[Registration, Decision]:
    """The arrival and the decision. ``items``: their `item_values`, with reasons where the lane inspects."""
    declaration, selection, version = new.declaration, placed.selection, new.declaration.version
    name, texts = declaration.declaration_id, declaration.texts()
    conversion = conversion_values(declaration, "" if new.rates is None else new.rates.digest)
    arrived = Registration(
        # A first registration, in any version: when two senders register the declaration and one of them numbers it,
        # the database rejects this id for the second, which becomes an amendment.
        event_id=event_id("arrival", name, version) if new.known else event_id("arrival", name),
        is_amendment=bool(new.known),
        declaration_id=name,
        declaration_version=version,
        actor=new.asked.actor,
        content=declaration.content_without_texts(),
        conversion=conversion,
        personal=declaration.personal(),
        texts={} if texts is None else {"content": texts},
    )
    decided = Decision(
        event_id=event_id("decision", name, version),
        declaration_id=name,
        declaration_version=version,
        office=selection.office,
        lane=selection.lane,
        actor=new.asked.actor,
        basis=selection.basis,
        detail=detail_text(selection),
        ground=_ground(scored, placed, policy, new.earlier),
        chosen=_chosen(placed.chosen),
        inclusion_probability=float(selection.inclusion_probability),
        inspects=policy.lane(selection.lane).inspects,
        examines=policy.lane(selection.lane).examines,
        fallback=scored.fallback or (NO_STATE if placed.state is None else None),
        fraud_probability=scored.candidate.fraud_probability,
        expected_revenue=scored.candidate.expected_revenue,
        currency=declaration.rows[0]["value_currency"] or DEFAULT_CURRENCY,
        conversion=conversion,
        items=items,
        decided_at=now.isoformat(),
        is_simulated=origin.is_simulated,
        versions={
            "software": basira.__version__,
            "model": origin.model,
            "model_digest": origin.model_digest,
            "profiles": scored.profiles,
            "profiles_digest": scored.profiles_digest,
            "policy": f"{policy.name} {policy.version}",
            "policy_digest": policy.digest,
            **({} if scored.rules_digest is None else {"rules_digest": scored.rules_digest}),
            **({"rule_lists": canonical_values(scored.list_changes)} if scored.list_changes else {}),
        },
        order=_order(scored.candidate, policy),
        rules=scored.rules,
    )
    return arrived, decided


def _order(candidate: Candidate, policy: Policy) -> Mapping[str, float] | None:
    """What weighed the stake: recorded because the lane is replayed where the model is no longer kept."""
    scale = in_force(candidate.stake_scale, policy.objective)
    return None if scale is None else {"exponent": scale.exponent, "typical_amount": scale.typical_amount}


def _ground(scored: Scored, placed: Placed, policy: Policy, earlier: Earlier | None) -> Mapping[str, str] | None:
    """Why a mandatory rule covers this version, or else an earlier one, by language. Recorded because rules change, and
    whatever the lane's basis, because the inspector must know it.

    Of a lane that an analyst's rule gave, and of it alone: why that rule asks for it."""
    selection = placed.selection
    asked = placed.chosen or selection
    entry = policy.find_mandatory(asked.rule_id) if asked.basis == "mandatory" else None
    if entry is not None:
        return entry.reason.model_dump()
    if selection.basis == "rule" and not selection.kept_lane:
        return {one: say_ground(scored.rules, selection.rule_id, language=one) for one in LANGUAGES}
    if earlier is None or (earlier.basis == "rule") != (selection.basis == "rule"):
        return None
    return earlier.ground or None


def _chosen(chosen: Selection | None) -> Mapping[str, str] | None:
    """The control that would have applied to a version that kept a more intensive lane: its lane can't be lowered
    further."""
    if chosen is None or chosen.basis not in CONTROLS:
        return None
    return {"basis": chosen.basis, "lane": chosen.lane, "detail": detail_text(chosen)}
