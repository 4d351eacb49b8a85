"""How often somebody may ask: a token bucket for each, in this process.

Enters: who asks, the time of a clock that never goes back. Leaves: zero, or the seconds to wait. Never here: a bucket
shared between workers: with several, each allows the whole rate.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

# Whoever sends from ever new addresses must not fill the memory. Who was longest away is forgotten first, and comes
# back to a full bucket: a limit is lost, not a service.
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
            level, since = self._levels.pop(name, (self._full, now))
            level = min(self._full, level + (now - since) * self._rate)
            is_allowed = level >= 1.0
            self._levels[name] = (level - 1.0 if is_allowed else level, now)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return 0.0 if is_allowed else (1.0 - level) / self._rate
