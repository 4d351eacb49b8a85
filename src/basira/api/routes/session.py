"""The routes of a person's session: log in, who am I, another password, log out.

Enters: a login with its password; a session. Leaves: a cookie, and what a page needs to know of its user. Never here: a
hint whether the login or the password was wrong; a session from before the login.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Annotated, TypedDict

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from basira.api.auth.authenticate import Access, foreign_origin, limit_by_address, needs_person
from basira.api.auth.cookies import (
    clear_session_cookie,
    has_foreign_origin,
    session_cookie,
    set_session_cookie,
)
from basira.api.http.dependencies import PREFIX, Now
from basira.api.http.executors import Desk
from basira.api.http.problems import ProblemException
from basira.api.openapi.answers import answers_of
from basira.schema.access import Principal
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.storage.accounts.sessions import (
    Attempt,
    Login,
    csrf_token,
    end_session,
    log_in,
    open_session,
    recognise_session,
)
from basira.storage.accounts.users import get_user, hash_password, normalised_login, set_password
from basira.storage.database.connection import Database, lock_chains

router = APIRouter(prefix=PREFIX, tags=["session"])

# argon2 takes 64 MiB and some 190 ms of CPU each time: as many at once as memory bears, and a queue that ends. They
# have threads of their own, so that a flood of logins takes no thread from declarations.
AT_ONCE, MOST_WAITING = 2, 30
# Ended sessions and attempts to log in; the audit has their events.
_KEPT = timedelta(days=7)


def login_desk() -> Desk:
    """The threads that hash passwords, a few at a time. 429 when too many wait."""
    return Desk("password", AT_ONCE, MOST_WAITING, busy=_too_many)


def _too_many() -> ProblemException:
    return ProblemException(
        429,
        "too_many_requests",
        "Expected fewer logins at once.",
        hint="Wait the seconds of Retry-After, then try again.",
        headers={"Retry-After": "2"},
    )


class Credentials(BaseModel):
    """What a person logs in with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"login": "a.benali", "password": "…"}]})
    login: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1024, repr=False)


class PasswordChange(BaseModel):
    """The current password, and the new one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"current_password": "…", "new_password": "four words of one's own"}]},
    )
    current_password: str = Field(min_length=1, max_length=1024, repr=False)
    new_password: str = Field(min_length=1, max_length=1024, repr=False)


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


def _database(request: Request) -> Database:
    database: Database = request.app.state.service.database
    return database


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.password_desk
    return desk


InAccess = Annotated[Access, Depends(_access)]
InDatabase = Annotated[Database, Depends(_database)]
InDesk = Annotated[Desk, Depends(_desk)]
Person = Annotated[Principal, Depends(needs_person)]


@router.post(
    "/session",
    summary="Log in",
    responses=answers_of("session", 401, 403, 415, 422),
    dependencies=[Depends(limit_by_address)],
)
async def post_session(
    body: Credentials, request: Request, access: InAccess, database: InDatabase, now: Now, desk: InDesk
) -> Response:
    """Begin a session: the cookie comes with the answer. 401 when login or password is wrong, and 429 with Retry-After
    after too many failures; an unknown login gets the same answers."""
    if has_foreign_origin(request, access.settings) and _is_browser(request):
        raise foreign_origin()
    address, lock_out = request.state.address, access.settings.lock_out

    def enter() -> Response:
        done = log_in(
            database,
            Attempt(body.login, body.password, address),
            now=now,
            lock_out=lock_out,
            then=partial(begin_session, request, access=access, now=now),
        )
        user_id = _require_login(done, now)
        return with_session(request, user_id, done.token or "", access=access, database=database)

    return await desk.run(enter)


@router.get("/session", summary="Who am I", responses=answers_of("session", 401, 403))
def get_session(request: Request, person: Person, access: InAccess, database: InDatabase) -> JsonObject:
    """The person, roles with offices, and the CSRF token of this session."""
    token = session_cookie(request, access.settings)
    return dict(_session_content(person.id, token or "", database))


@router.delete("/session", summary="Log out", status_code=204, responses=answers_of(None, 401, 403))
def delete_session(request: Request, _person: Person, access: InAccess, database: InDatabase, now: Now) -> Response:
    """End this session."""
    token = session_cookie(request, access.settings)
    with database.write() as connection:
        end_session(connection, token or "", now=now)
    answer = Response(status_code=204)
    clear_session_cookie(answer, access.settings)
    return answer


@router.post("/session/password", summary="Another password", responses=answers_of("session", 401, 403, 404, 415, 422))
async def post_password(
    body: PasswordChange,
    request: Request,
    person: Person,
    access: InAccess,
    database: InDatabase,
    now: Now,
    desk: InDesk,
) -> Response:
    """Change one's own password. Every session ends, this one too: a new one comes with the answer."""
    address, lock_out = request.state.address, access.settings.lock_out
    before = session_cookie(request, access.settings) or ""

    def change() -> Response:
        with database.read() as connection:
            user = get_user(connection, person.id)
        if not user.has_password or user.login is None:
            raise ProblemException(403, "no_password", "Expected an account with a password, found one without.")
        login = user.login
        # Guesses count towards the lock-out: a browser left open must not be the place to try them.
        checked = log_in(
            database,
            Attempt(login, body.current_password, address),
            now=now,
            lock_out=lock_out,
            action="password.confirmed",
        )
        _require_login(checked, now)
        if body.new_password == body.current_password or normalised_login(login) in body.new_password.casefold():
            raise UsageError(
                "Expected another password than the one that holds, without the login in it.",
                hint="A sentence that only you would write is easy to remember.",
            )
        hashed = hash_password(body.new_password)
        with database.write() as connection:
            lock_chains(connection)
            # An administrator ended this session while argon2 worked; that holds.
            if recognise_session(connection, before, now=now, idle=access.settings.session_idle) is None:
                raise ProblemException(
                    401,
                    "unauthorized",
                    "Expected a session, found one that has just ended.",
                    hint="Log in again: an administrator gave another password or ended the sessions.",
                )
            set_password(connection, person.id, hashed, actor=person.id, now=now)
            token = begin_session(request, connection, person.id, access=access, now=now)
        return with_session(request, person.id, token, access=access, database=database)

    return await desk.run(change)


