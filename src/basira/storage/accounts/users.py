"""Users: made, given roles and passwords, put out of use, erased. Every change is audited in its own transaction.

Enters: a connection inside a transaction, who acts, when. Leaves: users with their roles. Never here: a password in
clear, in the tables or in the audit; a login or a name in the audit (a user is named there by an opaque id, so that
erasing the person leaves the chain whole).
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from basira.schema.access import Grant
from basira.schema.errors import NotFoundError, UsageError
from basira.storage.accounts.tables import APP_USER, LOGIN_ATTEMPT, USER_ROLE, USER_SESSION
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.record.audit_log import AuditEvent, append_audit, require_motive
from basira.storage.record.chain import is_storable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD = 12
_LONGEST_PASSWORD = 1024  # argon2 would take any length: a body of megabytes must not cost as many


@dataclass(frozen=True)
class User:
    """A person with an account. ``login`` and ``display_name`` are None once erased."""

    user_id: str
    login: str | None
    display_name: str | None
    is_active: bool
    must_change_password: bool
    has_password: bool
    oidc_subject: str | None
    grants: tuple[Grant, ...]


def hash_password(password: str, *, hasher: PasswordHasher | None = None) -> str:
    """The argon2id hash of a new password. Takes some 190 ms of CPU: call it outside of a transaction.

    Raises UsageError when the password is shorter than 12 characters, or longer than 1,024.
    """
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise UsageError(
            "Expected a password of {shortest_password} to {longest_password} characters, found {password_count}.",
            hint="A sentence that only you would write is easy to remember.",
            shortest_password=SHORTEST_PASSWORD,
            longest_password=_LONGEST_PASSWORD,
            password_count=len(password),
        )
    return (hasher or new_hasher()).hash(password)


def new_hasher() -> PasswordHasher:
    """argon2id with the library's parameters (RFC 9106, low memory): 64 MiB, 3 passes."""
    from argon2 import PasswordHasher

    return PasswordHasher()


def normalised_login(login: str) -> str:
    """A login as it is kept and compared: NFKC, without case or outer spaces.

    Folding can undo the form, hence the second round: what is kept comes out the same again.

    >>> normalised_login(" A.Benali "), normalised_login(chr(0xFF21) + "li")
    ('a.benali', 'ali')
    """
    once = unicodedata.normalize("NFKC", login).casefold()
    return unicodedata.normalize("NFKC", once).strip()


def login_digest(login: str) -> str:
    """The digest of a login, by which attempts to log in are counted."""
    return hashlib.sha256(normalised_login(login).encode(errors="replace")).hexdigest()


@dataclass(frozen=True)
class NewUser:
    """A user to make. ``password_hash``: of `hash_password`; None for who enters by OpenID Connect, whose subject at
    the provider is ``oidc_subject``. ``must_change_password``: at the first login; of no meaning without a password."""

    login: str
    display_name: str
    grants: Iterable[Grant]
    password_hash: str | None = field(default=None, repr=False)
    oidc_subject: str | None = None
    must_change_password: bool = True


def create_user(connection: sa.Connection, new: NewUser, *, actor: str, now: datetime) -> str:
    """Make a user; the new user id. Raises UsageError when the login is empty or taken, or a text is too long."""
    kept = normalised_login(new.login)
    if (
        not kept.isprintable()
        or not 1 <= len(kept) <= 200
        or not is_storable(kept)
        or len(new.display_name) > 200
        or not is_storable(new.display_name)
    ):
        raise UsageError(
            "Expected a login of 1 to 200 characters and a name of 200 at most.", hint="Correct the login or the name."
        )
    lock_chains(connection)
    if connection.execute(sa.select(APP_USER.c.user_id).where(APP_USER.c.login == kept)).first():
        raise UsageError(
            "Expected a new login, found {kept!r} taken.",
            hint="Choose another login.",
            kept=kept,
        )
    user_id = f"u-{secrets.token_hex(8)}"
    connection.execute(
        APP_USER.insert(),
        {
            "user_id": user_id,
            "login": kept,
            "display_name": new.display_name,
            "password_hash": new.password_hash,
            "oidc_subject": new.oidc_subject,
            "is_active": True,
            "must_change_password": new.must_change_password and new.password_hash is not None,
            "created_at": moment_text(now),
            "password_changed_at": None if new.password_hash is None else moment_text(now),
        },
    )
    given = _write_grants(connection, user_id, new.grants)
    append_audit(
        connection,
        AuditEvent("user.created", subject=f"user/{user_id}", actor=actor, after={"roles": _roles(given)}),
        now=now,
    )
    return user_id


def get_user(connection: sa.Connection, user_id: str) -> User:
    """The user of that id; NotFoundError when there is none."""
    found = _find(connection, APP_USER.c.user_id == user_id)
    if not found:
        raise NotFoundError(
            "Expected the user {user_id!r}, found none.",
            hint="List the users, and choose one.",
            user_id=user_id,
        )
    return found[0]


