"""A recorded declaration assessed again by what its decision was made with.

Enters: a declaration's events, the profiles and the model that the decision names. Leaves: the declaration as it was
sent, its scores, the reasons that were not asked for when nobody was to inspect it. Never here: a figure of later
profiles or of another model; a score that differs from the recorded one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from basira.models.risk.files import read_model
from basira.models.risk.risk_model import RiskModel
from basira.schema.days import day_of
from basira.schema.errors import BasiraError
from basira.serving.currency import converted_as_recorded
from basira.serving.decide.events import item_values
from basira.serving.decide.scoring import Scored, assess_online, explained_items
from basira.serving.message import Declaration, Refused, read_recorded
from basira.serving.service import Service
from basira.storage.model_store import Models
from basira.storage.profiles.reader import LoadedProfiles, ProfileReader

Row = Mapping[str, Any]

_LOG = logging.getLogger("basira.service")
# How far before a decision the evening of its profiles may lie: an amendment has those before its first registration.
_MOST_EVENINGS = 60


class _Kept:
    """One build of the profiles, where a reader of the newest is asked for."""

    def __init__(self, profiles: LoadedProfiles) -> None:
        self._profiles = profiles

    def profiles(self) -> LoadedProfiles:
        return self._profiles


def recorded_declaration(before: Sequence[Row], event: Row) -> tuple[Declaration | None, bool]:
    """The declaration as it was sent, from the event before its decision; whether nothing of it was erased."""
    sent = [one for one in before if one["kind"] in ("registration", "amendment")]
    arrived = next((one for one in sent if one["declaration_version"] == event["declaration_version"]), None)
    if arrived is None:
        return None, False
    content = arrived["payload"]["content"]
    body = {
        **content["header"], **{n: v for n, v in arrived["personal"].items() if v is not None},
        "declaration_version": arrived["declaration_version"], "items": content["items"],
    }  # fmt: skip
    read = read_recorded(body, received_at=datetime.fromisoformat(event["payload"]["decided_at"]))
    is_complete = not arrived["is_text_erased"] and all(value is not None for value in arrived["personal"].values())
    if isinstance(read, Refused):
        return None, False
    return converted_as_recorded(read, arrived["payload"]), is_complete


def assessed_with(
    declaration: Declaration, service: Service, *, model: RiskModel, profiles: LoadedProfiles, today: date
) -> Scored:
    """The declaration assessed with this build and this model, however old they are by now."""
    # It is asked for one build by name, and reads nothing else of the reader.
    reader = cast("ProfileReader", _Kept(profiles))
    # How old the profiles were was judged then: those of an earlier eve describe an amendment.
    kept = replace(service, model=model, profiles=reader, eves=None, most_profile_days=10**6)
    (scored,) = assess_online([declaration], kept, today=today)
    return scored


def explained_again(known: Sequence[Row], decision: Row, service: Service) -> list[dict[str, Any]] | None:
    """The items of a decision with their reasons, references and what to verify, as a decision records them.

    None when they can't be had as they were known then: the model gave no answer, its profiles or model are not kept
    any more, a personal value was erased, a score does not come out the same.
    """
    try:
        return _explained(known, decision, service)
    except Exception as error:  # whatever is damaged: an officer's lane is worth more than why
        _LOG.error("reasons_failed", extra={"fields": {"error": type(error).__name__}})
        return None


def _explained(known: Sequence[Row], decision: Row, service: Service) -> list[dict[str, Any]] | None:
    payload = decision["payload"]
    if payload["fraud_probability"] is None:
        return None
    decided = datetime.fromisoformat(payload["decided_at"]).date()
    model = _model_of(service, payload["versions"]["model"])
    profiles = _profiles_of(service, payload["versions"]["profiles"], decided)
    declaration, is_complete = recorded_declaration(known, decision)
    if model is None or profiles is None or declaration is None or not is_complete:
        return None
    if other_digests(payload["versions"], model, profiles):
        return None
    scored = assessed_with(declaration, service, model=model, profiles=profiles, today=decided)
    recorded = [item["fraud_probability"] for item in payload["items"]]
    if scored.fallback is not None or [item.fraud_probability for item in scored.items] != recorded:
        return None
    (items,) = explained_items([scored], model)
    return [item_values(item) for item in items]


def other_digests(versions: Row, model: RiskModel, profiles: LoadedProfiles) -> list[tuple[str, str, str]]:
    """Where the files of a decision's model and profiles are not those that it was made with, under the same names:
    field, digest recorded, digest found. Decisions of earlier versions recorded none."""
    found = (("model_digest", model.digest), ("profiles_digest", profiles.digest))
    return [(name, versions[name], digest) for name, digest in found if versions.get(name) not in (None, digest)]


def _model_of(service: Service, version: str) -> RiskModel | None:
    if service.model is not None and service.model.version == version:
        return service.model
    return None if service.store is None else _stored_model(service.store, version)


@lru_cache(maxsize=1)  # yesterday's, after a newer one was taken
def _stored_model(store: Path, version: str) -> RiskModel | None:
    try:
        return read_model(Models(store).folder(version))
    except BasiraError:
        return None


def _profiles_of(service: Service, name: str, decided: date) -> LoadedProfiles | None:
    """The build of that name among those that this process has open."""
    try:
        newest = service.profiles.profiles()
    except BasiraError:
        newest = None
    if newest is not None and newest.name == name:
        return newest
    if service.eves is None:
        return None
    days = (decided - timedelta(days=back) for back in range(_MOST_EVENINGS))
    found = (service.eves.find(day_of(day)) for day in days)
    return next((one for one in found if one is not None and one.name == name), None)
