"""Before any other work: check the host, find the client's address, and apply its rate limit.

Enters: ASGI. Leaves: ASGI, with the client's address in `request.state.address`. Never here: an address that the client
could have forged: X-Forwarded-For is trusted only from the proxies of the settings.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from math import ceil

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from basira.api.auth.settings import AccessSettings, Network
from basira.api.http.problems import problem
from basira.api.http.rate_limit import Buckets

_UNKNOWN = "unknown"
_CREDENTIALS = (b"x-api-key", b"cookie")
# Asked by load balancers and monitoring, which must not find the service dead because a client floods it from the same
# address; and asking must stay cheap. Each address, a second.
_PROBES = frozenset({"/api/v1/health", "/api/v1/ready"})
PROBE_RATE = 50.0


class Entrance:
    """The middleware; see the module. ``addresses``: the bucket of each address, for requests without credentials. The
    probes of life and readiness have buckets of their own."""

    def __init__(self, app: ASGIApp, settings: AccessSettings, addresses: Buckets) -> None:
        self._app, self._settings, self._addresses = app, settings, addresses
        self._probes = Buckets(PROBE_RATE if settings.rates.address else 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP goes through as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not is_known_host(scope["headers"], self._settings.hosts):
            await problem(400, "unknown_host", "Expected a host that this service answers for.")(scope, receive, send)
            return
        address = client_address(scope, self._settings.proxies)
        is_probe = scope["path"] in _PROBES
        is_counted = is_probe or not any(name in _CREDENTIALS for name, _ in scope["headers"])
        # A request with credentials is counted where they are checked.
        scope.setdefault("state", {}).update(address=address, is_counted=is_counted)
        buckets = self._probes if is_probe else self._addresses
        if is_counted and (wait := buckets.wait(address, now=time.monotonic())):
            await _too_many(wait)(scope, receive, send)
            return
        await self._app(scope, receive, send if is_counted else self._count_answers(scope, receive, send))

    def _count_answers(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """A `send` that counts answers made without a check of the caller: a document, an unknown address, an invalid
        body. Else any cookie would lift the limit. A fault of the service is passed on uncounted."""
        state, is_refused = scope["state"], False

        async def send_counted(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and message["status"] < 500:
                is_due = not state["is_counted"] and state.get("client") is None
                if is_due and (wait := self._addresses.wait(state["address"], now=time.monotonic())):
                    is_refused = True
                    await _too_many(wait)(scope, receive, send)
            if not is_refused:
                await send(message)

        return send_counted


def _too_many(wait: float) -> JSONResponse:
    return problem(
        429,
        "too_many_requests",
        "Expected fewer requests from this address.",
        hint="Wait the seconds of Retry-After, then send it again.",
        headers={"Retry-After": str(ceil(wait))},
    )


def is_known_host(headers: Iterable[tuple[bytes, bytes]], hosts: frozenset[str]) -> bool:
    """Whether a request names one host, and one of these; empty: any. The port does not matter."""
    named = [value for name, value in headers if name == b"host"]
    if not hosts:
        return len(named) <= 1
    return len(named) == 1 and host_of(named[0].decode("latin-1")) in hosts


def host_of(text: str) -> str:
    """The host of a Host header, without its port.

    >>> host_of("Basira.example:8080"), host_of("[::1]:80")
    ('basira.example', '::1')
    """
    text = text.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rsplit(":", 1)[0] if text.count(":") == 1 else text


def client_address(scope: Scope, proxies: tuple[Network, ...]) -> str:
    """The address of the client, as limits and lock-out use it.

    Of X-Forwarded-For the entries are read from the right: each was written by the one that follows it, so they hold as
    long as those are proxies of ours. An IPv6 address stands for its network of 64 bits: one customer has all of it.
    """
    client = scope.get("client")
    address = _parse_address(client[0]) if client else None
    if address is None:
        return str(client[0])[:80] if client and client[0] else _UNKNOWN
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    entries = [entry for entry in forwarded.decode("latin-1").split(",") if entry.strip()]
    while entries and any(address in network for network in proxies):
        before = _parse_address(_without_port(entries.pop()))
        if before is None:
            break
        address = before
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _without_port(text: str) -> str:
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
