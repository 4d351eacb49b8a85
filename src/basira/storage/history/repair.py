"""CURRENT put right: after a restore of copies of two moments, or when something wrote into it.

Enters: a store, perhaps the snapshot to go back to. Leaves: a snapshot in force that is whole; what is later than it in
a folder of its own. Never here: a file that is removed, or a snapshot in force that lacks a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from basira.schema.errors import BasiraError, NotFoundError, StoreError
from basira.storage.history.files import replace_file, storage_errors
from basira.storage.history.manifest import DRAFT_NOTE, TABLE_NAMES, manifest_path
from basira.storage.history.store import DEFAULT_WAIT_SECONDS, SET_ASIDE, History
from basira.storage.history.verify import fault_of
from basira.storage.private_files import make_private_folder


@dataclass(frozen=True)
class Repaired:
    """``before``: what CURRENT named, None when it could not be read. ``number``: the snapshot in force now.
    ``set_aside``: files moved into ``folder``, which is None when there were none."""

    before: int | None
    number: int
    set_aside: int
    folder: Path | None


def repair(history: History, *, to: int | None = None, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Repaired:
    """Put the last snapshot in force whose files are all whole, or the snapshot ``to``.

    Manifests and data files of later snapshots are moved to `set-aside/N` in the store, never removed. Cut off, the
    same command goes on. Raises NotFoundError (no such snapshot), StoreError (it lacks a file, or there is none).
    """
    with storage_errors(history.root), history.locked(wait_seconds=wait_seconds):
        numbers = history.numbers()
        if to is not None and to not in (0, *numbers):
            raise NotFoundError(
                "Expected snapshot {to} in the store {root!r}, found none.",
                hint="The last one is {numbers}.",
                to=to,
                root=str(history.root),
                numbers=max(numbers, default=0),
            )
        number = _last_whole(history, numbers) if to is None else to
        if to is not None and (fault := _fault(history, to)) is not None:
            raise StoreError(
                "Expected a whole snapshot {to}, found that {fault}.",
                hint="Name an earlier one, or restore the file.",
                to=to,
                fault=fault,
            )
        try:
            before = history.current_number()
        except (StoreError, OSError):
            before = None
        # CURRENT first and the manifests last: cut off anywhere, CURRENT is behind a manifest, and this goes on.
        replace_file(history.root / "CURRENT", f"{number}\n")
        later = [path for path in (history.root / "data").rglob("*.parquet") if _commit_of(path) > number]
        later += [manifest_path(history.root, one) for one in reversed(numbers) if one > number]
        folder = _set_aside(history.root, later) if later else None
        (history.root / DRAFT_NOTE).unlink(missing_ok=True)
    return Repaired(before, number, len(later), folder)


def _last_whole(history: History, numbers: list[int]) -> int:
    faults = []
    for number in reversed(numbers):
        if (fault := _fault(history, number)) is None:
            return number
        faults.append(f"snapshot {number}: {fault}")
    if not faults:
        return 0
    raise StoreError(
        "Expected a whole snapshot in the store {root!r}, found none; {faults}.",
        hint="Restore the store's folder from a backup.",
        root=str(history.root),
        faults=faults[0],
    )


def _fault(history: History, number: int) -> str | None:
    try:
        manifest = history.manifest(number)
    except BasiraError as error:
        return error.message
    entries = [entry for table in TABLE_NAMES for entry in manifest.tables[table]]
    found = (fault_of(history, entry.path, entry.size_bytes, entry.sha256) for entry in entries)
    return next((fault for fault in found if fault is not None), None)


def _commit_of(path: Path) -> int:
    number = path.name.split("-")[0]
    return int(number) if number.isdecimal() else 0


def _set_aside(root: Path, paths: list[Path]) -> Path:
    folder = next(root / SET_ASIDE / str(n) for n in count(1) if not (root / SET_ASIDE / str(n)).exists())
    for path in paths:
        target = folder / path.relative_to(root)
        make_private_folder(target.parent)
        path.rename(target)
    return folder