def begin_session(request: Request, connection: sa.Connection, user_id: str, *, access: Access, now: datetime) -> str:
    """The token of a new session, for a person who was authenticated in the same transaction; the browser's earlier
    session ends."""
    settings = access.settings
    return open_session(
        connection,
        user_id,
        before=session_cookie(request, settings),
        now=now,
        lifetime=settings.session_lifetime,
        keep=max(_KEPT, 2 * settings.lock_out.window),
    )


def with_session(
    request: Request, user_id: str, token: str, *, access: Access, database: Database, answer: Response | None = None
) -> Response:
    """The answer that brings a browser its new session; by default with what a page must know."""
    request.state.client = user_id
    answer = answer or JSONResponse(_session_content(user_id, token, database))
    set_session_cookie(answer, token, access.settings)
    return answer


def _require_login(done: Login, now: datetime) -> str:
    if done.outcome == "locked":
        seconds = (datetime.fromisoformat(done.retry_at or now.isoformat()) - now).total_seconds()
        raise ProblemException(
            429,
            "locked",
            "Too many logins failed. Try again later.",
            hint="Wait the seconds of Retry-After, or ask an administrator: `basira users unlock`.",
            headers={"Retry-After": str(max(1, ceil(seconds)))},
        )
    if done.user_id is None:
        raise ProblemException(401, "login_refused", "Expected a login and its password.")
    return done.user_id


def _is_browser(request: Request) -> bool:
    """Whether a page sent it. A program that logs in has neither header, and no other session to lose."""
    return "origin" in request.headers or "sec-fetch-site" in request.headers


class RoleBody(TypedDict):
    """A role, and the office to which it is narrowed; null for all."""

    role: str
    office: str | None


class SessionBody(TypedDict):
    """Who is logged in. ``login``, ``display_name``: null once they were erased. ``csrf_token``: to send back in
    X-CSRF-Token."""

    user_id: str
    login: str | None
    display_name: str | None
    roles: list[RoleBody]
    must_change_password: bool
    csrf_token: str


def _session_content(user_id: str, token: str, database: Database) -> SessionBody:
    with database.read() as connection:
        user = get_user(connection, user_id)
    return {
        "user_id": user.user_id,
        "login": user.login,
        "display_name": user.display_name,
        "roles": [{"role": grant.role, "office": grant.office or None} for grant in user.grants],
        "must_change_password": user.must_change_password,
        "csrf_token": csrf_token(token),
    }
