"""The large worker, as a worker sees it: a process of the same service that does the work on large requests.

Enters: a large request of a recognised principal, as it came. Leaves: what the large worker answered, or 503. Never
here: authorization, rates, sizes (the worker has checked them); a wait without end; a request passed on twice.

In one process each large request takes the interpreter's lock in slices of milliseconds, whatever its priority. So a
worker counts the bytes of one, and passes them on. docs/decisions/0017-large-requests-in-a-process-of-their-own.md.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping

import httpx2
from starlette.requests import Request
from starlette.responses import Response

from basira.api.http.body_reader import SMALL_BYTES
from basira.api.http.logs import REQUEST_ID
from basira.api.http.problems import problem
from basira.schema.access import Principal
from basira.serving.decide.worker import MOST_ITEMS_PLAIN, BusyError, items_of

# Of the large worker's addresses; the host is there because HTTP wants one.
DECLARATIONS, RULE_TESTS, HEALTH = "/declarations", "/rules/tests", "/health"
_HOST = "http://large"
# How the principal is passed on. The large worker alone reads it; its socket is for this user's processes.
PRINCIPAL = "x-basira-principal"
_PASSED = ("content-type", "idempotency-key")
_ANSWERED = ("content-type", "retry-after")
# Requests that one worker has with it at a time, whatever their size; their bytes have a limit of their own
# (`Reader.holding`). Another one waits so long for its turn, then comes again later.
_AT_ONCE, _TURN_SECONDS = 32, 5.0
# As long as a proxy waits. 1,000 declarations take some seconds.
_ANSWER_SECONDS = 60.0
# Interval of its health check, and the time that it has to answer: it may be starting.
LOOK_SECONDS = 10.0
# What is sent in one go: less than a millisecond of the event loop, in a process that has plain requests too.
_SLICE = 256 << 10
_AWAY = "The process that decides large requests does not answer. What of it is recorded stays so."
_HINT = "Send the same again, under the same idempotency key if it had one: nothing is decided twice."
_LOG = logging.getLogger("basira.service")


def is_large(body: object) -> bool:
    """Whether a body is one that no plain declaration should wait for, though it has few bytes."""
    bodies = body if isinstance(body, list) else [body]
    return sum(items_of(one) for one in bodies) > MOST_ITEMS_PLAIN


def is_long(raw: bytes) -> bool:
    """Whether a body is large by its bytes: to parse it takes more than a millisecond."""
    return len(raw) > SMALL_BYTES


class LargeWorker:
    """The large worker behind a socket. ``note``: called with the result of each health check."""

    def __init__(self, socket: str, *, note: Callable[[bool], None]) -> None:
        limits = httpx2.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=socket, limits=limits),
            base_url=_HOST,
            trust_env=False,
            timeout=httpx2.Timeout(_ANSWER_SECONDS, pool=_TURN_SECONDS),
        )
        self._note = note
        self.is_away = False

    async def ask(self, request: Request, raw: bytes, principal: Principal) -> Response:
        """What it answers to a request. Raises BusyError when too many wait for it."""
        if self.is_away:
            return _away()
        headers = {name: value for name in _PASSED if (value := request.headers.get(name)) is not None}
        return await self._pass_on(DECLARATIONS, raw, principal, headers)

    async def test_rule(self, raw: bytes, principal: Principal) -> Response:
        """What it answers to a try or a back-test of a rule, as JSON. Raises BusyError as `ask`."""
        if self.is_away:
            return _away()
        return await self._pass_on(RULE_TESTS, raw, principal, {"content-type": "application/json"})

    async def _pass_on(self, path: str, raw: bytes, principal: Principal, headers: dict[str, str]) -> Response:
        headers |= {"content-length": str(len(raw)), "x-request-id": REQUEST_ID.get()}
        headers[PRINCIPAL] = principal_text(principal)
        try:
            answer = await self._client.post(path, content=_slices(raw), headers=headers)
        except httpx2.PoolTimeout:
            raise BusyError from None
        except httpx2.TransportError as error:
            _LOG.error("large_worker_failed", extra={"fields": {"error": type(error).__name__}})
            return _away()
        passed = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        return Response(answer.content, answer.status_code, headers=passed)

    async def look(self) -> None:
        """Look whether it answers. While it does not, large requests get 503 at once."""
        is_there = await self._answers()
        if is_there is self.is_away:
            (_LOG.info if is_there else _LOG.error)("large_worker_is_back" if is_there else "large_worker_away")
        self.is_away = not is_there
        self._note(is_there)

    async def close(self) -> None:
        """Close the connections to it."""
        await self._client.aclose()

    async def _answers(self) -> bool:
        try:
            answer = await self._client.get(HEALTH, timeout=LOOK_SECONDS)
        except httpx2.PoolTimeout:
            return True  # it has as much work as one worker may give it: its answers show its health
        except httpx2.TransportError:
            return False
        return answer.is_success


def principal_text(principal: Principal) -> str:
    """What the large worker needs of a principal: its id, and the offices that it is bound to. ASCII."""
    offices = None if principal.offices is None else sorted(principal.offices)
    return json.dumps({"id": principal.id, "kind": principal.kind, "offices": offices})


def principal_of(headers: Mapping[str, str]) -> Principal:
    """The principal that a worker passed on."""
    found = json.loads(headers[PRINCIPAL])
    offices = found["offices"]
    return Principal(found["id"], found["kind"], offices=None if offices is None else frozenset(offices))


async def _slices(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), _SLICE):
        yield raw[start : start + _SLICE]


def _away() -> Response:
    return problem(503, "large_worker", _AWAY, hint=_HINT, headers={"Retry-After": "5"})
