"""A backup is whole or none, goes with a snapshot of the history, and is put back only where there is nothing."""

from __future__ import annotations

import json
import os
import threading
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from basira.decisions import TargetingRun
from basira.schema.errors import StoreError, UsageError
from basira.storage.database.backup import read_backup
from basira.storage.database.connection import Database
from basira.storage.database.tables import FORMAT
from basira.storage.database.upgrade import upgrade
from basira.storage.history.store import History
from basira.storage.record.events import Event, append_event
from basira.storage.record.runs import Operations
from basira.workflows.records.audit import Record, back_up_record, prove, restore_record
from tests.support.postgres import Server, emptied, tamper

NOW = datetime(2026, 3, 2, 12)


def run(number: int, snapshot: int = 1) -> TargetingRun:
    return TargetingRun(f"run-{number}", NOW, date(2026, 3, 3), NOW, snapshot, "m", "d", "{}", 7, "0", {}, "e", "", 0)


def outcome(number: int) -> Event:
    return Event(f"e{number}", "outcome", f"D{number}", "u", {"known_at": "x", "t": "é' \\ %s"}, {"importer_id": "ICE"})


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A history at snapshot 1; its files have nothing in them, and only their names and hashes count here."""
    made = History.create(tmp_path / "store")
    (made.root / "manifests" / "00000001.json").write_text('{"number": 1}', encoding="utf-8")
    (made.root / "CURRENT").write_text("1\n", encoding="utf-8")
    return made


@pytest.fixture
def record(place: str, history: History) -> Record:
    with Operations(place) as operations:
        operations.record_run(run(1).row(), [])
        with operations.database.write() as connection:
            for number in range(3):
                append_event(connection, outcome(number), now=NOW)
    return Record(place, history)


@pytest.fixture
def target(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the same kind as `place`."""
    if place.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'target.sqlite'}"
    return emptied(request.getfixturevalue("bare"))


def test_what_is_restored_is_what_was_there(record, target, tmp_path):
    made = back_up_record(record, tmp_path / "backup", now=NOW)
    assert (made.snapshot, made.database_format, len(made.heads)) == (1, FORMAT, 2)
    restored = restore_record(tmp_path / "backup", Record(target, record.history))
    assert restored.verified is not None
    assert (restored.verified.faults, restored.verified.heads_compared) == ((), 2)
    assert (restored.verified.runs, restored.verified.events, restored.verified.personal_values) == (1, 3, 3)
    with Operations(record.place) as before, Operations(target, create=False) as after:
        assert before.find_runs() == after.find_runs()


def test_what_is_restored_is_append_only_and_grows_on(record, target, tmp_path):
    back_up_record(record, tmp_path / "backup", now=NOW)
    restore_record(tmp_path / "backup", Record(target, None))
    with Database(target, create=False) as database:
        with pytest.raises(StoreError, match="append-only"), database.write() as connection:
            connection.exec_driver_sql("DELETE FROM event")
        with database.write() as connection:
            assert append_event(connection, outcome(9), now=NOW)["sequence"] == 4


