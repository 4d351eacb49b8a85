"""Reading online profiles: open, look up, notice a newer build and swap to it.

Enters: the profiles' folder. Leaves: `LoadedProfiles` that answer look-ups; what is wrong with the newest, in
words. Never here: a write, a lock, a decision whether profiles are too old (their age is reported).

Open in each worker process after it was started, not before a fork. A file is checked whole, to the last byte,
before it serves; a published file never changes, so a look-up needs no check.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from weakref import WeakValueDictionary

import lmdb

from basira.schema.days import date_of, day_of
from basira.schema.errors import BasiraError, StoreError
from basira.storage.profiles.files import (
    METADATA_KEY,
    SENTINEL_KEY,
    Manifest,
    Metadata,
    data_path,
    list_names,
    read_manifest,
    read_pointer,
    verify_file,
)


class LoadedProfiles:
    """One build, open for reading. Many threads may look up at once; it closes after its last reader."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open a build that `open_profiles` has verified."""
        self.metadata: Metadata = manifest.metadata
        self.name = manifest.name
        self.digest = manifest.digest  # SHA-256 of the file
        path = data_path(folder, manifest.name)
        self._file = _file_of(path)
        self._env = lmdb.open(
            str(path),
            subdir=False,
            readonly=True,
            lock=False,
            create=False,
            map_size=manifest.size,
            readahead=False,
            max_spare_txns=16,
        )
        with self._env.begin() as txn:
            held, end = txn.get(METADATA_KEY), txn.get(SENTINEL_KEY)
        if held != self.metadata.to_json().encode() or end != self.metadata.content.encode():
            self._env.close()
            raise StoreError(
                "The profiles {value} are damaged: they don't end as they should.",
                hint="Build the profiles anew.",
                value=self.name,
            )

    @property
    def as_of_day(self) -> int:
        """The last day of history that these profiles count."""
        return self.metadata.as_of_day

    @property
    def catalog(self) -> str:
        """Digest of the feature catalog that they serve."""
        return self.metadata.catalog

    @property
    def extras(self) -> tuple[str, ...]:
        """The history's ``x_`` columns."""
        return self.metadata.extras

    @property
    def currencies(self) -> tuple[str, ...]:
        """Of the history's values; empty when unknown."""
        return self.metadata.currencies

    def age_days(self, today: date) -> int:
        """0 when they count everything up to yesterday, 1 when a day is missing, and so on."""
        return day_of(today) - 1 - self.as_of_day

    def is_at(self, path: Path) -> bool:
        """Whether the file at a path is the one that is open, as it was then."""
        return self._file == _file_of(path)

    def is_altered(self, path: Path) -> bool:
        """Whether the file at a path is the one that is open, but was written since: then it changed here too."""
        found = _file_of(path)
        return found is not None and self._file is not None and found[:2] == self._file[:2] and found != self._file

    def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The record of each key, None where there is none."""
        with self._env.begin() as txn:
            get = txn.get
            return [get(key) for key in keys]

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key and record, in order of the key."""
        with self._env.begin() as txn:
            for key, record in txn.cursor():
                if key < METADATA_KEY:
                    yield key, record

    def __del__(self) -> None:
        env = getattr(self, "_env", None)
        if env is not None:
            env.close()


