"""The audit trail: who did what, when, on what, and how it was before and after.

Enters: changes of state, as they are made, in the transaction that makes them. Leaves: chained audit events
(`record.activity` reads them back). Never here: a password, a key, a personal value (a user is named by an opaque id).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.errors import UsageError
from basira.storage.record.chain import LinkedRow, append


def append_audit(
    connection: sa.Connection,
    action: str,
    *,
    subject: str,
    actor: str,
    now: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    motive: str | None = None,
) -> LinkedRow:
    """Append one audit event, in the transaction of the change that it reports; the event as recorded.

    ``action``: such as "user.created". ``subject``: what was changed, such as "user/u-1f...". ``before``/``after``: the
    fields that changed, None for what was not there. ``actor``: a user id, a key id, or the name of a command's user.
    """
    row = {
        "action": action,
        "subject": subject,
        "actor": actor,
        "before": None if before is None else canonical_values(before),
        "after": None if after is None else canonical_values(after),
        "motive": motive,
    }
    return append(connection, "audit", [row], now=now)[0]


def require_motive(motive: str) -> None:
    """Reject an erasure without a motive; raises UsageError."""
    if not motive.strip():
        raise UsageError("Expected a motive for an erasure, found none.", hint="Say who asked for it, or which rule.")
