"""On both databases: logins at a provider taken up once, accounts of its subjects, locks lifted, sessions ended."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from basira.schema.access import Grant, check_office
from basira.schema.errors import NotFoundError, UsageError
from basira.storage.accounts.api_keys import create_key, get_key, recognise_key, rotate_key
from basira.storage.accounts.oidc_logins import begin_login, enter_by_provider, subject_of, take_login
from basira.storage.accounts.sessions import (
    Attempt,
    LockOut,
    is_csrf_token,
    log_in,
    recognise_session,
    revoke_sessions,
    start_session,
    unlock_login,
)
from basira.storage.accounts.users import NewUser, create_user, find_user, get_user, hash_password, set_grants
from basira.storage.database.connection import Database
from basira.storage.record.activity import find_audit
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify

NOW = datetime(2026, 3, 2, 12)
MINUTE = timedelta(minutes=1)
LATER = NOW + 10 * MINUTE
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MANAGER = Grant("manager")
SUBJECT = subject_of("https://idp.test", "1")


def begin(connection: sa.Connection, state: str = "s", browser: str = "b") -> None:
    begin_login(connection, state, browser=browser, next_path="/x", now=NOW, expires_at=LATER)


def enter(connection: sa.Connection, *grants: Grant, creates: bool = True, login: str = "ali") -> str | None:
    return enter_by_provider(
        connection, SUBJECT, login=login, display_name="Ali", grants=grants, creates=creates, now=NOW
    )


def test_a_login_at_the_provider_is_taken_up_once(place):
    with Database(place) as database, database.write() as connection:
        begin(connection)
        assert take_login(connection, "s", browser="b", now=NOW) == "/x"
        assert take_login(connection, "s", browser="b", now=NOW) is None


@pytest.mark.parametrize(
    ("state", "browser", "now"),
    [("other", "b", NOW), ("s", "other", NOW), ("s", "", NOW), ("", "b", NOW), ("s", "b", LATER)],
)
def test_a_login_of_another_state_browser_or_time_is_not_taken_up(place, state, browser, now):
    with Database(place) as database, database.write() as connection:
        begin(connection)
        assert take_login(connection, state, browser=browser, now=now) is None


def test_a_login_tried_from_another_browser_is_used_up(place):
    with Database(place) as database, database.write() as connection:
        begin(connection)
        assert take_login(connection, "s", browser="other", now=NOW) is None
        assert take_login(connection, "s", browser="b", now=NOW) is None


def test_of_two_that_come_back_at_once_one_is_taken_up(place):
    found: list[str | None] = []
    with Database(place) as database:
        with database.write() as connection:
            begin(connection)

        def taken() -> None:
            with database.write() as connection:
                found.append(take_login(connection, "s", browser="b", now=NOW))

        threads = [threading.Thread(target=taken) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (found.count("/x"), found.count(None)) == (1, 3)


def test_what_never_came_back_is_removed_and_nothing_is_kept_in_clear(place):
    with Database(place) as database, database.write() as connection:
        begin(connection, "state-in-clear", "browser-in-clear")
        kept = str(connection.execute(sa.text("SELECT * FROM oidc_login")).all())
        assert "in-clear" not in kept
        begin_login(connection, "t", browser="b", next_path="/", now=LATER, expires_at=LATER + MINUTE)
        assert connection.execute(sa.text("SELECT count(*) FROM oidc_login")).scalar() == 1


def test_a_subject_has_one_account_and_its_roles_follow_the_provider(place):
    with Operations(place) as operations:
        with operations.database.write() as connection:
            user = enter(connection, Grant("administrator"))
            assert user is not None
            assert enter(connection, MANAGER) == user  # the last administrator, too
            assert get_user(connection, user).grants == (MANAGER,)
            assert enter(connection, MANAGER) == user
            assert len(find_audit(connection, action="user.roles_changed")) == 1
            assert len(find_audit(connection, action="login.granted")) == 3
        assert verify(operations).is_whole


def test_an_unknown_subject_is_rejected_and_audited_where_none_is_made(place):
    with Database(place) as database, database.write() as connection:
        assert enter(connection, MANAGER, creates=False) is None
        assert find_user(connection, login="ali") is None
        assert len(find_audit(connection, action="login.refused", subject="user/unknown")) == 1


@pytest.mark.parametrize("login", ["ALI", "", "   ", "x" * 201, "a\x00b", "a\u200bb", "\ud800"])
def test_a_login_that_can_not_be_had_is_made_of_the_subject(place, login):
    with Database(place) as database, database.write() as connection:
        create_user(connection, NewUser("ali", display_name="", grants=[]), actor="u", now=NOW)
        user = enter(connection, login=login)
        assert user is not None
        assert str(get_user(connection, user).login).startswith("openid-")


def test_the_last_administrator_stays_unless_the_provider_says_otherwise(place):
    with Database(place) as database, database.write() as connection:
        user = create_user(
            connection, NewUser("ali", display_name="", grants=[Grant("administrator")]), actor="u", now=NOW
        )
        with pytest.raises(UsageError, match="this was the last"):
            set_grants(connection, user, [], actor="u", now=NOW)


def test_an_unlocked_login_may_try_again(place):
    rule = LockOut(failures=2, address_failures=50, window=10 * MINUTE)
    with Database(place) as database:
        with database.write() as connection:
            user = create_user(
                connection,
                NewUser(
                    "ali",
                    display_name="",
                    grants=[MANAGER],
                    password_hash=hash_password("a long sentence", hasher=CHEAP),
                ),
                actor="u",
                now=NOW,
            )

        def attempt(password: str) -> str:
            return log_in(database, Attempt("ali", password, "::1"), now=NOW, lock_out=rule, hasher=CHEAP).outcome

        assert [attempt("wrong"), attempt("wrong"), attempt("a long sentence")] == ["refused", "refused", "locked"]
        with database.write() as connection:
            assert unlock_login(connection, user, actor="boss", now=NOW) == 2
            (event,) = find_audit(connection, action="login.unlocked")
            assert (event["actor"], event["before"], event["after"]) == (
                "boss",
                {"failed_attempts": 2},
                {"failed_attempts": 0},
            )
        assert attempt("a long sentence") == "granted"


def test_every_session_of_a_person_ends_and_of_no_other(place):
    with Database(place) as database, database.write() as connection:
        users = [
            create_user(connection, NewUser(n, display_name="", grants=[]), actor="u", now=NOW) for n in ("ali", "boss")
        ]
        tokens = [start_session(connection, user, now=NOW, lifetime=timedelta(1)) for user in (*users, users[0])]
        assert revoke_sessions(connection, users[0], actor="boss", motive="stolen laptop", now=NOW) == 2
        left = [recognise_session(connection, token, now=NOW, idle=timedelta(1)) is not None for token in tokens]
        assert left == [False, True, False]
        (event,) = find_audit(connection, action="session.revoked")
        assert (event["motive"], event["before"]) == ("stolen laptop", {"open_sessions": 2})
        with pytest.raises(NotFoundError):
            revoke_sessions(connection, "u-none", actor="boss", motive="m", now=NOW)


def test_a_session_tells_that_the_password_must_be_changed(place):
    with Database(place) as database, database.write() as connection:
        kept = hash_password("a long sentence", hasher=CHEAP)
        user = create_user(
            connection, NewUser("ali", display_name="", grants=[], password_hash=kept), actor="u", now=NOW
        )
        token = start_session(connection, user, now=NOW, lifetime=timedelta(1))
        found = recognise_session(connection, token, now=NOW, idle=timedelta(1))
        assert found is not None
        assert found.must_change_password


def test_a_csrf_token_is_that_of_its_session_alone():
    assert [is_csrf_token(given, "one") for given in ("", "one", "é", "\ud800", "0" * 64)] == [False] * 5


def test_a_key_is_bound_to_its_offices_and_so_is_its_successor(place):
    year = NOW + timedelta(365)
    with Database(place) as database, database.write() as connection:
        made = create_key(
            connection, "local", scopes=["a:b"], actor="u", now=NOW, expires_at=year, offices=["TANGER", "AGADIR"]
        )
        new = rotate_key(connection, made.key_id, actor="u", now=NOW, expires_at=year, overlap=MINUTE)
        found = recognise_key(connection, new.token, now=NOW)
        assert found is not None
        assert [found.sees_office(o) for o in ("TANGER", "AGADIR", "CASA", "tanger", "")] == [
            True,
            True,
            False,
            False,
            False,
        ]
        assert get_key(connection, made.key_id).offices == {"TANGER", "AGADIR"}
        created = find_audit(connection, action="key.created")
        assert [event["after"]["offices"] for event in created] == [["AGADIR", "TANGER"]] * 2
        with pytest.raises(UsageError, match="at least one office"):
            create_key(connection, "none", scopes=["a:b"], actor="u", now=NOW, expires_at=year, offices=[])


@pytest.mark.parametrize("office", ["", "tanger", " TANGER", "TANGER ", "T\tR", "X" * 81, "TANGER\u200b", "ß"])
def test_what_is_no_code_of_an_office_is_rejected(office):
    with pytest.raises(UsageError, match="office"):
        check_office(office)
    with pytest.raises(UsageError):
        Grant("inspector", office)
