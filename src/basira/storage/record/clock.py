"""Rows that are later than the database's clock: found, and explained when the clock was in error.

Enters: a connection. Leaves: which rows of which chain. Never here: a row that is changed; rows explained without a
motive.

Most often a clock was ahead once; rarely, they were forged. The proof can't distinguish the two, a person can. An
explanation is audited: it is part of the record, with the person who gave it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from basira.schema.errors import UsageError
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.database.tables import AUDIT_EVENT, TARGETING_RUN
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import CHAINED, Stream

EXPLAINED = "clock.error_explained"
# Moments have no zone, and no clock on earth shows more than 14 hours after UTC; five minutes for one that differs. The
# triggers of PostgreSQL say the same (`migrations.triggers`).
_AHEAD = timedelta(hours=14, minutes=5)


@dataclass(frozen=True)
class Ahead:
    """Rows of a chain that are later than the clock. ``first``, ``last``: their lowest and highest sequence.
    ``latest``: the last of their moments."""

    stream: Stream
    count: int
    first: int
    last: int
    latest: str


def find_ahead(connection: sa.Connection) -> list[Ahead]:
    """What is later than the database's clock (plus 14 hours and five minutes: moments have no zone), but for what was
    explained; at most one for each chain."""
    clock: datetime = connection.execute(sa.select(sa.func.current_timestamp())).scalar_one()
    limit = moment_text(clock + _AHEAD)
    database_errors = list(_read_explanations(connection))
    found = []
    moments: dict[Stream, sa.Column[str]] = {"targeting": TARGETING_RUN.c.created_at}
    moments |= {stream: table.c.recorded_at for stream, table in CHAINED.items()}
    for stream, moment in moments.items():
        sequence = moment.table.c.sequence
        query = sa.select(sa.func.count(), sa.func.min(sequence), sa.func.max(sequence), sa.func.max(moment)).where(
            moment > limit, *(~sequence.between(one.first, one.last) for one in database_errors if one.stream == stream)
        )
        count, first, last, latest = connection.execute(query).one()
        if count:
            found.append(Ahead(stream, count, first, last, latest))
    return found


def explain_ahead(connection: sa.Connection, *, actor: str, motive: str, now: datetime) -> list[Ahead]:
    """Explain the rows that `find_ahead` finds by a clock that was ahead, in the caller's transaction: one audit event
    for each chain; what was found. Raises UsageError without a motive."""
    if not motive.strip():
        raise UsageError("Expected a motive, found none.", hint="Say which clock was ahead, and how it is known.")
    lock_chains(connection)  # no other event is recorded between the search and its explanation
    found = find_ahead(connection)
    for one in found:
        append_audit(
            connection,
            AuditEvent(EXPLAINED, subject=f"chain/{one.stream}", actor=actor, after=asdict(one), motive=motive),
            now=now,
        )
    return found


def _read_explanations(connection: sa.Connection) -> Iterator[Ahead]:
    query = sa.select(AUDIT_EVENT.c.after).where(AUDIT_EVENT.c.action == EXPLAINED)
    for text in connection.execute(query).scalars():
        try:
            yield Ahead(**json.loads(text))
        except (TypeError, ValueError):  # the row was changed, and its hash says so
            continue
