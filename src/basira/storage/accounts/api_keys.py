"""API keys of systems: made, recognised, rotated, revoked.

Enters: a connection inside a transaction; a token as a system sends it. Leaves: the token, once, when it is made; the
principal it stands for. Never here: a token kept: the database holds the digest of its secret half.

A token is `basira_<key id>_<secret>`: found by its id, recognised by the digest. The secret is 32 random bytes, which
can't be guessed, so SHA-256 is enough; argon2 would cost every request 190 ms of CPU and add nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from basira.schema.access import Principal, check_office, check_scopes
from basira.schema.errors import NotFoundError, UsageError
from basira.storage.accounts.tables import API_KEY
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.record.audit_log import AuditEvent, append_audit

_PREFIX = "basira"
# `last_used_at` answers "is it still in use": to the minute is enough, and saves a write on nearly every request.
_USE_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class NewKey:
    """A key just made. ``token``: to hand over now; it can't be shown again."""

    key_id: str
    token: str


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key. Moments are texts of `moment_text`. ``offices``: it is bound to them; None: to none."""

    key_id: str
    name: str
    scopes: frozenset[str]
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str | None
    replaced_by: str | None
    last_used_at: str | None
    offices: frozenset[str] | None


def create_key(
    connection: sa.Connection,
    name: str,
    *,
    scopes: Iterable[str],
    actor: str,
    now: datetime,
    expires_at: datetime,
    offices: Iterable[str] | None = None,
) -> NewKey:
    """Make a key for a system. ``offices``: those it is bound to; None: every one.

    Raises UsageError when it would have expired already, when a scope or an office is malformed, or there is none.
    """
    chosen = check_scopes(frozenset(scopes))
    bound = None if offices is None else sorted({check_office(office) for office in offices})
    if bound == []:
        raise UsageError("Expected at least one office, found none.", hint="Leave offices out for every office.")
    if moment_text(expires_at) <= moment_text(now):
        raise UsageError(
            "Expected an expiry after {now}, found {expires_at}.",
            hint="Give a later one.",
            now=now,
            expires_at=expires_at,
        )
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    connection.execute(
        API_KEY.insert(),
        {
            "key_id": key_id,
            "name": name,
            "secret_digest": _digest(secret),
            "scopes": json.dumps(sorted(chosen)),
            "created_at": moment_text(now),
            "created_by": actor,
            "expires_at": moment_text(expires_at),
            "offices": None if bound is None else json.dumps(bound),
        },
    )
    append_audit(
        connection,
        AuditEvent(
            "key.created",
            subject=f"key/{key_id}",
            actor=actor,
            after={"name": name, "scopes": sorted(chosen), "offices": bound, "expires_at": moment_text(expires_at)},
        ),
        now=now,
    )
    return NewKey(key_id, f"{_PREFIX}_{key_id}_{secret}")


def recognise_key(connection: sa.Connection, token: str, *, now: datetime) -> Principal | None:
    """The principal of a token's key; None when it is unknown, expired or revoked, without saying which. Writes
    nothing."""
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    row = (
        connection.execute(sa.select(API_KEY).where(API_KEY.c.key_id == key_id)).first() if _is_ascii(key_id) else None
    )
    expected = row.secret_digest if row else "0" * 64
    is_right = hmac.compare_digest(_digest(secret), expected)
    if prefix != _PREFIX or row is None or not is_right:
        return None
    if row.revoked_at is not None or row.expires_at <= moment_text(now):
        return None
    return Principal(row.key_id, "key", scopes=frozenset(json.loads(row.scopes)), offices=_offices(row.offices))


def touch_key(connection: sa.Connection, key_id: str, *, now: datetime) -> None:
    """Write down that a key was used, at most once a minute."""
    connection.execute(
        API_KEY.update()
        .where(
            API_KEY.c.key_id == key_id,
            sa.or_(API_KEY.c.last_used_at.is_(None), API_KEY.c.last_used_at <= moment_text(now - _USE_RESOLUTION)),
        )
        .values(last_used_at=moment_text(now))
    )


def rotate_key(
    connection: sa.Connection, key_id: str, *, actor: str, now: datetime, expires_at: datetime, overlap: timedelta
) -> NewKey:
    """Make the successor of a key, with its name, scopes and offices; the old one works for ``overlap`` more.

    Raises NotFoundError, and UsageError when the key is no longer in force.
    """
    lock_chains(connection)  # before any row, and one at a time: a key has one successor
    old = get_key(connection, key_id)
    if old.revoked_at is not None or old.expires_at <= moment_text(now) or old.replaced_by is not None:
        raise UsageError(
            "Expected the key {key_id} in force, found it expired, revoked or replaced.",
            hint="Make a new key.",
            key_id=key_id,
        )
    made = create_key(
        connection, old.name, scopes=old.scopes, actor=actor, now=now, expires_at=expires_at, offices=old.offices
    )
    until = min(old.expires_at, moment_text(now + overlap))
    connection.execute(
        API_KEY.update().where(API_KEY.c.key_id == key_id).values(replaced_by=made.key_id, expires_at=until)
    )
    append_audit(
        connection,
        AuditEvent(
            "key.rotated",
            subject=f"key/{key_id}",
            actor=actor,
            before={"expires_at": old.expires_at},
            after={"expires_at": until, "replaced_by": made.key_id},
        ),
        now=now,
    )
    return made


def revoke_key(connection: sa.Connection, key_id: str, *, actor: str, motive: str, now: datetime) -> str | None:
    """End a key at once; again is without effect. When it had been revoked before; None when it is now."""
    lock_chains(connection)
    if (before := get_key(connection, key_id).revoked_at) is not None:
        return before
    connection.execute(API_KEY.update().where(API_KEY.c.key_id == key_id).values(revoked_at=moment_text(now)))
    append_audit(
        connection,
        AuditEvent(
            "key.revoked",
            subject=f"key/{key_id}",
            actor=actor,
            before={"revoked_at": None},
            after={"revoked_at": moment_text(now)},
            motive=motive,
        ),
        now=now,
    )
    return None


def get_key(connection: sa.Connection, key_id: str) -> ApiKey:
    """A key by its id; NotFoundError when there is none."""
    found = [key for key in list_keys(connection) if key.key_id == key_id]
    if not found:
        raise NotFoundError(
            "Expected the API key {key_id!r}, found none.",
            hint="List the keys, and choose one.",
            key_id=key_id,
        )
    return found[0]


def list_keys(connection: sa.Connection) -> list[ApiKey]:
    """Every key, the oldest first; never its secret or the digest of it."""
    columns = [column for column in API_KEY.columns if column.name != "secret_digest"]
    rows = connection.execute(sa.select(*columns).order_by(API_KEY.c.created_at, API_KEY.c.key_id)).mappings()
    return [
        ApiKey(**{**row, "scopes": frozenset(json.loads(row["scopes"])), "offices": _offices(row["offices"])})
        for row in rows
    ]


def _offices(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _is_ascii(text: str) -> bool:
    return text.isascii() and text.isalnum()
