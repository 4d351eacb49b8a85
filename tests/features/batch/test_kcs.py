"""The quick features against the loop on real declarations."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

import pytest

from basira.engines.duckdb import open_duckdb
from basira.engines.engine import Engine
from basira.ingest.mapping.model import load_mapping
from basira.schema.shipped import shipped
from basira.storage.history.store import History, register
from basira.workflows.intake.ingest import ingest_files
from tests.support.features_world import Row, computed_on, differences, key_of, looped
from tests.support.tree import KCS

TRAIN = KCS / "train.csv"
FIRST_DAY = 18262  # 2020-01-01


def _rows(con: Engine, table: str) -> list[Row]:
    names = con.columns(table)
    return [dict(zip(names, row, strict=True)) for row in con.fetch_rows(f"select * from {table}")]


def test_the_sql_equals_the_loop_on_a_sample_of_the_kcs_declarations(tmp_path: Path) -> None:
    if not TRAIN.is_file():
        pytest.skip("KCS data absent")
    history = History.create(tmp_path / "store")
    mapping = load_mapping(shipped("mappings") / "kcs.toml")
    ingest_files(history, [TRAIN], mapping, received_at=datetime(2021, 1, 1))
    with open_duckdb(reads=history.snapshot().all_files(), threads=1) as con:
        register(con, history.snapshot())
        con.execute(f"create table early as from items where declared_day < {FIRST_DAY} + 100")
        con.execute("create or replace temp view items as from early")
        items, outcomes = _rows(con, "items"), _rows(con, "outcomes")
        assert len(items) > 8_000
        later = [row for row in items if row["declared_day"] >= FIRST_DAY + 60]
        wanted = [key_of(row) for row in random.Random(4).sample(later, 12)]
        fast = computed_on(con, wanted, as_of_day=FIRST_DAY + 90)
    assert differences(fast, looped(items, outcomes, wanted, as_of_day=FIRST_DAY + 90)) == []
