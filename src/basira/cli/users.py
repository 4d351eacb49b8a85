"""`basira users`: the people who may enter, their roles and passwords.

Enters: options; a password from a prompt or standard input. Leaves: the list of users; every change is audited. Never
here: a password among the arguments, where every process on the machine can read it.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.keys import ByOption, open_database
from basira.cli.messages import messages, reader_language, say_number
from basira.cli.options import Language, LanguageOption, show_json
from basira.render.numbers import UNKNOWN
from basira.render.shown import echo, say_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from basira.schema.access import Grant
    from basira.storage.accounts.users import User

app = typer.Typer(no_args_is_help=True, help="People: accounts, roles, passwords.")
role_app = typer.Typer(no_args_is_help=True, help="Give a role, take it away.")
password_app = typer.Typer(no_args_is_help=True, help="Passwords.")
app.add_typer(role_app, name="role")
app.add_typer(password_app, name="password")

LoginArgument = Annotated[str, typer.Argument(help="The login, whatever its case.")]
RoleArgument = Annotated[
    str, typer.Argument(help="inspector, analyst, manager, data_scientist, auditor, administrator.")
]
OfficeOption = Annotated[
    str,
    typer.Option(
        "--office", help="The office, as lists show it: of an inspector, or of an analyst or a manager of one office."
    ),
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]
KeepOption = Annotated[bool, typer.Option("--final", help="The password need not be changed at the first login.")]


@app.command("add")
def add(
    login: Annotated[str, typer.Argument(help="What the person types to log in.")],
    by: ByOption,
    name: Annotated[str, typer.Option("--name", help="The name to show.")] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            help="A role; an inspector's with its office, as inspector/OFFICE, and an analyst's or a manager's of one "
            "office as well. May be repeated.",
        ),
    ] = None,
    oidc_subject: Annotated[
        str, typer.Option("--oidc-subject", help="ISSUER#SUBJECT: enters by OpenID Connect, without a password.")
    ] = "",
    final: KeepOption = False,
    password_stdin: StdinOption = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Make an account. The password is asked for, and must be changed at the first login."""
    from basira.storage.accounts.users import NewUser, create_user, hash_password

    grants = [_grant(*one.partition("/")[::2]) for one in role or []]
    with open_database(store, database, create=True) as opened:
        hashed = None if oidc_subject else hash_password(_password(password_stdin))
        with opened.write() as connection:
            made = create_user(
                connection,
                NewUser(
                    login,
                    display_name=name or login,
                    grants=grants,
                    password_hash=hashed,
                    oidc_subject=oidc_subject or None,
                    must_change_password=not final,
                ),
                actor=by,
                now=datetime.now(),
            )
    if as_json:
        show_json({"user_id": made})
    else:
        say_line(messages(language.value).say("users.made", user=made, login=login))


