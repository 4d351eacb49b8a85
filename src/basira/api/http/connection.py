"""What a connection may do before there is a request: how many there are, how long a client may take, how large a head.

Enters: bytes from any client. Leaves: requests, as uvicorn's own protocol gives them to the application; else an answer
that says what was expected, and the end of the connection. Never here: what a request asks; the size of a body
(`middleware`).

uvicorn's protocol on httptools bounds none of this (docs/decisions/0015-limits-of-a-connection.md). Times are looked at
by one timer for all connections, so a request pays for three looks at the clock and a sum.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from basira.api.auth.settings import ConnectionLimits, Network
from basira.api.http.host_and_address import client_address
from basira.api.http.problems import problem

Cause = Literal[
    "too_many",
    "too_many_of_address",
    "head_too_large",
    "pipelined",
    "bad_request",
    "slow_head",
    "slow_body",
    "unread_answer",
]
# The key of the server's state under which the application leaves the counter of ended connections.
COUNT_ENDED = "count_ended_connection"
_LOG = logging.getLogger("basira.service")


class Guard:
    """Makes the protocol of each connection of one process, and knows them all.

    ``proxies``: addresses from which many clients come, so that only the limit in all holds for them.
    """

    def __init__(self, limits: ConnectionLimits, proxies: tuple[Network, ...] = ()) -> None:
        self.limits, self._proxies = limits, proxies
        self._open: set[GuardedProtocol] = set()
        self._each: Counter[str] = Counter()
        self._is_watching = False

    def within(self, limits: ConnectionLimits) -> Guard:
        """A new one with other limits."""
        return Guard(limits, self._proxies)

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> GuardedProtocol:
        """The protocol of a new connection; called by uvicorn."""
        return GuardedProtocol(self, config, server_state, app_state, _loop)

    def admit(self, connection: GuardedProtocol, address: str) -> Cause | None:
        """Count a connection in; return the reason when there are too many."""
        if len(self._open) >= self.limits.connections:
            return "too_many"
        if self._each[address] >= self.limits.each_address and not self._is_proxy(address):
            return "too_many_of_address"
        self._open.add(connection)
        self._each[address] += 1
        if not self._is_watching:
            self._is_watching = True
            connection.loop.call_later(self._pause(), self._watch, connection.loop)
        return None

    def forget(self, connection: GuardedProtocol, address: str) -> None:
        """Count a connection out; one that was not admitted is not counted."""
        if connection in self._open:
            self._open.remove(connection)
            self._each[address] -= 1
            if not self._each[address]:
                del self._each[address]

    def _is_proxy(self, address: str) -> bool:
        # The address of IPv6 is that of its network of 64 bits, as `client_address` gives it.
        network = ipaddress.ip_network(address)
        return any(network.version == one.version and network.overlaps(one) for one in self._proxies)

    def _pause(self) -> float:
        limits = self.limits
        return min(1.0, min(limits.read_seconds, limits.unread_seconds, limits.linger_seconds) / 4)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in list(self._open):
            connection.look(now)
        self._is_watching = bool(self._open)
        if self._is_watching:
            loop.call_later(self._pause(), self._watch, loop)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the limits; see the module."""

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard, self._limits = guard, guard.limits
        self._address = ""
        self._reads: Literal["head", "body", "nothing"] = "head"
        self._since = self._looked = self.loop.time()
        # Bytes since the head began or a part of the body came: those of a head, of chunks' own lines, of trailers.
        self._loose = 0
        self._head_bytes = self._body_bytes = 0
        self._has_asked = False
        self._fault: Cause | None = None
        self._ending_since: float | None = None
        self._unread_since: float | None = None

    # --- what the server calls ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Accept the connection, or answer that there are too many."""
        super().connection_made(transport)
        self._address = client_address({"client": self.client, "headers": []}, ())
        if cause := self._guard.admit(self, self._address):
            self._end(cause)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        self._guard.forget(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data; end the connection when it breaks a limit or is not HTTP."""
        if self._ending_since is not None:
            return
        self._unset_keepalive_if_required()
        if self._reads == "nothing" and (self.cycle is None or self.cycle.response_complete):
            self._reads, self._since = "head", self.loop.time()
        self._has_asked = True
        self._loose += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The service has no other protocol: it answers the request, and ends its connection.
            if self.cycle is not None:
                self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._end(self._fault or "bad_request")
            return
        if self._loose > self._limits.head_bytes:
            self._end("head_too_large")

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It did."""
        self._unread_since = None
        super().resume_writing()

    # --- what the parser calls ---

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._reads != "head":
            self._reads, self._since = "head", self.loop.time()
        self._loose = self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        super().on_url(url)
        if len(self.url) > self._limits.line_bytes:
            self._fail("head_too_large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field, of the head or of a trailer."""
        size = len(name) + len(value)
        self._head_bytes += size
        is_within = size <= self._limits.line_bytes and self._head_bytes <= self._limits.head_bytes
        if not is_within or len(self.headers) >= self._limits.fields:
            self._fail("head_too_large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the application begins."""
        if len(self.pipeline) >= self._limits.pipelined:
            self._fail("pipelined")
        self._reads, self._since, self._body_bytes = "body", self.loop.time(), 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._loose = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._reads = "nothing"
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is given; what is left of the body has a last while to come."""
        self._since = self.loop.time()
        super().on_response_complete()

    # --- limits ---

    def look(self, now: float) -> None:
        """End the connection when it takes too long."""
        limits, paused = self._limits, now - self._looked
        self._looked = now
        if self.transport.is_closing():
            # Closing waits until the client has taken what is left.
            if self._ending_since is None:
                self._ending_since = now
            elif now - self._ending_since > limits.linger_seconds:
                self.transport.abort()
        elif self._unread_since is not None:
            if now - self._unread_since > limits.unread_seconds:
                self._end("unread_answer")
        elif self._reads == "head":
            if now - self._since > limits.read_seconds:
                self._end("slow_head")
        elif self._reads == "body":
            if self.cycle.response_complete:
                if now - self._since > limits.linger_seconds:
                    self._end("slow_body")
            elif self.flow.read_paused:
                self._since += paused  # it is the service that lets the client wait
            elif now - self._since > limits.read_seconds + self._body_bytes / limits.body_rate:
                self._end("slow_body")

    def _fail(self, cause: Cause) -> None:
        """End the parser's work: it passes every error on as one of its own."""
        self._fault = cause
        raise ValueError(cause)

    def _end(self, cause: Cause) -> None:
        """Answer what was expected, where no answer has begun, and close."""
        self._ending_since = self.loop.time()
        _LOG.warning("connection_ended", extra={"fields": {"cause": cause}})
        count: Callable[[Cause], None] | None = self.app_state.get(COUNT_ENDED)
        if count is not None:
            count(cause)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        is_of_answered = self._reads == "body" and not is_answering
        if cause == "unread_answer" or (is_answering and (self._reads != "body" or self.cycle.response_started)):
            self.transport.abort()  # another answer is due, or under way
            return
        if not is_of_answered and (self._has_asked or cause != "slow_head"):
            self.transport.write(_ANSWERS[cause])
        self.transport.close()


def _answer(status: int, code: str, detail: str, hint: str) -> bytes:
    made = problem(status, code, detail, hint=hint, headers={"Connection": "close"})
    head = b"".join(b"%s: %s\r\n" % field for field in made.raw_headers)
    return STATUS_LINE[status] + head + b"\r\n" + bytes(made.body)


_USUAL = ConnectionLimits()
_FEWER = "Send requests one after the other over few connections, or come again later."
_HEAD = f"Send at most {_USUAL.fields} fields, {_USUAL.line_bytes:,} bytes a line and {_USUAL.head_bytes:,} together."
_SLOW = f"Send it at once; a body at {_USUAL.body_rate:,} bytes a second or more."
# By cause; where another answer is under way there is none.
_ANSWERS: dict[Cause, bytes] = {
    "too_many": _answer(503, "too_many_connections", "Expected fewer connections to this service.", _FEWER),
    "too_many_of_address": _answer(
        503, "too_many_connections", "Expected fewer connections from this address.", _FEWER
    ),
    "head_too_large": _answer(
        431, "head_too_large", "Expected the head of a request within its limits, found a larger one.", _HEAD
    ),
    "bad_request": _answer(400, "bad_request", "Expected a request of HTTP/1.1, found none.", "Send HTTP/1.1."),
    "slow_head": _answer(408, "request_timeout", "Expected the head of a request in time, found a part of it.", _SLOW),
    "slow_body": _answer(408, "request_timeout", "Expected the body of a request in time, found a part of it.", _SLOW),
}
