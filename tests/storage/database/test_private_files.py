"""The database and its copies hold persons and password hashes: from the first, only their owner may read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from basira.serving.check import ServiceSettings, check_service
from basira.storage.database.backup import HistoryState, back_up, restore
from basira.storage.database.connection import Database
from basira.storage.database.upgrade import upgrade
from basira.storage.history.store import History
from tests.support.postgres import Server
from tests.support.tree import ROOT

POLICY = ROOT / "policies" / "example"


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """The umask of a person at a terminal."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("operations.sqlite*")}


def test_a_new_database_is_its_owners_with_its_journals(tmp_path: Path) -> None:
    with Database(tmp_path / "operations.sqlite") as database, database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE own (a)")
        found = modes(tmp_path)
    assert found == dict.fromkeys(("operations.sqlite", "operations.sqlite-wal", "operations.sqlite-shm"), 0o600)


def test_a_database_that_an_upgrade_makes_is_its_owners(tmp_path: Path) -> None:
    upgrade(tmp_path / "operations.sqlite")
    assert modes(tmp_path)["operations.sqlite"] == 0o600


def test_a_backup_and_what_is_restored_from_it_are_their_owners(tmp_path: Path) -> None:
    place, copy, back = tmp_path / "operations.sqlite", tmp_path / "backup", tmp_path / "back"
    back.mkdir()
    Database(place).close()
    place.chmod(0o644)
    (back / ".operations.sqlite.writing").write_text("left behind")
    back_up(place, copy, now=datetime(2026, 3, 2), software_version="x", history=HistoryState)
    restore(copy, back / "operations.sqlite")
    assert modes(copy) == modes(back) == {"operations.sqlite": 0o600}


def test_a_dump_of_postgresql_is_its_owners(tmp_path: Path, postgresql: Server) -> None:
    with postgresql.database() as url:
        Database(url).close()
        back_up(url, tmp_path, now=datetime(2026, 3, 2), software_version="x", history=HistoryState)
    assert stat.S_IMODE((tmp_path / "operations.sql").stat().st_mode) == 0o600


def test_a_check_names_a_database_that_others_may_read(tmp_path: Path) -> None:
    History.create(tmp_path / "store")
    place = tmp_path / "store" / "operations.sqlite"
    Database(place).close()
    today = date(2026, 3, 2)
    assert not [
        line
        for line in check_service(ServiceSettings(tmp_path / "store", POLICY), today=today)
        if "operations.sqlite" in line
    ]
    place.chmod(0o640)
    (line,) = [
        line
        for line in check_service(ServiceSettings(tmp_path / "store", POLICY), today=today)
        if "operations.sqlite" in line
    ]
    assert "640" in line
    assert "chmod 600" in line
