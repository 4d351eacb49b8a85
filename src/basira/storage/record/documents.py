"""Which documents are attached to which declaration: a table of names and digests, and the audit events that hold them.

Enters: a connection inside a transaction, a document's description, who attaches it, when. Leaves: the descriptions, in
order. Never here: bytes (`basira.storage.documents`); a name in the audit, for it may name a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from basira.storage.database.connection import lock_chains
from basira.storage.database.tables import AUDIT_EVENT, DOCUMENT
from basira.storage.record.audit_log import AuditEvent, append_audit

_ACTION = "document.attached"


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a declaration. ``name``: as its sender called it. ``kind``: "pdf", "jpeg" or "png", by its content.
    ``digest``: SHA-256 of its bytes. ``attached_by``: a user id. ``attached_at``: ISO 8601."""

    document_id: str
    declaration_id: str
    name: str
    kind: str
    size_bytes: int
    digest: str
    attached_by: str
    attached_at: str


@dataclass(frozen=True)
class NewDocument:
    """A document to attach; see `Document`."""

    document_id: str
    declaration_id: str
    name: str
    kind: str
    size_bytes: int
    digest: str
    attached_by: str


def lock_documents(connection: sa.Connection) -> None:
    """Be the only one to attach until the transaction ends: before the look at how many there are."""
    lock_chains(connection)


def attach(connection: sa.Connection, new: NewDocument, *, now: datetime) -> Document:
    """Attach a document, with the audit event that holds its digest."""
    row = append_audit(
        connection,
        AuditEvent(
            action=_ACTION,
            subject=f"declaration/{new.declaration_id}",
            actor=new.attached_by,
            after={
                "document_id": new.document_id,
                "kind": new.kind,
                "size_bytes": new.size_bytes,
                "digest": new.digest,
            },
        ),
        now=now,
    )
    made = Document(
        new.document_id,
        new.declaration_id,
        new.name,
        new.kind,
        new.size_bytes,
        new.digest,
        new.attached_by,
        row["recorded_at"],
    )
    values = {name: getattr(made, name) for name in Document.__slots__}
    connection.execute(DOCUMENT.insert(), {**values, "sequence": row["sequence"]})
    return made


def list_documents(connection: sa.Connection, declaration_id: str) -> list[Document]:
    """The documents of a declaration, in the order in which they were attached."""
    columns = [DOCUMENT.c[name] for name in Document.__slots__]
    query = sa.select(*columns).where(DOCUMENT.c.declaration_id == declaration_id).order_by(DOCUMENT.c.sequence)
    return [Document(*row) for row in connection.execute(query)]


def list_digests(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """The id and digest of every document, in the order in which they were attached."""
    query = sa.select(DOCUMENT.c.document_id, DOCUMENT.c.digest).order_by(DOCUMENT.c.sequence)
    for document_id, digest in connection.execute(query):
        yield str(document_id), str(digest)


def document_faults(connection: sa.Connection) -> Iterator[str]:
    """What is wrong with the table: a document that is not what its audit event says, one whose row is gone."""
    own, audit = DOCUMENT.c, AUDIT_EVENT.c
    query = (
        sa.select(own.document_id, own.declaration_id, own.kind, own.size_bytes, own.digest)
        .add_columns(own.attached_by, audit.actor, audit.action, audit.subject, audit.after)
        .join(AUDIT_EVENT, audit.sequence == own.sequence, isouter=True)
        .order_by(own.sequence)
    )
    for number, of, kind, size, digest, by, actor, action, subject, after in connection.execute(query):
        said = json.loads(after) if action == _ACTION and subject == f"declaration/{of}" else {}
        if (said, actor) != ({"document_id": number, "kind": kind, "size_bytes": size, "digest": digest}, by):
            yield f"the document {number}: expected what its audit event says, found another"
    gone = sa.select(sa.func.min(audit.sequence)).where(
        audit.action == _ACTION, ~sa.exists().where(own.sequence == audit.sequence)
    )
    if (sequence := connection.execute(gone).scalar()) is not None:
        yield f"the document of audit event {sequence}: its row is gone"
