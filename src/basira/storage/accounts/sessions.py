"""Logging in and staying in: passwords checked, guesses stopped, sessions begun and ended.

Enters: a login and a password; a session token. Leaves: granted, refused or locked; the principal of a session. Never
here: a word on whether the login or the password was wrong; a token kept in clear.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from basira.schema.access import Principal
from basira.storage.accounts.tables import APP_USER, LOGIN_ATTEMPT, USER_SESSION
from basira.storage.accounts.users import find_user, get_user, login_digest, new_hasher
from basira.storage.database.connection import Database, lock_chains, moment_text
from basira.storage.record.audit_log import AuditEvent, append_audit

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_LONGEST = 1024  # of what is hashed: a body of megabytes must not cost as many
_SEEN_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class LockOut:
    """When guessing is stopped. ``failures``: of one login in ``window``; ``address_failures``: from one address."""

    failures: int = 5
    address_failures: int = 50
    window: timedelta = timedelta(minutes=15)


@dataclass(frozen=True)
class Login:
    """What became of an attempt. ``user_id``: when granted. ``retry_at``: when locked, the moment it ends. ``token``:
    of the session that began with it."""

    outcome: Literal["granted", "refused", "locked"]
    user_id: str | None = None
    retry_at: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Attempt:
    """A login that is tried. ``address``: from where, for the lock of an address."""

    login: str = field(repr=False)
    password: str = field(repr=False)
    address: str


def log_in(
    database: Database,
    attempt: Attempt,
    *,
    now: datetime,
    lock_out: LockOut | None = None,
    hasher: PasswordHasher | None = None,
    action: str = "login.granted",
    then: Callable[[sa.Connection, str], str] | None = None,
) -> Login:
    """Check a login and its password. ``action``: what a right one is called in the audit. ``then``: begins a session
    of that user id in the transaction that grants; its token. Whatever ends sessions later ends this one too.

    The attempt is written as failed before the password is looked at, and as a success after: a hundred guesses at
    once count as a hundred. No transaction is open while argon2 works; what changes meanwhile counts. An unknown login
    takes as long as a known one.
    """
    rule, hasher = lock_out or LockOut(), hasher or default_hasher()
    digest, address, moment = login_digest(attempt.login), attempt.address, moment_text(now)
    with database.write() as connection:
        lock_chains(connection)  # attempts are counted one after the other
        if (retry_at := _find_lock_end(connection, digest, address, now=now, rule=rule)) is not None:
            return Login("locked", retry_at=retry_at)
        user = find_user(connection, login=attempt.login)
        attempt_id = connection.execute(
            LOGIN_ATTEMPT.insert()
            .values(login_digest=digest, address=address[:80], attempted_at=moment, is_success=False)
            .returning(LOGIN_ATTEMPT.c.attempt_id)
        ).scalar_one()
        kept = _find_hash(connection, user.user_id) if user else None
    while _matches(hasher, kept or _dummy(hasher), attempt.password) and user is not None and kept is not None:
        rehashed = hasher.hash(attempt.password) if hasher.check_needs_rehash(kept) else None
        with database.write() as connection:
            lock_chains(connection)
            found = _find_hash(connection, user.user_id)
            if found == kept:
                row = LOGIN_ATTEMPT.c.attempt_id == attempt_id
                connection.execute(LOGIN_ATTEMPT.update().where(row).values(is_success=True))
                if rehashed is not None:
                    mine = APP_USER.c.user_id == user.user_id
                    connection.execute(APP_USER.update().where(mine).values(password_hash=rehashed))
                append_audit(
                    connection,
                    AuditEvent(action, subject=f"user/{user.user_id}", actor=user.user_id, after={"by": "password"}),
                    now=now,
                )
                token = then(connection, user.user_id) if then else None
                return Login("granted", user_id=user.user_id, token=token)
        # Changed while argon2 worked: another password was given, or a second login hashed the same anew.
        kept = found
    with database.write() as connection:
        if (retry_at := _find_lock_end(connection, digest, address, now=now, rule=rule)) is not None:
            append_audit(
                connection,
                AuditEvent(
                    "login.locked",
                    subject=f"user/{user.user_id if user else 'unknown'}",
                    actor="basira",
                    after={"until": retry_at},
                ),
                now=now,
            )
    return Login("refused")


def _find_hash(connection: sa.Connection, user_id: str) -> str | None:
    """The hash that a user's password must match; None for a user without one."""
    query = sa.select(APP_USER.c.password_hash).where(APP_USER.c.user_id == user_id, APP_USER.c.is_active)
    found: str | None = connection.execute(query).scalar()
    return found


