"""Real declarations: every one of the KCS quarter, online as in the batch."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from basira.ingest.mapping.model import load_mapping
from basira.schema.days import day_of
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.workflows.intake.ingest import ingest_files
from tests.support.online_world import MemoryProfiles, batch_rows, by_declaration, differences, online_rows
from tests.support.tree import KCS


@pytest.mark.slow
def test_every_declaration_of_the_quarter_is_the_batch_bit_for_bit(tmp_path: Path) -> None:
    if not (KCS / "valid.csv").is_file():
        pytest.skip("KCS data absent")
    history = History.create(tmp_path / "store")
    ingest_files(history, [KCS / "train.csv", KCS / "valid.csv"], load_mapping("kcs"), received_at=datetime(2021, 4, 1))
    as_of_day = day_of(date(2020, 12, 31))
    with open_engine(reads=history.snapshot().all_files(), memory="1GB", threads=1) as con:
        register(con, history.snapshot())
        profiles = MemoryProfiles(con, as_of_day=as_of_day)
        rows = fetch_frame(con, f"select * from items where declared_day > {as_of_day}").to_dicts()
        online, left = online_rows(by_declaration(rows), profiles)
        batch = batch_rows(con, list(online), as_of_day=as_of_day)
    assert len(online) > 8_000
    assert left == []
    assert differences(online, batch) == []
