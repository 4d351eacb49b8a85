"""A recorded decision as answers show it: figures, and the sentences of its reasons.

Enters: a decision. Leaves: JSON values. Never here: a personal value; anything that the record lacks.
"""

from __future__ import annotations

from typing import cast

from basira.decisions.judged import JudgedValues
from basira.decisions.recorded import ConversionValues, ItemConversion
from basira.decisions.records import Decision
from basira.explain.disclosure import basis_for_inspectors, withhold
from basira.explain.words import catalog_of, say_basis, say_conversion
from basira.schema.detail import NO_STATE
from basira.schema.records import Conversion
from basira.serving.views.answers import ConversionBody, DecisionBody, ItemConversionBody, RuleBody
from basira.serving.views.explained import explained_decision
from basira.workflows.rules.said import say_judged


def decision_body(decision: Decision, *, language: str, is_secret_hidden: bool = False) -> DecisionBody:
    """The answer for a decision, always the same."""
    basis = _shown_basis(decision, is_secret_hidden=is_secret_hidden)
    explained = explained_decision(decision, language=language, is_secret_hidden=is_secret_hidden)
    body: DecisionBody = {
        "decision_id": decision.event_id,
        "declaration_id": decision.declaration_id,
        "declaration_version": decision.declaration_version,
        "office": decision.office,
        "lane": decision.lane,
        "inspects": decision.inspects,
        "basis": basis,
        "basis_text": _basis_text(basis, decision, language),
        "detail": decision.detail,
        "inclusion_probability": decision.inclusion_probability,
        "fallback": decision.fallback,
        "fraud_probability": decision.fraud_probability,
        "expected_revenue": decision.expected_revenue,
        "currency": decision.currency,
        "items": explained.items,
        "explanation": explained.explanation,
        "decided_at": decision.decided_at,
        "is_simulated": decision.is_simulated,
        "versions": decision.versions,
    }
    if decision.conversion is not None:
        body["conversion"] = _conversion(decision.conversion, language)
    if decision.rules:
        body["rules"] = [_rule(one, decision.lane, language) for one in decision.rules]
    return cast("DecisionBody", withhold("decision", body)) if is_secret_hidden else body


def basis_line(decision: Decision, *, language: str, is_secret_hidden: bool) -> str:
    """Why a declaration is in its lane, in one sentence, as `decision_body` says it."""
    return _basis_text(_shown_basis(decision, is_secret_hidden=is_secret_hidden), decision, language)


def _shown_basis(decision: Decision, *, is_secret_hidden: bool) -> str:
    if is_secret_hidden:
        return basis_for_inspectors(decision.basis, has_answer=not decision.fallback)
    return decision.basis


def _rule(one: JudgedValues, lane: str, language: str) -> RuleBody:
    """What one rule said, in figures and in words."""
    return {
        "rule_id": one["rule_id"],
        "version": one["version"],
        "digest": one["digest"],
        "is_shadow": one["is_shadow"],
        "outcome": one["outcome"],
        "probability": one.get("probability"),
        "acts": one.get("acts", False),
        "wants": one.get("wants", {}),
        "text": list(say_judged(one, given=lane, lanes={}, language=language)),
    }


def _conversion(recorded: ConversionValues, language: str) -> ConversionBody:
    """The declared amounts from which the values were converted, with a sentence for each item."""
    return {**recorded, "items": [_item_conversion(item, language) for item in recorded["items"]]}


def _item_conversion(item: ItemConversion, language: str) -> ItemConversionBody:
    made = Conversion(item["declared_amount"], item["declared_currency"], item["rate"], item["rate_on"])
    return {**item, "text": say_conversion(made, language=language)}


def _basis_text(basis: str, decision: Decision, language: str) -> str:
    """Why it is inspected. Also: the mandatory rule, where that is not the basis of the lane; what became of the rule's
    lane; why there is no score. What inspectors see of the basis: `explain.disclosure`."""
    ground = (decision.ground or {}).get(language, "")
    sentences = [say_basis(basis, language=language, ground=ground)]
    if basis in ("none", "exempt"):
        # An officer's own lane has no ground of selection besides the mandatory rule's.
        if ground:
            sentences = [say_basis("mandatory", language=language, ground=ground)]
        elif decision.inspects:
            sentences = [catalog_of(language).say("basis.officer")]
    elif ground and basis not in ("mandatory", "rule"):
        sentences.append(say_basis("mandatory", language=language, ground=ground))
    if basis == "mandatory" and decision.detail_fields.is_lane_full:
        sentences.append(catalog_of(language).say("basis.lane_full"))
    if decision.fallback:
        sentences.append(_fallback_text(decision.fallback, language, is_inspected=bool(decision.inspects)))
    return ". ".join([*(text.rstrip(".") for text in sentences[:-1]), sentences[-1]])


def _fallback_text(fallback: str, language: str, *, is_inspected: bool) -> str:
    """Why the model gave no answer, and, for the inspector, what follows."""
    catalog = catalog_of(language)
    message = f"fallback.{fallback}"
    why = catalog.say(message if message in catalog.ids else "fallback.other")
    # Without a state the model did answer: its reasons stand.
    return f"{why}. {catalog.say('fallback.look')}" if is_inspected and fallback != NO_STATE else why


def reselected_text(basis_text: str, *, language: str) -> str:
    """Why a declaration is inspected to which an officer gave another lane. ``basis_text``: of the decision."""
    return catalog_of(language).say("basis.reselected", decision=basis_text)
