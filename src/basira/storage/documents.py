"""The bytes of documents, apart from every table: files of the store named by their own digest.

Enters: a store's folder, bytes. Leaves: files that only their owner may read; the same bytes again, compared with their
digest. Never here: a name that a sender gave; who may read them; a file that is changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.history.files import digest_file, replace_file, storage_errors
from basira.storage.private_files import make_private_folder

FOLDER = "documents"


def save_bytes(store: Path, content: bytes) -> str:
    """Keep bytes; their SHA-256, in hexadecimal. The same bytes again are one file. Raises StoreError."""
    digest = hashlib.sha256(content).hexdigest()
    path = _path(store, digest)
    with storage_errors(store):
        make_private_folder(path.parent)
        if not path.exists():
            replace_file(path, content)
    return digest


def read_bytes(store: Path, digest: str) -> bytes:
    """The bytes of a digest. Raises StoreError when they are gone, or are others now."""
    try:
        content = _path(store, digest).read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise StoreError(
            "Expected to read the document {digest}, found: {error}.",
            hint="Check the disk and the rights of the folder documents/ of the store.",
            digest=digest,
            error=error.strerror or error,
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise StoreError(
            "Expected the document {digest} as it was attached, found another one or none.",
            hint="Put documents/ of the store back from the backup: docs/how-to/back-up-and-restore.md.",
            digest=digest,
        )
    return content


def is_whole(store: Path, digest: str) -> bool:
    """Whether the bytes of a digest are there, and the same."""
    try:
        return digest_file(_path(store, digest)) == digest
    except OSError:
        return False


def _path(store: Path, digest: str) -> Path:
    return store / FOLDER / digest[:2] / digest
