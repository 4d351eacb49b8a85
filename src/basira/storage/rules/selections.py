"""What runs recorded of the declarations of a period, without their assessments.

Enters: a connection, days. Leaves: one selection a declaration, of the last run. Never here: what the service decided.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from basira.storage.database.tables import DECISION, TARGETING_RUN


class RecordedSelection(NamedTuple):
    """A run's decision on a declaration. Scores: None where the model gave no answer."""

    declaration_id: str
    declaration_version: int
    run_id: str
    office: str
    lane: str
    basis: str
    inclusion_probability: float
    fraud_probability: float | None
    expected_revenue: float | None


class RecordedTerms(NamedTuple):
    """Under what a run selected: day (ISO), policy in canonical form, and its options as JSON."""

    run_id: str
    day: str
    policy_text: str
    options: str


def recorded_selections(
    connection: sa.Connection, *, first: str, last: str
) -> tuple[dict[str, RecordedSelection], list[RecordedTerms]]:
    """The selections of runs on days from ``first`` to ``last`` (ISO), by declaration, and the terms of these runs.

    Of several runs the last one recorded counts, and of several versions its last. Empty without a run.
    """
    of_days = TARGETING_RUN.c.day.between(first, last)
    query = (
        sa.select(*(DECISION.c[name] for name in RecordedSelection._fields))
        .join(TARGETING_RUN, TARGETING_RUN.c.run_id == DECISION.c.run_id)
        .where(of_days)
        .order_by(TARGETING_RUN.c.sequence, DECISION.c.position)
    )
    selections = {row[0]: RecordedSelection(*row) for row in connection.execute(query)}
    terms = connection.execute(sa.select(*(TARGETING_RUN.c[name] for name in RecordedTerms._fields)).where(of_days))
    return selections, [RecordedTerms(*row) for row in terms]
