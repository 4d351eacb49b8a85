"""Who is asking: the X-API-Key header, and what a route needs.

Enters: a request. Leaves: a principal that has the scope, or a problem. Never here: a reason why a key is refused; a
key in a log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import HTTPException, Request, Security
from fastapi.security import APIKeyHeader

from basira.storage.access import Principal, Role
from basira.storage.access_keys import recognise_key, touch_key
from basira.storage.operations_database import Database

Scope = Literal["declarations:write", "declarations:read", "outcomes:write", "queue:read", "metrics:read"]
Recognise = Callable[[str], Principal | None]

# As `touch_key` keeps it: asking more often would be a transaction for nothing.
_USE_RESOLUTION = timedelta(minutes=1)
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key made by `basira keys create`.")
# What a person's role may do; a key has its scopes. An auditor reads all and changes nothing.
_READ: frozenset[Scope] = frozenset({"declarations:read", "queue:read"})
ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    "inspector": _READ | {"outcomes:write"},
    "analyst": _READ,
    "manager": _READ | {"metrics:read"},
    "data_scientist": _READ | {"metrics:read"},
    "auditor": _READ | {"metrics:read"},
    "administrator": frozenset({"metrics:read"}),
    "system": frozenset(),
}


def by_key(database: Database, clock: Callable[[], datetime]) -> Recognise:
    """Recognise API keys of the database, and write down that they were used (to the minute)."""
    touched: dict[str, datetime] = {}

    def recognise(token: str) -> Principal | None:
        now = clock()
        with database.read() as connection:
            principal = recognise_key(connection, token, now=now)
        if principal is not None and now - touched.get(principal.id, datetime.min) >= _USE_RESOLUTION:
            with database.write() as connection:
                touch_key(connection, principal.id, now=now)
            touched[principal.id] = now
        return principal

    return recognise


def needs(scope: Scope) -> Callable[..., Principal]:
    """A dependency: the principal, when it may do what ``scope`` names; else 401 or 403."""

    def principal(request: Request, token: Annotated[str | None, Security(_HEADER)] = None) -> Principal:
        recognise: Recognise = request.app.state.recognise
        found = recognise(token) if token else None
        if found is None:
            raise HTTPException(401, headers={"WWW-Authenticate": "ApiKey"})
        request.state.client = found.id
        if not may(found, scope):
            raise HTTPException(403)
        return found

    return principal


def may(principal: Principal, scope: Scope) -> bool:
    """Whether a principal may do what a scope names: a key by its scopes, a person by the roles."""
    if principal.kind == "key":
        return scope in principal.scopes
    return any(scope in ROLE_SCOPES[role] for role in principal.roles)


def hides_secrets(principal: Principal) -> bool:
    """Whether what tells how selection works stays out of the answer: of an inspector who is nothing else."""
    return principal.roles == frozenset({"inspector"})
