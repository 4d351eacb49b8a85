"""A process that is stopped while it holds the lock: the others go on, and it fails cleanly when it wakes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from basira.schema.errors import StoreError
from basira.storage.database.connection import SILENT_SECONDS, Database, lock_chains
from basira.storage.database.pipeline import write_together
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.database.upgrade import upgrade
from basira.storage.database.writable import require_writable
from basira.storage.record.audit_log import AuditEvent, append_audit
from basira.storage.record.chain import end_statements
from tests.support.postgres import emptied

NOW = datetime(2026, 3, 2, 12)
# A session is ended after `SILENT_SECONDS`, here as the product has it (read before the tests' server sets a longer
# time); the rest is for a busy machine.
MOST_SECONDS = 10.0


@pytest.fixture
def url(bare: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("basira.storage.database.connection.SILENT_SECONDS", SILENT_SECONDS)
    place = emptied(bare)
    upgrade(place)
    return place


def audit(database: Database, name: str) -> None:
    with database.write() as connection:
        append_audit(connection, AuditEvent("user.created", subject=name, actor="t"), now=datetime.now())


def subjects(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.select(AUDIT_EVENT.c.subject)).scalars())


@contextmanager
def frozen(database: Database, way: str, woke: list[BaseException]) -> Iterator[None]:
    """Another process that took the lock and then says nothing until the block ends; then it tries to commit."""
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            if way == "one by one":
                with database.write() as connection:
                    append_audit(
                        connection, AuditEvent("user.created", subject="frozen", actor="t"), now=datetime.now()
                    )
                    held.set()
                    go.wait(60)
            else:
                with write_together(database) as sender:
                    sender.send(*end_statements(sender, "audit"))
                    held.set()
                    go.wait(60)
        except BaseException as error:
            woke.append(error)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    try:
        yield
    finally:
        go.set()
        thread.join(20)


@pytest.mark.parametrize("way", ["one by one", "together"])
@pytest.mark.parametrize("wait_seconds", [None, 5.0])
def test_what_holds_the_lock_and_is_silent_loses_it(url: str, way: str, wait_seconds: float | None) -> None:
    woke: list[BaseException] = []
    with Database(url, wait_seconds=wait_seconds) as one, Database(url, wait_seconds=20) as other:
        with frozen(one, way, woke):
            begun = time.monotonic()
            audit(other, "other")
            assert time.monotonic() - begun < MOST_SECONDS
        assert [type(error) for error in woke] == [StoreError]
        audit(one, "awake")  # it goes on
        assert subjects(other) == ["other", "awake"]


def test_who_is_stopped_between_statements_sent_together_is_ended_by_who_waits(url: str) -> None:
    """To the server it is at work: nothing of its own limits counts."""
    with Database(url, wait_seconds=5) as database:
        stopped = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        pipeline = stopped.pipeline()
        pipeline.__enter__()
        stopped.execute("BEGIN")
        stopped.execute("SET LOCAL idle_in_transaction_session_timeout = '3s'")
        stopped.execute("SELECT pg_advisory_xact_lock(4209001)")
        begun, is_away = time.monotonic(), False
        while True:
            try:
                require_writable(database)
            except StoreError:
                is_away = True
            else:
                if is_away:
                    break
            assert time.monotonic() - begun < 2 * MOST_SECONDS
            time.sleep(0.1)
        audit(database, "other")
        with pytest.raises(psycopg.OperationalError):
            pipeline.__exit__(None, None, None)
        stopped.close()


def test_who_works_and_who_only_reads_is_left_alone(url: str) -> None:
    with Database(url) as database, Database(url, wait_seconds=5) as other:
        with database.read() as reading, database.write() as connection:
            reading.execute(sa.text("SELECT 1"))
            lock_chains(connection)
            connection.execute(sa.text("SELECT pg_sleep(4.5)"))
            with pytest.raises(StoreError):
                require_writable(other)
            append_audit(connection, AuditEvent("user.created", subject="long", actor="t"), now=datetime.now())
            assert reading.execute(sa.text("SELECT 1")).scalar() == 1
        require_writable(other)
        assert subjects(other) == ["long"]


def test_to_look_waits_a_second_at_most_and_those_that_ask_together_share_it(place: str) -> None:
    with Database(place, wait_seconds=20) as holder, Database(place, wait_seconds=20) as database:
        faults: list[StoreError] = []

        def look() -> None:
            try:
                require_writable(database)
            except StoreError as error:
                faults.append(error)

        with holder.write() as connection:
            lock_chains(connection)
            threads = [threading.Thread(target=look) for _ in range(12)]
            begun = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            # One look after the other would be twelve seconds.
            assert time.monotonic() - begun < 6
        assert len(faults) == 12
        require_writable(database)  # well again at once
        with holder.read() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM idempotency_key")).scalar_one() == 0


def test_a_stopped_process_keeps_the_lock_of_a_file_and_that_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "operations.sqlite"
    with Database(path) as holder, Database(path, wait_seconds=5) as database:
        with holder.write():
            begun = time.monotonic()
            with pytest.raises(StoreError, match="locked"):
                require_writable(database)
            assert time.monotonic() - begun < 5
        require_writable(database)


def test_a_few_bytes_that_find_room_are_no_proof(tmp_path: Path) -> None:
    with Database(tmp_path / "operations.sqlite", wait_seconds=5) as database:

        def fill(connection: sqlite3.Connection, *_: object) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 3}")

        for engine in (database.engine, database.reserved.engine):
            engine.dispose()
            sa.event.listen(engine, "connect", fill)
        with pytest.raises(StoreError, match="full"), database.write() as connection:
            connection.execute(sa.text("INSERT INTO oidc_login VALUES (:t, 'b', '/', '9')"), {"t": "t" * 100_000})
        for _ in range(2):
            with database.write() as connection:
                connection.execute(sa.text("DELETE FROM oidc_login"))
                connection.execute(sa.text("INSERT INTO oidc_login VALUES ('t', 'b', '/', '9')"))
            with pytest.raises(StoreError, match="full"):
                require_writable(database)
        for engine in (database.engine, database.reserved.engine):
            sa.event.remove(engine, "connect", fill)
            engine.dispose()
        require_writable(database)
