"""Online profiles built from a store: the statistics of every entity of the history, as of the end of a day.

Enters: a store, `as_of`, the time. Leaves: a published build in the store's folder of profiles. Never here: a look-up,
a decision whether a build is too old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import basira
from basira.features.online.build import find_extras, profile_entries
from basira.features.online.lookup import prepare_online
from basira.features.online.plan import catalog_digest
from basira.ingest.rows.resolve import currencies_of
from basira.schema.days import day_of
from basira.storage.history.store import History
from basira.storage.profiles.evenings import PreviousDays
from basira.storage.profiles.publish import KEPT, Description, publish_profiles
from basira.storage.profiles.reader import ProfileReader
from basira.workflows.engine import EngineBounds
from basira.workflows.snapshot_engine import open_snapshot

PROFILES = "profiles"


@dataclass(frozen=True)
class BuiltProfiles:
    """What was published. ``size_bytes``: of its file. ``snapshot``: the snapshot of the history it counts."""

    name: str
    folder: Path
    as_of: date
    snapshot: int
    size_bytes: int


def profiles_of(store: Path) -> Path:
    """Where a store keeps its profiles."""
    return store / PROFILES


def build_profiles(
    history: History, *, as_of: date, now: datetime, engine: EngineBounds | None = None, kept: int = KEPT
) -> BuiltProfiles:
    """Build the profiles of everything declared and learned up to the end of ``as_of``, and publish them. ``kept``: how
    many builds stay: so many nights back, an amendment of a declaration that the history counts gets the statistics of
    the day before that declaration.

    Readers swap to them by themselves. Raises StoreError when another build runs or the disk is full: what served goes
    on serving.
    """
    engine = engine or EngineBounds()
    snapshot, as_of_day = history.verified_snapshot(), day_of(as_of)
    folder = profiles_of(history.root)
    with open_snapshot(history, snapshot, engine) as con:
        description = Description(
            as_of_day,
            snapshot.number,
            catalog_digest(),
            find_extras(con),
            snapshot.is_simulated,
            {"basira": basira.__version__},
            currencies_of(con, "items"),
        )
        manifest = publish_profiles(
            folder,
            profile_entries(con, as_of_day=as_of_day),
            description=description,
            built_at=now,
            kept=kept,
        )
    return BuiltProfiles(manifest.name, folder, as_of, snapshot.number, manifest.size)


def read_previous_days(store: Path) -> PreviousDays:
    """The profiles of earlier nights that a store keeps; nothing is opened yet."""
    return PreviousDays(
        profiles_of(store), catalog=catalog_digest(), prepare=lambda found: prepare_online(found.extras)
    )


def read_profiles(store: Path) -> ProfileReader:
    """A reader of a store's profiles for this version's features; nothing is opened yet."""
    return ProfileReader(
        profiles_of(store), catalog=catalog_digest(), prepare=lambda found: prepare_online(found.extras)
    )
