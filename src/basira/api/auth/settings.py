"""The operator's settings of access to the service.

Enters: the settings' texts (`basira.app`). Leaves: frozen values. Never here: the environment; a secret (that of the
OpenID client is in a file of its own).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from basira.api.auth.oidc_settings import OidcSettings, load_oidc
from basira.schema.errors import UsageError
from basira.storage.accounts.sessions import LockOut

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Rates:
    """Requests a second that one worker takes; 0: no limit.

    ``key``, ``user``: from each. ``address``: from each address, of requests without a known key or session.
    """

    key: float = 500.0
    user: float = 20.0
    address: float = 20.0


@dataclass(frozen=True)
class ConnectionLimits:
    """Of one worker process.

    ``connections``: at a time, in all; ``each_address``: of them from one address, a trusted proxy's aside.
    ``read_seconds``: for a head, from its first byte or from the connection's begin; a body gets as long, and what it
    needs at ``body_rate`` bytes a second. ``unread_seconds``: for a client to take a part of its answer.
    ``linger_seconds``: to send the rest of a body that is answered already, or to take the last answer.
    ``head_bytes``, ``line_bytes``, ``fields``: of a request's head, of one line of it, and how many lines.
    ``pipelined``: requests sent ahead of the answers.
    """

    connections: int = 1_000
    each_address: int = 256
    read_seconds: float = 10.0
    unread_seconds: float = 30.0
    linger_seconds: float = 5.0
    body_rate: int = 4 << 10
    head_bytes: int = 32 << 10
    line_bytes: int = 8 << 10
    fields: int = 100
    pipelined: int = 16


@dataclass(frozen=True)
class AccessSettings:
    """See docs/how-to/access.md.

    ``origin``: where browsers reach the service, such as https://basira.example; "": the host that the request names.
    ``hosts``: the only hosts that a request may name; empty: any. ``proxies``: those whose X-Forwarded-For is trusted.
    ``is_development``: cookies go over plain HTTP, and only a host of this machine may be named.
    """

    origin: str = ""
    hosts: frozenset[str] = frozenset()
    proxies: tuple[Network, ...] = ()
    is_development: bool = False
    session_lifetime: timedelta = timedelta(hours=8)
    session_idle: timedelta = timedelta(minutes=30)
    lock_out: LockOut = field(default_factory=LockOut)
    rates: Rates = field(default_factory=Rates)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    oidc: OidcSettings | None = None


def read_access_settings(given: Mapping[str, str]) -> AccessSettings:
    """The settings of access among those of the service. Raises UsageError, naming the setting."""
    origin = _origin(given["BASIRA_ORIGIN"])
    is_development = _flag(given, "BASIRA_DEVELOPMENT")
    hosts = frozenset(_words(given["BASIRA_HOSTS"].lower()))
    if is_development:
        hosts = LOCAL_HOSTS
    if origin:
        hosts = hosts and hosts | {str(urlsplit(origin).hostname)}
    if is_development and origin and urlsplit(origin).hostname not in LOCAL_HOSTS:
        raise UsageError(
            "BASIRA_DEVELOPMENT: expected BASIRA_ORIGIN on this machine, found {origin!r}.",
            hint="Cookies without Secure are for localhost alone; set BASIRA_DEVELOPMENT to no.",
            origin=origin,
        )
    if origin.startswith("http:") and not is_development:
        raise UsageError(
            "BASIRA_ORIGIN: expected https://, found {origin!r}.",
            hint="Put a proxy with TLS before the service; on localhost set BASIRA_DEVELOPMENT to yes.",
            origin=origin,
        )
    oidc = load_oidc(Path(given["BASIRA_OIDC"])) if given["BASIRA_OIDC"] else None
    if oidc is not None and not origin:
        raise UsageError(
            "BASIRA_ORIGIN: expected the service's address for OpenID Connect, found nothing.",
            hint="Give what browsers reach, such as https://basira.example.",
        )
    return AccessSettings(
        origin=origin,
        hosts=hosts,
        proxies=tuple(_network(word) for word in _words(given["BASIRA_PROXIES"])),
        is_development=is_development,
        session_lifetime=timedelta(hours=_number(given, "BASIRA_SESSION_HOURS", least=0.1)),
        session_idle=timedelta(minutes=_number(given, "BASIRA_SESSION_IDLE_MINUTES", least=1)),
        lock_out=LockOut(
            failures=int(_number(given, "BASIRA_LOGIN_FAILURES", least=1)),
            address_failures=int(_number(given, "BASIRA_LOGIN_ADDRESS_FAILURES", least=1)),
            window=timedelta(minutes=_number(given, "BASIRA_LOGIN_MINUTES", least=1)),
        ),
        rates=Rates(
            key=_number(given, "BASIRA_RATE_KEY"),
            user=_number(given, "BASIRA_RATE_USER"),
            address=_number(given, "BASIRA_RATE_ADDRESS"),
        ),
        connections=ConnectionLimits(
            connections=int(_number(given, "BASIRA_CONNECTIONS", least=1)),
            each_address=int(_number(given, "BASIRA_CONNECTIONS_ADDRESS", least=1)),
            read_seconds=_number(given, "BASIRA_READ_SECONDS", least=0.1),
        ),
        oidc=oidc,
    )


def _origin(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text.strip().rstrip("/"))
    has_more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or has_more:
        raise UsageError(
            "BASIRA_ORIGIN: expected scheme and host such as https://basira.example, found {text!r}.",
            hint="Leave out path and user.",
            text=text,
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            "BASIRA_PROXIES: expected addresses or networks such as 10.0.0.0/8, found {text!r}.",
            hint="Correct it.",
            text=text,
        ) from None


def _number(given: Mapping[str, str], name: str, *, least: float = 0.0) -> float:
    try:
        value = float(given[name])
    except ValueError:
        value = -1.0
    if not least <= value < 1e9:
        raise UsageError(
            "{name}: expected a number of {least:g} or more, found {given!r}.",
            hint="Correct it.",
            name=name,
            least=least,
            given=given[name],
        )
    return value


def _flag(given: Mapping[str, str], name: str) -> bool:
    if given[name] not in ("yes", "no"):
        raise UsageError(
            "{name}: expected yes or no, found {given!r}.",
            hint="Correct it.",
            name=name,
            given=given[name],
        )
    return given[name] == "yes"
