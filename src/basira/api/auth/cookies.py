"""The cookies of a session, and from which page a request comes.

Enters: requests, answers, settings. Leaves: cookies set, read and cleared. Never here: a cookie that a script, another
host or plain HTTP could read (but on localhost, in development).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request, Response

from basira.api.auth.settings import AccessSettings
from basira.api.http.host_and_address import host_of

# The prefix makes browsers reject it from plain HTTP, for another path, or from a neighbouring host: no other site can
# plant a session. Browsers take the prefix only with Secure, hence the other names.
NAME, NAME_IN_DEVELOPMENT = "__Host-basira", "basira-development"
_BEGUN, _BEGUN_IN_DEVELOPMENT = "__Host-basira-login", "basira-development-login"


def session_cookie(request: Request, settings: AccessSettings) -> str | None:
    """The session token of a request, if any."""
    return request.cookies.get(NAME_IN_DEVELOPMENT if settings.is_development else NAME) or None


def set_session_cookie(response: Response, token: str, settings: AccessSettings) -> None:
    """Give a browser its session; it lasts as long as the browser is open, or the session.

    SameSite=Strict: a link on another site opens the service logged out, and no other site can send requests in the
    person's name.
    """
    name = NAME_IN_DEVELOPMENT if settings.is_development else NAME
    response.set_cookie(name, token, path="/", secure=not settings.is_development, httponly=True, samesite="strict")


def clear_session_cookie(response: Response, settings: AccessSettings) -> None:
    """Remove a browser's session."""
    name = NAME_IN_DEVELOPMENT if settings.is_development else NAME
    response.delete_cookie(name, path="/", secure=not settings.is_development, httponly=True, samesite="strict")


def begun_cookie(request: Request, settings: AccessSettings) -> str | None:
    """What ties a login at the provider to the browser that began it."""
    return request.cookies.get(_BEGUN_IN_DEVELOPMENT if settings.is_development else _BEGUN) or None


def set_begun_cookie(response: Response, secret: str | None, settings: AccessSettings, *, seconds: int = 0) -> None:
    """Set it, or clear it (None). SameSite=Lax: it must come back with the provider's redirect."""
    name = _BEGUN_IN_DEVELOPMENT if settings.is_development else _BEGUN
    response.set_cookie(
        name,
        secret or "",
        max_age=seconds if secret else 0,
        path="/",
        secure=not settings.is_development,
        httponly=True,
        samesite="lax",
    )


def has_foreign_origin(request: Request, settings: AccessSettings) -> bool:
    """Whether a request comes from a foreign page, or does not name its page. Every browser of today names it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return True
    return (site is not None and site != "same-origin") or (
        origin is not None and not is_own_origin(origin, request.headers.get("host", ""), settings)
    )


def is_own_origin(origin: str, host: str, settings: AccessSettings) -> bool:
    """Whether an Origin header names this service: by its address in the settings, else by the host in the request."""
    if settings.origin:
        return origin == settings.origin
    parts = urlsplit(origin)
    schemes = ("http", "https") if settings.is_development else ("https",)
    return parts.scheme in schemes and bool(host_of(host)) and parts.netloc.lower() == host.strip().lower()
