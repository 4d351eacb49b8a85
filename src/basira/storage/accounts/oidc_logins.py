"""People who come from an OpenID provider: a login begun and taken up once, the account behind a subject.

Enters: a connection inside a transaction; the provider's claims, already verified. Leaves: an account with the roles of
the provider's groups. Never here: a token of the provider; an account matched by name or e-mail, which a user of the
provider can choose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from basira.schema.access import Grant
from basira.storage.accounts.tables import OIDC_LOGIN
from basira.storage.accounts.users import NewUser, create_user, find_user, normalised_login, set_grants
from basira.storage.database.connection import lock_chains, moment_text
from basira.storage.record.audit_log import AuditEvent, append_audit

ACTOR = "openid provider"


def begin_login(
    connection: sa.Connection, state: str, *, browser: str, next_path: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a login that goes to the provider now; of ``state`` and ``browser`` (the cookie's secret) only the digests.

    Those that never came back are removed on the way.
    """
    connection.execute(OIDC_LOGIN.delete().where(OIDC_LOGIN.c.expires_at <= moment_text(now)))
    connection.execute(
        OIDC_LOGIN.insert(),
        {
            "state_digest": _digest(state),
            "browser_digest": _digest(browser),
            "next_path": next_path,
            "expires_at": moment_text(expires_at),
        },
    )


def take_login(connection: sa.Connection, state: str, *, browser: str, now: datetime) -> str | None:
    """Take up a login that came back, once; its next path. None when there is none, or it is another browser's.

    Whatever the answer, the state is used up: a second try with it finds nothing.
    """
    row = connection.execute(
        OIDC_LOGIN.delete()
        .where(OIDC_LOGIN.c.state_digest == _digest(state))
        .returning(OIDC_LOGIN.c.browser_digest, OIDC_LOGIN.c.next_path, OIDC_LOGIN.c.expires_at)
    ).first()
    if row is None or row.browser_digest != _digest(browser) or row.expires_at <= moment_text(now):
        return None
    return str(row.next_path)


def enter_by_provider(
    connection: sa.Connection,
    subject: str,
    *,
    login: str,
    display_name: str,
    grants: Iterable[Grant],
    creates: bool,
    now: datetime,
) -> str | None:
    """The user id of a verified subject, with its roles brought to ``grants``; None when it may not enter.

    ``subject``: issuer and subject together, as `subject_of` joins them. ``creates``: make a missing account.
    The provider decides who administers: even the last administrator's role is taken away when the provider does. The
    command line gives it back.
    """
    given = tuple(sorted(set(grants)))
    lock_chains(connection)  # before looking: two first logins of a subject at once would both find none
    user = find_user(connection, oidc_subject=subject)
    if user is None and creates:
        made = create_user(
            connection,
            NewUser(
                _free_login(connection, login, subject),
                display_name=display_name[:200],
                grants=given,
                oidc_subject=subject,
            ),
            actor=ACTOR,
            now=now,
        )
        return _record_grant(connection, made, now)
    if user is None or not user.is_active:
        name = "unknown" if user is None else user.user_id
        append_audit(
            connection,
            AuditEvent("login.refused", subject=f"user/{name}", actor=ACTOR, after={"by": "openid"}),
            now=now,
        )
        return None
    if user.grants != given:
        set_grants(connection, user.user_id, given, actor=ACTOR, now=now, may_be_last=True)
    return _record_grant(connection, user.user_id, now)


def subject_of(issuer: str, subject: str) -> str:
    """A subject with its issuer: another provider's subject of the same name is another person."""
    return f"{issuer}#{subject}"


def _record_grant(connection: sa.Connection, user_id: str, now: datetime) -> str:
    append_audit(
        connection,
        AuditEvent("login.granted", subject=f"user/{user_id}", actor=user_id, after={"by": "openid"}),
        now=now,
    )
    return user_id


def _free_login(connection: sa.Connection, login: str, subject: str) -> str:
    """The login that the provider names when it can be had; else one made of the subject's digest."""
    own = f"openid-{_digest(subject)[:16]}"
    kept = normalised_login(login)
    if not 1 <= len(kept) <= 200 or not kept.isprintable() or find_user(connection, login=login) is not None:
        return own
    return login


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
