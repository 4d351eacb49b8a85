"""A person's value taken out of the history, and that it was written down in the record.

Enters: a record with its history, a value, who erases and why. Leaves: a history without it, an audit event with
counts. Never here: the value in what is written down; a model or profiles made anew (they are other commands).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

from basira.schema.errors import StoreError
from basira.storage.database.connection import Database
from basira.storage.history.erasure import ErasedHistory, Progress, erase_from_history, find_holding
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, History
from basira.storage.naming import require_value
from basira.storage.record.audit_log import AuditEvent, append_audit, require_motive
from basira.storage.register import count_entries_naming, erase_entries_naming
from basira.workflows.records.audit import Record, require_unnamed

ERASED = "history.erased"


def preview_history(record: Record, person: str, *, progress: Progress) -> ErasedHistory:
    """What an erasure would reach at most; nothing is changed."""
    history = _history(record)
    holding = find_holding(history, require_value(person), progress=progress)
    current = [one for one in holding if one.is_current]
    rows = sum(one.rows for one in current)
    entries = count_entries_naming(history.root, require_value(person))
    return ErasedHistory(rows, len(current), len(holding), 0, history.current_number(), entries)


def erase_history(
    record: Record,
    person: str,
    *,
    actor: str,
    motive: str,
    now: datetime,
    progress: Progress,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> ErasedHistory:
    """Take a person's value out of every snapshot of the history and out of the register of names, audited. Raises
    UsageError, StoreError."""
    history, value = _history(record), require_value(person)
    require_motive(motive)
    require_unnamed(value, actor, motive)
    entries = count_entries_naming(history.root, value)
    # A store of which nothing was targeted yet has no record: one is made, for the audit.
    with Database(record.place) as database:

        def audit(done: ErasedHistory) -> None:
            with database.write() as connection:
                append_audit(
                    connection,
                    AuditEvent(
                        ERASED,
                        subject="history",
                        actor=actor,
                        after=asdict(replace(done, register_entries=entries)),
                        motive=motive,
                    ),
                    now=now,
                )

        done = erase_from_history(history, value, now=now, audit=audit, progress=progress, wait_seconds=wait_seconds)
        if entries and not done.removed:
            audit(done)  # the history had nothing, and wrote nothing down
        # After the audit: cut off before this, the same command again removes them.
        return replace(done, register_entries=erase_entries_naming(history.root, value))


def _history(record: Record) -> History:
    if record.history is None:
        raise StoreError("Expected a history in the store, found none.", hint="Name the store with --store.")
    return record.history
