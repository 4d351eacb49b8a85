"""The history proved: every file hashed again, every manifest against its successor, against a head kept elsewhere.

Enters: a store; a head exported earlier. Leaves: every fault found, how much was read. Never here: a repair, a cache:
what an earlier look left could be forged.

What is found by what:
- a changed, cut or absent Parquet file: its SHA-256 in the manifests that name it; one that was erased with a person's
  data is named in `erased.json`, and counts as erased when no snapshot in force needs it. Whether an erasure was
  audited, the record says (`workflows.records.history_proof`);
- a changed, absent or renumbered manifest: the SHA-256 that its successor holds;
- the last manifest changed, or the last ones cut off together with CURRENT: the exported head alone, and the runs of
  the record that name a digest (`workflows.records.history_proof`);
- a mapping: its own name, which is its SHA-256.

Manifests of the older kind name their parent by number alone. The first commit after them adopts them: it holds the
digest of each. That proves that nothing was changed since that commit; not that nothing was before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from basira.schema.errors import StoreError
from basira.storage.history.erased import read_erased
from basira.storage.history.files import digest_file
from basira.storage.history.manifest import TABLE_NAMES, Manifest, manifest_path
from basira.storage.history.store import History

Progress = Callable[[int, int, str], None]

_MOST_FAULTS = 100


@dataclass(frozen=True)
class HistoryHead:
    """Where the history stands: number of the snapshot in force, SHA-256 of its manifest ("" of an empty history)."""

    snapshot: int
    digest: str


@dataclass(frozen=True)
class VerifiedHistory:
    """What `verify_history` found. ``size_bytes``: of the data files read. ``older``: manifests of the older kind that
    no later one adopted yet. ``adopted``: those of the older kind that one did. ``erased``: files of earlier snapshots
    that are gone with a person's data."""

    head: HistoryHead
    snapshots: int
    files: int
    size_bytes: int
    adopted: int
    older: int
    faults: tuple[str, ...]
    erased: int = 0

    @property
    def is_whole(self) -> bool:
        """True when everything is as it must be."""
        return not self.faults

    def require_whole(self) -> None:
        """Raise StoreError, with the first fault, unless everything is whole."""
        if self.faults:
            raise StoreError(
                "Expected an unbroken history, found {count} fault(s); first, {faults}.",
                hint="Keep the store as it is, and restore the files that differ from a backup that verifies.",
                count=len(self.faults),
                faults=self.faults[0],
            )


def head_of(history: History) -> HistoryHead:
    """The head of the history in force. Raises StoreError when CURRENT went back."""
    snapshot = history.snapshot()
    return HistoryHead(snapshot.number, snapshot.digest)


def verify_history(
    history: History, *, kept: HistoryHead | None = None, progress: Progress = lambda _done, _total, _what: None
) -> VerifiedHistory:
    """Prove all snapshots. ``kept``: a head exported earlier. ``progress``: megabytes read, of how many.

    Memory: one manifest at a time, and the path and digest of each file; a file is read in pieces.
    """
    faults: list[str] = []
    try:
        current = history.number_in_force()
    except StoreError as error:
        faults.append(error.message.rstrip("."))
        current = max(history.numbers(), default=0)
    chain = _Chain(history, faults)
    for number in range(1, current + 1):
        chain.add(number)
    chain.compare_adopted()
    if kept is not None and kept.snapshot and chain.digests.get(kept.snapshot) != kept.digest:
        what = "another one" if kept.snapshot in chain.digests else "gone"
        faults.append(f"snapshot {kept.snapshot} of the history is {what}: the head exported names it")
    erased = _erased_files(history, chain)
    whole = {path: told for path, told in chain.files.items() if path not in erased}
    size = _verify_files(history, whole, faults, progress)
    for digest in sorted(chain.mappings):
        path = history.root / "mappings" / f"{digest}.toml"
        if not path.is_file() or digest_file(path) != digest:
            faults.append(f"the mapping {digest[:12]} is absent or was changed")
    for digest in sorted(chain.rates):
        path = history.root / "mappings" / f"{digest}.csv"
        if not path.is_file() or digest_file(path) != digest:
            faults.append(f"the table of rates {digest[:12]} is absent or was changed")
    return VerifiedHistory(
        head=HistoryHead(current, chain.digests.get(current, "")),
        snapshots=len(chain.digests),
        files=len(whole),
        size_bytes=size,
        adopted=len(chain.adopted),
        older=0 if chain.is_chained else len(chain.older),
        faults=tuple(faults[:_MOST_FAULTS]),
        erased=len(erased),
    )


