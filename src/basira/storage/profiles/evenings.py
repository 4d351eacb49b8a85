"""The profiles of earlier nights, for declarations whose features are of an earlier day: amendments of what the history
already counts.

Enters: the folder of profiles. Leaves: the build of one evening, when it is kept and whole. Never here: a build of
another evening in its place; the opening of a file while a declaration waits (`refresh` does it beside them).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import lmdb

from basira.schema.errors import BasiraError
from basira.storage.profiles.files import list_names, read_manifest
from basira.storage.profiles.reader import LoadedProfiles, open_profiles

_LOG = logging.getLogger("basira.service")


class PreviousDays:
    """The kept builds of one folder, by their last day, for one process."""

    def __init__(self, folder: Path, *, catalog: str, prepare: Callable[[LoadedProfiles], None] | None = None) -> None:
        """``catalog``, ``prepare``: as of `ProfileReader`. Nothing is opened yet."""
        self._folder, self._catalog, self._prepare = folder, catalog, prepare
        self._by_day: dict[int, LoadedProfiles] = {}
        self._passed_over: frozenset[str] = frozenset()

    def find(self, as_of_day: int) -> LoadedProfiles | None:
        """The build that counts the history up to that day, and no further; None when it is not kept."""
        return self._by_day.get(as_of_day)

    def refresh(self) -> None:
        """Open what is new in the folder, and let go of what is gone. A build that is damaged is passed over."""
        # The latest first: of two builds of one evening, the one whose name sorts last; a name has one content.
        names = list_names(self._folder)
        known = {loaded.name: loaded for loaded in self._by_day.values()}
        found: dict[int, LoadedProfiles] = {}
        passed_over = set(self._passed_over & set(names))
        for name in names:
            loaded = known.get(name)
            if loaded is None and name not in passed_over:
                loaded = self._open(name)
                if loaded is None:
                    passed_over.add(name)
            if loaded is not None:
                found.setdefault(loaded.as_of_day, loaded)
        self._by_day, self._passed_over = found, frozenset(passed_over)

    def _open(self, name: str) -> LoadedProfiles | None:
        try:
            manifest = read_manifest(self._folder, name)
            if manifest.metadata.catalog != self._catalog:
                return None
            loaded = open_profiles(self._folder, manifest)
            if self._prepare is not None:
                self._prepare(loaded)
        except (BasiraError, lmdb.Error, OSError):
            _LOG.error("earlier_profiles_damaged", extra={"fields": {"profiles": name}})
            return None
        return loaded