def find_user(connection: sa.Connection, *, login: str | None = None, oidc_subject: str | None = None) -> User | None:
    """The user of a login, or of a subject of the OpenID provider; None when there is none."""
    which = APP_USER.c.oidc_subject == oidc_subject if login is None else APP_USER.c.login == normalised_login(login)
    found = _find(connection, which)
    return found[0] if found else None


def list_users(connection: sa.Connection) -> list[User]:
    """Every user, in the order of logins."""
    return _find(connection, sa.true())


def find_display_names(connection: sa.Connection, user_ids: Iterable[str]) -> dict[str, str]:
    """The names of some users (a few hundred at most), the id where a name was erased; what is no user is left out."""
    wanted = sorted(set(user_ids))
    query = sa.select(APP_USER.c.user_id, APP_USER.c.display_name).where(APP_USER.c.user_id.in_(wanted))
    return {str(one): str(name or one) for one, name in connection.execute(query)}


@dataclass(frozen=True)
class UserSearch:
    """Which users: those whose login or name has ``text`` in it, who hold a ``role`` or a role of an ``office``, who
    are active. Empty: whichever. Users whose person was erased have no login, and are found without ``text``."""

    text: str = ""
    role: str = ""
    office: str = ""
    is_active: bool | None = None


def find_users(
    connection: sa.Connection, wanted: UserSearch, *, offset: int = 0, limit: int | None = None
) -> tuple[list[User], int]:
    """The users that are wanted, in the order of logins, and how many there are in all. ``limit``: of the first; None:
    every one."""
    found = _wanted(wanted)
    total = connection.execute(sa.select(sa.func.count()).select_from(APP_USER).where(found)).scalar_one()
    query = sa.select(APP_USER.c.user_id).where(found).order_by(APP_USER.c.login, APP_USER.c.user_id)
    ids = connection.execute(query.offset(offset).limit(limit)).scalars().all()
    return _find(connection, APP_USER.c.user_id.in_(ids)), total


def count_inspectors(connection: sa.Connection) -> dict[str, int]:
    """How many active users are inspectors of each office; an office without one is absent."""
    query = (
        sa.select(USER_ROLE.c.office, sa.func.count().label("count_of"))
        .join(APP_USER, APP_USER.c.user_id == USER_ROLE.c.user_id)
        .where(USER_ROLE.c.role == "inspector", APP_USER.c.is_active)
        .group_by(USER_ROLE.c.office)
    )
    return {row.office: row.count_of for row in connection.execute(query)}


def _wanted(wanted: UserSearch) -> sa.ColumnElement[bool]:
    parts: list[sa.ColumnElement[bool]] = [sa.true()]
    if text := normalised_login(wanted.text):
        parts.append(
            sa.or_(
                APP_USER.c.login.contains(text, autoescape=True),
                sa.func.lower(APP_USER.c.display_name).contains(text, autoescape=True),
                APP_USER.c.display_name.contains(wanted.text.strip(), autoescape=True),
            )
        )
    if wanted.role or wanted.office:
        held = sa.select(USER_ROLE.c.user_id)
        held = held.where(USER_ROLE.c.role == wanted.role) if wanted.role else held
        held = held.where(USER_ROLE.c.office == wanted.office) if wanted.office else held
        parts.append(APP_USER.c.user_id.in_(held))
    if wanted.is_active is not None:
        parts.append(APP_USER.c.is_active.is_(sa.true() if wanted.is_active else sa.false()))
    return sa.and_(*parts)


def new_password() -> str:
    """A password to hand over, for an account that must change it: 16 random signs (79 bits) that are not mistaken for
    one another, in groups of four."""
    signs = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(signs) for _ in range(4)) for _ in range(4))


def set_grants(
    connection: sa.Connection,
    user_id: str,
    grants: Iterable[Grant],
    *,
    actor: str,
    now: datetime,
    may_be_last: bool = False,
) -> None:
    """Replace the roles of a user. Raises UsageError when no administrator is left, unless ``may_be_last``."""
    before = _user_to_change(connection, user_id)
    connection.execute(USER_ROLE.delete().where(USER_ROLE.c.user_id == user_id))
    given = _write_grants(connection, user_id, grants)
    if not may_be_last:
        require_administrator(connection, before)
    append_audit(
        connection,
        AuditEvent(
            "user.roles_changed",
            subject=f"user/{user_id}",
            actor=actor,
            before={"roles": _roles(before.grants)},
            after={"roles": _roles(given)},
        ),
        now=now,
    )


def set_password(
    connection: sa.Connection,
    user_id: str,
    password_hash: str,
    *,
    actor: str,
    now: datetime,
    must_change_password: bool = False,
) -> None:
    """Give a user another password (by `hash_password`); the sessions that are open end."""
    _user_to_change(connection, user_id)
    values = {
        "password_hash": password_hash,
        "password_changed_at": moment_text(now),
        "must_change_password": must_change_password,
    }
    connection.execute(APP_USER.update().where(APP_USER.c.user_id == user_id).values(values))
    _end_sessions(connection, user_id, now)
    append_audit(connection, AuditEvent("user.password_changed", subject=f"user/{user_id}", actor=actor), now=now)


