"""The register of risks: versions of its entries, appended and read back.

Enters: a connection inside a transaction, the JSON of an entry, who acts, when. Leaves: rows as records; each version
audited in its own transaction. Never here: what a level is; a change of what is recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from basira.schema.canonical import canonical_values
from basira.schema.errors import NotFoundError, UsageError
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import is_storable
from basira.storage.rules.tables import RISK_REGISTER


@dataclass(frozen=True)
class StoredRisk:
    """One version of an entry. ``content``: its JSON values."""

    risk_id: str
    version: int
    content: Mapping[str, object]
    digest: str
    actor: str
    taken_at: str
    motive: str | None


def add_risk(
    connection: sa.Connection,
    content: Mapping[str, object],
    *,
    actor: str,
    now: datetime,
    expected: int,
    motive: str | None = None,
) -> StoredRisk:
    """Append a version. ``expected``: the last version that the writer saw, 0 for a new entry. Raises UsageError when
    there is another one: nothing is then changed."""
    risk_id, text = str(content["risk_id"]), canonical_values(content)
    if not is_storable(text):
        raise UsageError("Expected texts of storable characters, found others.", hint="Remove the character U+0000.")
    lock_chains(connection)
    found = max((one.version for one in list_versions(connection, risk_id)), default=0)
    if found != expected:
        raise UsageError(
            "Expected version {expected} of the risk {risk_id!r} to be its last, found {found}: another user "
            "changed it meanwhile, or it is there already.",
            hint="Look at it with `basira risks show`, then repeat the change.",
            expected=expected,
            risk_id=risk_id,
            found=found,
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = {
        "risk_id": risk_id,
        "version": found + 1,
        "content": text,
        "digest": digest,
        "actor": actor,
        "taken_at": moment_text(now),
        "motive": motive,
    }
    connection.execute(RISK_REGISTER.insert(), row)
    event = AuditEvent(
        "risk.written", subject=f"risk/{risk_id}/{found + 1}", actor=actor, after={"digest": digest}, motive=motive
    )
    append_audit(connection, event, now=now)
    return StoredRisk(risk_id, found + 1, content, digest, actor, moment_text(now), motive)


def list_versions(connection: sa.Connection, risk_id: str | None = None) -> list[StoredRisk]:
    """The versions of an entry, or of all of them, in the order of ids and versions."""
    query = sa.select(RISK_REGISTER).order_by(RISK_REGISTER.c.risk_id, RISK_REGISTER.c.version)
    if risk_id is not None:
        query = query.where(RISK_REGISTER.c.risk_id == risk_id)
    return [
        StoredRisk(**{**row, "content": json.loads(row["content"])}) for row in connection.execute(query).mappings()
    ]


def get_risk(connection: sa.Connection, risk_id: str) -> StoredRisk:
    """The last version of an entry. Raises NotFoundError."""
    versions = list_versions(connection, risk_id)
    if not versions:
        raise NotFoundError(
            "Expected the risk {risk_id!r}, found none.",
            hint="`basira risks list` shows them.",
            risk_id=risk_id,
        )
    return versions[-1]