def _find_lock_end(connection: sa.Connection, digest: str, address: str, *, now: datetime, rule: LockOut) -> str | None:
    """Moment at which the lock of a login or an address ends; None when neither is locked."""
    table, since = LOGIN_ATTEMPT, moment_text(now - rule.window)
    # A success wipes the login's slate, not the address's: one's own account must not buy guesses at others'. What came
    # after is known by the number: the clock goes back an hour now and then, and every guess would count as before it.
    success = connection.execute(
        sa.select(sa.func.max(table.c.attempt_id)).where(table.c.login_digest == digest, table.c.is_success)
    ).scalar()
    ends = []
    for which, after, most in (
        (table.c.login_digest == digest, success or 0, rule.failures),
        (table.c.address == address[:80], 0, rule.address_failures),
    ):
        query = (
            sa.select(table.c.attempted_at)
            .where(which, table.c.attempted_at > since, table.c.attempt_id > after, ~table.c.is_success)
            .order_by(table.c.attempt_id.desc())
            .limit(most)
        )
        failures = connection.execute(query).scalars().all()
        if len(failures) >= most:
            ends.append(moment_text(datetime.fromisoformat(failures[-1]) + rule.window))
    return max(ends) if ends else None


def _matches(hasher: PasswordHasher, kept: str, password: str) -> bool:
    from argon2.exceptions import VerificationError

    if len(password) > _LONGEST:
        return False
    try:
        return hasher.verify(kept, password.encode(errors="replace"))
    except VerificationError:
        return False


@lru_cache(maxsize=1)
def default_hasher() -> PasswordHasher:
    return new_hasher()


@lru_cache(maxsize=4)
def _dummy(hasher: PasswordHasher) -> str:
    """A hash of no user's password, checked where a user has none, so that the time reveals nothing."""
    return hasher.hash(secrets.token_hex(16))


def open_session(
    connection: sa.Connection, user_id: str, *, before: str | None, now: datetime, lifetime: timedelta, keep: timedelta
) -> str:
    """Begin a session of a user who has just logged in; its token. The session that the browser had (``before``) ends,
    and sessions that ended longer than ``keep`` ago are removed.

    In the transaction that saw the proof: a session that began after its password was replaced would outlive it.
    """
    lock_chains(connection)  # before any row: who erases a user takes the same ones
    if before:
        end_session(connection, before, now=now)
    purge_access(connection, now=now, keep=keep)
    return start_session(connection, user_id, now=now, lifetime=lifetime)


