"""A whole day of the simulated country, declaration by declaration, as the batch of that night."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from basira.country import load_scenario, make_world
from basira.features.catalog.catalog import CATALOG
from basira.features.online.build import find_extras, profile_entries
from basira.features.online.plan import catalog_digest
from basira.ingest.mapping.model import load_mapping
from basira.schema.days import day_of
from basira.schema.tables import SIMULATED_KEY
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.storage.profiles.publish import Description, publish_profiles
from basira.storage.profiles.reader import ProfileReader
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from tests.support.online_world import BUILT_AT, batch_rows, by_declaration, differences, online_rows

DAY = date(2023, 3, 16)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    folder = tmp_path_factory.mktemp("country")
    changes = {"items": 60_000, "ends_on": date(2023, 3, 17), "administration.inspection_rate": 0.3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # power cuts are tests/storage's business
        make_world(load_scenario("small", changes=changes), seed=5, out=folder / "world")
        history = History.create(folder / "store")
        for table, take, mapping in (
            ("declarations", ingest_files, "basira"),
            ("outcomes", record_feedback, "basira-outcomes"),
        ):
            rows = pl.concat([pl.read_parquet(p) for p in sorted((folder / "world" / table).glob("*.parquet"))])
            pq.write_table(
                rows.to_arrow().replace_schema_metadata({SIMULATED_KEY: b"true"}), folder / f"{table}.parquet"
            )
            take(history, [folder / f"{table}.parquet"], load_mapping(mapping), received_at=datetime(2023, 4, 1))
        yield history


def test_a_whole_simulated_day_is_the_batch_bit_for_bit(history: History, tmp_path: Path) -> None:
    as_of_day = day_of(DAY - timedelta(days=1))
    snapshot = history.snapshot()
    with open_engine(reads=snapshot.all_files(), memory="1GB", threads=1) as con:
        register(con, snapshot)
        description = Description(
            as_of_day, snapshot.number, catalog_digest(), find_extras(con), snapshot.is_simulated, {"basira": "test"}
        )
        entries = profile_entries(con, as_of_day=as_of_day)
        manifest = publish_profiles(tmp_path, entries, description=description, built_at=BUILT_AT)
        profiles = ProfileReader(tmp_path, catalog=catalog_digest()).profiles()
        rows = fetch_frame(con, f"select * from items where declared_day = {as_of_day + 1}").to_dicts()
        online, left = online_rows(by_declaration(rows), profiles)
        batch = batch_rows(con, list(online), as_of_day=as_of_day)
    assert manifest.metadata.is_simulated
    assert len({key[0] for key in online}) >= 200
    assert len(online) >= 400
    assert {answer.code for answer in left} <= {"known_declaration"}
    assert differences(online, batch) == []
    # Not a comparison of nulls: nearly every feature has a value somewhere in the day.
    valued = {name for row in online.values() for name, value in row.items() if value is not None}
    assert len(valued & {f.name for f in CATALOG}) > 0.9 * len(CATALOG)
