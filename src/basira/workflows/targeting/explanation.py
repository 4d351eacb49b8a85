"""Why a declaration is where a run put it, in words, from the record.

Enters: a store with its record, a declaration's number, a language. Leaves: the decision with reasons, figures and what
to verify. Never here: a new assessment.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from basira.decisions.records import Decision
from basira.explain.explanation import Case, Surroundings, explain
from basira.explain.sentences import say_explanation
from basira.explain.words import say, say_basis, say_conversion, say_reference, say_verify
from basira.schema.errors import NotFoundError
from basira.schema.records import Conversion
from basira.selection.policy.load import restore_policy
from basira.selection.policy.model import Policy
from basira.storage.history.store import History
from basira.workflows.rules.said import say_ground, say_judged, say_notes
from basira.workflows.targeting.record import amounts_of, find_decisions


def explain_decision(history: History, declaration: str, *, run: str = "", language: str = "fr") -> dict[str, Any]:
    """The decision of ``run`` (the latest by default) on a declaration, ready for JSON.

    Raises NotFoundError when no run decided on it, or that one did not.
    """
    found = find_decisions(history, declaration)
    chosen = [pair for pair in found if not run or pair[0].run_id == run]
    if not chosen:
        raise NotFoundError(
            "Expected a decision on {declaration!r} in run {run!r}, found decisions in {runs}.",
            hint="Name one of these runs, or none for the latest.",
            declaration=declaration,
            run=run,
            runs=", ".join(pair[0].run_id for pair in found),
        )
    header, decision = chosen[0]
    currency, conversions = amounts_of(history, header, declaration, decision.declaration_version)
    items: list[dict[str, Any]] = [
        {
            "item_number": item.item_number,
            "fraud_probability": item.fraud_probability,
            "expected_revenue": item.expected_revenue,
            "reasons": [say(reason, language=language, currency=currency) for reason in item.reasons],
            "verify": [
                say_verify(kind, language=language, currency=currency, reference=next(iter(item.references), None))
                for kind in item.verify
            ],
            "references": [say_reference(r, language=language, currency=currency) for r in item.references],
            "comparables": sorted({c for r in item.references for c in r.comparables}),
            **_conversion_text(conversions.get(item.item_number), language),
        }
        for item in decision.assessments
    ]
    policy = restore_policy(header.policy_text)
    made = explain(
        Case(
            basis=decision.basis,
            currency=currency,
            fraud_probability=decision.fraud_probability,
            expected_revenue=decision.expected_revenue,
            items=decision.assessments,
            examines=policy.lane(decision.lane).examines,
            # Of runs recorded before they were: none.
            around=Surroundings(**header.options.get("explained_beside", {})),
            ground=_ground(policy, decision, language),
            notes=say_notes(
                decision.rules,
                rule_id=decision.detail_fields.rule_id if decision.basis == "rule" else "",
                language=language,
            ),
            has_answer=decision.fraud_probability is not None,
        ),
        reader="unit",
    )
    lane = policy.lane(decision.lane).label.text(language)
    return {
        "declaration_id": declaration,
        "declaration_version": decision.declaration_version,
        "run_id": header.run_id,
        "day": header.day.isoformat(),
        "as_of": header.as_of.date().isoformat(),
        "model_version": header.model_version,
        "office": decision.office,
        "lane": decision.lane,
        "lane_label": lane,
        "basis": decision.basis,
        "basis_label": say_basis(
            decision.basis, language=language, detailed=True, ground=_ground(policy, decision, language)
        ),
        "detail": decision.detail,
        "inclusion_probability": decision.inclusion_probability,
        "fraud_probability": decision.fraud_probability,
        "expected_revenue": decision.expected_revenue,
        "currency": currency,
        "explanation": asdict(say_explanation(made, language=language)),
        "has_reasons": made.has_reasons,
        "rules": [
            list(say_judged(one, given=lane, lanes=_lanes(policy, language), language=language))
            for one in decision.rules
        ],
        "items": items,
        "entry_hash": decision.entry_hash,
        "other_runs": [pair[0].run_id for pair in found if pair[0].run_id != header.run_id],
    }


def _ground(policy: Policy, decision: Decision, language: str) -> str:
    if decision.basis == "rule":
        return say_ground(decision.rules, decision.detail_fields.rule_id, language=language)
    entry = policy.find_mandatory(decision.detail_fields.rule_id) if decision.basis == "mandatory" else None
    return "" if entry is None else entry.reason.text(language)


def _lanes(policy: Policy, language: str) -> dict[str, str]:
    return {lane.id: lane.label.text(language) for lane in policy.lanes}


def _conversion_text(conversion: Conversion | None, language: str) -> dict[str, Any]:
    return {} if conversion is None else {"conversion": say_conversion(conversion, language=language)}
