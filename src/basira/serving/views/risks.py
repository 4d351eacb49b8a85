"""The register of risks as answers show it.

Enters: a database, a day. Leaves: JSON values. Never here: a change; a login (an actor is an opaque id).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from basira.storage.database.connection import Database
from basira.workflows.rules.register import RiskShown, show_entry, show_register


class RiskBody(TypedDict):
    """A version of an entry. ``likelihood``, ``consequence``: 1 to 5; ``product``: of the two; ``level``: low,
    moderate, high, extreme; ``office``: of a local risk, null for a national one; ``is_overdue``: its review was due
    before today; ``by``: opaque id of who wrote the version; ``motive``: why."""

    risk_id: str
    version: int
    title: str
    owner: str
    office: str | None
    likelihood: int
    consequence: int
    product: int
    level: str
    treatment: str
    plan: str
    rules: Sequence[str]
    review_on: str
    is_overdue: bool
    state: str
    by: str
    at: str
    motive: str | None


class RisksBody(TypedDict):
    """Every entry in its last version: those with an overdue review first, then the gravest."""

    day: str
    overdue: int
    risks: Sequence[RiskBody]


class RiskHistoryBody(TypedDict):
    """All versions of an entry, in order. ``last_version``: the ``seen`` of the version that is written next."""

    risk_id: str
    day: str
    last_version: int
    versions: Sequence[RiskBody]


def risks_body(database: Database, *, on: date, office: str | None = None) -> RisksBody:
    """The register on a day. ``office``: only the local risks of this one; "": only the national ones."""
    with database.read() as connection:
        found = show_register(connection, on=on)
    shown = [risk_body(one) for one in found if office in (None, one.risk.office)]
    return {"day": on.isoformat(), "overdue": sum(one["is_overdue"] for one in shown), "risks": shown}


def risk_history_body(database: Database, risk_id: str, *, on: date) -> RiskHistoryBody:
    """All versions of an entry on a day. Raises NotFoundError."""
    with database.read() as connection:
        versions = [risk_body(one) for one in show_entry(connection, risk_id, on=on)]
    return {
        "risk_id": risk_id,
        "day": on.isoformat(),
        "last_version": versions[-1]["version"],
        "versions": versions,
    }


def risk_body(one: RiskShown) -> RiskBody:
    """One version."""
    risk, stored = one.risk, one.stored
    return {
        "risk_id": risk.risk_id,
        "version": stored.version,
        "title": risk.title,
        "owner": risk.owner,
        "office": risk.office or None,
        "likelihood": risk.likelihood,
        "consequence": risk.consequence,
        "product": risk.product,
        "level": risk.level,
        "treatment": risk.treatment,
        "plan": risk.plan,
        "rules": list(risk.rules),
        "review_on": risk.review_on.isoformat(),
        "is_overdue": one.is_overdue,
        "state": risk.state,
        "by": stored.actor,
        "at": stored.taken_at,
        "motive": stored.motive,
    }
