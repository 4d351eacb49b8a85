"""Writing a file of online profiles: whole, flushed, then given its name.

Enters: sorted keys and records, relation by relation, and what they are. Leaves: a published file, and
CURRENT pointing to it. Never here: what a record means, or a change to a file that readers may have open.

Killed at any moment, a build leaves CURRENT as it was; the next builder removes what it left aside.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

import filelock
import lmdb

from basira.schema.errors import Phrase, StoreError
from basira.storage.history.files import digest_file, replace_file, storage_errors, sync_file, sync_folder
from basira.storage.private_files import make_private_folder
from basira.storage.profiles.files import (
    BUILDING,
    CURRENT,
    LOCK,
    METADATA_KEY,
    SENTINEL_KEY,
    Manifest,
    Metadata,
    data_path,
    list_names,
    manifest_path,
    read_manifest,
    read_pointer,
    verify_file,
)

Entries = tuple[str, Sequence[bytes], Sequence[bytes]]

DEFAULT_WAIT_SECONDS = 30.0
# The newest, and what a reader falls back on.
KEPT = 3
# Address space, not disk: the file grows as it is written.
_ROOM = 1 << 36


@dataclass(frozen=True)
class Description:
    """What the builder knows before the first record; see `Metadata`."""

    as_of_day: int
    snapshot: int
    catalog: str
    extras: tuple[str, ...]
    is_simulated: bool
    software: Mapping[str, str]
    currencies: tuple[str, ...] = ()


def publish_profiles(
    folder: Path,
    entries: Iterable[Entries],
    *,
    description: Description,
    built_at: datetime,
    kept: int = KEPT,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> Manifest:
    """Write one build and make it current.

    Parameters
    ----------
    folder : the profiles' own folder; made when absent.
    entries : relation, keys, records; keys ascending over the whole iteration. Computed while they are written.
    kept : how many builds stay in the folder, at least 1; a reader's open file stays readable when removed.
    wait_seconds : for another builder to end.

    Raises StoreError when another builder does not end in time, the disk is full, or keys are out of order; the
    folder is then as it was, and the profiles in force go on serving.
    """
    with storage_errors(folder):
        make_private_folder(folder)
        with _only_builder(folder, wait_seconds):
            for leftover in folder.glob(f"{BUILDING}*"):
                leftover.unlink(missing_ok=True)
            aside = folder / f"{BUILDING}{os.getpid()}.lmdb"
            try:
                metadata = _write(aside, entries, description, built_at)
                sync_file(aside)
                manifest = Manifest(metadata, aside.stat().st_size, digest_file(aside))
                if not _is_published(folder, manifest):
                    aside.replace(data_path(folder, manifest.name))
                    replace_file(manifest_path(folder, manifest.name), manifest.to_json())
            finally:
                aside.unlink(missing_ok=True)
            sync_folder(folder)
            replace_file(folder / CURRENT, manifest.name + "\n")
            _forget_old(folder, kept)
    return read_manifest(folder, manifest.name)


@contextmanager
def _only_builder(folder: Path, wait_seconds: float) -> Iterator[None]:
    try:
        # The system releases it when its holder dies, however it dies.
        with filelock.FileLock(folder / LOCK, timeout=wait_seconds):
            yield
    except filelock.Timeout as error:
        raise StoreError(
            "Expected to build the profiles alone; another build still held {lock} after {wait_seconds:g} s.",
            hint="Wait for the other build to end; its profiles will serve.",
            lock=LOCK,
            wait_seconds=wait_seconds,
        ) from error


def _write(path: Path, entries: Iterable[Entries], description: Description, built_at: datetime) -> Metadata:
    # No other process knows this file yet: no lock file, and one flush at the end.
    try:
        with lmdb.open(
            str(path), subdir=False, lock=False, map_size=_ROOM, sync=False, metasync=False, readahead=False, mode=0o600
        ) as env:
            counts: dict[str, int] = {}
            content = hashlib.sha256()
            for relation, keys, records in entries:
                with env.begin(write=True) as txn:
                    pairs = list(zip(keys, records, strict=True))
                    _, added = txn.cursor().putmulti(pairs, append=True, overwrite=False)
                if added != len(keys):
                    raise StoreError(
                        "Expected keys in ascending order, found {keys_count} of {relation} that are not.",
                        hint="Build the profiles anew; if it happens again, report it.",
                        keys_count=len(keys) - added,
                        relation=relation,
                    )
                content.update(b"".join(chain.from_iterable(zip(keys, records, strict=True))))
                counts[relation] = counts.get(relation, 0) + len(keys)
            metadata = Metadata(
                **vars(description), built_at=built_at.isoformat(), counts=counts, content=content.hexdigest()
            )
            with env.begin(write=True) as txn:
                txn.put(METADATA_KEY, metadata.to_json().encode())
                txn.put(SENTINEL_KEY, metadata.content.encode())
            env.sync(True)
    except lmdb.Error as error:
        # LMDB speaks of a full disk in its own class.
        full = next((n for n in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) if os.strerror(n) in str(error)), None)
        if full is not None:
            raise OSError(full, os.strerror(full)) from error
        # A write cut short by the end of the disk comes back as an input/output error.
        is_of_disk = os.strerror(errno.EIO) in str(error)
        cause = Phrase("the disk is full or failing") if is_of_disk else Phrase("LMDB rejected it")
        raise StoreError(
            "Expected to write the profiles, found that {cause} ({error}). Those in force go on serving.",
            hint="Free some space on this disk, or check it, then build the profiles anew.",
            cause=cause,
            error=error,
        ) from error
    return metadata


def _is_published(folder: Path, manifest: Manifest) -> bool:
    """Whether this very content is there already and whole: readers may have it open, so it stays."""
    try:
        verify_file(folder, read_manifest(folder, manifest.name))
    except StoreError:
        return False
    return True


def _forget_old(folder: Path, kept: int) -> None:
    current = read_pointer(folder)
    names = [name for name in list_names(folder) if name != current]
    for name in names[max(kept - 1, 0) :]:
        # The manifest first: a reader then no longer looks for the file.
        manifest_path(folder, name).unlink(missing_ok=True)
        data_path(folder, name).unlink(missing_ok=True)
