"""The way in: the first page, the login, the language.

Enters: a login with its password; a language. Leaves: a session, a page. Never here: a hint whether login or password
was wrong; a way to another site.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from basira.api.auth.authenticate import foreign_origin, limit_by_address
from basira.api.auth.cookies import clear_session_cookie, has_foreign_origin, session_cookie
from basira.api.http.dependencies import Now
from basira.api.http.problems import ProblemException
from basira.api.routes.session import Credentials, InAccess, InDatabase, InDesk, post_session
from basira.render.languages import LANGUAGES
from basira.storage.accounts.sessions import end_session
from basira.web.access import Visitor, find_visitor, send_as_person
from basira.web.errors import PageRoute
from basira.web.forms import Form, own_path
from basira.web.language import set_language
from basira.web.render import page

router = APIRouter(route_class=PageRoute)
Next = Annotated[str, Query(alias="next", max_length=400)]
_MINUTE = 60


@router.get("/")
def get_first(request: Request) -> Response:
    """The person's first page; without a session the login."""
    visitor = find_visitor(request)
    if visitor is None:
        return RedirectResponse("/login", 303)
    return RedirectResponse(_first_page(visitor), 303)


def _first_page(visitor: Visitor) -> str:
    if visitor.user.must_change_password:
        return "/account"
    if visitor.may("queue:read"):
        return "/queue"
    return "/people" if visitor.may("access:read") else "/account"


@router.get("/login", dependencies=[Depends(limit_by_address)])
def get_login(request: Request, next_path: Next = "/", ended: str = "") -> Response:
    """The form of a login, and the way to the OpenID provider where one is set up."""
    return _login(request, own_path(next_path), message="ended" if ended else "")


@router.post("/login", dependencies=[Depends(limit_by_address)])
async def post_login(
    request: Request, form: Form, access: InAccess, database: InDatabase, now: Now, desk: InDesk
) -> Response:
    """Begin a session, as `POST /api/v1/session` does, and go on. The same page again when the login fails."""
    next_path = own_path(form.get("next", ""))
    if has_foreign_origin(request, access.settings):
        raise foreign_origin()
    login = form.get("login", "").strip()
    try:
        credentials = Credentials(login=login, password=form.get("password", ""))
        begun = await post_session(credentials, request, access, database, now, desk)
    except ValidationError:
        return _login(request, next_path, status=422, message="missing", login=login)
    except ProblemException as error:
        if error.code not in ("login_refused", "locked", "too_many_requests"):
            raise
        wait = int((error.headers or {}).get("Retry-After", "0"))
        minutes = str(-(-wait // _MINUTE))
        return _login(
            request,
            next_path,
            status=error.status_code,
            headers=error.headers,
            message=error.code,
            minutes=minutes,
            login=login,
        )
    answer = RedirectResponse(next_path, 303)
    for name, value in begun.raw_headers:
        if name == b"set-cookie":
            answer.raw_headers.append((name, value))
    return answer


def _login(
    request: Request,
    next_path: str,
    *,
    status: int = 200,
    headers: object = None,
    message: str = "",
    minutes: str = "",
    login: str = "",
) -> Response:
    provider = f"/api/v1/session/oidc?next={quote(next_path, safe='')}" if request.app.state.oidc else ""
    return page(
        request,
        "login.html",
        status=status,
        headers=headers if isinstance(headers, dict) else None,
        next_path=next_path,
        provider=provider,
        message=message,
        minutes=minutes,
        login=login,
    )


@router.post("/logout")
def post_logout(
    request: Request,
    _visitor: Annotated[Visitor, Depends(send_as_person)],
    access: InAccess,
    database: InDatabase,
    now: Now,
) -> Response:
    """End this session."""
    with database.write() as connection:
        end_session(connection, session_cookie(request, access.settings) or "", now=now)
    answer = RedirectResponse("/login", 303)
    clear_session_cookie(answer, access.settings)
    return answer


@router.post("/language", dependencies=[Depends(limit_by_address)])
def post_language(request: Request, form: Form, access: InAccess) -> Response:
    """Keep another language, and go back to the page. It changes nothing but this browser's pages, so it needs no
    session; another site can't choose it."""
    if has_foreign_origin(request, access.settings):
        raise foreign_origin()
    language = form.get("language", "")
    if language not in LANGUAGES:
        raise ProblemException(422, "invalid", "Expected fr, ar or en, found another language.")
    answer = RedirectResponse(own_path(form.get("next", "")), 303)
    set_language(answer, language, is_secure=not access.settings.is_development)
    return answer
