"""Small histories for the tests of the online profiles, and the two ways to compute a declaration's features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.online.build import find_extras, profile_entries
from basira.features.online.lookup import NotOnline, OnlineFeatures, online_features
from basira.features.online.plan import catalog_digest
from basira.storage.profiles.files import Manifest
from basira.storage.profiles.publish import Description, publish_profiles

# The histories are those of the features' own tests.
from tests.support.features_world import Key, Row, ask, engine, item, moment, outcome, random_history

__all__ = ["Key", "Row", "engine", "item", "moment", "outcome", "random_history"]

BUILT_AT = datetime(2026, 1, 1, 3)


class MemoryProfiles:
    """Profiles as a dictionary."""

    def __init__(self, con: Engine, *, as_of_day: int) -> None:
        self.as_of_day, self.catalog, self.extras = as_of_day, catalog_digest(), find_extras(con)
        self.records: dict[bytes, bytes] = {}
        for _, keys, records in profile_entries(con, as_of_day=as_of_day):
            self.records.update(zip(keys, records, strict=True))

    def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.records.get(key) for key in keys]


def by_declaration(items: Sequence[Row]) -> list[list[Row]]:
    found: dict[tuple[str, int], list[Row]] = {}
    for row in items:
        found.setdefault((row["declaration_id"], row["declaration_version"]), []).append(row)
    return list(found.values())


def batch_rows(con: Engine, wanted: Sequence[Key], *, as_of_day: int) -> dict[Key, dict[str, Any]]:
    """What `compute_features` says, column by column as stored."""
    ask(con, wanted)
    compute_features(con, "asked", as_of_day=as_of_day, into="features")
    names = con.columns("features")
    return {tuple(row[:3]): dict(zip(names, row, strict=True)) for row in con.fetch_rows("select * from features")}


def online_rows(
    declarations: Sequence[Sequence[Row]], profiles: Any
) -> tuple[dict[Key, dict[str, Any]], list[NotOnline]]:
    """What the profiles say, and what they leave to the batch."""
    rows: dict[Key, dict[str, Any]] = {}
    left = []
    for declaration in declarations:
        answer = online_features(declaration, profiles)
        if isinstance(answer, OnlineFeatures):
            whole = answer.complete
            rows |= {row[:3]: dict(zip(whole.names, row, strict=True)) for row in whole.rows}
        else:
            left.append(answer)
    return rows, left


def differences(online: Mapping[Key, Mapping[str, Any]], batch: Mapping[Key, Mapping[str, Any]]) -> list[str]:
    """Every value of which a single bit differs, in words; also a column or an item that one lacks."""
    found = [f"{key}: only one has it" for key in online.keys() ^ batch.keys()]
    for key in online.keys() & batch.keys():
        mine, theirs = online[key], batch[key]
        if list(mine) != list(theirs):
            found.append(f"{key}: columns {list(mine)} and {list(theirs)}")
        # repr tells -0.0 from 0.0 and every float from its neighbour.
        found += [
            f"{key} {n}: online {mine[n]!r}, batch {theirs[n]!r}" for n in mine if repr(mine[n]) != repr(theirs[n])
        ]
    return found


def publish(folder: Path, items: Sequence[Row], outcomes: Sequence[Row], *, as_of_day: int, **options: Any) -> Manifest:
    """Build and publish the profiles of a small history."""
    with engine(items, outcomes) as con:
        description = Description(as_of_day, 1, catalog_digest(), find_extras(con), True, {"basira": "test"})
        entries = profile_entries(con, as_of_day=as_of_day)
        return publish_profiles(folder, entries, description=description, built_at=BUILT_AT, **options)
