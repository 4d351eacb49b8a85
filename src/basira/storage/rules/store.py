"""Versions of rules and the steps of their lives: appended, read back.

Enters: a connection inside a transaction, what is new, who acts, when. Leaves: rows as records; each change audited in
its own transaction. Never here: a state that may not follow; an author's name (an actor is an opaque id).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.errors import NotFoundError, UsageError
from basira.schema.json_values import JsonObject
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.database.tables import DECISION, TARGETING_RUN
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import is_storable
from basira.storage.rules.tables import RISK_RULE, RISK_RULE_STEP


@dataclass(frozen=True)
class StoredRule:
    """One version. ``content``: its JSON values."""

    rule_id: str
    version: int
    content: JsonObject
    digest: str
    author: str
    created_at: str


@dataclass(frozen=True)
class StoredStep:
    """One step of a version's life. ``number``: over all versions of the rule, from 1."""

    rule_id: str
    number: int
    version: int
    state: str
    actor: str
    taken_at: str
    motive: str | None
    detail: JsonObject | None


@dataclass(frozen=True)
class Act:
    """Who takes a step, when, and on what grounds. ``detail``: JSON values that the step is recorded with."""

    actor: str
    now: datetime
    motive: str | None = None
    detail: JsonObject | None = None


def add_version(
    connection: sa.Connection, content: JsonObject, act: Act, *, state: str, expected_number: int
) -> tuple[StoredRule, StoredStep]:
    """Append a version of a rule with its first step.

    ``expected_number``: of the last step that the writer saw, 0 for a new rule. Raises UsageError when another step was
    taken meanwhile, or the text can't be stored: nothing is then changed.
    """
    rule_id = str(content["rule_id"])
    text = canonical_values(content)
    if not is_storable(text):
        raise UsageError("Expected a rule of storable characters, found others.", hint="Remove the character U+0000.")
    lock_chains(connection)
    _require_last(connection, rule_id, expected_number)
    version = 1 + (
        connection.execute(
            sa.select(sa.func.max(RISK_RULE.c.version)).where(RISK_RULE.c.rule_id == rule_id)
        ).scalar_one()
        or 0
    )
    made = StoredRule(
        rule_id, version, content, hashlib.sha256(text.encode()).hexdigest(), act.actor, moment_text(act.now)
    )
    connection.execute(
        RISK_RULE.insert(),
        {
            "rule_id": rule_id,
            "version": version,
            "content": text,
            "digest": made.digest,
            "author": act.actor,
            "created_at": made.created_at,
        },
    )
    step = _step(rule_id, expected_number + 1, version, state, replace(act, detail={"digest": made.digest}))
    _append_step(connection, step, before=None, now=act.now)
    return made, step


def add_step(
    connection: sa.Connection, last: StoredStep, state: str, act: Act, *, version: int | None = None
) -> StoredStep:
    """Append a step after the ``last`` one that the writer saw. ``version``: another one of the rule than the last's.

    Raises UsageError when another step was taken meanwhile.
    """
    lock_chains(connection)
    _require_last(connection, last.rule_id, last.number)
    step = _step(last.rule_id, last.number + 1, last.version if version is None else version, state, act)
    _append_step(connection, step, before=last.state, now=act.now)
    return step


def get_version(connection: sa.Connection, rule_id: str, version: int | None = None) -> StoredRule:
    """A version of a rule, the newest by default. Raises NotFoundError when there is none."""
    which = RISK_RULE.c.rule_id == rule_id
    if version is not None:
        which &= RISK_RULE.c.version == version
    row = (
        connection.execute(sa.select(RISK_RULE).where(which).order_by(RISK_RULE.c.version.desc()).limit(1))
        .mappings()
        .first()
    )
    if row is None:
        raise NotFoundError(
            "Expected the rule {rule_id!r}, found none."
            if version is None
            else "Expected the rule {rule_id!r} in version {version}, found none.",
            hint="`basira rules list` shows the rules.",
            rule_id=rule_id,
            version=version,
        )
    return _rule(row)


def list_versions(connection: sa.Connection) -> list[StoredRule]:
    """Every version of every rule, in the order of ids and versions."""
    rows = connection.execute(sa.select(RISK_RULE).order_by(RISK_RULE.c.rule_id, RISK_RULE.c.version)).mappings()
    return [_rule(row) for row in rows]


def list_steps(connection: sa.Connection, rule_id: str | None = None) -> list[StoredStep]:
    """The steps of a rule, or of all of them, in the order in which they were taken."""
    query = sa.select(RISK_RULE_STEP).order_by(RISK_RULE_STEP.c.rule_id, RISK_RULE_STEP.c.number)
    if rule_id is not None:
        query = query.where(RISK_RULE_STEP.c.rule_id == rule_id)
    return [
        StoredStep(**{**row, "detail": None if row["detail"] is None else json.loads(row["detail"])})
        for row in connection.execute(query).mappings()
    ]


def _rule(row: sa.RowMapping) -> StoredRule:
    return StoredRule(**{**row, "content": json.loads(row["content"])})


def _require_last(connection: sa.Connection, rule_id: str, expected: int) -> None:
    found = connection.execute(
        sa.select(sa.func.max(RISK_RULE_STEP.c.number)).where(RISK_RULE_STEP.c.rule_id == rule_id)
    ).scalar_one()
    if (found or 0) != expected:
        raise UsageError(
            "Expected step {expected} of the rule {rule_id!r} to be its last, found {found}: another user changed "
            "it meanwhile.",
            hint="Look at the rule again with `basira rules show`, then repeat the change.",
            expected=expected,
            rule_id=rule_id,
            found=found or 0,
        )


def _step(rule_id: str, number: int, version: int, state: str, act: Act) -> StoredStep:
    return StoredStep(rule_id, number, version, state, act.actor, moment_text(act.now), act.motive, act.detail)


def _append_step(connection: sa.Connection, step: StoredStep, *, before: str | None, now: datetime) -> None:
    rule_id, version, state = step.rule_id, step.version, step.state
    actor, motive, detail = step.actor, step.motive, step.detail
    connection.execute(
        RISK_RULE_STEP.insert(),
        {
            "rule_id": rule_id,
            "number": step.number,
            "version": version,
            "state": state,
            "actor": actor,
            "taken_at": step.taken_at,
            "motive": motive,
            "detail": None if detail is None else canonical_values(detail),
        },
    )
    append_audit(
        connection,
        AuditEvent(
            action=f"rule.{state}",
            subject=f"rule/{rule_id}/{version}",
            actor=actor,
            before=None if before is None else {"state": before},
            after={"state": state, **(detail or {})},
            motive=motive,
        ),
        now=now,
    )


def count_steps(connection: sa.Connection) -> int:
    """How many steps are on record, of all rules: none is ever taken away, so another count is another content."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(RISK_RULE_STEP)).scalar_one())


def recorded_probabilities(connection: sa.Connection, *, first: str, last: str) -> dict[str, float]:
    """The inclusion probability of each declaration that a run decided, of days from ``first`` to ``last`` (ISO).

    Of several runs the last one recorded. What the service decided is not among them.
    """
    query = (
        sa.select(DECISION.c.declaration_id, DECISION.c.inclusion_probability)
        .join(TARGETING_RUN, TARGETING_RUN.c.run_id == DECISION.c.run_id)
        .where(TARGETING_RUN.c.day.between(first, last))
        .order_by(TARGETING_RUN.c.sequence)
    )
    return {row.declaration_id: row.inclusion_probability for row in connection.execute(query)}
