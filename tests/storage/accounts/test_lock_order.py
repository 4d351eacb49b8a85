"""A transaction that will write into the audit takes its lock before any row: else two that meet wait for each other,
and PostgreSQL ends one of them. On SQLite there is one writer, and nothing to see."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from basira.schema.access import Grant
from basira.schema.errors import UsageError
from basira.storage.accounts.api_keys import create_key, revoke_key, rotate_key
from basira.storage.accounts.oidc_logins import enter_by_provider
from basira.storage.accounts.sessions import Attempt, log_in, open_session, revoke_sessions, start_session, unlock_login
from basira.storage.accounts.tables import API_KEY, APP_USER, LOGIN_ATTEMPT, USER_SESSION
from basira.storage.accounts.users import NewUser, create_user, set_password
from basira.storage.database.connection import Database, lock_chains
from tests.support.postgres import until_one_waits_for_the_chain

NOW = datetime(2026, 3, 2, 12)
LATER = NOW + timedelta(days=1)
# Any will do: no person logs in with it.
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"


def another_password(connection, user, _key):
    set_password(connection, user, HASH, actor="t", now=NOW)


def sessions_ended(connection, user, _key):
    revoke_sessions(connection, user, actor="t", motive="lost", now=NOW)


def unlocked(connection, user, _key):
    unlock_login(connection, user, actor="t", now=NOW)


def key_revoked(connection, _user, key):
    revoke_key(connection, key, actor="t", motive="lost", now=NOW)


def key_rotated(connection, _user, key):
    rotate_key(connection, key, actor="t", now=NOW, expires_at=LATER, overlap=timedelta(0))


def another_user(connection, _user, _key):
    # The other has made it first.
    with pytest.raises(UsageError, match="taken"):
        create_user(connection, NewUser("new", display_name="New", grants=[]), actor="t", now=NOW)


def session_opened(connection, user, _key):
    # Late enough for every row to be over.
    open_session(connection, user, before=None, now=NOW + timedelta(30), lifetime=timedelta(1), keep=timedelta(1))


def entered_by_the_provider(connection, _user, _key):
    enter_by_provider(connection, "i#1", login="", display_name="New", grants=[], creates=True, now=NOW)


_CHANGES = [
    another_password,
    sessions_ended,
    unlocked,
    key_revoked,
    key_rotated,
    another_user,
    session_opened,
    entered_by_the_provider,
]


@pytest.mark.parametrize("change", _CHANGES)
def test_two_changes_of_the_same_wait_and_never_for_each_other(place, change):
    if place.startswith("sqlite"):
        pytest.skip("one writer at a time")
    with Database(place) as database:
        with database.write() as connection:
            user = create_user(
                connection, NewUser("one", display_name="One", grants=[Grant("analyst")]), actor="t", now=NOW
            )
            start_session(connection, user, now=NOW, lifetime=timedelta(days=1))
            key = create_key(connection, "a", scopes=["queue:read"], actor="t", now=NOW, expires_at=LATER).key_id
        log_in(database, Attempt("one", "not this one, no", "a"), now=NOW)
        faults: list[Exception] = []

        def work() -> None:
            try:
                with database.write() as connection:
                    change(connection, user, key)
            except Exception as error:
                faults.append(error)

        other = threading.Thread(target=work)
        with database.write() as connection:
            lock_chains(connection)
            other.start()
            until_one_waits_for_the_chain(connection)
            # The holder of the chain goes on to the same rows.
            for table in (APP_USER, USER_SESSION, LOGIN_ATTEMPT, API_KEY):
                rows = sa.select(*table.primary_key.columns).with_for_update(nowait=True)
                connection.execute(rows).all()
            if change is another_user:
                create_user(connection, NewUser("new", display_name="New", grants=[]), actor="t", now=NOW)
        other.join(30)
        assert not faults
