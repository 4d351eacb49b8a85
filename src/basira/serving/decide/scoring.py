"""Declarations assessed online: features from the profiles, the model's answer, reasons.

Enters: valid declarations, model and profiles, today. Leaves: for each an assessment and a candidate, or why there is
none. Never here: a lane; a missing answer read as zero risk; a declaration that suffers from another one's fault.

One call predicts all that wait, and one call explains all whose lane inspects: the call itself costs more than its work
on three rows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from basira.decisions.candidate import ItemFeatures, make_candidate
from basira.decisions.judged import JudgedValues
from basira.explain.reasons import Evidence as ItemEvidence
from basira.explain.reasons import explain_items
from basira.features.catalog.catalog import ONLY_EVIDENCE, REASONS
from basira.features.online.lookup import NotOnline, OnlineFeatures, held_version, online_features
from basira.models.risk.risk_model import Predictions, RiskModel
from basira.schema.errors import BasiraError
from basira.schema.reasons import ReasonCatalog
from basira.schema.records import Candidate, Figure, ItemAssessment, ItemRow
from basira.schema.tables import ITEM_KEY
from basira.serving.decide.precedence import Pause, no_pause
from basira.serving.message import Declaration
from basira.storage.profiles.evenings import PreviousDays
from basira.storage.profiles.reader import LoadedProfiles

_LOG = logging.getLogger("basira.service")

# Why the model gave no answer; recorded with the decision.
NO_MODEL, NO_PROFILES, OLD_PROFILES, MODEL_FAILED = "no_model", "no_profiles", "profiles_too_old", "model_failed"
TIMEOUT = "timeout"


_EXPLAINED_AT_ONCE = 50


@dataclass(frozen=True)
class Evidence:
    """What the reasons are made of: the features of each item, and the matrix the model read."""

    features: OnlineFeatures
    matrix: NDArray[np.float32]
    rows: tuple[ItemRow, ...]


@dataclass(frozen=True)
class Scored:
    """A declaration ready for a lane. ``fallback``: why there is no score, or None. ``profiles``: the build used, with
    the SHA-256 of its file, ``profiles_digest``.

    ``items``: in order of item number; without a score of no meaning. ``evidence``: None without a score.
    ``rules``: what analysts' rules said, see `decisions.judged`, of the set of ``rules_digest``; None: there are none.
    ``list_changes``: of the lists that they read.
    """

    candidate: Candidate
    items: tuple[ItemAssessment, ...]
    fallback: str | None
    profiles: str | None
    evidence: Evidence | None = None
    profiles_digest: str | None = None
    rules: Sequence[JudgedValues] = ()
    rules_digest: str | None = None
    list_changes: Mapping[str, int] = field(default_factory=dict)


class OpenProfiles(Protocol):
    """Gives the profiles that are open now. Raises StoreError when none can serve."""

    def profiles(self) -> LoadedProfiles:
        """The build in force."""
        ...


@dataclass(frozen=True)
class Knowledge:
    """What declarations are scored with. ``model``: None when there is none. ``most_profile_days``: profiles that lack
    more days than that are too old. ``previous_days``: profiles of earlier nights, for amendments of what the history
    counts already; None: these get the fallback."""

    model: RiskModel | None
    profiles: OpenProfiles
    most_profile_days: int
    previous_days: PreviousDays | None = None


class _Table:
    """The features of one declaration, by column; the evidence is computed when some of it is asked for."""

    def __init__(self, features: OnlineFeatures) -> None:
        self._features = features

    @property
    def names(self) -> Sequence[str]:
        return list(_places(self._features.all_names))

    def column(self, name: str) -> Sequence[Figure]:
        features = self._features
        place = _places(features.names).get(name)
        if place is None:
            features = features.complete
            place = _places(features.names)[name]
        return [row[place] for row in features.rows]


@lru_cache(maxsize=8)  # of the catalog of each build of the profiles that is open
def _places(names: tuple[str, ...]) -> Mapping[str, int]:
    """Where each feature stands among the columns."""
    return {name: place for place, name in enumerate(names) if name not in ITEM_KEY}


def _item_features(features: OnlineFeatures) -> ItemFeatures:
    return ItemFeatures(_Table(features), range(len(features.rows)))


def without_scores(
    declaration: Declaration,
    fallback: str,
    *,
    profiles: LoadedProfiles | None = None,
    features: OnlineFeatures | None = None,
) -> Scored:
    """The declaration without the model's answer, and why. ``features``: None where nothing could describe it."""
    items = tuple(ItemAssessment(int(row["item_number"]), 0.0, 0.0, 0.0) for row in declaration.rows)
    candidate = make_candidate(declaration.rows, (), features=None if features is None else _item_features(features))
    return Scored(candidate, items, fallback, None if profiles is None else profiles.name)


