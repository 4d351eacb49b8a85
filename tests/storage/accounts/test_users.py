"""Users and keys: what they may, what is kept of their secrets, what the audit says."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from basira.schema.access import ROLES, Grant, Principal
from basira.schema.errors import NotFoundError, UsageError
from basira.storage.accounts.api_keys import (
    create_key,
    get_key,
    list_keys,
    recognise_key,
    revoke_key,
    rotate_key,
    touch_key,
)
from basira.storage.accounts.sessions import recognise_session, start_session
from basira.storage.accounts.users import (
    NewUser,
    create_user,
    erase_user,
    find_user,
    get_user,
    hash_password,
    list_users,
    new_hasher,
    set_active,
    set_grants,
    set_password,
)
from basira.storage.database.connection import Database
from basira.storage.record.activity import find_audit
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify

NOW = datetime(2026, 3, 2, 12)
YEAR = NOW + timedelta(days=365)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = hash_password("a long sentence", hasher=CHEAP)
ADMIN = Grant("administrator")


def make(connection: sa.Connection, login: str = "a.benali", *grants: Grant, **more: object) -> str:
    values = {"display_name": "A. Benali", "password_hash": HASH, **more}
    return create_user(connection, NewUser(login, grants=grants or [ADMIN], **values), actor="u-0", now=NOW)


def test_a_user_is_found_by_login_whatever_its_case(place):
    with Database(place) as database, database.write() as connection:
        made = make(connection, " A.Benali ", Grant("inspector", "TANGER"), Grant("analyst"))
        user = find_user(connection, login="a.BENALI")
        assert user == get_user(connection, made) == list_users(connection)[0]
        assert user.grants == (Grant("analyst"), Grant("inspector", "TANGER"))
        assert (user.login, user.has_password, user.is_active, user.must_change_password) == (
            "a.benali",
            True,
            True,
            True,
        )
        assert find_user(connection, login="other") is None
        with pytest.raises(NotFoundError):
            get_user(connection, "u-none")


def test_a_user_of_the_openid_provider_has_no_password(place):
    with Database(place) as database, database.write() as connection:
        made = make(connection, password_hash=None, oidc_subject="https://idp/1")
        user = find_user(connection, oidc_subject="https://idp/1")
        assert user is not None
        assert (user.user_id, user.has_password, user.must_change_password) == (made, False, False)
        assert find_user(connection, oidc_subject="https://idp/2") is None


@pytest.mark.parametrize("login", ["", "  ", "x" * 201, "a\x00b", "\ud800"])
def test_an_invalid_login_is_rejected(place, login):
    with Database(place) as database, database.write() as connection, pytest.raises(UsageError, match="login"):
        make(connection, login)


def test_a_login_is_given_once(place):
    with Database(place) as database, database.write() as connection:
        make(connection)
        with pytest.raises(UsageError, match="taken"):
            make(connection, "A.BENALI")


@pytest.mark.parametrize("password", ["short", "x" * 1025])
def test_a_password_too_short_or_too_long_is_rejected(password):
    with pytest.raises(UsageError, match="12 to 1024 characters"):
        hash_password(password, hasher=CHEAP)


def test_passwords_are_kept_as_argon2id(place):
    assert new_hasher().hash("a long sentence").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    with Database(place) as database, database.write() as connection:
        make(connection)
        assert "a long sentence" not in str(connection.execute(sa.text("SELECT * FROM app_user")).all())


@pytest.mark.parametrize(("role", "office"), [("inspector", ""), ("auditor", "TANGER"), ("system", ""), ("boss", "")])
def test_a_role_that_can_not_be_granted_is_rejected(role, office):
    with pytest.raises(UsageError):
        Grant(role, office)


def test_an_inspector_sees_the_own_office_and_the_others_every_one():
    inspector = Principal("u", "user", (Grant("inspector", "TANGER"),))
    assert (inspector.sees_office("TANGER"), inspector.sees_office("AGADIR")) == (True, False)
    assert not Principal("u", "user").sees_office("TANGER")
    for role in set(ROLES) - {"inspector", "system"}:
        assert Principal("u", "user", (Grant(role),)).sees_office("AGADIR")
    local = Principal("u", "user", (Grant("analyst", "TANGER"), Grant("manager", "FES")))
    assert [local.sees_office(office) for office in ("TANGER", "FES", "AGADIR")] == [True, True, False]
    assert local.own_offices == {"TANGER", "FES"}
    assert Principal("u", "user", (Grant("analyst", "TANGER"), Grant("manager"))).own_offices is None
    assert Principal("k", "key").roles == {"system"}


def test_every_change_is_audited_without_a_name_or_a_secret(place):
    with Operations(place) as operations:
        with operations.database.write() as connection:
            make(connection, "boss")
            user = make(connection, "a.benali", Grant("analyst"))
            set_grants(connection, user, [Grant("manager")], actor="u-9", now=NOW)
            set_password(connection, user, HASH, actor=user, now=NOW)
            set_active(connection, user, False, actor="u-9", now=NOW)
            erase_user(connection, user, actor="u-9", motive="left the administration", now=NOW)
            trail = find_audit(connection, subject=f"user/{user}")
            everything = json.dumps(find_audit(connection))
        assert verify(operations).is_whole
    assert [(t["action"], t["before"], t["after"]) for t in reversed(trail)] == [
        ("user.created", None, {"roles": ["analyst"]}),
        ("user.roles_changed", {"roles": ["analyst"]}, {"roles": ["manager"]}),
        ("user.password_changed", None, None),
        ("user.activity_changed", {"is_active": True}, {"is_active": False}),
        ("user.erased", {"is_active": False, "roles": ["manager"]}, {"is_active": False, "roles": []}),
    ]
    assert not [secret for secret in ("enali", HASH, "argon2") if secret in everything]


def test_an_erased_user_is_forgotten_and_the_id_stays(place):
    with Database(place) as database, database.write() as connection:
        make(connection, "boss")
        user = make(connection, "a.benali", Grant("inspector", "TANGER"))
        token = start_session(connection, user, now=NOW, lifetime=timedelta(1))
        erase_user(connection, user, actor="u-9", motive="request", now=NOW)
        left = get_user(connection, user)
        assert (left.login, left.display_name, left.has_password, left.is_active, left.grants) == (
            None,
            None,
            False,
            False,
            (),
        )
        assert recognise_session(connection, token, now=NOW, idle=timedelta(1)) is None
        make(connection, "a.benali", Grant("inspector", "TANGER"))


@pytest.mark.parametrize(
    "change",
    [
        lambda connection, user: set_grants(connection, user, [Grant("analyst")], actor="u", now=NOW),
        lambda connection, user: set_active(connection, user, False, actor="u", now=NOW),
        lambda connection, user: erase_user(connection, user, actor="u", motive="m", now=NOW),
    ],
)
def test_the_last_administrator_stays(place, change):
    with Database(place) as database:
        with database.write() as connection:
            last, other = make(connection, "last"), make(connection, "other")
            change(connection, other)
        with pytest.raises(UsageError, match="this was the last"), database.write() as connection:
            change(connection, last)
        with database.read() as connection:
            assert get_user(connection, last).grants == (ADMIN,)


def test_a_key_is_recognised_and_only_its_digest_is_kept(place):
    with Database(place) as database, database.write() as connection:
        made = create_key(connection, "BADR", scopes=["declarations:write"], actor="u-1", now=NOW, expires_at=YEAR)
        found = recognise_key(connection, made.token, now=NOW)
        kept = str(connection.execute(sa.text("SELECT * FROM api_key")).all()) + json.dumps(find_audit(connection))
    assert found == Principal(made.key_id, "key", scopes=frozenset({"declarations:write"}))
    assert made.token.split("_", 2)[2] not in kept


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace("basira_", "other_"),
        lambda token: token.rsplit("_", 1)[0],
        lambda token: "",
        lambda token: "basira__",
        lambda token: "basira_é\ud800_x",
        lambda token: "basira_" + "0" * 16 + token[23:],
    ],
)
def test_another_token_is_not_recognised(place, spoil):
    with Database(place) as database, database.write() as connection:
        made = create_key(connection, "BADR", scopes=["a:b"], actor="u", now=NOW, expires_at=YEAR)
        assert recognise_key(connection, spoil(made.token), now=NOW) is None


def test_a_key_ends_when_it_expires_or_is_revoked(place):
    with Database(place) as database, database.write() as connection:
        made = create_key(connection, "BADR", scopes=["a:b"], actor="u", now=NOW, expires_at=YEAR)
        assert recognise_key(connection, made.token, now=YEAR) is None
        revoke_key(connection, made.key_id, actor="u", motive="leaked", now=NOW)
        revoke_key(connection, made.key_id, actor="u", motive="again", now=NOW)
        assert recognise_key(connection, made.token, now=NOW) is None
        assert len(find_audit(connection, action="key.revoked")) == 1


def test_a_key_and_its_successor_overlap(place):
    soon = NOW + timedelta(hours=1)
    with Database(place) as database, database.write() as connection:
        old = create_key(connection, "BADR", scopes=["a:b", "c:d"], actor="u", now=NOW, expires_at=YEAR)
        new = rotate_key(connection, old.key_id, actor="u", now=NOW, expires_at=YEAR, overlap=timedelta(hours=1))
        assert recognise_key(connection, old.token, now=NOW) is not None
        assert recognise_key(connection, old.token, now=soon) is None
        assert recognise_key(connection, new.token, now=soon) == Principal(
            new.key_id, "key", scopes=frozenset({"a:b", "c:d"})
        )
        assert get_key(connection, old.key_id).replaced_by == new.key_id
        assert {key.name for key in list_keys(connection)} == {"BADR"}
        with pytest.raises(UsageError, match="replaced"):
            rotate_key(connection, old.key_id, actor="u", now=NOW, expires_at=YEAR, overlap=timedelta(0))


def test_the_last_use_is_kept_to_the_minute(place):
    with Database(place) as database, database.write() as connection:
        made = create_key(connection, "BADR", scopes=["a:b"], actor="u", now=NOW, expires_at=YEAR)
        seen = []
        for seconds in (0, 30, 60):
            touch_key(connection, made.key_id, now=NOW + timedelta(seconds=seconds))
            seen.append(get_key(connection, made.key_id).last_used_at[11:19])
    assert seen == ["12:00:00", "12:00:00", "12:01:00"]


@pytest.mark.parametrize(
    ("scopes", "expires", "message"),
    [([], YEAR, "found none"), (["all"], YEAR, "found 'all'"), (["a:b"], NOW, "expiry after")],
)
def test_a_key_that_makes_no_sense_is_rejected(place, scopes, expires, message):
    with Database(place) as database, database.write() as connection, pytest.raises(UsageError, match=message):
        create_key(connection, "BADR", scopes=scopes, actor="u", now=NOW, expires_at=expires)
