"""The proof of rules and of the register of risks: their tables say what the audit, which is chained, says.

Enters: a connection. Leaves: every fault found, in sentences. Never here: a repair; the proof of the audit's own chain
(`record.verify`); lists, whose entries can be erased (`rules.lists.prove_lists`).

A rule acts by the rows of two tables that hold no chain: a changed condition, a step that nobody took, or a version
that is gone would else be found by nobody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.rules.tables import RISK_REGISTER, RISK_RULE, RISK_RULE_STEP


class _Audited(NamedTuple):
    """What the audit says of one step, or of one version of a risk. ``after``: None where it can't be read."""

    action: str
    actor: str
    motive: str | None
    after: Mapping[str, object] | None


def prove_rules(connection: sa.Connection) -> list[str]:
    """What is wrong with rules, their steps, and the register of risks."""
    return [*_prove_versions(connection), *_prove_risks(connection)]


def _prove_versions(connection: sa.Connection) -> list[str]:
    audited = _read_audit(connection, "rule")
    steps: dict[str, list[_Audited]] = {}
    query = sa.select(RISK_RULE_STEP).order_by(RISK_RULE_STEP.c.rule_id, RISK_RULE_STEP.c.number)
    for row in connection.execute(query):
        detail = {} if row.detail is None else _json(row.detail)
        after = None if detail is None else {"state": row.state, **detail}
        one = _Audited(f"rule.{row.state}", row.actor, row.motive, after)
        steps.setdefault(f"rule/{row.rule_id}/{row.version}", []).append(one)
    faults = []
    for subject in sorted(audited.keys() | steps.keys()):
        if _plain(steps.get(subject, [])) != _plain(audited.get(subject, [])):
            faults.append(f"the steps of {subject} are not those that the audit has")
    kept = set()
    for row in connection.execute(sa.select(RISK_RULE).order_by(RISK_RULE.c.rule_id, RISK_RULE.c.version)):
        subject = f"rule/{row.rule_id}/{row.version}"
        kept.add(subject)
        digests = {one.after["digest"] for one in audited.get(subject, []) if one.after and "digest" in one.after}
        if _digest(row.content) != row.digest or digests - {row.digest}:
            faults.append(f"the content of {subject} was changed")
    return [*faults, *(f"{subject} is gone" for subject in sorted(audited.keys() - kept))]


def _prove_risks(connection: sa.Connection) -> list[str]:
    audited = _read_audit(connection, "risk")
    faults, kept = [], set()
    query = sa.select(RISK_REGISTER).order_by(RISK_REGISTER.c.risk_id, RISK_REGISTER.c.version)
    for row in connection.execute(query):
        subject = f"risk/{row.risk_id}/{row.version}"
        kept.add(subject)
        written = _Audited("risk.written", row.actor, row.motive, {"digest": row.digest})
        if _digest(row.content) != row.digest or _plain(audited.get(subject, [])) != _plain([written]):
            faults.append(f"{subject} is not what the audit has")
    return [*faults, *(f"{subject} is gone" for subject in sorted(audited.keys() - kept))]


def _read_audit(connection: sa.Connection, kind: str) -> dict[str, list[_Audited]]:
    """By subject, what the audit says of rules or risks, in its order."""
    found: dict[str, list[_Audited]] = {}
    query = (
        sa.select(AUDIT_EVENT.c.subject, AUDIT_EVENT.c.action, AUDIT_EVENT.c.actor, AUDIT_EVENT.c.motive)
        .add_columns(AUDIT_EVENT.c.after)
        .where(AUDIT_EVENT.c.subject.startswith(f"{kind}/"))
        .order_by(AUDIT_EVENT.c.sequence)
    )
    for row in connection.execute(query):
        found.setdefault(row.subject, []).append(_Audited(row.action, row.actor, row.motive, _json(row.after)))
    return found


def _plain(several: list[_Audited]) -> list[tuple[str, str, str | None, str | None]]:
    """To compare: the same values in one text, whatever the order of their names."""
    return [
        (one.action, one.actor, one.motive, None if one.after is None else canonical_values(one.after))
        for one in several
    ]


def _json(text: str | None) -> Mapping[str, object] | None:
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
