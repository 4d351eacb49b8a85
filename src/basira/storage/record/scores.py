"""What was decided in a period, without the reasons: the columns that are counted every night.

Enters: a connection, two days. Leaves: `ScoredDecision`, those of runs first. Never here: a personal value, a reason;
an order of declarations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from basira.storage.database.tables import DECISION, EVENT, TARGETING_RUN

_BATCH = 5_000


class ScoredDecision(NamedTuple):
    """A decision on a declaration. ``day``: that the run targets, or of the service's decision (YYYY-MM-DD);
    ``decided_at``: ISO 8601. ``inspects``: None: the policy of ``policy_digest`` says it of the lane.
    ``fraud_probability``: 0 to 1, None without a score; ``model_version``: "" none."""

    declaration_id: str
    day: str
    decided_at: str
    office: str
    lane: str
    inspects: bool | None
    basis: str
    inclusion_probability: float
    fraud_probability: float | None
    model_version: str
    policy_digest: str


def find_scores(connection: sa.Connection, first: str, end: str) -> Iterator[ScoredDecision]:
    """Every decision from a day to the one before another (YYYY-MM-DD), read a batch at a time."""
    run, one = TARGETING_RUN.c, DECISION.c
    of_runs = (
        sa.select(
            *(one.declaration_id, run.day, run.created_at, one.office, one.lane, sa.null(), one.basis),
            *(one.inclusion_probability, one.fraud_probability, run.model_version, run.policy_digest),
        )
        .join(TARGETING_RUN, one.run_id == run.run_id)
        .where(run.day >= first, run.day < end)
        .order_by(run.sequence, one.position)
    )
    streaming = connection.execution_options(yield_per=_BATCH)
    for row in streaming.execute(of_runs):
        yield ScoredDecision(*row)
    event = EVENT.c
    of_service = (
        sa.select(event.declaration_id, event.recorded_at, event.office, event.lane, event.payload)
        .where(event.kind == "decision", event.recorded_at >= first, event.recorded_at < end)
        .order_by(event.sequence)
    )
    for declaration_id, recorded_at, office, lane, text in streaming.execute(of_service):
        payload = json.loads(text)
        decided_at = payload.get("decided_at") or recorded_at
        versions = payload.get("versions", {})
        yield ScoredDecision(
            declaration_id=declaration_id,
            day=decided_at[:10],
            decided_at=decided_at,
            office=office,
            lane=lane,
            inspects=payload.get("inspects"),
            basis=payload.get("basis", "none"),
            inclusion_probability=payload.get("inclusion_probability", 0.0),
            fraud_probability=payload.get("fraud_probability"),
            model_version=versions.get("model") or "",
            policy_digest=versions.get("policy_digest") or "",
        )
