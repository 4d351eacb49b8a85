"""Writing files so that a crash leaves either the old one or the new one.

Enters: bytes, rows. Leaves: files on the disk, described. Never here: which file belongs to which
commit.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from basira.schema.errors import StoreError
from basira.storage.private_files import make_private

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# A disk that is mounted read-only, fails or went away; a folder where a file should be, or the other way round.
_UNUSABLE = frozenset({errno.EROFS, errno.EIO, errno.ENODEV, errno.ESTALE, errno.EISDIR, errno.ENOTDIR})


@contextmanager
def storage_errors(store: Path) -> Iterator[None]:
    """Say in the store's words what the operating system refuses: a full disk, a missing permission."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL or "No space left" in str(error):
            raise StoreError(
                "The disk is full: the store {store} could not be written ({error}). The store is as it was before.",
                hint="Free some space on this disk, then run the same command again.",
                store=store,
                error=error.strerror or error,
            ) from error
        if isinstance(error, PermissionError):
            raise StoreError(
                "Expected to be allowed to write in the store {store}, found: {error}.",
                hint="Give this user write permission on the folder, or choose another with --store.",
                store=store,
                error=error,
            ) from error
        if error.errno in _UNUSABLE:
            raise StoreError(
                "Expected to read and write the store {store}, found: {error}.",
                hint="Check the disk, how it is mounted, and that nobody put something else in this place.",
                store=store,
                error=error,
            ) from error
        raise
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StoreError(
            "Comparing with the store {store} failed: {error} The store is as it was before.",
            hint="Most often the disk is full or a file of the store is damaged; free some space and run it again.",
            store=store,
            error=str(error).splitlines()[0],
        ) from error


def replace_file(path: Path, content: str | bytes) -> None:
    """Put ``content`` in ``path`` all at once: written aside, flushed to the disk, renamed. A text is in UTF-8. At no
    moment may anybody but its owner read it."""
    aside = path.with_name(f".{path.name}.writing")
    aside.unlink(missing_ok=True)  # one that was left behind would keep its rights
    make_private(aside)
    with aside.open("wb") as out:
        out.write(content.encode() if isinstance(content, str) else content)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Flush a finished file to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut (not possible on Windows)."""
    if os.name == "nt":
        return
    sync_file(folder)


def digest_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
