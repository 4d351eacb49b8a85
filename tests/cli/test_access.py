"""`basira users`, `keys`, `sessions`: everything audited, and no password among the arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from basira.cli.program import app
from basira.schema.errors import BasiraError, NotFoundError, UsageError
from basira.storage.accounts.api_keys import recognise_key
from basira.storage.accounts.sessions import Attempt, log_in, start_session
from basira.storage.accounts.users import find_user
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.record.activity import find_audit
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify

PASSWORD = "eleven blue camels\n"  # noqa: S105 - of the tests


class Place:
    """A store, and the commands on it."""

    def __init__(self, store: Path) -> None:
        History.create(store)
        self.store = store

    def run(self, *words: str, given: str = PASSWORD) -> Result:
        done = CliRunner().invoke(
            app, [*words, "--store", str(self.store)], input=given, env={"BASIRA_LANGUAGE": "en"}, catch_exceptions=True
        )
        if isinstance(done.exception, BasiraError):
            raise done.exception
        return done

    def said(self, *words: str, given: str = PASSWORD) -> str:
        done = self.run(*words, given=given)
        assert done.exit_code == 0, done.output
        return done.stdout

    def add(self, login: str, *roles: str, more: tuple[str, ...] = ()) -> str:
        given = [word for role in roles for word in ("--role", role)]
        self.said("users", "add", login, "--by", "root", "--password-stdin", *given, *more)
        return login

    def shown(self, login: str) -> Any:
        return json.loads(self.said("users", "show", login, "--json"))

    def database(self) -> Database:
        return Database(self.store / "operations.sqlite")


@pytest.fixture
def place(tmp_path: Path, cheap_passwords: None) -> Place:
    return Place(tmp_path / "store")


def test_the_first_administrator_and_the_others(place: Place) -> None:
    place.add("Boss", "administrator")
    place.add("ali", "inspector/tanger", "manager")
    assert place.shown("BOSS")["roles"] == ["administrator"]
    found = place.shown("ali")
    assert (found["roles"], found["is_active"], found["must_change_password"]) == (
        ["inspector/TANGER", "manager"],
        True,
        True,
    )
    listed = place.said("users", "list")
    assert "boss  administrator  active" in listed
    assert [user["login"] for user in json.loads(place.said("users", "list", "--json"))] == ["ali", "boss"]
    assert "user.created  by root" in place.said("users", "show", "ali")


def test_the_password_comes_from_standard_input_and_works(place: Place) -> None:
    place.add("ali", "manager")
    with place.database() as database:
        from datetime import datetime

        assert log_in(database, Attempt("ali", PASSWORD.strip(), "::1"), now=datetime.now()).outcome == "granted"


def test_without_a_terminal_the_password_is_not_asked_for(place: Place) -> None:
    with pytest.raises(UsageError, match="terminal"):
        place.run("users", "add", "ali", "--by", "root")


def test_a_password_that_is_none_makes_no_account(place: Place) -> None:
    with pytest.raises(UsageError, match="12 to 1024"):
        place.run("users", "add", "ali", "--by", "root", "--password-stdin", given="short\n")
    assert json.loads(place.said("users", "list", "--json")) == []


def commands(group: Any, path: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, command in group.commands.items():
        inner = f"{path} {name}".strip()
        found += commands(command, inner) if hasattr(command, "commands") else [(inner, command)]
    return found


def test_no_command_takes_a_password_as_an_argument() -> None:
    names = [
        (path, option)
        for path, command in commands(typer.main.get_command(app))
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if "password" in option or "secret" in option or "token" in option
    ]
    assert {option for _, option in names} == {"--password-stdin"}


def test_an_account_of_the_openid_provider_has_no_password(place: Place) -> None:
    place.said("users", "add", "ali", "--by", "root", "--oidc-subject", "https://idp.test#1", given="")
    found = place.shown("ali")
    assert (found["has_password"], found["oidc_subject"]) == (False, "https://idp.test#1")


def test_roles_are_given_and_taken_away(place: Place) -> None:
    place.add("ali", "manager")
    place.said("users", "role", "grant", "ali", "inspector", "--office", "agadir", "--by", "root")
    place.said("users", "role", "grant", "ali", "inspector", "--office", "AGADIR", "--by", "root")  # again: nothing
    assert place.shown("ali")["roles"] == ["inspector/AGADIR", "manager"]
    place.said("users", "role", "revoke", "ali", "manager", "--by", "root")
    trail = [event for event in place.shown("ali")["audit"] if event["action"] == "user.roles_changed"]
    assert [(event["before"]["roles"], event["after"]["roles"]) for event in reversed(trail)] == [
        (["manager"], ["inspector/AGADIR", "manager"]),
        (["inspector/AGADIR", "manager"], ["inspector/AGADIR"]),
    ]
    assert {event["actor"] for event in trail} == {"root"}


@pytest.mark.parametrize(
    "words",
    [
        ("role", "grant", "ali", "boss"),
        ("role", "grant", "ali", "system"),
        ("role", "grant", "ali", "inspector"),
        ("role", "grant", "ali", "auditor", "--office", "AGADIR"),
        ("role", "revoke", "ali", "administrator"),
        ("deactivate", "ali"),
    ],
)
def test_a_change_that_makes_no_sense_is_rejected_and_nothing_changes(place: Place, words: tuple[str, ...]) -> None:
    place.add("ali", "administrator")
    before = place.shown("ali")
    with pytest.raises(UsageError):
        place.run("users", *words, "--by", "root")
    assert place.shown("ali") == before


@pytest.mark.parametrize(
    "words",
    [("show", "nobody"), ("unlock", "nobody", "--by", "r"), ("deactivate", "u-none", "--by", "r")],
)
def test_an_unknown_login_is_not_found(place: Place, words: tuple[str, ...]) -> None:
    place.add("ali", "manager")
    with pytest.raises(NotFoundError):
        place.run("users", *words)


def test_a_reset_password_must_be_changed_and_ends_sessions(place: Place) -> None:
    from datetime import datetime, timedelta

    place.add("ali", "manager", more=("--final",))
    assert place.shown("ali")["must_change_password"] is False
    with place.database() as database, database.write() as connection:
        user = find_user(connection, login="ali")
        assert user is not None
        start_session(connection, user.user_id, now=datetime.now(), lifetime=timedelta(hours=1))
    place.said("users", "password", "reset", "ali", "--by", "root", "--password-stdin", given="twelve green camels\n")
    assert place.shown("ali")["must_change_password"] is True
    with place.database() as database, database.read() as connection:
        open_ones = connection.exec_driver_sql("SELECT count(*) FROM user_session WHERE revoked_at IS NULL").scalar()
    assert open_ones == 0


def test_an_account_is_put_out_of_use_and_in_use_again(place: Place) -> None:
    place.add("ali", "manager")
    place.said("users", "deactivate", "ali", "--by", "root")
    assert place.shown("ali")["is_active"] is False
    place.said("users", "activate", "ali", "--by", "root")
    assert place.shown("ali")["is_active"] is True


def test_a_person_is_forgotten_after_a_yes_and_what_they_did_stays(place: Place) -> None:
    place.add("ali", "manager")
    known = place.shown("ali")["user_id"]
    words = ("users", "erase", "ali", "--by", "root", "--motive", "left")
    with pytest.raises(UsageError, match="yes"):
        place.run(*words)
    with pytest.raises(UsageError, match="motive"):
        place.run(*words[:-1], " ", "--yes")
    assert place.shown("ali")["is_active"] is True
    assert known in place.said(*words, "--yes")
    forgotten = place.shown(known)
    assert (forgotten["login"], forgotten["name"], forgotten["roles"]) == (None, None, [])
    assert forgotten["audit"][0]["action"] == "user.erased"
    assert "already" in place.said("users", "erase", known, "--by", "root", "--motive", "again", "--yes")


def test_a_lock_is_lifted_and_sessions_are_ended(place: Place) -> None:
    place.add("ali", "manager")
    assert "0 failed logins" in place.said("users", "unlock", "ali", "--by", "root")
    ended = place.said("sessions", "revoke", "--user", "ali", "--by", "root", "--motive", "stolen laptop")
    assert "0 sessions" in ended
    assert {"login.unlocked", "session.revoked"} <= {event["action"] for event in place.shown("ali")["audit"]}


def test_a_key_is_bound_and_rotated(place: Place) -> None:
    from datetime import datetime

    made = json.loads(
        place.said("keys", "create", "local", "--by", "r", "--scope", "queue:read", "--office", "tanger", "--json")
    )
    new = json.loads(place.said("keys", "rotate", made["key_id"], "--by", "r", "--overlap-hours", "0", "--json"))
    with place.database() as database, database.read() as connection:
        assert recognise_key(connection, made["token"], now=datetime.now()) is None
        found = recognise_key(connection, new["token"], now=datetime.now())
    assert found is not None
    assert (found.offices, found.scopes) == ({"TANGER"}, {"queue:read"})
    listed = place.said("keys", "list")
    assert "TANGER" in listed
    assert new["token"].split("_", 2)[2] not in listed + place.said("keys", "list", "--json")


@pytest.mark.parametrize("words", [("--scope", "all:all"), ("--scope", "metrics:read", "--office", "TANGER")])
def test_a_key_that_makes_no_sense_is_rejected(place: Place, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        place.run("keys", "create", "x", "--by", "r", *words)


def test_the_record_is_whole_and_has_no_name_and_no_secret(place: Place) -> None:
    place.add("benali", "manager")
    place.said("users", "role", "grant", "benali", "auditor", "--by", "root")
    place.said("users", "deactivate", "benali", "--by", "root")
    with Operations(place.store / "operations.sqlite") as operations:
        assert verify(operations).is_whole
        with operations.database.read() as connection:
            everything = str(find_audit(connection))
    assert not [word for word in ("benali", "camels", "argon2") if word in everything.lower()]


def test_offices_of_people_and_keys_are_those_of_declarations(place: Place) -> None:
    place.add("wide", "inspector/\uff23asa\u2013Port")
    assert "CASA-PORT" in json.dumps(place.shown("wide"))
    with pytest.raises(UsageError, match=r"U\+200B ZERO WIDTH SPACE at character 4"):
        place.said("keys", "create", "badr", "--by", "root", "--scope", "declarations:write", "--office", "CAS\u200bA")
