"""The register of risks on record: written, changed, looked at again.

Enters: the operational database, an entry, the login of the person who acts, the moment. Leaves: versions with their
event in the audit. Never here: an entry that names a rule which is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from basira.rules.faults import rule_fault
from basira.rules.lifecycle import require_writer
from basira.rules.register import Review, Risk, read_risk, review_risk, settle_risk, write_risk
from basira.storage.database.connection import Database, lock_chains
from basira.storage.rules.register import StoredRisk, add_risk, get_risk, list_versions
from basira.storage.rules.store import list_versions as list_rules
from basira.workflows.rules.life import find_person


@dataclass(frozen=True)
class RiskShown:
    """An entry with its version. ``is_overdue``: its review was due before the day asked for."""

    stored: StoredRisk
    risk: Risk
    is_overdue: bool


def write_entry(
    database: Database, risk: Risk, *, login: str, now: datetime, expected: int, motive: str | None = None
) -> RiskShown:
    """Record a version of an entry. ``expected``: the last version that the person saw, 0 for a new one. Raises
    RuleError, also when there is another one: nothing is then changed."""
    with database.write() as connection:
        person = find_person(connection, login)
        require_writer(person.roles)
        known = {one.rule_id for one in list_rules(connection)}
        lock_chains(connection)  # before it is read: of two writers at once the second one sees the first one's version
        found = max((one.version for one in list_versions(connection, risk.risk_id)), default=0)
        if found != expected:
            raise rule_fault("risk_changed", expected=expected, found=found)
        settled = settle_risk(risk, known_rules=known, today=now.date())
        stored = add_risk(connection, write_risk(settled), actor=person.id, now=now, expected=expected, motive=motive)
    return RiskShown(stored, settled, settled.is_overdue(now.date()))


def review_entry(
    database: Database, risk_id: str, review: Review, *, login: str, now: datetime, expected: int | None = None
) -> RiskShown:
    """Record that an entry was looked at: what it is now, why, and when next. ``expected``: the last version that the
    person saw; None: whatever it is. Raises RuleError, also without a motive; NotFoundError without such an entry."""
    motive = review.motive.strip()
    if not motive:
        raise rule_fault("motive")
    with database.read() as connection:
        stored = get_risk(connection, risk_id)
    changed = review_risk(read_risk(stored.content), review)
    seen = stored.version if expected is None else expected
    return write_entry(database, changed, login=login, now=now, expected=seen, motive=motive)


def show_register(connection: sa.Connection, *, on: date) -> list[RiskShown]:
    """Every entry in its last version: those that are overdue first, then the gravest."""
    last = {one.risk_id: one for one in list_versions(connection)}
    shown = [_shown(one, on) for one in last.values()]
    return sorted(shown, key=lambda one: (not one.is_overdue, -one.risk.product, one.risk.risk_id))


def show_entry(connection: sa.Connection, risk_id: str, *, on: date) -> list[RiskShown]:
    """Every version of an entry, in order. Raises NotFoundError."""
    get_risk(connection, risk_id)
    return [_shown(one, on) for one in list_versions(connection, risk_id)]


def _shown(stored: StoredRisk, on: date) -> RiskShown:
    risk = read_risk(stored.content)
    return RiskShown(stored, risk, risk.is_overdue(on))
