"""The language of a person's pages: chosen once, kept by the browser.

Enters: a request. Leaves: fr, en or ar; a cookie. Never here: anything but these three.
"""

from __future__ import annotations

from fastapi import Request, Response

from basira.render.languages import LANGUAGES

NAME = "basira-language"
_YEAR_SECONDS = 365 * 24 * 3600


def language_of(request: Request) -> str:
    """The language that the browser's cookie names; without one that of the service."""
    chosen = request.cookies.get(NAME, "")
    language: str = request.app.state.service.language
    return chosen if chosen in LANGUAGES else language


def set_language(response: Response, language: str, *, is_secure: bool) -> None:
    """Have the browser keep a language for a year. It is no secret: pages before the login have it too."""
    response.set_cookie(
        NAME, language, max_age=_YEAR_SECONDS, path="/", secure=is_secure, httponly=True, samesite="strict"
    )
