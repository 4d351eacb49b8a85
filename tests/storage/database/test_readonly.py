"""A record where nothing can be written, such as an auditor's copy on a read-only medium; a user without a right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from basira.cli.program import app
from basira.schema.errors import StoreError
from basira.storage.accounts.api_keys import create_key
from basira.storage.database import sqlite_file as operations_file
from basira.storage.database.backup import HistoryState, back_up
from basira.storage.database.connection import Database, database_errors
from tests.support.postgres import Server

NOW = datetime(2026, 3, 2, 12)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "medium" / "operations.sqlite"
    made.parent.mkdir()
    with Database(made) as database, database.write() as connection:
        create_key(connection, "badr", scopes=["queue:read"], actor="t", now=NOW, expires_at=NOW.replace(year=2027))
    return made


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder that can be written."""
    monkeypatch.setattr(operations_file, "os", SimpleNamespace(access=lambda *_: False, W_OK=os.W_OK))


def count_keys(place: Path) -> int:
    with Database(place, create=False) as database, database.read() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM api_key")).scalar_one())


@pytest.mark.usefixtures("unwritable")
def test_reading_makes_no_file_beside_the_record_and_writing_is_rejected(place: Path) -> None:
    with Database(place, create=False) as database:
        with database.read() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM api_key")).scalar_one() == 1
            assert [path.name for path in place.parent.iterdir()] == [place.name]
        with pytest.raises(StoreError, match="readonly"), database.write() as connection:
            connection.exec_driver_sql("DELETE FROM api_key")


@pytest.mark.usefixtures("unwritable")
def test_a_copy_is_made_of_it(place: Path, tmp_path: Path) -> None:
    back_up(place, tmp_path / "copy", now=NOW, software_version="x", history=HistoryState)
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert count_keys(tmp_path / "copy" / "operations.sqlite") == 1


def test_a_record_whose_journal_can_not_be_read_is_not_read_without_it(
    place: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    copy = tmp_path / "copy" / "operations.sqlite"
    copy.parent.mkdir()
    with Database(place) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE api_key SET name = 'other'")
        connection.commit()
        for end in ("", "-wal"):
            shutil.copyfile(f"{place}{end}", f"{copy}{end}")
    request.getfixturevalue("unwritable")
    with pytest.raises(StoreError, match=r"operations\.sqlite-wal") as caught:
        Database(copy, create=False)
    assert "-wal file together" in caught.value.hint


@pytest.mark.usefixtures("unwritable")
def test_a_record_that_another_process_has_open_is_read_with_what_is_in_its_journal(place: Path) -> None:
    with Database(place) as database:
        with database.write() as connection:
            connection.exec_driver_sql("DELETE FROM api_key")
        assert count_keys(place) == 0


def test_a_medium_that_is_really_read_only(place: Path) -> None:
    unshare = shutil.which("unshare")
    alone = [unshare or "", "-rm", "sh", "-c"]
    mounted = f"mount --bind '{place.parent}' '{place.parent}' && mount -o remount,bind,ro '{place.parent}' && "
    if unshare is None or subprocess.run([*alone, f"{mounted} true"], capture_output=True).returncode:
        pytest.skip("no mount of one's own here (Debian: util-linux; a kernel with user namespaces)")
    command = f"'{sys.executable}' -c 'from basira.cli import main; main()' keys list --database '{place}'"
    done = subprocess.run([*alone, mounted + command], capture_output=True, text=True)
    assert (done.returncode, "badr" in done.stdout) == (0, True), done.stderr


def test_a_user_without_the_right_is_asked_to_be_another(postgresql: Server) -> None:
    with postgresql.database() as url:
        Database(url).close()
        name = url.split("/")[3].partition("?")[0]
        postgresql.execute("DROP ROLE IF EXISTS looks", "CREATE ROLE looks LOGIN")
        postgresql.execute("GRANT SELECT ON operations_format TO looks", database=name)
        done = CliRunner().invoke(app, ["keys", "list", "--database", url.replace("basira_test@", "looks@")])
        postgresql.execute("DROP OWNED BY looks", "DROP ROLE looks", database=name)
    assert isinstance(done.exception, StoreError)
    assert "permission denied" in done.exception.message
    assert "basira db grants" in done.exception.hint
    assert "backup" not in done.exception.hint


def test_an_invalid_database_is_still_to_be_restored(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("not a database at all, " * 100)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'none'}")
    with pytest.raises(StoreError) as caught, database_errors(), engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM sqlite_master")
    assert "backup" in caught.value.hint
