"""Logging in: right passwords pass, guesses are stopped, sessions end when they must."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from basira.schema.access import Grant, Principal
from basira.storage.accounts.sessions import (
    Attempt,
    LockOut,
    Login,
    csrf_token,
    end_session,
    log_in,
    purge_access,
    recognise_session,
    start_session,
    touch_session,
)
from basira.storage.accounts.users import NewUser, create_user, hash_password, set_active, set_grants, set_password
from basira.storage.database.connection import Database
from basira.storage.record.activity import Part, find_audit

NOW = datetime(2026, 3, 2, 12)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
RIGHT = "a long sentence"
LOCK = LockOut(failures=3, address_failures=6, window=10 * MINUTE)


@pytest.fixture
def user(place: str) -> str:
    with Database(place) as database, database.write() as connection:
        return create_user(
            connection,
            NewUser(
                "ali",
                display_name="Ali",
                grants=[Grant("inspector", "TANGER")],
                password_hash=hash_password(RIGHT, hasher=CHEAP),
            ),
            actor="u-0",
            now=NOW,
        )


def attempt(
    place: str, password: str, *, login: str = "ali", at: timedelta = timedelta(0), address: str = "::1"
) -> Login:
    with Database(place) as database:
        return log_in(database, Attempt(login, password, address), now=NOW + at, lock_out=LOCK, hasher=CHEAP)


def test_the_right_password_is_granted_and_audited(place, user):
    assert attempt(place, RIGHT) == Login("granted", user)
    assert attempt(place, RIGHT, login=" ALI") == Login("granted", user)
    with Database(place) as database, database.read() as connection:
        assert len(find_audit(connection, Part(actors=[user]), action="login.granted")) == 2


@pytest.mark.parametrize("password", ["wrong", "", "x" * 5000, "\ud800", RIGHT + " "])
def test_a_wrong_password_and_an_unknown_login_are_rejected_alike(place, user, password):
    assert attempt(place, password) == attempt(place, password, login="nobody") == Login("refused")


def test_an_account_out_of_use_is_rejected(place, user):
    with Database(place) as database, database.write() as connection:
        set_active(connection, user, False, actor="u-0", now=NOW)
    assert attempt(place, RIGHT) == Login("refused")


def test_who_enters_by_the_provider_has_no_password_to_guess(place):
    with Database(place) as database, database.write() as connection:
        create_user(connection, NewUser("sso", display_name="S", grants=[], oidc_subject="1"), actor="u", now=NOW)
    assert attempt(place, "", login="sso") == Login("refused")


def test_guesses_lock_the_login_and_the_right_password_too(place, user):
    for second in range(3):
        assert attempt(place, "wrong", at=timedelta(seconds=second)) == Login("refused")
    locked = attempt(place, RIGHT, at=MINUTE)
    assert locked == Login("locked", retry_at="2026-03-02T12:10:00.000000")
    assert attempt(place, RIGHT, at=10 * MINUTE) == Login("granted", user)
    with Database(place) as database, database.read() as connection:
        assert [f["subject"] for f in find_audit(connection, action="login.locked")] == [f"user/{user}"]


def test_a_lock_does_not_last_longer_for_being_tried(place, user):
    for _ in range(3):
        attempt(place, "wrong")
    for minute in range(1, 10):
        assert attempt(place, "wrong", at=minute * MINUTE).outcome == "locked"
    assert attempt(place, RIGHT, at=10 * MINUTE).outcome == "granted"


def test_an_unknown_login_is_locked_like_a_known_one(place):
    assert [attempt(place, "x", login="nobody").outcome for _ in range(4)] == ["refused"] * 3 + ["locked"]


def test_a_success_wipes_the_slate_of_its_login(place, user):
    for second in range(2):
        attempt(place, "wrong", at=timedelta(seconds=second))
    assert attempt(place, RIGHT, at=timedelta(seconds=2)).outcome == "granted"
    assert [attempt(place, "wrong", at=timedelta(seconds=3 + n)).outcome for n in range(2)] == ["refused"] * 2
    assert attempt(place, RIGHT, at=timedelta(seconds=6)).outcome == "granted"


def test_an_address_that_tries_many_logins_is_locked_and_another_is_not(place, user):
    for number in range(6):
        assert attempt(place, "wrong", login=f"guess{number}", address="10.0.0.1").outcome == "refused"
    assert attempt(place, RIGHT, address="10.0.0.1").outcome == "locked"
    assert attempt(place, RIGHT, address="10.0.0.2").outcome == "granted"


def test_guesses_at_once_count_like_guesses_one_by_one(place, user):
    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(attempt(place, "wrong").outcome)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {"refused": 3, "locked": 5}


def test_what_was_typed_as_login_is_not_kept(place):
    attempt(place, "x", login="my secret password")
    with Database(place) as database, database.read() as connection:
        assert "secret" not in str(connection.execute(sa.text("SELECT * FROM login_attempt")).all())


def test_a_hash_of_older_parameters_is_made_anew_at_the_next_login(place, user):
    dearer = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    with Database(place) as database:
        assert log_in(database, Attempt("ali", RIGHT, "::1"), now=NOW, hasher=dearer).outcome == "granted"
        with database.read() as connection:
            assert "t=2" in connection.execute(sa.text("SELECT password_hash FROM app_user")).scalar()


def test_a_session_is_its_user_until_it_ends(place, user):
    with Database(place) as database, database.write() as connection:
        token = start_session(connection, user, now=NOW, lifetime=8 * HOUR)
        assert token not in str(connection.execute(sa.text("SELECT * FROM user_session")).all())
        found = recognise_session(connection, token, now=NOW, idle=HOUR)
        assert found == Principal(user, "user", (Grant("inspector", "TANGER"),), must_change_password=True)
        assert recognise_session(connection, token + "x", now=NOW, idle=HOUR) is None
        end_session(connection, token, now=NOW)
        assert recognise_session(connection, token, now=NOW, idle=HOUR) is None


def test_a_session_ends_when_idle_and_at_the_end_of_its_life(place, user):
    with Database(place) as database, database.write() as connection:
        token = start_session(connection, user, now=NOW, lifetime=2 * HOUR)
        assert recognise_session(connection, token, now=NOW + HOUR, idle=HOUR) is None
        touch_session(connection, token, now=NOW + 59 * MINUTE)
        assert recognise_session(connection, token, now=NOW + HOUR, idle=HOUR) is not None
        touch_session(connection, token, now=NOW + 118 * MINUTE)
        assert recognise_session(connection, token, now=NOW + 2 * HOUR, idle=HOUR) is None


def test_a_role_taken_away_is_gone_with_the_next_request(place, user):
    with Database(place) as database, database.write() as connection:
        token = start_session(connection, user, now=NOW, lifetime=HOUR)
        set_grants(connection, user, [], actor="u-0", now=NOW)
        found = recognise_session(connection, token, now=NOW, idle=HOUR)
        assert found == Principal(user, "user", must_change_password=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda connection, user: set_active(connection, user, False, actor="u", now=NOW),
        lambda connection, user: set_password(connection, user, "h", actor="u", now=NOW),
    ],
)
def test_sessions_end_with_the_account_or_the_password(place, user, change):
    with Database(place) as database, database.write() as connection:
        token = start_session(connection, user, now=NOW, lifetime=HOUR)
        change(connection, user)
        assert recognise_session(connection, token, now=NOW, idle=HOUR) is None


def test_a_form_belongs_to_its_session():
    assert csrf_token("one") == csrf_token("one")
    assert len({csrf_token("one"), csrf_token("two"), "one"}) == 3


def test_what_is_long_over_is_removed(place, user):
    attempt(place, "wrong")
    with Database(place) as database, database.write() as connection:
        start_session(connection, user, now=NOW, lifetime=HOUR)
        assert purge_access(connection, now=NOW + HOUR, keep=HOUR) == 1  # the attempt; the session ended just now
        assert purge_access(connection, now=NOW + 2 * HOUR, keep=HOUR) == 1
