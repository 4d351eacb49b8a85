"""Limit the rate of each client: a token bucket for each, in this process.

Enters: a client's name, the time of a clock that never goes back. Leaves: zero, or the seconds to wait; the credentials
that were valid lately. Never here: a bucket shared between workers: with several, each allows the whole rate.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256

# A client that sends from ever new addresses must not fill the memory. The name that was idle longest is forgotten
# first, and starts again with a full bucket: a limit is lost, not a service.
MOST_BUCKETS = 20_000
BURST_SECONDS = 2.0


class Buckets:
    """One bucket for each name, filled at ``rate`` a second up to what comes in two seconds. 0: no limit.

    >>> buckets = Buckets(1.0)
    >>> [buckets.wait("a", now=0.0) for _ in range(3)], buckets.wait("b", now=0.0), buckets.wait("a", now=1.0)
    ([0.0, 0.0, 1.0], 0.0, 0.0)
    """

    def __init__(self, rate: float, *, most: int = MOST_BUCKETS) -> None:
        self._rate, self._most = rate, most
        self._full = max(rate * BURST_SECONDS, 1.0)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str, *, now: float) -> float:
        """Take one token; 0 when there was one, else the seconds until there is. ``now``: monotonic, in seconds."""
        if self._rate <= 0:
            return 0.0
        with self._lock:
            level = self._level(name, now)
            self._levels.pop(name, None)
            is_allowed = level >= 1.0
            self._levels[name] = (level - 1.0 if is_allowed else level, now)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return 0.0 if is_allowed else (1.0 - level) / self._rate

    def look(self, name: str, *, now: float) -> float:
        """The result of `wait`, without taking a token."""
        if self._rate <= 0:
            return 0.0
        with self._lock:
            return max(0.0, (1.0 - self._level(name, now)) / self._rate)

    def _level(self, name: str, now: float) -> float:
        level, since = self._levels.get(name, (self._full, now))
        return min(self._full, level + (now - since) * self._rate)


class Lately:
    """Credentials that were valid when they were last used here: only digests, at most ``most``. The one that was idle
    longest is forgotten first."""

    def __init__(self, most: int = MOST_BUCKETS) -> None:
        self._most = most
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, credential: str) -> bool:
        return _digest(credential) in self._digests

    def note(self, credential: str, *, is_right: bool) -> None:
        """Note whether a credential is valid now."""
        digest = _digest(credential)
        with self._lock:
            self._digests.pop(digest, None)
            if is_right:
                self._digests[digest] = None
                if len(self._digests) > self._most:
                    self._digests.popitem(last=False)


def _digest(credential: str) -> bytes:
    return sha256(credential.encode("utf-8", "surrogatepass")).digest()