def set_active(connection: sa.Connection, user_id: str, is_active: bool, *, actor: str, now: datetime) -> None:
    """Put an account out of use, or in use again; out of use, its sessions end."""
    before = _user_to_change(connection, user_id)
    connection.execute(APP_USER.update().where(APP_USER.c.user_id == user_id).values(is_active=is_active))
    require_administrator(connection, before)
    if not is_active:
        _end_sessions(connection, user_id, now)
    append_audit(
        connection,
        AuditEvent(
            "user.activity_changed",
            subject=f"user/{user_id}",
            actor=actor,
            before={"is_active": before.is_active},
            after={"is_active": is_active},
        ),
        now=now,
    )


def erase_user(connection: sa.Connection, user_id: str, *, actor: str, motive: str, now: datetime) -> None:
    """Forget the person behind an id: login, name, password, roles, attempts to log in. What the id did stays in the
    record. Raises UsageError without a motive."""
    require_motive(motive)
    before = _user_to_change(connection, user_id)
    if before.login is not None:  # its digest is no secret: it can be computed from the login
        connection.execute(LOGIN_ATTEMPT.delete().where(LOGIN_ATTEMPT.c.login_digest == login_digest(before.login)))
    values = {
        "login": None,
        "display_name": None,
        "password_hash": None,
        "oidc_subject": None,
        "is_active": False,
        "must_change_password": False,
    }
    connection.execute(APP_USER.update().where(APP_USER.c.user_id == user_id).values(values))
    connection.execute(USER_ROLE.delete().where(USER_ROLE.c.user_id == user_id))
    connection.execute(USER_SESSION.delete().where(USER_SESSION.c.user_id == user_id))
    require_administrator(connection, before)
    append_audit(
        connection,
        AuditEvent(
            "user.erased",
            subject=f"user/{user_id}",
            actor=actor,
            before={"is_active": before.is_active, "roles": _roles(before.grants)},
            after={"is_active": False, "roles": []},
            motive=motive,
        ),
        now=now,
    )


def _find(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[User]:
    rows = connection.execute(sa.select(APP_USER).where(which).order_by(APP_USER.c.login, APP_USER.c.user_id)).all()
    chosen = sa.select(USER_ROLE).where(USER_ROLE.c.user_id.in_(sa.select(APP_USER.c.user_id).where(which)))
    grants: dict[str, list[Grant]] = {}
    for row in connection.execute(chosen):
        grants.setdefault(row.user_id, []).append(Grant(row.role, row.office))
    return [
        User(
            user_id=row.user_id,
            login=row.login,
            display_name=row.display_name,
            is_active=row.is_active,
            must_change_password=row.must_change_password,
            has_password=row.password_hash is not None,
            oidc_subject=row.oidc_subject,
            grants=tuple(sorted(grants.get(row.user_id, []))),
        )
        for row in rows
    ]


def _write_grants(connection: sa.Connection, user_id: str, grants: Iterable[Grant]) -> tuple[Grant, ...]:
    given = tuple(sorted(set(grants)))
    if given:
        rows = [{"user_id": user_id, "role": grant.role, "office": grant.office} for grant in given]
        connection.execute(USER_ROLE.insert(), rows)
    return given


def _roles(grants: Iterable[Grant]) -> list[str]:
    return [f"{grant.role}/{grant.office}" if grant.office else grant.role for grant in grants]


def _end_sessions(connection: sa.Connection, user_id: str, now: datetime) -> None:
    connection.execute(
        USER_SESSION.update()
        .where(USER_SESSION.c.user_id == user_id, USER_SESSION.c.revoked_at.is_(None))
        .values(revoked_at=moment_text(now))
    )


def _user_to_change(connection: sa.Connection, user_id: str) -> User:
    """The user whose status is about to change, one change at a time: of two administrators put out of use at once
    each would still see the other. The audit takes the same lock: here before any row, as everywhere, or two who meet
    wait for each other."""
    lock_chains(connection)
    return get_user(connection, user_id)


def require_administrator(connection: sa.Connection, before: User) -> None:
    """Raise UsageError when the last active administrator would be lost: the change is rejected and rolled back."""
    if not before.is_active or all(grant.role != "administrator" for grant in before.grants):
        return
    query = (
        sa.select(APP_USER.c.user_id)
        .join(USER_ROLE, USER_ROLE.c.user_id == APP_USER.c.user_id)
        .where(USER_ROLE.c.role == "administrator", APP_USER.c.is_active)
    )
    if connection.execute(query).first() is None:
        raise UsageError(
            "Expected at least one active administrator, found that this was the last.",
            hint="Give the role to another user first.",
        )
