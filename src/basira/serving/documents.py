"""Documents attached to a declaration's result: judged by their content, kept apart, held by the audit chain.

Enters: a service, a declaration's number, bytes with a name. Leaves: the document as recorded, or why it is not taken;
its bytes. Never here: a file judged by its name; a document of a declaration that the caller may not see.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from basira.schema.errors import NotFoundError, StoreError
from basira.serving.service import Service
from basira.serving.views.declaration import known_declaration
from basira.storage.documents import read_bytes, save_bytes
from basira.storage.record.chain import is_storable
from basira.storage.record.documents import Document, NewDocument, attach, list_documents, lock_documents
from basira.storage.record.officers import find_in_hand

MOST_DOCUMENT_BYTES = 8 << 20
MOST_DOCUMENTS = 20  # of one declaration
LONGEST_NAME = 120
Kind = Literal["pdf", "jpeg", "png"]
KINDS: tuple[Kind, ...] = ("pdf", "jpeg", "png")
# What is looked at from the end for the mark of a PDF's end: programs may write something behind it.
_END_BYTES = 2048
Obstacle = Literal["empty", "kind", "size", "count", "held", "cancelled"]
Sees = Callable[[str], bool]


@dataclass(frozen=True)
class NotTaken:
    """Why a document is not attached."""

    obstacle: Obstacle


def kind_of(content: bytes) -> Kind | None:
    """What bytes are, by how they begin and end; None: nothing that is taken, or a file that was cut.

    >>> kind_of(b"%PDF-1.7 ... %%EOF"), kind_of(b"MZ...")
    ('pdf', None)
    """
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-_END_BYTES:]:
        return "pdf"
    if content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\x00").endswith(b"\xff\xd9"):
        return "jpeg"
    is_png = content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
    return "png" if is_png else None


def clean_name(name: str) -> str:
    """A name as it is shown and given to a download: without a folder, control characters or quotes, 120 characters at
    most; "document" where nothing is left.

    >>> clean_name('C:\\\\scans\\\\fac"ture\\n.pdf')
    'facture.pdf'
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable() and c not in '"<>|:*?').strip(". ")
    return kept[-LONGEST_NAME:] if kept and is_storable(kept) else "document"


def attach_document(
    service: Service, declaration_id: str, name: str, content: bytes, *, by: str, sees: Sees, now: datetime
) -> Document | NotTaken:
    """Attach a document. The same bytes again are the document that is there.

    ``by``: a user id. Raises NotFoundError for a declaration that the person may not see, StoreError.
    """
    _, status = known_declaration(service.database, declaration_id, sees=sees)
    if service.store is None:
        raise StoreError("Expected a store for documents, found none.", hint="Start the service with --store.")
    kind = kind_of(content)
    if not content:
        return NotTaken("empty")
    if len(content) > MOST_DOCUMENT_BYTES:
        return NotTaken("size")
    if kind is None:
        return NotTaken("kind")
    if status.name == "cancelled":
        return NotTaken("cancelled")
    # Before the row that names them: bytes without a row are harmless, a row without bytes is a fault.
    digest = save_bytes(service.store, content)
    with service.database.write() as connection:
        lock_documents(connection)
        in_hand = find_in_hand(connection, [declaration_id]).get(declaration_id)
        if in_hand is not None and in_hand.officer not in (None, by):
            return NotTaken("held")
        known = list_documents(connection, declaration_id)
        if (same := next((one for one in known if one.digest == digest), None)) is not None:
            return same
        if len(known) >= MOST_DOCUMENTS:
            return NotTaken("count")
        new = NewDocument(
            f"doc-{secrets.token_hex(8)}", declaration_id, clean_name(name), kind, len(content), digest, by
        )
        return attach(connection, new, now=now)


def documents_of(service: Service, declaration_id: str) -> list[Document]:
    """The documents of a declaration that the caller may see."""
    with service.database.read() as connection:
        return list_documents(connection, declaration_id)


def read_document(service: Service, declaration_id: str, document_id: str, *, sees: Sees) -> tuple[Document, bytes]:
    """A document with its bytes, compared with the digest that the chain holds.

    Raises NotFoundError for a declaration that the person may not see, or a document that it has not; StoreError.
    """
    known_declaration(service.database, declaration_id, sees=sees)
    found = next((one for one in documents_of(service, declaration_id) if one.document_id == document_id), None)
    if found is None or service.store is None:
        raise NotFoundError("Expected a document of this declaration, found none.", hint="Open the declaration again.")
    return found, read_bytes(service.store, found.digest)