class _Chain:
    """The manifests, looked at in order; what they name."""

    def __init__(self, history: History, faults: list[str]) -> None:
        self._history, self._faults = history, faults
        self.digests: dict[int, str] = {}
        self.files: dict[str, tuple[int, str]] = {}
        self.last_files: frozenset[str] = frozenset()
        self.mappings: set[str] = set()
        self.rates: set[str] = set()
        self.adopted: dict[str, str] = {}
        self.older: list[int] = []
        self.is_chained = False

    def add(self, number: int) -> None:
        path = manifest_path(self._history.root, number)
        try:
            content = path.read_bytes()
            found = Manifest.from_json(content.decode("utf-8", "replace"), where=path.name)
        except OSError:
            self._faults.append(f"the manifest of snapshot {number} is gone")
            return
        except StoreError:
            self._faults.append(f"the manifest of snapshot {number} can't be read")
            return
        self.digests[number] = hashlib.sha256(content).hexdigest()
        if (found.number, found.parent) != (number, number - 1):
            self._faults.append(f"the manifest of snapshot {number} is that of {found.number} after {found.parent}")
        if found.parent_digest is None:
            self.older.append(number)
            if self.is_chained:
                self._faults.append(f"the manifest of snapshot {number} no longer names the one before it")
        elif found.parent_digest != self.digests.get(number - 1, "" if number == 1 else found.parent_digest):
            self._faults.append(f"the manifest of snapshot {number - 1} was changed: its successor names another")
        if found.parent_digest is not None and not self.is_chained:
            self.is_chained, self.adopted = True, dict(found.adopted)
        self.last_files = frozenset(entry.path for table in TABLE_NAMES for entry in found.tables[table])
        for table in TABLE_NAMES:
            for entry in found.tables[table]:
                told = (entry.size_bytes, entry.sha256)
                if self.files.setdefault(entry.path, told) != told:
                    self._faults.append(f"snapshot {number} names {entry.path} otherwise than an earlier one")
        self.mappings.update(source.mapping_digest for source in found.sources)
        self.rates.update(source.rates_digest for source in found.sources if source.rates_digest)

    def compare_adopted(self) -> None:
        """The manifests of the older kind with what was written down when they were adopted."""
        for number in self.older if self.is_chained else ():
            if self.adopted.get(f"{number:08d}") != self.digests[number]:
                self._faults.append(f"the manifest of snapshot {number} is not the one that was adopted")


def _erased_files(history: History, chain: _Chain) -> frozenset[str]:
    """The files that are gone by an erasure: named as such, absent, and not of the last snapshot."""
    named = frozenset(read_erased(history.root)) & chain.files.keys() - chain.last_files
    return frozenset(path for path in named if not (history.root / path).exists())


def _verify_files(history: History, files: dict[str, tuple[int, str]], faults: list[str], progress: Progress) -> int:
    total, done = sum(size for size, _ in files.values()), 0
    for path, (size, digest) in files.items():
        progress(done // 1_000_000, total // 1_000_000, "MB of the history")
        if (fault := fault_of(history, path, size, digest)) is not None:
            faults.append(fault)
        done += size
    return done


def fault_of(history: History, path: str, size: int, digest: str) -> str | None:
    """What is wrong with a data file, None when nothing is."""
    file = history.root / path
    try:
        if file.stat().st_size != size:
            return f"{path} has {file.stat().st_size:,} bytes, and {size:,} were written"
        return None if digest_file(file) == digest else f"{path} was changed: its SHA-256 is another"
    except OSError as error:
        return f"{path} can't be read ({error.strerror or error})"
