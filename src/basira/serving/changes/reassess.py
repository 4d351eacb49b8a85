"""A recorded declaration assessed again by what its decision was made with.

Enters: a declaration's events, the profiles and the model that the decision names. Leaves: the declaration as it was
sent, its scores, the reasons that were not computed when its lane did not inspect. Never here: a figure of later
profiles or of another model; a score that differs from the recorded one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from basira.decisions.events import Registration
from basira.decisions.recorded import ItemValues, item_values
from basira.decisions.records import Decision
from basira.models.risk.files import read_model
from basira.models.risk.risk_model import RiskModel
from basira.schema.days import day_of
from basira.schema.errors import BasiraError
from basira.serving.currency import convert_as_recorded
from basira.serving.decide.scoring import Knowledge, Scored, assess_online, items_with_reasons
from basira.serving.message import Declaration, Rejected, read_recorded
from basira.serving.record import Known
from basira.serving.service import Service
from basira.storage.model_store import Models
from basira.storage.profiles.reader import LoadedProfiles

_LOG = logging.getLogger("basira.service")
# How far before a decision the evening of its profiles may lie: an amendment has those before its first registration.
_MOST_EVENINGS = 60


@dataclass(frozen=True)
class _Kept:
    """One build of the profiles, where the newest is asked for."""

    build: LoadedProfiles

    def profiles(self) -> LoadedProfiles:
        return self.build


def recorded_declaration(before: Known, decision: Decision) -> tuple[Declaration | None, bool]:
    """The declaration as it was sent, from the record before its decision; whether nothing of it was erased."""
    sent = [one for one in before if isinstance(one, Registration)]
    arrived = next((one for one in sent if one.declaration_version == decision.declaration_version), None)
    if arrived is None or arrived.content is None:
        return None, False
    body = {
        **arrived.content["header"],
        **{name: value for name, value in arrived.personal.items() if value is not None},
        "declaration_version": arrived.declaration_version,
        "items": arrived.content["items"],
    }
    read = read_recorded(body, received_at=decision.moment)
    if isinstance(read, Rejected):
        return None, False
    return convert_as_recorded(read, arrived.conversion), arrived.is_whole


def assess_with(declaration: Declaration, *, model: RiskModel, profiles: LoadedProfiles, today: date) -> Scored:
    """The declaration assessed with this build and this model, however old they are by now."""
    # How old the profiles were was judged then: those of an earlier night describe an amendment.
    kept = Knowledge(model, _Kept(profiles), most_profile_days=10**6)
    (scored,) = assess_online([declaration], kept, today=today)
    return scored


def explain_again(known: Known, decision: Decision, service: Service) -> list[ItemValues] | None:
    """The items of a decision with their reasons, references and what to verify, as a decision records them.

    None when they can't be had as they were known then: the model gave no answer, its profiles or model are not kept
    any more, a personal value was erased, a score does not come out the same.
    """
    try:
        return _explain(known, decision, service)
    except Exception as error:  # any damage: an officer's lane matters more than its reasons
        _LOG.error("reasons_failed", extra={"fields": {"error": type(error).__name__}})
        return None


def _explain(known: Known, decision: Decision, service: Service) -> list[ItemValues] | None:
    if decision.fraud_probability is None:
        return None
    decided = decision.moment.date()
    model = _model_of(service, decision.versions["model"])
    profiles = _profiles_of(service, decision.versions["profiles"], decided)
    declaration, is_complete = recorded_declaration(known, decision)
    if model is None or profiles is None or declaration is None or not is_complete:
        return None
    if other_digests(decision, model, profiles):
        return None
    scored = assess_with(declaration, model=model, profiles=profiles, today=decided)
    recorded = [item["fraud_probability"] for item in decision.items]
    if scored.fallback is not None or [item.fraud_probability for item in scored.items] != recorded:
        return None
    (items,) = items_with_reasons([scored], model)
    return [item_values(item) for item in items]


def other_digests(decision: Decision, model: RiskModel, profiles: LoadedProfiles) -> list[tuple[str, str | None, str]]:
    """Where the files of a decision's model and profiles are not those that it was made with, under the same names:
    field, digest recorded, digest found. Decisions of earlier versions recorded none."""
    versions = decision.versions
    found = (("model_digest", model.digest), ("profiles_digest", profiles.digest))
    return [(name, versions[name], digest) for name, digest in found if versions.get(name) not in (None, digest)]


def _model_of(service: Service, version: str | None) -> RiskModel | None:
    if service.model is not None and service.model.version == version:
        return service.model
    return None if service.store is None or version is None else _stored_model(service.store, version)


@lru_cache(maxsize=1)  # yesterday's, after a newer one was taken
def _stored_model(store: Path, version: str) -> RiskModel | None:
    try:
        return read_model(Models(store).folder(version))
    except BasiraError:
        return None


def _profiles_of(service: Service, name: str | None, decided: date) -> LoadedProfiles | None:
    """The build of that name among those that this process has open."""
    try:
        newest = service.profiles.profiles()
    except BasiraError:
        newest = None
    if newest is not None and newest.name == name:
        return newest
    if service.previous_days is None:
        return None
    days = (decided - timedelta(days=back) for back in range(_MOST_EVENINGS))
    found = (service.previous_days.find(day_of(day)) for day in days)
    return next((one for one in found if one is not None and one.name == name), None)
