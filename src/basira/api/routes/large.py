"""The routes of the large worker: a large request that a worker passed on.

Enters: a body, and the principal that the worker recognised. Leaves: what `POST /declarations` answers. Never here: a
client: the socket is for processes of the service's own user, and the worker has authorized the caller.
"""

from __future__ import annotations

import logging
import os
import time

from fastapi import APIRouter, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from basira.api.http.answer_language import keep_asked_language
from basira.api.http.large_worker import DECLARATIONS, HEALTH, principal_of
from basira.api.http.logs import REQUEST_ID, request_id_of
from basira.api.http.problems import problem
from basira.api.routes.declarations import decide_body

_LOG = logging.getLogger("basira.service")
router = APIRouter()


@router.post(DECLARATIONS)
async def post_forwarded(request: Request) -> Response:
    """Decide on a request that a worker passed on."""
    return await decide_body(request, principal_of(request.headers), request.headers.get("idempotency-key"))


@router.get(HEALTH)
async def get_health() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


class Passed:
    """The middleware of the large worker: the request's id as the worker gave it, a line of the log, and every error as
    a problem. The worker counts the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP, and looks whether it lives, go through as they are."""
        if scope["type"] != "http" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        REQUEST_ID.set(request_id_of(headers.get(b"x-request-id", b"")))
        keep_asked_language(headers.get(b"accept-language", b""))
        begun, status = time.perf_counter(), 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Exception as error:
            _LOG.error("fault", extra={"fields": {"error": type(error).__name__}})
            if not status:
                await problem(500, "internal", "A fault of the service.")(scope, receive, send_noted)
        finally:
            milliseconds = round((time.perf_counter() - begun) * 1000, 2)
            fields = {"status": status, "milliseconds": milliseconds, "process": os.getpid()}
            _LOG.info("large_request", extra={"fields": fields})
