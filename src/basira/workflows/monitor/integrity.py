"""The pairs to be looked at, for those who may see them: auditors see pairs, managers their number.

Enters: a store, the record with its accounts, the login of who looks. Leaves: an `IntegrityReport`; each look is
audited. Never here: a pair for anyone but an auditor; a name (labels are those of the results).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from basira.monitor.integrity_report import IntegrityReport, OfficeCount
from basira.schema.access import Role
from basira.schema.errors import UsageError
from basira.storage.database.connection import Database, lock_chains
from basira.storage.history.store import History
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.workflows.engine import EngineBounds
from basira.workflows.monitor.assignments import KINDS, SHIFT_HOURS, encode, pairs_of, read_controls
from basira.workflows.rules.life import find_person

LOOKED = "integrity.looked"


@dataclass(frozen=True)
class Asked:
    """``login``: of the person who looks; ``first``, ``last``: days of controls, both included; ``shift_hours``: of a
    shift, from midnight on."""

    login: str
    first: date
    last: date
    shift_hours: int = SHIFT_HOURS


def look_at_pairs(
    history: History, place: str | Path, asked: Asked, *, now: datetime, engine: EngineBounds | None = None
) -> IntegrityReport:
    """Compare who inspected whom with an assignment by chance, and record who looked.

    Raises UsageError for a person who is neither auditor nor manager, and for days without a control; NotFoundError for
    an unknown login; StoreError.
    """
    with Database(place, create=False) as database:
        with database.read() as connection:
            person = find_person(connection, asked.login)
        level = level_of(person.roles)
        found = find_pairs_of_days(history, asked.first, asked.last, shift_hours=asked.shift_hours, engine=engine)
        record_look(database, person.id, level, found, now=now)
    return show_to(found, level)


def find_pairs_of_days(
    history: History,
    first: date,
    last: date,
    *,
    shift_hours: int = SHIFT_HOURS,
    engine: EngineBounds | None = None,
) -> IntegrityReport:
    """Compare who inspected whom with an assignment by chance, for a reader who may see pairs.

    Before it is shown, `level_of` says as what, and `record_look` audits the look. Raises UsageError for days without a
    control; StoreError.
    """
    controls = read_controls(history, first=first, last=last, engine=engine)
    if controls.is_empty():
        raise UsageError(
            "Expected controls from {first} to {last}, found none.",
            hint="Choose days whose results were taken in (`basira feedback`).",
            first=first,
            last=last,
        )
    found = {kind: pairs_of(encode(controls, kind, shift_hours=shift_hours), kind=kind) for kind in KINDS}
    standing = [one for kind in KINDS for one in found[kind].standing]
    offices = Counter((one.office, one.kind) for one in standing)
    names = sorted({one.office for one in standing})
    return IntegrityReport(
        first=first,
        last=last,
        is_simulated=history.snapshot().is_simulated,
        controls=controls.height,
        left_out=max(found[kind].left_out for kind in KINDS),
        tested=sum(found[kind].tested for kind in KINDS),
        offices=tuple(OfficeCount(name, *(offices[name, kind] for kind in KINDS)) for name in names),
        pairs=tuple(standing),
    )


def show_to(report: IntegrityReport, level: Role) -> IntegrityReport:
    """What a reader sees: an auditor pairs, any other their number."""
    return report if level == "auditor" else replace(report, pairs=None)


def record_look(database: Database, actor: str, level: Role, report: IntegrityReport, *, now: datetime) -> None:
    """Audit that a person looked, as what, at which days. Raises StoreError."""
    with database.write() as connection:
        lock_chains(connection)
        append_audit(
            connection,
            AuditEvent(
                LOOKED,
                subject="monitor/integrity",
                actor=actor,
                after={"as": level, "first": report.first.isoformat(), "last": report.last.isoformat()},
            ),
            now=now,
        )


def level_of(roles: frozenset[Role]) -> Role:
    """As what a person looks: as auditor where he is one. Raises UsageError for another than auditor and manager."""
    for role in ("auditor", "manager"):
        if role in roles:
            return role
    raise UsageError(
        "Expected the role auditor or manager, found {roles}.",
        hint="Ask a person who has it; `basira users list` shows them.",
        roles=", ".join(sorted(roles)) or "none",
    )