def test_a_backup_under_load_is_one_state_of_the_record(place, target, tmp_path):
    """What is written meanwhile is in it whole or not at all: the copy verifies against itself and the heads."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with Database(place) as database:
                number = 0
                while not stop.is_set():
                    with database.write() as connection:
                        append_event(connection, outcome(number := number + 1), now=NOW)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        back_up_record(Record(place, None), tmp_path / "backup", now=NOW)
    finally:
        stop.set()
        thread.join()
    restored = restore_record(tmp_path / "backup", Record(target, None))
    assert failures == []
    assert restored.verified is not None
    assert restored.verified.faults == ()


def test_nothing_is_overwritten(record, place, tmp_path):
    back_up_record(record, tmp_path / "backup", now=NOW)
    with pytest.raises(StoreError, match="nothing is overwritten"):
        restore_record(tmp_path / "backup", record)
    with pytest.raises(StoreError, match="Expected an empty folder"):
        back_up_record(record, tmp_path / "backup", now=NOW)
    assert prove(record).is_whole


def test_a_journal_left_behind_is_not_played_into_what_is_restored(tmp_path):
    Operations(tmp_path / "a.sqlite").close()
    back_up_record(Record(tmp_path / "a.sqlite", None), tmp_path / "backup", now=NOW)
    (tmp_path / "b.sqlite-wal").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"found b\.sqlite-wal"):
        restore_record(tmp_path / "backup", Record(tmp_path / "b.sqlite", None))
    assert not (tmp_path / "b.sqlite").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "backup.json").unlink(), "found no backup.json"),
        (lambda folder: (folder / "backup.json").write_text("[]"), "Expected the manifest"),
        (lambda folder: rewrite(folder, format=9), "format 9"),
        (lambda folder: rewrite(folder, file="../else"), "file '../else'"),
        (lambda folder: copy(folder).unlink(), "absent, cut or changed"),
        (lambda folder: os.truncate(copy(folder), 100), "absent, cut or changed"),
        (lambda folder: copy(folder).write_bytes(copy(folder).read_bytes()[:-1] + b"?"), "absent, cut or changed"),
    ],
)
def test_a_backup_that_is_not_whole_is_rejected(tmp_path, change, message):
    Operations(tmp_path / "a.sqlite").close()
    back_up_record(Record(tmp_path / "a.sqlite", None), tmp_path / "backup", now=NOW)
    change(tmp_path / "backup")
    with pytest.raises(StoreError, match=message):
        restore_record(tmp_path / "backup", Record(tmp_path / "b.sqlite", None))
    assert not (tmp_path / "b.sqlite").exists()


def copy(folder: Path) -> Path:
    return folder / "operations.sqlite"


def rewrite(folder: Path, **changes: object) -> None:
    body = json.loads((folder / "backup.json").read_text())
    (folder / "backup.json").write_text(json.dumps({**body, **changes}))


def test_a_backup_asks_for_the_history_it_rests_on(tmp_path, history):
    place = tmp_path / "a.sqlite"
    Operations(place).close()
    back_up_record(Record(place, history), tmp_path / "backup", now=NOW)
    younger = History.create(tmp_path / "younger")
    with pytest.raises(StoreError, match="history at snapshot 1 or later, found 0"):
        restore_record(tmp_path / "backup", Record(tmp_path / "b.sqlite", younger))
    (history.root / "manifests" / "00000001.json").write_text('{"number": 1 }', encoding="utf-8")
    with pytest.raises(StoreError, match="as the backup knows it"):
        restore_record(tmp_path / "backup", Record(tmp_path / "b.sqlite", history))
    assert not (tmp_path / "b.sqlite").exists()


def test_the_proof_misses_a_snapshot_that_runs_were_made_on(place, history):
    with Operations(place) as operations:
        operations.record_run(run(1, snapshot=0).row(), [])
        operations.record_run(run(2, snapshot=1).row(), [])
        operations.record_run(run(3, snapshot=4).row(), [])
    assert prove(Record(place, history)).faults == ("the history has no snapshot 4, on which runs were made",)
    assert prove(Record(place, None)).is_whole


def test_a_tampered_record_is_restored_and_reported_as_such(record, target, tmp_path):
    tamper(str(record.place), "UPDATE event SET actor = 'x' WHERE sequence = 2")
    back_up_record(record, tmp_path / "backup", now=NOW)
    restored = restore_record(tmp_path / "backup", Record(target, None))
    assert restored.verified is not None
    assert restored.verified.faults == ("event 2 was changed",)


def test_an_earlier_format_is_backed_up_before_its_upgrade(empty_place, tmp_path):
    engine = sa.create_engine(empty_place)
    config = Config()
    config.set_main_option("script_location", "basira.storage.database:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    made = back_up_record(Record(empty_place, None), tmp_path / "backup", now=NOW)
    assert (made.database_format, made.heads) == (1, ())
    assert read_backup(tmp_path / "backup") == made
    if made.backend == "sqlite":
        back = tmp_path / "back.sqlite"
        assert restore_record(tmp_path / "backup", Record(back, None)).verified is None
        assert upgrade(back).before == 1


def test_a_backup_goes_into_its_own_kind_of_database(tmp_path, postgresql: Server):
    Operations(tmp_path / "a.sqlite").close()
    back_up_record(Record(tmp_path / "a.sqlite", None), tmp_path / "backup", now=NOW)
    with pytest.raises(StoreError, match="Expected a sqlite database"):
        restore_record(tmp_path / "backup", Record(postgresql.url("postgres"), None))


def test_a_program_of_postgresql_that_is_absent_is_named(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="program pg_dump, found none"):
        back_up_record(Record(prepared, None), tmp_path / "backup", now=NOW)
    assert not (tmp_path / "backup" / "backup.json").exists()


def test_a_program_that_fails_leaves_no_backup(prepared, tmp_path, monkeypatch):
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho no space >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StoreError, match="found: no space"):
        back_up_record(Record(prepared, None), tmp_path / "backup", now=NOW)
    with pytest.raises(StoreError, match=r"found no backup\.json"):
        read_backup(tmp_path / "backup")


def test_the_password_is_not_in_the_command_line(prepared, tmp_path, monkeypatch):
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@" user "$PGUSER" password "$PGPASSWORD" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    place = prepared.replace("basira_test@", "basira_test:s3cret@")
    with pytest.raises(StoreError, match="user basira_test password s3cret") as raised:
        back_up_record(Record(place, None), tmp_path / "backup", now=NOW)
    assert raised.value.message.count("s3cret") == 1
