"""The audit trail: who did what, when, on what, and how it was before and after.

Enters: changes of state, as they are made, in the transaction that makes them. Leaves: chained audit events
(`record.activity` reads them back). Never here: a password, a key, a personal value (a user is named by an opaque id).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.errors import UsageError
from basira.storage.record.chain import LinkedRow, append


@dataclass(frozen=True)
class AuditEvent:
    """One event to append. ``action``: such as "user.created". ``subject``: what was changed, such as "user/u-1f...".
    ``before``/``after``: the fields that changed, None for what was not there. ``actor``: a user id, a key id, or the
    name of a command's user."""

    action: str
    subject: str
    actor: str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    motive: str | None = None


def append_audit(connection: sa.Connection, event: AuditEvent, *, now: datetime) -> LinkedRow:
    """Append one audit event, in the transaction of the change that it reports; the event as recorded."""
    row = {
        "action": event.action,
        "subject": event.subject,
        "actor": event.actor,
        "before": None if event.before is None else canonical_values(event.before),
        "after": None if event.after is None else canonical_values(event.after),
        "motive": event.motive,
    }
    return append(connection, "audit", [row], now=now)[0]


def require_motive(motive: str) -> None:
    """Reject an erasure without a motive; raises UsageError."""
    if not motive.strip():
        raise UsageError("Expected a motive for an erasure, found none.", hint="Say who asked for it, or which rule.")