def version_of_files(declaration_id: str, profiles: OpenProfiles) -> int:
    """The latest version that a file brought, as far as the profiles know; 0: none, or unknown."""
    try:
        return held_version(declaration_id, profiles.profiles())
    except BasiraError:  # none can serve: the refreshing says why
        return 0
    except Exception as error:  # reported apart from the look-up of features, which has its own handling
        _LOG.error("held_version_failed", extra={"fields": {"error": type(error).__name__}})
        return 0


def assess_online(
    declarations: Sequence[Declaration], knowledge: Knowledge, *, today: date, pause: Pause = no_pause
) -> list[Scored]:
    """Features, scores and candidate of each declaration; without a score where something is missing.

    ``pause``: called between slices of the work on very many items.
    """
    # Without a model the features are still what a step of selection may ask.
    why = NO_MODEL if knowledge.model is None else None
    try:
        profiles = knowledge.profiles.profiles()
    except BasiraError:  # none can serve: the refreshing says why
        return [without_scores(one, why or NO_PROFILES) for one in declarations]
    except Exception as error:
        _log_look_up_failure(error)
        return [without_scores(one, why or NO_PROFILES) for one in declarations]
    if profiles.age_days(today) > knowledge.most_profile_days:
        return [without_scores(one, why or OLD_PROFILES, profiles=profiles) for one in declarations]
    found: list[Scored | None] = []
    described: list[tuple[Declaration, OnlineFeatures]] = []
    builds: list[LoadedProfiles] = []
    for one in declarations:
        try:
            features = online_features(one.rows, profiles, pause=pause)
        except Exception as error:  # a damaged page, an unforeseen value: the declaration still gets its lane
            _log_look_up_failure(error)
            found.append(without_scores(one, why or NO_PROFILES, profiles=profiles))
            continue
        used = profiles
        if isinstance(features, NotOnline) and (earlier := _earlier_profiles(features, knowledge)) is not None:
            features, used = _from(earlier, one, features, pause), earlier
        if isinstance(features, NotOnline):
            found.append(without_scores(one, why or features.code, profiles=profiles))
        else:
            found.append(None)
            described.append((one, features))
            builds.append(used)
    answers: dict[int, Scored] = {}
    for build in dict.fromkeys(builds):  # one but for amendments; another build may have other columns
        numbers = [number for number, used in enumerate(builds) if used is build]
        answers |= zip(
            numbers, _predict([described[number] for number in numbers], knowledge.model, build), strict=True
        )
    ordered = iter([answers[number] for number in range(len(described))])
    return [next(ordered) if scored is None else scored for scored in found]


def _earlier_profiles(found: NotOnline, knowledge: Knowledge) -> LoadedProfiles | None:
    """The profiles of the evening before a declaration was first registered, when they are kept.

    An amendment of what the history counts already is described by them as the batch describes it: by the history
    before its first registration, itself excluded (docs/decisions/0003-first-version-in-history.md).
    """
    return None if knowledge.previous_days is None else knowledge.previous_days.find(found.day - 1)


def _from(
    earlier: LoadedProfiles, declaration: Declaration, found: NotOnline, pause: Pause
) -> OnlineFeatures | NotOnline:
    try:
        return online_features(declaration.rows, earlier, pause=pause)
    except Exception as error:
        _log_look_up_failure(error)
        return found


def _log_look_up_failure(error: Exception) -> None:
    _LOG.error("look_up_failed", extra={"fields": {"error": type(error).__name__}})


def score_failure(
    declaration: Declaration,
    error: Exception,
    *,
    profiles: LoadedProfiles | None = None,
    features: OnlineFeatures | None = None,
) -> Scored:
    """The declaration without the model's answer, which raised an error; log its type."""
    _LOG.error("model_failed", extra={"fields": {"error": type(error).__name__}})
    return without_scores(declaration, MODEL_FAILED, profiles=profiles, features=features)


