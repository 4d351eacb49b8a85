"""One declaration assessed online: features from the profiles, the model's answer, reasons.

Enters: a valid declaration, the service, today. Leaves: an assessment and a candidate, or why there is none. Never
here: a lane; a missing answer read as zero risk.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from basira.explain.reasons import explain_items, family_of
from basira.features.catalog import CATALOG
from basira.features.online import NotOnline, online_features
from basira.models.risk_model import RiskModel
from basira.schema.errors import BasiraError
from basira.schema.records import Candidate, ItemAssessment
from basira.workflows.assess import Assessed
from basira.workflows.serve_body import Declaration
from basira.workflows.serve_context import Service

_LOG = logging.getLogger("basira.service")

# Why the model gave no answer; recorded with the decision.
NO_MODEL, NO_PROFILES, OLD_PROFILES, MODEL_FAILED = "no_model", "no_profiles", "profiles_too_old", "model_failed"


@dataclass(frozen=True)
class Scored:
    """What there is to decide on. ``fallback``: why there is no score, or None. ``profiles``: the build used."""

    candidate: Candidate
    assessed: Assessed
    fallback: str | None
    profiles: str | None


def assess_online(declaration: Declaration, service: Service, *, today: date) -> Scored:
    """Features, scores and the candidate of one declaration; without a score when something is missing."""
    bare = _assessed(declaration, pl.DataFrame(), None)
    candidate = bare.candidate(declaration.declaration_id)
    unscored = replace(candidate, fraud_probability=None, expected_revenue=None)
    if service.model is None:
        return Scored(unscored, bare, NO_MODEL, None)
    try:
        profiles = service.profiles.profiles()
        if profiles.age_days(today) > service.most_profile_days:
            return Scored(unscored, bare, OLD_PROFILES, profiles.name)
        features = online_features(declaration.rows, profiles)
    except BasiraError:
        return Scored(unscored, bare, NO_PROFILES, None)
    if isinstance(features, NotOnline):
        return Scored(unscored, bare, features.code, profiles.name)
    try:
        assessed = _assessed(declaration, features.frame(), service.model)
    except Exception as error:  # whatever a model raises: the declaration still gets its lane
        _LOG.error("model_failed", extra={"fields": {"error": type(error).__name__}})
        return Scored(unscored, bare, MODEL_FAILED, profiles.name)
    return Scored(assessed.candidate(declaration.declaration_id), assessed, None, profiles.name)


def _assessed(declaration: Declaration, features: pl.DataFrame, model: RiskModel | None) -> Assessed:
    rows = [dict(row) for row in declaration.rows]
    if model is None:
        assessments = [ItemAssessment(int(row["item_number"]), 0.0, 0.0, 0.0) for row in rows]
    else:
        found = model.predict(features)
        assessments = [
            ItemAssessment(
                item_number=int(row["item_number"]),
                fraud_probability=float(found.fraud_probability[i]),
                revenue_if_fraud=float(found.revenue_if_fraud[i]),
                expected_revenue=float(found.expected_revenue[i]),
                kind_probabilities={k: float(v[i]) for k, v in sorted(found.kind_probabilities.items())},
            )
            for i, row in enumerate(rows)
        ]
    return Assessed(features, rows, assessments, {declaration.declaration_id: list(range(len(rows)))}, {})


def explained_items(scored: Scored, model: RiskModel | None) -> tuple[ItemAssessment, ...]:
    """The items' assessments with reasons, what to verify and reference values; none without a score.

    Comparable declarations are not named: finding them takes a query of the history.
    """
    if scored.fallback is not None or model is None:
        return ()
    features, rows = scored.assessed.features, scored.assessed.rows
    families = {f.name: family_of(f.name, f.reason, f.entity) for f in CATALOG}
    families |= {name: name for name in model.encoding.categories}
    evidence = explain_items(
        model.contributions(features),
        model.encoding.names,
        families,
        [own | row for own, row in zip(features.rows(named=True), rows, strict=True)],
        kinds=[item.kind_probabilities for item in scored.assessed.assessments],
    )
    return tuple(
        replace(item, reasons=found.reasons, verify=found.verify, references=found.references)
        for item, found in zip(scored.assessed.assessments, evidence, strict=True)
    )
