"""Connections that end, a clock that goes back, a person who is forgotten, a place that is full: on both databases."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from basira.schema.access import Grant
from basira.schema.errors import StoreError
from basira.storage.accounts.sessions import Attempt, LockOut, log_in
from basira.storage.accounts.users import NewUser, create_user, erase_user, hash_password
from basira.storage.database.connection import Database, is_empty
from basira.storage.database.pipeline import Statement, write_together
from basira.storage.database.tables import SELECTION_STATE
from basira.storage.database.writable import require_writable

NOW = datetime(2026, 3, 2, 2, 59)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
RIGHT = "a long sentence"
LOCK = LockOut(failures=3, address_failures=6, window=timedelta(minutes=10))


def user_of(database: Database, login: str = "ali") -> str:
    with database.write() as connection:
        return create_user(
            connection,
            NewUser(
                login, display_name="Ali", grants=[Grant("manager")], password_hash=hash_password(RIGHT, hasher=CHEAP)
            ),
            actor="u-0",
            now=NOW,
        )


def attempt(database: Database, password: str, *, login: str = "ali", at: datetime = NOW, address: str = "a") -> str:
    return log_in(database, Attempt(login, password, address), now=at, lock_out=LOCK, hasher=CHEAP).outcome


def test_guesses_count_when_the_clock_has_gone_back_an_hour(place):
    with Database(place) as database:
        user_of(database)
        assert attempt(database, RIGHT) == "granted"
        back = NOW - timedelta(hours=1)
        outcomes = [
            attempt(database, "wrong", at=back + timedelta(seconds=n), address=f"a{n}")
            for n in range(LOCK.failures + 2)
        ]
    assert outcomes == ["refused"] * LOCK.failures + ["locked"] * 2


def test_a_right_password_wipes_the_slate_whatever_the_clock_says(place):
    with Database(place) as database:
        user_of(database)
        assert [attempt(database, "wrong") for _ in range(2)] == ["refused"] * 2
        back = NOW - timedelta(hours=1)
        assert attempt(database, RIGHT, at=back) == "granted"
        assert [attempt(database, "wrong", at=back) for _ in range(2)] == ["refused"] * 2
        assert attempt(database, RIGHT, at=back) == "granted"


def test_a_person_who_is_forgotten_leaves_no_attempts_to_log_in(place):
    with Database(place) as database:
        person = user_of(database, "Ali")
        user_of(database, "other")
        for login in (" ALI", "other"):
            attempt(database, "wrong", login=login)
        with database.write() as connection:
            erase_user(connection, person, actor="t", motive="asked for", now=NOW)
        with database.read() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM login_attempt")).scalar_one() == 1


def put(database: Database, office: str) -> None:
    row = {"office": office, "day": "2026-03-02", "sequence": 1, "state": "one", "updated_at": "-"}
    with write_together(database) as sender:
        sender.send_last(Statement(SELECTION_STATE.insert(), [row]))


def test_ended_connections_are_found_out_once_not_one_after_the_other(postgresql, prepared):
    with Database(prepared) as database:
        with database.write() as connection:
            connection.execute(SELECTION_STATE.delete())
        opened = [database.engine.connect() for _ in range(5)]
        for connection in opened:
            connection.exec_driver_sql("SELECT 1")
        for connection in opened:
            connection.close()
        name = database.engine.url.database
        postgresql.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        time.sleep(0.3)
        failures = 0
        for number in range(6):
            try:
                put(database, f"O{number}")
            except StoreError:
                failures += 1
    assert failures == 1


def test_who_waits_for_a_connection_waits_as_long_as_was_set(place):
    with Database(place, wait_seconds=0.2) as database, contextlib.ExitStack() as held:
        for _ in range(15):
            held.enter_context(database.engine.connect())
        begun = time.monotonic()
        with pytest.raises(StoreError, match="in use"), database.read():
            pass
        assert time.monotonic() - begun < 5
        with database.reserved.read() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_the_fate_of_a_write_is_known_over_all_connections(place):
    with Database(place, wait_seconds=0.2) as database:
        require_writable(database)
        with pytest.raises(StoreError), database.reserved.write() as connection:
            connection.execute(sa.text("INSERT INTO no_such_table VALUES (1)"))
        require_writable(database)  # the next one, tried now, goes well
        lock = "LOCK TABLE idempotency_key" if not database.is_sqlite else "SELECT 1"
        with pytest.raises(StoreError), database.write() as connection:
            connection.execute(sa.text("INSERT INTO no_such_table VALUES (1)"))
        failed: list[StoreError] = []

        def look() -> None:
            try:
                require_writable(database)
            except StoreError as error:
                failed.append(error)

        with Database(place) as other, other.write() as connection:
            connection.execute(sa.text(lock))
            thread = threading.Thread(target=look)
            thread.start()
            thread.join(20)
        assert len(failed) == 1


def test_a_place_is_empty_until_a_start_made_its_tables(empty_place):
    assert is_empty(empty_place)
    assert is_empty(empty_place)
    with Database(empty_place) as database:
        assert database.is_new
    assert not is_empty(empty_place)
    with Database(empty_place) as database:
        assert not database.is_new
