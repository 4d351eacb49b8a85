"""Small files and stores, built for each test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from basira.engines.duckdb import open_duckdb
from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.storage.history.store import History, register
from basira.workflows.intake.ingest import IngestReport, ingest_files
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, rows_text


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power cuts are tests/storage's business: here each of the seven flushes of a commit is only slow."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def store(tmp_path: Path) -> History:
    return History.create(tmp_path / "store")


@pytest.fixture
def plain() -> Mapping:
    return parse_mapping(PLAIN_MAPPING, name="plain")


@pytest.fixture
def take(tmp_path: Path, store: History) -> Callable[..., IngestReport]:
    """Write a CSV file and ingest it: take("name", mapping, row, row ...)."""

    def run(name: str, mapping: Mapping, *rows: str, header: str = HEADER) -> IngestReport:
        path = tmp_path / name
        path.write_text(rows_text(*rows, header=header), encoding="utf-8")
        return ingest_files(store, [path], mapping, received_at=RECEIVED)

    return run


@pytest.fixture
def query(store: History) -> Callable[[str], list[tuple[Any, ...]]]:
    """Run SQL over the store's present snapshot."""

    def run(sql: str) -> list[tuple[Any, ...]]:
        snapshot = store.snapshot()
        with open_duckdb(reads=snapshot.all_files()) as con:
            register(con, snapshot)
            return con.fetch_rows(sql)

    return run