def _predict(
    described: Sequence[tuple[Declaration, OnlineFeatures]], model: RiskModel | None, profiles: LoadedProfiles
) -> list[Scored]:
    """All in one call; when it fails, one after the other, so that the fault stays with its declaration."""
    if model is None:
        return [without_scores(one, NO_MODEL, profiles=profiles, features=features) for one, features in described]
    if not described:
        return []
    try:
        # Shipped models read no evidence; for one that was given some, it is computed.
        is_read = not ONLY_EVIDENCE.isdisjoint(model.encoding.names)
        read = [features.complete if is_read else features for _, features in described]
        predictions, matrix = model.predict_rows(read[0].names, [row for features in read for row in features.rows])
    except Exception as error:  # any error of a model: the declaration still gets its lane
        if len(described) > 1:
            return [scored for one in described for scored in _predict([one], model, profiles)]
        ((declaration, features),) = described
        return [score_failure(declaration, error, profiles=profiles, features=features)]
    made, start = [], 0
    assessments = _assessments(predictions, [row for one, _ in described for row in one.rows])
    for declaration, features in described:
        end = start + len(declaration.rows)
        items = assessments[start:end]
        evidence = Evidence(features, matrix[start:end], declaration.rows)
        candidate = make_candidate(
            declaration.rows, items, features=_item_features(features), stake_scale=model.stake_scale
        )
        made.append(Scored(candidate, items, None, profiles.name, evidence, profiles.digest))
        start = end
    return made


def _assessments(found: Predictions, rows: Sequence[ItemRow]) -> tuple[ItemAssessment, ...]:
    kinds = sorted(found.kind_probabilities)
    by_kind = [found.kind_probabilities[kind].tolist() for kind in kinds]
    figures = zip(
        found.fraud_probability.tolist(), found.revenue_if_fraud.tolist(), found.expected_revenue.tolist(), strict=True
    )
    return tuple(
        ItemAssessment(
            item_number=int(row["item_number"]),
            fraud_probability=probability,
            revenue_if_fraud=revenue,
            expected_revenue=expected,
            kind_probabilities={kind: values[i] for kind, values in zip(kinds, by_kind, strict=True)},
        )
        for i, (row, (probability, revenue, expected)) in enumerate(zip(rows, figures, strict=True))
    )


def items_with_reasons(
    scored: Sequence[Scored], model: RiskModel | None, *, pause: Pause = no_pause
) -> list[tuple[ItemAssessment, ...]]:
    """The assessments of each one's items with reasons, what to verify and reference values; none without a score.

    ``pause``: called between slices of very many items; the library locks a booster for as long as one call takes.
    Comparable declarations are not named: finding them takes a query of the history.
    """
    known = [(one, one.evidence) for one in scored if one.evidence is not None]
    if not known or model is None:
        return [() for _ in scored]
    matrix = np.concatenate([of.matrix for _, of in known])
    described = [
        (of.features.complete.names, figures, row)
        for _, of in known
        for figures, row in zip(of.features.complete.rows, of.rows, strict=True)
    ]
    kinds = [item.kind_probabilities for one, _ in known for item in one.items]
    made: list[ItemEvidence] = []
    for start in range(0, len(matrix), _EXPLAINED_AT_ONCE):
        if start:
            pause()
        part = slice(start, start + _EXPLAINED_AT_ONCE)
        made += explain_items(
            model.less_usual(model.contributions_of(matrix[part])),
            model.encoding.names,
            _catalog(tuple(model.encoding.categories)),
            [dict(zip(names, figures, strict=True)) | dict(row) for names, figures, row in described[part]],
            kinds=kinds[part],
        )
    evidence = iter(made)
    return [
        tuple(
            replace(item, reasons=found.reasons, verify=found.verify, references=found.references)
            for item, found in zip(one.items, islice(evidence, len(one.items)), strict=True)
        )
        if one.evidence is not None
        else ()
        for one in scored
    ]


@lru_cache(maxsize=4)
def _catalog(categories: tuple[str, ...]) -> ReasonCatalog:
    return REASONS.with_categories(categories)
