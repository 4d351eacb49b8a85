"""What governs the system, read off the policy, the record and the last night, for a page that may be printed.

Enters: a service, a day. Leaves: facts. Never here: a fact that is written by hand and could be untrue tomorrow; a
name of a person.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from basira.features.batch.fields import split_fields
from basira.features.catalog.catalog import FEATURE
from basira.monitor.proof import Proof
from basira.monitor.stages import Stage
from basira.monitor.worth import Worth
from basira.schema.errors import PolicyError, StoreError
from basira.selection.policy.model import Policy
from basira.serving.models import list_service_models
from basira.serving.night import read_service_night
from basira.serving.service import Service
from basira.storage.accounts.users import list_users
from basira.workflows.models.stages import StagedModel
from basira.workflows.rules.life import read_live

MOST_CHANGES = 50


@dataclass(frozen=True)
class Change:
    """A step of a model's life. ``at``: ISO 8601. ``motive``: "" where none was given."""

    at: str
    version: str
    stage: Stage
    motive: str


@dataclass(frozen=True)
class Governance:
    """``policy``: in force on the day; None without one. ``models``: latest knowledge first. ``people``: active ones by
    role. ``fields_read``, ``fields_unread``: of declarations, by the features. ``proof``: of the last night, year to
    date; None without one. ``of_model``: what the model's selection was worth in it. ``changes``: the latest first,
    `MOST_CHANGES` at most."""

    day: date
    policy: Policy | None
    models: tuple[StagedModel, ...]
    live_rules: int
    people: dict[str, int]
    fields_read: tuple[str, ...]
    fields_unread: tuple[str, ...]
    features: int
    proof: Proof | None
    of_model: Worth | None
    changes: tuple[Change, ...]

    @property
    def live(self) -> StagedModel | None:
        """The model that decides; None: the policy's fallback does."""
        return next((one for one in self.models if one.stage == "live"), None)


def read_governance(service: Service, *, today: date) -> Governance:
    """Everything that the page says. Raises StoreError."""
    try:
        policy: Policy | None = service.policy(today)
    except PolicyError:
        policy = None
    models: tuple[StagedModel, ...] = ()
    if service.store is not None:
        models = tuple(list_service_models(service))
    with service.database.read() as connection:
        users = list_users(connection)
    roles = Counter(grant.role for user in users if user.is_active for grant in set(user.grants))
    steps = [
        Change(step.taken_at, one.version, step.stage, step.motive)
        for one in models
        for step in one.steps
        if step.taken_at
    ]
    try:
        night = read_service_night(service, today=today)
    except StoreError:
        night = None
    proof = None if night is None else night.proof
    read, unread = split_fields()
    return Governance(
        day=today,
        policy=policy,
        models=models,
        live_rules=len(read_live(service.database, on=today)),
        people=dict(sorted(roles.items())),
        fields_read=read,
        fields_unread=unread,
        features=len(FEATURE),
        proof=proof,
        of_model=None if proof is None else next((one for one in proof.sources if one.source == "model"), None),
        changes=tuple(sorted(steps, key=lambda one: one.at, reverse=True)[:MOST_CHANGES]),
    )