@app.command("list")
def list_all(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show every account, with its roles."""
    from basira.storage.accounts.users import list_users

    with open_database(store, database) as opened, opened.read() as connection:
        users = list_users(connection)
    if as_json:
        echo(json.dumps([_user_content(user) for user in users], ensure_ascii=False, indent=1))
        return
    said = messages(language.value)
    for user in users:
        state = said.say("users.active") if user.is_active else said.say("users.inactive")
        login = user.login or said.say("users.erased_login")
        say_line(f"{user.user_id}  {login}  {_shown_roles(_roles(user.grants), language)}  {state}")
    if not users:
        say_line(said.say("users.none"))


@app.command("show")
def show(
    login: LoginArgument,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Show one account and its events."""
    from basira.storage.record.activity import Part, find_audit

    with open_database(store, database) as opened, opened.read() as connection:
        user = user_of(connection, login)
        trail = find_audit(connection, Part(limit=20), subject=f"user/{user.user_id}")
    if as_json:
        events = [{name: row[name] for name in ("recorded_at", "action", "actor", "before", "after")} for row in trail]
        echo(json.dumps({**_user_content(user), "audit": events}, ensure_ascii=False, indent=1))
        return
    said = messages(language.value)
    words = {True: said.say("users.yes"), False: said.say("users.no"), None: UNKNOWN}
    for key, value in _user_content(user).items():
        text = ", ".join(value) if isinstance(value, list) else words.get(value, str(value))  # type: ignore[call-overload]
        say_line(f"{said.say(f'users.{key}')}: {text}")
    for row in trail:
        by = said.say("audit.by", who=row["actor"])
        say_line(f"  {row['recorded_at'][:16]}  {row['action']}  {by}")


@role_app.command("grant")
def grant(
    login: LoginArgument,
    role: RoleArgument,
    by: ByOption,
    office: OfficeOption = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Give a role. It counts from the person's next request."""
    roles = _change_roles(login, _grant(role, office), by=by, store=store, database=database, is_given=True)
    _show_roles(login, roles, language, as_json=as_json)


@role_app.command("revoke")
def revoke(
    login: LoginArgument,
    role: RoleArgument,
    by: ByOption,
    office: OfficeOption = "",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Take a role away. It is gone with the person's next request."""
    roles = _change_roles(login, _grant(role, office), by=by, store=store, database=database, is_given=False)
    _show_roles(login, roles, language, as_json=as_json)


@password_app.command("reset")
def reset(
    login: LoginArgument,
    by: ByOption,
    final: KeepOption = False,
    password_stdin: StdinOption = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Give another password, which must be changed at the next login. Every session of the person ends."""
    from basira.storage.accounts.users import hash_password, set_password

    with open_database(store, database) as opened:
        with opened.read() as connection:
            user = user_of(connection, login)
        hashed = hash_password(_password(password_stdin))
        with opened.write() as connection:
            set_password(connection, user.user_id, hashed, actor=by, now=datetime.now(), must_change_password=not final)
    if as_json:
        show_json({"login": login, "must_change_password": not final})
        return
    say_line(messages(language.value).say("users.password", login=login))


@app.command("deactivate")
def deactivate(
    login: LoginArgument,
    by: ByOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Put an account out of use at once, with its sessions. The person's events stay on record."""
    _set_active(login, is_active=False, by=by, store=store, database=database, language=language, as_json=as_json)


@app.command("activate")
def activate(
    login: LoginArgument,
    by: ByOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Put an account in use again."""
    _set_active(login, is_active=True, by=by, store=store, database=database, language=language, as_json=as_json)


@app.command("erase")
def erase(
    login: LoginArgument,
    by: ByOption,
    motive: Annotated[str, typer.Option("--motive", help="Who asked for it, or which rule; it is audited.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """Forget a person, for good: login, name, password, roles. The events of the id stay on record.

    Shows the person and asks first; give `--yes` where there is no terminal.
    """
    from basira.schema.errors import UsageError
    from basira.storage.accounts.users import erase_user
    from basira.storage.database.freed import free_deleted
    from basira.storage.record.audit_log import require_motive

    said = messages(language.value)
    with open_database(store, database) as opened:
        with opened.read() as connection:
            user = user_of(connection, login)
        require_motive(motive)  # before anything is asked
        if user.login is None and not user.is_active:
            if as_json:
                show_json({"user_id": user.user_id, "is_erased_before": True, "left": []})
            else:
                say_line(said.say("users.forgotten_before", user=user.user_id))
            return
        # Before the question, and never among what a program reads.
        name, roles = user.display_name or said.say("users.no_name"), _shown_roles(_roles(user.grants), language)
        say_line(f"{user.login} ({name}; {roles})", err=as_json)
        if not yes and not (sys.stdin.isatty() and typer.confirm(said.say("users.ask_forget"), err=as_json)):
            raise UsageError("Expected a yes, found none: nothing was erased.", hint="Answer y, or give --yes.")
        with opened.write() as connection:
            erase_user(connection, user.user_id, actor=by, motive=motive, now=datetime.now())
        left = free_deleted(opened)
    if as_json:
        show_json({"user_id": user.user_id, "is_erased_before": False, "left": left})
        return
    say_line(said.say("users.forgotten", user=user.user_id))
    for sentence in left:
        say_line(said.say("left_to_do", what=sentence))


@app.command("unlock")
def unlock(
    login: LoginArgument,
    by: ByOption,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = "",
    language: LanguageOption = Language.fr,
    as_json: JsonOption = False,
) -> None:
    """End the lock of an account after too many failed logins; a lock of an address ends by itself."""
    from basira.storage.accounts.sessions import unlock_login

    with open_database(store, database) as opened, opened.write() as connection:
        forgotten = unlock_login(connection, user_of(connection, login).user_id, actor=by, now=datetime.now())
    if as_json:
        show_json({"login": login, "forgotten": forgotten})
        return
    number = say_number(forgotten, language.value)
    say_line(messages(language.value).say_count("users.unlocked", forgotten, n=number, login=login))


def user_of(connection: sa.Connection, login: str) -> User:
    """The user of a login, or of a user id. Raises NotFoundError."""
    from basira.schema.errors import NotFoundError
    from basira.storage.accounts.users import find_user, get_user

    found = find_user(connection, login=login)
    if found is None and login.startswith("u-"):
        return get_user(connection, login)
    if found is None:
        raise NotFoundError(
            "Expected the login {login!r}, found none.",
            hint="`basira users list` shows them.",
            login=login,
        )
    return found


def _set_active(
    login: str, *, is_active: bool, by: str, store: Path, database: str, language: Language, as_json: bool
) -> None:
    from basira.storage.accounts.users import set_active

    with open_database(store, database) as opened, opened.write() as connection:
        set_active(connection, user_of(connection, login).user_id, is_active, actor=by, now=datetime.now())
    if as_json:
        show_json({"login": login, "is_active": is_active})
        return
    said = messages(language.value)
    state = said.say("users.active") if is_active else said.say("users.inactive")
    say_line(said.say("users.state", login=login, state=state))


def _change_roles(login: str, changed: Grant, *, by: str, store: Path, database: str, is_given: bool) -> list[str]:
    """The roles of the person after the change."""
    from basira.storage.accounts.users import set_grants

    with open_database(store, database) as opened, opened.write() as connection:
        user = user_of(connection, login)
        grants = set(user.grants) | {changed} if is_given else set(user.grants) - {changed}
        if grants != set(user.grants):
            set_grants(connection, user.user_id, grants, actor=by, now=datetime.now())
    return _roles(sorted(grants))


def _show_roles(login: str, roles: list[str], language: Language, *, as_json: bool) -> None:
    if as_json:
        show_json({"login": login, "roles": roles})
    else:
        state = _shown_roles(roles, language)
        say_line(messages(language.value).say("users.state", login=login, state=state))


def _shown_roles(roles: list[str], language: Language) -> str:
    """Roles by their names in the record, as commands are given them; the word for none."""
    return ", ".join(roles) or messages(language.value).say("users.no_role")


def _grant(role: str, office: str) -> Grant:
    from typing import cast

    from basira.schema.access import Grant, Role, check_office
    from basira.serving.admissible import folded_office

    office = folded_office(office)
    # The record itself rejects an unknown role.
    return Grant(cast("Role", role.strip().lower()), office and check_office(office))


def _password(from_stdin: bool) -> str:
    from basira.schema.errors import UsageError

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "Expected a terminal to ask for the password, found none.", hint="Pipe it in, with --password-stdin."
        )
    return str(
        typer.prompt(messages(reader_language()).say("users.ask_password"), hide_input=True, confirmation_prompt=True)
    )


def _roles(grants: Sequence[Grant]) -> list[str]:
    return [f"{grant.role}/{grant.office}" if grant.office else grant.role for grant in grants]


def _user_content(user: User) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "login": user.login,
        "name": user.display_name,
        "roles": _roles(user.grants),
        "is_active": user.is_active,
        "has_password": user.has_password,
        "must_change_password": user.must_change_password,
        "oidc_subject": user.oidc_subject,
    }
