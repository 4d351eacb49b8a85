"""What changes while a person logs in: argon2 takes 200 ms, and an administrator's change in that time counts. Two that
come from the provider for the first time are one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from basira.schema.access import Grant
from basira.storage.accounts.oidc_logins import enter_by_provider
from basira.storage.accounts.sessions import Attempt, log_in, recognise_session, start_session
from basira.storage.accounts.tables import APP_USER
from basira.storage.accounts.users import NewUser, create_user, erase_user, hash_password, set_active, set_password
from basira.storage.database.connection import Database, lock_chains
from basira.storage.record.activity import find_audit
from tests.support.postgres import until_one_waits_for_the_chain

NOW = datetime(2026, 3, 2, 12)
DAY = timedelta(days=1)
CHEAP, DEARER = (PasswordHasher(time_cost=cost, memory_cost=8, parallelism=1) for cost in (1, 2))
STOLEN, ANOTHER = "the stolen password", "another password"


class Meanwhile:
    """A hasher during whose first look at a password something happens."""

    def __init__(self, hasher: PasswordHasher, happens: Callable[[], object]) -> None:
        self._hasher, self._happens = hasher, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)

    def verify(self, kept: str, password: bytes) -> bool:
        is_right = self._hasher.verify(kept, password)
        happens, self._happens = self._happens, lambda: None
        happens()
        return bool(is_right)


def person(database: Database) -> str:
    with database.write() as connection:
        return create_user(
            connection,
            NewUser("ali", display_name="Ali", grants=[Grant("analyst")], password_hash=CHEAP.hash(STOLEN)),
            actor="t",
            now=NOW,
        )


def reset(connection: sa.Connection, user: str) -> None:
    set_password(connection, user, hash_password(ANOTHER, hasher=CHEAP), actor="admin", now=NOW)


def put_out_of_use(connection: sa.Connection, user: str) -> None:
    set_active(connection, user, False, actor="admin", now=NOW)


def erased(connection: sa.Connection, user: str) -> None:
    erase_user(connection, user, actor="admin", motive="left", now=NOW)


@pytest.mark.parametrize("hasher", [CHEAP, DEARER], ids=["same parameters", "hashed anew"])
@pytest.mark.parametrize("change", [reset, put_out_of_use, erased])
def test_what_the_administrator_does_while_the_password_is_looked_at_stands(place, change, hasher):
    begun: list[str] = []

    def then(connection: sa.Connection, user_id: str) -> str:
        begun.append(user_id)
        return start_session(connection, user_id, now=NOW, lifetime=DAY)

    with Database(place) as database:
        user = person(database)
        kept: list[str | None] = []

        def happens() -> None:
            with database.write() as connection:
                change(connection, user)
                kept.append(connection.execute(sa.select(APP_USER.c.password_hash)).scalar())

        late = Meanwhile(hasher, happens)
        assert log_in(database, Attempt("ali", STOLEN, "::1"), now=NOW, hasher=late, then=then).outcome == "refused"
        with database.read() as connection:
            assert connection.execute(sa.select(APP_USER.c.password_hash)).scalars().all() == kept
            assert find_audit(connection, action="login.granted") == []
        assert begun == []
        assert log_in(database, Attempt("ali", STOLEN, "::1"), now=NOW, hasher=hasher).outcome == "refused"
        if change is reset:
            assert log_in(database, Attempt("ali", ANOTHER, "::1"), now=NOW, hasher=hasher).outcome == "granted"


def test_the_same_person_who_logs_in_twice_at_once_is_granted_twice(place):
    with Database(place) as database:
        user = person(database)

        def again() -> None:  # makes the hash anew
            assert log_in(database, Attempt("ali", STOLEN, "::1"), now=NOW, hasher=DEARER).outcome == "granted"

        late = Meanwhile(DEARER, again)
        assert log_in(database, Attempt("ali", STOLEN, "::1"), now=NOW, hasher=late).user_id == user


def test_a_session_begins_with_the_grant_or_there_is_neither(place):
    def then(connection: sa.Connection, user_id: str) -> str:
        token = start_session(connection, user_id, now=NOW, lifetime=DAY)
        if is_broken:
            raise RuntimeError
        return token

    with Database(place) as database:
        person(database)
        is_broken = True
        with pytest.raises(RuntimeError):
            log_in(database, Attempt("ali", STOLEN, "::1"), now=NOW, hasher=CHEAP, then=then)
        with database.read() as connection:
            assert find_audit(connection, action="login.granted") == []
        is_broken = False
        token = log_in(database, Attempt("ali", STOLEN, "::1"), now=NOW, hasher=CHEAP, then=then).token
        assert token is not None
        with database.read() as connection:
            assert recognise_session(connection, token, now=NOW, idle=DAY) is not None


def test_two_first_logins_of_a_subject_at_once_are_one_account(place):
    if place.startswith("sqlite"):
        pytest.skip("one writer at a time")

    def enter(connection: sa.Connection) -> str | None:
        return enter_by_provider(
            connection, "https://idp.test#1", login="ali", display_name="Ali", grants=[], creates=True, now=NOW
        )

    with Database(place) as database:
        made: list[object] = []

        def work() -> None:
            try:
                with database.write() as connection:
                    made.append(enter(connection))
            except Exception as error:
                made.append(error)

        other = threading.Thread(target=work)
        with database.write() as connection:
            lock_chains(connection)
            other.start()
            until_one_waits_for_the_chain(connection)
            first = enter(connection)
        other.join(30)
        assert made == [first]
