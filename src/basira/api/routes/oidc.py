"""The routes of OpenID Connect: to the provider, and back.

Enters: a browser. Leaves: a redirect to the provider; a session. Never here: a way to another site: where a login ends
is a path of this service.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from basira.api.auth.authenticate import limit_by_address
from basira.api.auth.cookies import begun_cookie, set_begun_cookie
from basira.api.auth.oidc import BEGUN_FOR, Begun, Provider, rejection, unavailable
from basira.api.http.dependencies import PREFIX, Now
from basira.api.http.executors import Desk
from basira.api.http.problems import ProblemException
from basira.api.openapi.answers import answers_of
from basira.api.routes.session import InAccess, InDatabase, begin_session, with_session
from basira.storage.accounts.oidc_logins import begin_login, enter_by_provider, subject_of, take_login

CALLBACK = f"{PREFIX}/session/oidc/callback"
router = APIRouter(prefix=PREFIX, tags=["session"])

# Of logins that wait for the provider: threads of their own, so that a provider that hangs takes no thread from
# declarations or passwords. A login asks it three times at most, 5 seconds each: the last one in the queue is answered
# within 45.
AT_ONCE, MOST_WAITING = 4, 12
# A path and perhaps a query of this service. Browsers read "//host" and "/\host" as another site.
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,399}")
_AFTER = f"{PREFIX}/session"


def openid_desk() -> Desk:
    """The threads that ask the provider, for a few logins at a time. 503 when too many wait already."""
    return Desk("openid", AT_ONCE, MOST_WAITING, busy=lambda: unavailable("too many logins wait for it"))


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.oidc
    if provider is None:
        raise ProblemException(404, "not_found", "OpenID Connect is not set up.", hint="Set BASIRA_OIDC.")
    return provider


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.openid_desk
    return desk


InProvider = Annotated[Provider, Depends(_provider)]
InDesk = Annotated[Desk, Depends(_desk)]


@router.get(
    "/session/oidc",
    summary="Log in at the OpenID provider",
    status_code=303,
    responses=answers_of(None, 404, 422),
    dependencies=[Depends(limit_by_address)],
)
async def get_oidc(
    provider: InProvider,
    access: InAccess,
    database: InDatabase,
    now: Now,
    desk: InDesk,
    next_path: Annotated[str, Query(alias="next", max_length=400, description="Path to go to afterwards.")] = _AFTER,
) -> Response:
    """Send the browser to the provider. It must come back within ten minutes, once, with the cookie of this answer."""
    if not _PATH.fullmatch(next_path):
        raise ProblemException(400, "usage", "Expected next as a path of this service.")

    def begin() -> Begun:
        begun = provider.begin()
        with database.write() as connection:
            begin_login(
                connection, begun.state, browser=begun.browser, next_path=next_path, now=now, expires_at=now + BEGUN_FOR
            )
        return begun

    begun = await desk.run(begin)
    answer = RedirectResponse(begun.address, status_code=303)
    set_begun_cookie(answer, begun.browser, access.settings, seconds=int(BEGUN_FOR.total_seconds()))
    return answer


@dataclass(frozen=True)
class _Sent:
    """What the provider sends back with the browser: nothing of it is believed before it is checked."""

    state: Annotated[str, Query(max_length=400)] = ""
    code: Annotated[str, Query(max_length=4000)] = ""
    issuer: Annotated[str | None, Query(alias="iss", max_length=400)] = None


@router.get(
    "/session/oidc/callback",
    summary="Come back from the OpenID provider",
    response_class=HTMLResponse,
    responses=answers_of(None, 401, 404, 422),
    dependencies=[Depends(limit_by_address)],
)
async def get_oidc_callback(
    request: Request,
    provider: InProvider,
    access: InAccess,
    database: InDatabase,
    now: Now,
    desk: InDesk,
    sent: Annotated[_Sent, Depends()],
) -> Response:
    """Begin a session for the person whom the provider names. 401 for every fault, without a reason.

    The page that answers goes on by itself: after a redirect from another site the browser would not send the new
    session's cookie (SameSite=Strict); from a page of this service it does.
    """
    browser = begun_cookie(request, access.settings) or ""

    def enter() -> Response:
        with database.write() as connection:
            next_path = take_login(connection, sent.state, browser=browser, now=now)
        if next_path is None or not sent.code:
            raise rejection("no login begun in this browser" if next_path is None else "no code")
        claims = provider.claims(sent.code, state=sent.state, browser=browser, issuer=sent.issuer, now=now)
        settings = provider.settings
        login, name = claims.get(settings.login_claim), claims.get(settings.name_claim)
        with database.write() as connection:
            user_id = enter_by_provider(
                connection,
                subject_of(settings.issuer, claims["sub"]),
                login=login if isinstance(login, str) else "",
                display_name=name if isinstance(name, str) else "",
                grants=settings.grants(claims),
                creates=settings.unknown == "create",
                now=now,
            )
            token = begin_session(request, connection, user_id, access=access, now=now) if user_id else ""
        if user_id is None:
            raise rejection("unknown or inactive")
        page = HTMLResponse(_page(next_path))
        return with_session(request, user_id, token, access=access, database=database, answer=page)

    answer = await desk.run(enter)
    set_begun_cookie(answer, None, access.settings)
    return answer


def _page(next_path: str) -> str:
    target = html.escape(next_path, quote=True)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Basira</title>'
        f'<meta http-equiv="refresh" content="0; url={target}"></head>'
        f'<body><p><a href="{target}">Continue</a></p></body></html>'
    )
