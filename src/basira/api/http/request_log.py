"""Around every request: its id, the limit of its body, one line in the log, a figure in the metrics.

Enters: ASGI. Leaves: ASGI. Never here: a body, a query or a path in the log: they name declarations and traders; the
log has the route's template instead.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from basira.api.http.answer_language import keep_asked_language
from basira.api.http.logs import REQUEST_ID, request_id_of
from basira.api.http.metrics import Metrics
from basira.api.http.problems import problem
from basira.schema.errors import Phrase

_HEADER = b"x-request-id"
MOST_BYTES = 16 << 20  # 1,000 declarations of 10 items are some 5 MB
# Of every other route. The framework reads and parses a body before the sender is authenticated, on the event loop:
# megabytes from an unknown client would hold up every decision of the worker.
SMALL_BYTES = 64 << 10
_LARGE = ("POST", "/api/v1/declarations")
_LONGEST_CODING = 40
_SHORTEN = "Shorten it; only a list of declarations may be longer."

_LOG = logging.getLogger("basira.service")
_SECURE = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
# Two years, as browsers' own lists ask; without subdomains, which may not be ours.
_ONLY_TLS = (b"strict-transport-security", b"max-age=63072000")


class _TooLargeError(Exception):
    """More bytes came than were allowed."""


class Surroundings:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp, metrics: Metrics, most_bytes: int = MOST_BYTES, *, is_secure: bool = True) -> None:
        self._app, self._metrics, self._most = app, metrics, most_bytes
        self._headers = [*_SECURE, _ONLY_TLS] if is_secure else _SECURE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP goes through as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, read = time.perf_counter(), 500, 0
        most = self._most if (scope["method"], scope["path"]) == _LARGE else min(self._most, SMALL_BYTES)
        headers = dict(scope["headers"])
        request_id = request_id_of(headers.get(_HEADER, b""))
        REQUEST_ID.set(request_id)
        keep_asked_language(headers.get(b"accept-language", b""))
        is_begun = is_too_large = False

        async def receive_limited() -> Message:
            nonlocal read, is_too_large
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                is_too_large = True
                raise _TooLargeError
            return message

        async def send_marked(message: Message) -> None:
            nonlocal status, is_begun
            if is_too_large and not is_begun:
                return  # also when the application has answered a body that it could not read
            if message["type"] == "http.response.start":
                status, is_begun = message["status"], True
                own = {name for name, _ in message["headers"]}
                usual = (one for one in self._headers if one[0] not in own)  # pages have a policy of their own
                message["headers"] = [*message["headers"], (_HEADER, request_id.encode()), *usual]
            await send(message)

        try:
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > most:
                raise _TooLargeError
            if "\x00" in scope["path"] or b"%00" in scope["query_string"]:  # PostgreSQL stores none, no name has one
                detail = "Expected an address without NUL (%00), found one."
                await problem(400, "bad_request", detail)(scope, receive_limited, send_marked)
                return
            coding = headers.get(b"content-encoding", b"identity")
            if coding.lower() not in (b"identity", b""):
                found = coding[:_LONGEST_CODING].decode("latin-1")
                other = Phrase("Expected a body without Content-Encoding, found {found!r}.", found=found)
                hint = "Send JSON in UTF-8, uncompressed."
                await problem(415, "unsupported_media_type", other, hint=hint)(scope, receive_limited, send_marked)
                return
            await self._app(scope, receive_limited, send_marked)
            if is_too_large and not is_begun:
                raise _TooLargeError
        except _TooLargeError:
            is_too_large = False
            is_large = (scope["method"], scope["path"]) == _LARGE
            hint = "Send fewer declarations at once." if is_large else _SHORTEN
            limit = Phrase("Expected at most {most:,} bytes.", most=most)
            await problem(413, "too_large", limit, hint=hint)(scope, receive, send_marked)
        except Exception as error:  # the last line: the answer is a problem, the log names the kind
            _LOG.error("fault", extra={"fields": {"request_id": request_id, "error": type(error).__name__}})
            if not is_begun:
                await problem(500, "internal", "A fault of the service.")(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path_format", "none")
            self._metrics.count_answer(scope["method"], route, status, seconds)
            fields = {
                "request_id": request_id,
                "method": scope["method"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "client": scope.get("state", {}).get("client"),
            }
            _LOG.info("request", extra={"fields": fields})
