"""The explanation of a recorded decision as answers show it: what is shown of each item stands in the item, and each
sentence is made once.

Enters: a decision, or a re-selection with its decision. Leaves: JSON values. Never here: a choice of what is shown
(`basira.explain.explanation`); a personal value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from basira.decisions.events import Reselection
from basira.decisions.recorded import ItemValues, item_assessment
from basira.decisions.records import Decision
from basira.explain.disclosure import withhold
from basira.explain.explanation import Case, ItemExplanation, explain
from basira.explain.sentences import ItemText, say_explanation
from basira.explain.strongest import strongest_reasons
from basira.explain.words import say, say_reference, say_verify
from basira.schema.records import Examines, ItemAssessment
from basira.serving.views.answers import ExplanationBody, ItemBody, ReasonBody, ReferenceBody
from basira.workflows.rules.said import say_notes

_Shown = tuple[ItemExplanation, ItemText]


@dataclass(frozen=True)
class Explained:
    """``explanation``: None of a lane that does not inspect. ``items``: as recorded, in their order, with sentences."""

    explanation: ExplanationBody | None
    items: list[ItemBody]


def explained_decision(decision: Decision, *, language: str, is_secret_hidden: bool = False) -> Explained:
    """What answers show of a decision. The day's average is not known while the day is still going on."""
    assessments = decision.assessments
    if not decision.inspects:
        return _unexplained(decision, decision.items, assessments, language, is_secret_hidden=is_secret_hidden)
    # An officer's own lane has no ground of selection.
    is_officers = decision.basis in ("none", "exempt") and not decision.ground
    case = _case(decision, assessments, language, is_officers=is_officers, examines=decision.examines)
    return _explain(case, decision.items, language, is_secret_hidden=is_secret_hidden)


def explained_reselection(
    decision: Decision, change: Reselection, *, language: str, is_secret_hidden: bool = False
) -> Explained:
    """The same of a declaration to which an officer gave another lane: the officer's pick, with the reasons that the
    re-selection recorded, or those of the decision."""
    items = decision.items if change.items is None else change.items
    assessments = tuple(item_assessment(one) for one in items)
    if not change.inspects:
        return _unexplained(decision, items, assessments, language, is_secret_hidden=is_secret_hidden)
    # What another lane looks at is not recorded.
    examines = decision.examines if change.lane == decision.lane else None
    case = _case(decision, assessments, language, is_officers=True, examines=examines)
    return _explain(case, items, language, is_secret_hidden=is_secret_hidden)


def reason_line(items: Sequence[ItemValues], *, language: str, currency: str) -> str:
    """The first reason that is shown of the items, in words; "" where none is worth showing."""
    for item in sorted(items, key=lambda one: (-one["expected_revenue"], one["item_number"])):
        reasons = strongest_reasons(item_assessment(item))
        if reasons:
            return say(reasons[0], language=language, currency=currency)
    return ""


def shown_reasons(item: ItemBody) -> list[ReasonBody]:
    """The reasons of an item that an officer is shown, the first first."""
    ranked = [(one["rank"], one) for one in item["reasons"] if one["rank"] is not None]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def _case(
    decision: Decision,
    assessments: Sequence[ItemAssessment],
    language: str,
    *,
    is_officers: bool,
    examines: Examines | None,
) -> Case:
    return Case(
        basis=decision.basis,
        currency=decision.currency,
        fraud_probability=decision.fraud_probability,
        expected_revenue=decision.expected_revenue,
        items=assessments,
        examines=examines,
        ground=(decision.ground or {}).get(language, ""),
        is_officers=is_officers,
        has_answer=decision.fraud_probability is not None,
        notes=say_notes(
            decision.rules,
            rule_id=decision.detail_fields.rule_id if decision.basis == "rule" else "",
            language=language,
        ),
    )


def _explain(case: Case, items: Sequence[ItemValues], language: str, *, is_secret_hidden: bool) -> Explained:
    made = explain(case, reader="inspector" if is_secret_hidden else "unit")
    text = say_explanation(made, language=language)
    shown = {one.item_number: (one, said) for one, said in zip(made.items, text.items, strict=True)}
    body: ExplanationBody = {
        "why": text.why,
        "stakes": text.stakes,
        "chance": text.chance,
        "no_reason": text.no_reason,
        "has_reasons": made.has_reasons,
        "item_numbers": [one.item_number for one in made.items],
    }
    bodies = [
        _item(item, assessment, shown[assessment.item_number], case.currency, language, is_hidden=is_secret_hidden)
        for item, assessment in zip(items, case.items, strict=True)
    ]
    return Explained(body, bodies)


def _unexplained(
    decision: Decision,
    items: Sequence[ItemValues],
    assessments: Sequence[ItemAssessment],
    language: str,
    *,
    is_secret_hidden: bool,
) -> Explained:
    """No officer inspects it, or that was not recorded then: its items with what reasons they have."""
    bodies = [
        _item(item, assessment, None, decision.currency, language, is_hidden=is_secret_hidden)
        for item, assessment in zip(items, assessments, strict=True)
    ]
    return Explained(None, bodies)


def _item(
    item: ItemValues,
    assessment: ItemAssessment,
    shown: _Shown | None,
    currency: str,
    language: str,
    *,
    is_hidden: bool,
) -> ItemBody:
    reasons = _reasons(item, assessment, shown, currency, language)
    if shown is None:
        to_verify = [say_verify(code, language=language, currency=currency) for code in item["verify"]]
        measures = [say_reference(one, language=language, currency=currency) for one in assessment.references]
    else:
        to_verify, measures = list(shown[1].verify), list(shown[1].references)
    body: ItemBody = {
        **item,
        "reasons": [cast("ReasonBody", withhold("reason", one)) for one in reasons] if is_hidden else reasons,
        "verify": [{"code": code, "text": text} for code, text in zip(item["verify"], to_verify, strict=True)],
        "references": [_reference(*pair) for pair in zip(item["references"], measures, strict=True)],
    }
    return cast("ItemBody", withhold("item", body)) if is_hidden else body


def _reference(values: Mapping[str, object], text: str) -> ReferenceBody:
    return cast("ReferenceBody", {**values, "text": text})


def _reasons(
    item: ItemValues, assessment: ItemAssessment, shown: _Shown | None, currency: str, language: str
) -> list[ReasonBody]:
    """The recorded reasons; the sentence of one that is shown is the explanation's."""
    chosen = strongest_reasons(assessment) if shown is None else shown[0].reasons
    texts = [say(one, language=language, currency=currency) for one in chosen] if shown is None else shown[1].reasons
    # The chosen ones are the item's own, so each is found by what it is, not by what it says.
    said = {id(one): (rank, text) for rank, (one, text) in enumerate(zip(chosen, texts, strict=True), start=1)}
    found: list[ReasonBody] = []
    for values, reason in zip(item["reasons"], assessment.reasons, strict=True):
        rank, text = said.get(id(reason)) or (None, say(reason, language=language, currency=currency))
        found.append({**values, "text": text, "rank": rank})
    return found