def start_session(connection: sa.Connection, user_id: str, *, now: datetime, lifetime: timedelta) -> str:
    """Begin a session; its token, for the cookie. Always a new one: a token from before the login is worth nothing."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        USER_SESSION.insert(),
        {
            "token_digest": _digest(token),
            "user_id": user_id,
            "created_at": moment_text(now),
            "last_seen_at": moment_text(now),
            "expires_at": moment_text(now + lifetime),
        },
    )
    return token


def recognise_session(connection: sa.Connection, token: str, *, now: datetime, idle: timedelta) -> Principal | None:
    """Whose session a token is; None when it is unknown, ended, expired, idle for too long, or its user out of use.

    Roles are read anew each time: a role taken away is gone with the next request. Writes nothing.
    """
    row = connection.execute(
        sa.select(USER_SESSION.c.user_id).where(
            USER_SESSION.c.token_digest == _digest(token),
            USER_SESSION.c.revoked_at.is_(None),
            USER_SESSION.c.expires_at > moment_text(now),
            USER_SESSION.c.last_seen_at > moment_text(now - idle),
        )
    ).first()
    if row is None:
        return None
    user = get_user(connection, row.user_id)
    if not user.is_active:
        return None
    return Principal(user.user_id, "user", user.grants, must_change_password=user.must_change_password)


def touch_session(connection: sa.Connection, token: str, *, now: datetime) -> None:
    """Write down that a session is in use, at most once a minute."""
    connection.execute(
        USER_SESSION.update()
        .where(
            USER_SESSION.c.token_digest == _digest(token),
            USER_SESSION.c.last_seen_at <= moment_text(now - _SEEN_RESOLUTION),
        )
        .values(last_seen_at=moment_text(now))
    )


def end_session(connection: sa.Connection, token: str, *, now: datetime) -> None:
    """End a session: log out."""
    connection.execute(
        USER_SESSION.update()
        .where(USER_SESSION.c.token_digest == _digest(token), USER_SESSION.c.revoked_at.is_(None))
        .values(revoked_at=moment_text(now))
    )


def csrf_token(token: str) -> str:
    """What a form of this session must send back; it can't be made without the session's token."""
    return hmac.new(token.encode(), b"basira csrf", hashlib.sha256).hexdigest()


def is_csrf_token(given: str, token: str) -> bool:
    """Whether ``given`` is the CSRF token of this session, in the same time whatever it is."""
    return hmac.compare_digest(given.encode(errors="replace"), csrf_token(token).encode())


def revoke_sessions(connection: sa.Connection, user_id: str, *, actor: str, motive: str, now: datetime) -> int:
    """End every session of a user at once; how many there were. Raises NotFoundError."""
    lock_chains(connection)  # before any row: see `users`
    get_user(connection, user_id)
    ended = connection.execute(
        USER_SESSION.update()
        .where(
            USER_SESSION.c.user_id == user_id,
            USER_SESSION.c.revoked_at.is_(None),
            USER_SESSION.c.expires_at > moment_text(now),
        )
        .values(revoked_at=moment_text(now))
    ).rowcount
    append_audit(
        connection,
        AuditEvent(
            "session.revoked",
            subject=f"user/{user_id}",
            actor=actor,
            before={"open_sessions": ended},
            after={"open_sessions": 0},
            motive=motive,
        ),
        now=now,
    )
    return ended


@dataclass(frozen=True)
class OpenSessions:
    """How many sessions of a user are open, and when the user was last seen in any (text of `moment_text`; None:
    never, or longer ago than ended sessions are kept)."""

    count: int
    last_seen_at: str | None


def find_open_sessions(connection: sa.Connection, user_id: str, *, now: datetime) -> OpenSessions:
    """The sessions of a user that have neither ended nor expired; idle ones count."""
    of = USER_SESSION.c
    is_open = sa.and_(of.user_id == user_id, of.revoked_at.is_(None), of.expires_at > moment_text(now))
    count = connection.execute(sa.select(sa.func.count()).select_from(USER_SESSION).where(is_open)).scalar_one()
    seen = connection.execute(sa.select(sa.func.max(of.last_seen_at)).where(of.user_id == user_id)).scalar()
    return OpenSessions(count, seen)


def unlock_login(connection: sa.Connection, user_id: str, *, actor: str, now: datetime) -> int:
    """Forget the failed attempts of a user's login, which ends its lock-out; how many there were."""
    lock_chains(connection)
    login = get_user(connection, user_id).login
    failed = sa.and_(LOGIN_ATTEMPT.c.login_digest == login_digest(login or ""), ~LOGIN_ATTEMPT.c.is_success)
    forgotten = connection.execute(LOGIN_ATTEMPT.delete().where(failed)).rowcount
    append_audit(
        connection,
        AuditEvent(
            "login.unlocked",
            subject=f"user/{user_id}",
            actor=actor,
            before={"failed_attempts": forgotten},
            after={"failed_attempts": 0},
        ),
        now=now,
    )
    return forgotten


def purge_access(connection: sa.Connection, *, now: datetime, keep: timedelta) -> int:
    """Remove sessions that ended and attempts to log in that are older than ``keep``; how many rows.

    ``keep`` must be longer than the lock-out's window.
    """
    before = moment_text(now - keep)
    ended = connection.execute(USER_SESSION.delete().where(USER_SESSION.c.expires_at <= before)).rowcount
    return ended + connection.execute(LOGIN_ATTEMPT.delete().where(LOGIN_ATTEMPT.c.attempted_at <= before)).rowcount


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
