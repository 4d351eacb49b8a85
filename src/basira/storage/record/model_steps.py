"""The steps of models' lives: audit events, so that no stage changes unaudited and none can be changed afterwards.

Enters: a connection inside a transaction, the step, who takes it, when. Leaves: the steps on record, in order. Never
here: which step may follow which (`basira.monitor.stages`); a model's files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from basira.schema.errors import UsageError
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import is_storable

_ACTION = "model."
# One subject for all models: the index finds it in a trail of millions, whatever the database's order of texts.
_SUBJECT = "models"


@dataclass(frozen=True)
class RecordedStep:
    """A step as it was recorded. ``actor``: a user id, or the software's name. ``taken_at``: ISO 8601."""

    version: str
    stage: str
    actor: str
    taken_at: str
    motive: str


@dataclass(frozen=True)
class NewStep:
    """A step to be recorded. ``actor``: as of `RecordedStep`. ``motive``: "" for none."""

    version: str
    stage: str
    actor: str
    motive: str = ""


def list_model_steps(connection: sa.Connection) -> list[RecordedStep]:
    """The steps of every model, in the order in which they were recorded."""
    rows = connection.execute(
        sa.select(AUDIT_EVENT).where(AUDIT_EVENT.c.subject == _SUBJECT).order_by(AUDIT_EVENT.c.sequence)
    ).mappings()
    return [
        RecordedStep(
            version=str(json.loads(row["after"])["version"]),
            stage=row["action"].removeprefix(_ACTION),
            actor=row["actor"],
            taken_at=row["recorded_at"],
            motive=row["motive"] or "",
        )
        for row in rows
    ]


def append_model_step(
    connection: sa.Connection,
    step: NewStep,
    *,
    now: datetime,
    before: str | None = None,
    detail: Mapping[str, str | None] | None = None,
) -> RecordedStep:
    """Append a step. ``before``: the stage so far, None of a new model. ``detail``: what else the audit says of it.

    Raises UsageError for a motive that can't be stored.
    """
    if not is_storable(step.motive):
        raise UsageError("Expected a motive of storable characters, found others.", hint="Remove the character U+0000.")
    row = append_audit(
        connection,
        AuditEvent(
            action=f"{_ACTION}{step.stage}",
            subject=_SUBJECT,
            actor=step.actor,
            before=None if before is None else {"stage": before},
            after={"version": step.version, "stage": step.stage, **(detail or {})},
            motive=step.motive or None,
        ),
        now=now,
    )
    return RecordedStep(step.version, step.stage, step.actor, row["recorded_at"], step.motive)
