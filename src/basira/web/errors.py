"""Errors of pages as pages.

Enters: a route of a page. Leaves: its answer; for an error of the family, or one of HTTP, a page that says what to do;
without a session the login. Never here: a stack trace, a driver's words, the reason why a session is not valid.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from basira.api.http.problems import STATUS, ProblemException
from basira.api.http.request_errors import detail_of, error_list
from basira.render.error_texts import say_phrase
from basira.schema.errors import BasiraError, Phrase
from basira.web.language import language_of
from basira.web.render import page

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
# Codes of problems with a page of words of their own; all others have that of their status.
_OWN_WORDS = frozenset({"csrf", "password_change_required", "too_many_requests"})


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> _Handler:
        """The handler, and around it the errors."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except ProblemException as error:
                if error.status_code == 401:
                    return _to_login(request)
                return error_page(
                    request, error.status_code, error.code, error.headers, said=(error.phrase, error.hint)
                )
            except RequestValidationError as error:
                first = detail_of(error_list(error.errors(), language=language_of(request)))
                return error_page(request, 422, "invalid", said=(first,))
            except BasiraError as error:
                status = STATUS[type(error)]
                if status >= 500:
                    request.app.state.metrics.unavailable(error)
                # Those of the service itself name paths, tables and drivers: for the log.
                said = () if status >= 500 else (error.message_phrase, error.hint_phrase)
                return error_page(request, status, error.code, said=said)

        return handle


def error_page(
    request: Request, status: int, code: str, headers: Any = None, *, said: Sequence[Phrase] = ()
) -> Response:
    """The page of an error. ``code``: of the problem that the API would answer; ``said``: its sentences, for the
    person who asked."""
    kind = code if code in _OWN_WORDS else str(status) if status in (403, 404, 422) else "other"
    details = [say_phrase(one, language_of(request)) for one in said if one]
    return page(request, "error.html", status=status, headers=headers, kind=kind, details=details)


def _to_login(request: Request) -> Response:
    """The login, and afterwards back to where a page was asked for. A form that was sent leads back to its page, where
    the browser still has what was typed."""
    path = quote(request.scope["path"], safe="/")
    if request.method != "GET":
        path = path.rpartition("/")[0] if path.count("/") > 1 else "/"
    elif request.url.query:
        path = f"{path}?{request.url.query}"
    address = "/login" if path == "/" else f"/login?next={quote(path, safe='')}&ended=yes"
    if "hx-request" in request.headers:  # a part of a page: the whole one goes to the login
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)
