"""The models of a service's store through their lives, for the pages.

Enters: a service, a step wanted by a person. Leaves: models with their stages, steps on record, a comparison. Never
here: which step may follow which (`monitor.stages`); a model that a worker has loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from basira.monitor.stages import Stage, StageStep
from basira.schema.errors import NotFoundError, StoreError, UsageError
from basira.serving.service import Service
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.workflows.models.stages import StagedModel, read_steps, roll_back_in, staged_models, take_step_in
from basira.workflows.proof.compare import Comparison, compare_shadow


@dataclass(frozen=True)
class WantedStep:
    """A step that a person asks for. ``login``: of the person; ``motive``: why, it is audited."""

    login: str
    motive: str
    now: datetime


def list_service_models(service: Service) -> list[StagedModel]:
    """Every model, the latest knowledge first, with its stage. Raises StoreError."""
    with service.database.read() as connection:
        return staged_models(_models(service), connection)


def list_steps(service: Service) -> Sequence[StageStep]:
    """The steps on record, in order; see `read_steps`. Raises StoreError."""
    with service.database.read() as connection:
        return read_steps(_models(service), connection)


def take_service_step(service: Service, version: str, stage: Stage, wanted: WantedStep) -> StageStep:
    """Take a step of a model's life. Raises as `take_model_step`."""
    return take_step_in(
        _models(service),
        service.database,
        version,
        stage,
        login=wanted.login,
        now=wanted.now,
        motive=wanted.motive,
    )


def roll_back_service(service: Service, wanted: WantedStep) -> tuple[str | None, str]:
    """Bring back the model that was live before; which one is retired, which one is back. Raises as `roll_back`."""
    return roll_back_in(_models(service), service.database, login=wanted.login, now=wanted.now, motive=wanted.motive)


def compare_service(service: Service, version: str, *, first: date, last: date, as_of: date) -> Comparison | None:
    """What a model in the shadow would have found of some days; None where it was tried beside no run of them, or
    nothing had a chance of inspection. Raises StoreError."""
    history = History.open(_models(service).store)
    try:
        return compare_shadow(history, service.database.place, version, first=first, last=last, as_of=as_of)
    except (UsageError, NotFoundError):
        return None


def _models(service: Service) -> Models:
    if service.store is None:
        raise StoreError("Expected a store with models, found none.", hint="Start the service with BASIRA_STORE.")
    return Models(service.store)