def _file_of(path: Path) -> tuple[int, ...] | None:
    """Device and number of a file, then its size and time of writing; None when there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


# LMDB may open a file once in a process: readers of one folder share what is open.
_OPEN: WeakValueDictionary[str, LoadedProfiles] = WeakValueDictionary()
_OPENING = threading.Lock()


def open_profiles(folder: Path, manifest: Manifest) -> LoadedProfiles:
    """Open a published build. Raises StoreError when its file is not, byte for byte, what the manifest says.

    A build that this process has open already is returned again: a name has one content.
    """
    verify_file(folder, manifest)
    path = data_path(folder, manifest.name).resolve()
    place = str(path)
    with _OPENING:
        loaded = _OPEN.get(place)
        if loaded is None or not loaded.is_at(path):
            loaded = _OPEN[place] = LoadedProfiles(folder, manifest)
    return loaded


@dataclass(frozen=True)
class Refreshed:
    """``is_new``: other profiles serve than before. ``alarm``: why those in force are not the newest, or None."""

    is_new: bool
    alarm: str | None


class ProfileReader:
    """The profiles of one folder, for one process.

    A worker takes `profiles` once per declaration, and calls `refresh` beside its requests (checking a new file
    takes a second per gigabyte or so): requests under way keep the build that they began with.
    """

    def __init__(self, folder: Path, *, catalog: str, prepare: Callable[[LoadedProfiles], None] | None = None) -> None:
        """``catalog``: builds for another feature catalog are passed over. ``prepare``: makes ready whatever looking
        up in new profiles takes, before they serve, so that no declaration waits for it. Nothing is opened yet."""
        self._prepare = prepare
        self._folder = folder
        self._catalog = catalog
        self._loaded: LoadedProfiles | None = None
        self._alarm: str | None = None
        # What was looked at last: the pointer, and the faulty files, as they were.
        self._seen: tuple[object, ...] | None = None
        self._refreshing = threading.Lock()

    @property
    def alarm(self) -> str | None:
        """Why the profiles in force are not the newest, as of the last `refresh`."""
        return self._alarm

    def profiles(self) -> LoadedProfiles:
        """Those in force. Raises StoreError when none can serve."""
        if self._loaded is None:
            self.refresh()
        loaded = self._loaded
        if loaded is None:
            raise StoreError(
                "Expected online profiles in {folder}, found none that can serve. {alarm}"
                if self._alarm
                else "Expected online profiles in {folder}, found none that can serve.",
                hint="Build the profiles, or let the policy's fallback answer.",
                folder=self._folder,
                alarm=self._alarm,
            )
        return loaded

    def refresh(self) -> Refreshed:
        """Look for newer profiles, and swap to the newest that are whole; cheap when nothing changed.

        CURRENT's build comes first; when it is damaged, absent or for another catalog, the latest other one
        serves, and the reason is the alarm. A build that was whole when opened goes on serving, unless its own file was
        altered in place.
        """
        with self._refreshing:
            before = self._loaded
            seen = self._look()
            if seen == self._seen:
                return Refreshed(False, self._alarm)
            faults: list[str] = []
            current = read_pointer(self._folder)
            names = list_names(self._folder)
            if current is None and (names or before is not None):
                faults.append("CURRENT names no profiles.")
            chosen = None
            for name in ([current] if current else []) + [n for n in names if n != current]:
                chosen = self._try(name, faults)
                if chosen is not None:
                    break
            if chosen is None and before is not None and not before.is_altered(data_path(self._folder, before.name)):
                chosen = before  # removed since: what this process holds open is still whole
            self._loaded = chosen
            self._alarm = self._words(faults)
            self._seen = seen
            return Refreshed(self._loaded is not before, self._alarm)

    def _look(self) -> tuple[object, ...]:
        """Changes when CURRENT, or a file that could serve, changes."""
        name = read_pointer(self._folder)
        found: list[object] = [name]
        for other in list_names(self._folder) if self._alarm else ([name] if name else []):
            try:
                stat = data_path(self._folder, other).stat()
                found.append((other, stat.st_ino, stat.st_size, stat.st_mtime_ns))
            except OSError:
                found.append((other, None))
        return tuple(found)

    def _try(self, name: str, faults: list[str]) -> LoadedProfiles | None:
        try:
            manifest = read_manifest(self._folder, name)
            if manifest.metadata.catalog != self._catalog:
                raise StoreError(
                    "The profiles {name} are for the catalog {catalog}, not {catalog_2}.",
                    hint="Build the profiles anew.",
                    name=name,
                    catalog=manifest.metadata.catalog,
                    catalog_2=self._catalog,
                )
            loaded = open_profiles(self._folder, manifest)
            if loaded is not self._loaded and self._prepare is not None:
                self._prepare(loaded)
            return loaded
        except (BasiraError, lmdb.Error) as error:
            faults.append(str(error))
            held = self._loaded
            if held is None or held.name != name:
                return None
            # Removed or replaced since it was opened: what this process holds open is still whole. Altered in place it
            # is not, and to read on would give wrong figures, or end the process where the file is now too short.
            return None if held.is_altered(data_path(self._folder, name)) else held

    def _words(self, faults: list[str]) -> str | None:
        if not faults:
            return None
        served = f"Those of {date_of(self._loaded.as_of_day)} serve." if self._loaded else "None can serve."
        return " ".join((*faults, served))
