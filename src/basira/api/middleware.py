"""Around every request: its id, the limit of its body, one line in the log, a figure in the metrics.

Enters: ASGI. Leaves: ASGI. Never here: a body, a query or a path in the log: they name declarations and traders; the
route's template stands for them.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from basira.api.metrics import Metrics
from basira.api.problems import problem

REQUEST_ID = "x-request-id"
MOST_BYTES = 16 << 20  # 1,000 declarations of 10 items are some 5 MB

_LOG = logging.getLogger("basira.service")
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECURE = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and the fields given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. An exception is named by its type; its message may hold values."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


class _TooLargeError(Exception):
    """More bytes came than were allowed."""


class Surroundings:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp, metrics: Metrics, most_bytes: int = MOST_BYTES) -> None:
        self._app, self._metrics, self._most = app, metrics, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP goes through as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, read = time.perf_counter(), 500, 0
        headers = dict(scope["headers"])
        given = headers.get(REQUEST_ID.encode(), b"")
        request_id = given.decode() if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        is_begun = is_too_large = False

        async def receive_limited() -> Message:
            nonlocal read, is_too_large
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                is_too_large = True
                raise _TooLargeError
            return message

        async def send_marked(message: Message) -> None:
            nonlocal status, is_begun
            if is_too_large and not is_begun:
                return  # whatever the application made of a body that it could not read
            if message["type"] == "http.response.start":
                status, is_begun = message["status"], True
                message["headers"] = [*message["headers"], (REQUEST_ID.encode(), request_id.encode()), *_SECURE]
            await send(message)

        try:
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._most:
                raise _TooLargeError
            await self._app(scope, receive_limited, send_marked)
            if is_too_large and not is_begun:
                raise _TooLargeError
        except _TooLargeError:
            is_too_large = False
            await problem(413, "too_large", f"Expected at most {self._most:,} bytes.")(scope, receive, send_marked)
        except Exception as error:  # the last line: the answer is a problem, the log names the kind
            _LOG.error("fault", extra={"fields": {"request_id": request_id, "error": type(error).__name__}})
            if not is_begun:
                await problem(500, "internal", "A fault of the service.")(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.answered(scope["method"], route, status, seconds)
            fields = {
                "request_id": request_id, "method": scope["method"], "route": route, "status": status,
                "milliseconds": round(seconds * 1000, 2), "client": scope.get("state", {}).get("client"),
            }  # fmt: skip
            _LOG.info("request", extra={"fields": fields})
