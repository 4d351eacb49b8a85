"""A recorded decision as answers show it: figures, and the sentences of its reasons.

Enters: a decision. Leaves: JSON values. Never here: a personal value; anything that the record lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import cast

from basira.decisions.events import Reselection
from basira.decisions.judged import JudgedValues
from basira.decisions.recorded import ConversionValues, ItemConversion, ItemValues, ReasonValues, item_assessment
from basira.decisions.records import Decision
from basira.explain.disclosure import basis_for_inspectors, withhold
from basira.explain.explanation import Case, explain
from basira.explain.sentences import say_explanation
from basira.explain.words import catalog_of, say, say_basis, say_conversion, say_verify
from basira.schema.detail import NO_STATE
from basira.schema.json_values import JsonObject
from basira.schema.records import Conversion, ItemAssessment, Reason
from basira.serving.views.answers import (
    ConversionBody,
    DecisionBody,
    ItemBody,
    ItemConversionBody,
    ReasonBody,
    RuleBody,
)
from basira.workflows.rules.said import say_judged, say_notes


def decision_body(decision: Decision, *, language: str, is_secret_hidden: bool = False) -> DecisionBody:
    """The answer for a decision, always the same."""
    basis = _shown_basis(decision, is_secret_hidden=is_secret_hidden)
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
        "items": item_bodies(
            decision.items, language=language, currency=decision.currency, is_secret_hidden=is_secret_hidden
        ),
        "explanation": _explanation(decision, language, is_secret_hidden=is_secret_hidden),
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


def reason_line(items: Sequence[ItemValues], *, language: str, currency: str) -> str:
    """The first reason of the first item that has one, in words; "" where none has."""
    first = next((item["reasons"][0] for item in items if item["reasons"]), None)
    return "" if first is None else _reason(first, language, currency)["text"]


def _shown_basis(decision: Decision, *, is_secret_hidden: bool) -> str:
    if is_secret_hidden:
        return basis_for_inspectors(decision.basis, has_answer=not decision.fallback)
    return decision.basis


def _explanation(decision: Decision, language: str, *, is_secret_hidden: bool) -> JsonObject | None:
    """The explanation in words, as the list has it; None of a declaration that is not inspected. The day's average is
    not known while it is still going on."""
    if not decision.inspects:
        return None
    # An officer's own lane has no ground of selection.
    is_officers = decision.basis in ("none", "exempt") and not decision.ground
    return _say(decision, decision.assessments, language, is_officers=is_officers, is_secret_hidden=is_secret_hidden)


def reselected_explanation(
    decision: Decision, change: Reselection, *, language: str, is_secret_hidden: bool = False
) -> JsonObject | None:
    """The same of a declaration to which an officer gave another lane: the officer's pick, with the reasons that the
    re-selection recorded, or those of the decision. None where the new lane does not inspect."""
    if not change.inspects:
        return None
    items = decision.assessments if change.items is None else tuple(item_assessment(one) for one in change.items)
    # What its new lane looks at is not recorded.
    seen = replace(decision, examines=decision.examines if change.lane == decision.lane else None)
    return _say(seen, items, language, is_officers=True, is_secret_hidden=is_secret_hidden)


def _say(
    decision: Decision,
    items: tuple[ItemAssessment, ...],
    language: str,
    *,
    is_officers: bool,
    is_secret_hidden: bool,
) -> JsonObject:
    case = Case(
        basis=decision.basis,
        currency=decision.currency,
        fraud_probability=decision.fraud_probability,
        expected_revenue=decision.expected_revenue,
        items=items,
        examines=decision.examines,
        ground=(decision.ground or {}).get(language, ""),
        is_officers=is_officers,
        has_answer=decision.fraud_probability is not None,
        notes=say_notes(
            decision.rules,
            rule_id=decision.detail_fields.rule_id if decision.basis == "rule" else "",
            language=language,
        ),
    )
    made = explain(case, reader="inspector" if is_secret_hidden else "unit")
    said = asdict(say_explanation(made, language=language))
    # As JSON has it, so that the first answer is what is read back later.
    return {
        **said,
        "items": [{k: list(v) if isinstance(v, tuple) else v for k, v in one.items()} for one in said["items"]],
    }


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


def item_bodies(items: Sequence[ItemValues], *, language: str, currency: str, is_secret_hidden: bool) -> list[ItemBody]:
    """Recorded items as answers show them: their reasons, and what to verify, in words."""
    return [_item(item, language, currency, is_secret_hidden=is_secret_hidden) for item in items]


def _item(item: ItemValues, language: str, currency: str, *, is_secret_hidden: bool) -> ItemBody:
    reasons = [_reason(reason, language, currency) for reason in item["reasons"]]
    body: ItemBody = {
        **item,
        "reasons": reasons,
        "verify": [
            {"code": code, "text": say_verify(code, language=language, currency=currency)} for code in item["verify"]
        ],
    }
    if not is_secret_hidden:
        return body
    shown = [cast("ReasonBody", withhold("reason", reason)) for reason in reasons]
    return cast("ItemBody", withhold("item", {**body, "reasons": shown}))


def _reason(reason: ReasonValues, language: str, currency: str) -> ReasonBody:
    made = Reason(reason["code"], reason["figures"], tuple(reason["features"]), reason["contribution"])
    return {**reason, "text": say(made, language=language, currency=currency)}
