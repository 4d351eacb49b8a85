"""Authenticate and authorize the caller: API keys, sessions, and the scope that a route needs.

Enters: a request. Leaves: a principal with the roles that count here, or a problem. Never here: a reason why a key or a
session is rejected; a key or a session in a log.

A request with X-API-Key acts as that key, also when a cookie comes with it. Only a request that acts as a session needs
the CSRF token: no other page can make a browser send the header of a key.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader
from sqlalchemy import Connection

from basira.api.auth.cookies import NAME, has_foreign_origin, session_cookie
from basira.api.auth.permissions import SCOPES, Scope, granting
from basira.api.auth.settings import AccessSettings
from basira.api.http.problems import ProblemException
from basira.api.http.rate_limit import Buckets, Lately
from basira.schema.access import Principal
from basira.schema.errors import Phrase, StoreError
from basira.storage.accounts.api_keys import recognise_key, touch_key
from basira.storage.accounts.sessions import is_csrf_token, recognise_session, touch_session
from basira.storage.database.connection import Database

__all__ = [
    "Recognise",
    "Scope",
    "by_key",
    "by_session",
    "hides_secrets",
    "limit_by_address",
    "may",
    "needs",
    "needs_person",
]

Recognise = Callable[[str], Principal | None]

# As the stores keep it: asking more often would be a transaction for nothing.
_USE_RESOLUTION = timedelta(minutes=1)
_MOST_TOUCHED = 10_000
_LOG = logging.getLogger("basira.service")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key made by `basira keys create`.")
_COOKIE = APIKeyCookie(
    name=NAME,
    auto_error=False,
    description="A session, by POST /session or OpenID Connect. What changes something also needs X-CSRF-Token, as GET "
    "/session gives it, and the service's own Origin.",
)


@dataclass(frozen=True)
class Access:
    """What the checks need, in one worker. ``lately``: credentials that were valid lately; they are looked up also when
    their address is over its limit."""

    settings: AccessSettings
    keys: Recognise
    sessions: Recognise
    key_rate: Buckets
    user_rate: Buckets
    address_rate: Buckets
    lately: Lately = field(default_factory=Lately)


def access_of(settings: AccessSettings, *, keys: Recognise, sessions: Recognise) -> Access:
    """Everything, with buckets of this process."""
    rates = settings.rates
    return Access(settings, keys, sessions, Buckets(rates.key), Buckets(rates.user), Buckets(rates.address))


def by_key(database: Database, clock: Callable[[], datetime]) -> Recognise:
    """Recognise API keys of the database, and write down that they were used (to the minute). A declaration must not
    wait for it behind long readings."""
    database = database.reserved
    touched: dict[str, datetime] = {}

    def recognise(token: str) -> Principal | None:
        now = clock()
        with database.read() as connection:
            principal = recognise_key(connection, token, now=now)
        if principal is not None and _is_due(touched, principal.id, now):
            _write_down(database, lambda connection: touch_key(connection, principal.id, now=now))
        return principal

    return recognise


def by_session(database: Database, clock: Callable[[], datetime], *, idle: timedelta) -> Recognise:
    """Recognise session tokens of the database, and write down that they are in use (to the minute)."""
    touched: dict[str, datetime] = {}

    def recognise(token: str) -> Principal | None:
        now = clock()
        with database.read() as connection:
            principal = recognise_session(connection, token, now=now, idle=idle)
        if principal is not None and _is_due(touched, token, now):
            _write_down(database, lambda connection: touch_session(connection, token, now=now))
        return principal

    return recognise


def _write_down(database: Database, touch: Callable[[Connection], None]) -> None:
    """Write down that a credential was used. Where nothing can be written, reading stays possible."""
    try:
        with database.write() as connection:
            touch(connection)
    except StoreError as error:
        cause = type(error.__cause__ or error).__name__
        _LOG.warning("use_not_written_down", extra={"fields": {"code": error.code, "cause": cause}})


def _is_due(touched: dict[str, datetime], name: str, now: datetime) -> bool:
    if now - touched.get(name, datetime.min) < _USE_RESOLUTION:
        return False
    if len(touched) >= _MOST_TOUCHED:
        touched.clear()
    touched[name] = now
    return True


def needs(scope: Scope) -> Callable[..., Principal]:
    """A dependency: the principal, when it may do what ``scope`` names; else 401, 403 or 429.

    A person's principal has only the roles that have the scope, so that `sees_office` and `hides_secrets` hold for this
    right alone: an administrator's role does not widen what the inspector's role shows.
    """

    def principal(
        request: Request,
        _key: Annotated[str | None, Security(_HEADER)] = None,
        _session: Annotated[str | None, Security(_COOKIE)] = None,
    ) -> Principal:
        return authorize(request, scope)

    return principal


def authorize(
    request: Request, scope: Scope, *, keys: Recognise | None = None, form_token: str | None = None
) -> Principal:
    """The principal of the dependency of `needs`. ``keys``: another way to recognise keys than that of the
    application. ``form_token``: see `principal_of`."""
    found = principal_of(request, keys=keys, form_token=form_token)
    if not may(found, scope):
        raise ProblemException(
            403,
            "forbidden",
            Phrase("Expected a key or a role with the scope {scope}, found one without.", scope=scope),
            hint="Ask an administrator for it: docs/reference/roles.md lists the rights of each role.",
        )
    return replace(found, grants=granting(found.grants, scope))


def needs_person(request: Request, _session: Annotated[str | None, Security(_COOKIE)] = None) -> Principal:
    """A dependency: the person who is logged in, in any role, even with a password that must be changed first."""
    found = principal_of(request, is_change_forced=False)
    if found.kind != "user":
        raise ProblemException(403, "forbidden", "Expected the session of a person, found an API key.")
    return found


def principal_of(
    request: Request,
    *,
    is_change_forced: bool = True,
    keys: Recognise | None = None,
    form_token: str | None = None,
) -> Principal:
    """The principal of a request. ``form_token``: the session's token from a field of a form, which takes the place of
    the header X-CSRF-Token. Raises 401, 403 (CSRF, a password to be changed) or 429."""
    access: Access = request.app.state.access
    given = request.headers.get("x-api-key")
    token = None if given is not None else session_cookie(request, access.settings)
    found = None
    if credential := given or token:
        if credential not in access.lately:
            _look_at_address(request, access)  # guessing must not cost the database anything
        found = (keys or access.keys)(credential) if given else access.sessions(credential)
        access.lately.note(credential, is_right=found is not None)
    if found is None:
        _count_address(request, access)
        raise ProblemException(
            401,
            "unauthorized",
            "Expected an API key in X-API-Key, or a session, found no valid one.",
            hint="Keys expire and are revoked: ask an administrator for one. A person logs in: POST /api/v1/session.",
            headers={"WWW-Authenticate": "ApiKey"},
        )
    request.state.client = found.id
    _take(access.key_rate if found.kind == "key" else access.user_rate, found.id)
    if token is not None and request.method not in _SAFE:
        _check_form(request, token, access.settings, form_token)
    if is_change_forced and found.must_change_password:
        raise ProblemException(
            403,
            "password_change_required",
            "Expected a password of one's own, found one that an administrator gave.",
            hint="POST /api/v1/session/password first.",
        )
    return found


def limit_by_address(request: Request) -> None:
    """A dependency: public routes always apply the per-address limit, even when credentials are sent."""
    _count_address(request, request.app.state.access)


def _check_form(request: Request, token: str, settings: AccessSettings, form_token: str | None) -> None:
    if has_foreign_origin(request, settings):
        raise foreign_origin()
    if not is_csrf_token(form_token or request.headers.get("x-csrf-token", ""), token):
        raise ProblemException(
            403,
            "csrf",
            "Expected the session's token in X-CSRF-Token, found another one or none.",
            hint="Take csrf_token from GET /api/v1/session.",
        )


def foreign_origin() -> ProblemException:
    """The problem of a request with a foreign Origin, or without one where a browser sends it."""
    return ProblemException(
        403,
        "csrf",
        "Expected a page of this service in Origin, found another address or none.",
        hint="Open the service under the address in BASIRA_ORIGIN; a program needs an API key.",
    )


def _count_address(request: Request, access: Access) -> None:
    if not request.state.is_counted:
        request.state.is_counted = True
        _take(access.address_rate, request.state.address)


def _look_at_address(request: Request, access: Access) -> None:
    _refuse(access.address_rate.look(request.state.address, now=time.monotonic()))


def _take(buckets: Buckets, name: str) -> None:
    _refuse(buckets.wait(name, now=time.monotonic()))


def _refuse(wait: float) -> None:
    if wait:
        raise ProblemException(
            429,
            "too_many_requests",
            "Expected fewer requests.",
            hint="Wait the seconds of Retry-After, then send it again.",
            headers={"Retry-After": str(ceil(wait))},
        )


def may(principal: Principal, scope: Scope) -> bool:
    """Whether a principal may do what a scope names: a key by its scopes, a person by the roles."""
    if principal.kind == "key":
        return scope in principal.scopes and (principal.offices is None or not SCOPES[scope].is_whole)
    return bool(granting(principal.grants, scope))


def hides_secrets(principal: Principal) -> bool:
    """Whether the answer hides how selection works: for an inspector without another role."""
    return principal.roles == frozenset({"inspector"})
