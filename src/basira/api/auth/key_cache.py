"""Keys recognised a moment ago, for the one route that is asked hundreds of times a second.

Enters: a token. Leaves: its principal, as the database had it at most a second ago. Never here: a cached rejection; a
token in the clear; a second wait for a database that has just not answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from typing import TypeVar

from basira.api.http.executors import Desk
from basira.schema.access import Principal
from basira.schema.errors import StoreError
from basira.serving.decide.worker import copy_fault

# A revoked key still sends declarations for so long; every other route rejects it at once.
SECONDS = 1.0
_MOST = 1_000
_AT_ONCE = 2
# What took so long is a database that does not answer.
_LONG_SECONDS = 0.1
# As many as may wait for a decision.
MOST_WAITING = 1_000
_Found = TypeVar("_Found")


class Remembered:
    """A way to recognise keys that asks the database once a second for each."""

    def __init__(
        self,
        recognise: Callable[[str], Principal | None],
        *,
        seconds: float = SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognise, self._seconds, self._monotonic = recognise, seconds, monotonic
        self._known: dict[bytes, tuple[float, Principal]] = {}
        # The look-ups under way, each for all that want its key; the last fault, and until when it is reported.
        self._looks: dict[bytes, Future[Principal | None]] = {}
        self._fault: tuple[float, StoreError] | None = None
        self._lock = threading.Lock()
        # Where the database is asked: in threads that other routes' long readings do not take.
        self._desk = Desk("keys", _AT_ONCE, MOST_WAITING, busy=_too_many)

    def fresh(self, token: str) -> Principal | None:
        """Its principal, when the cache has it."""
        return self._fresh(_digest(token))

    def __call__(self, token: str) -> Principal | None:
        """Its principal; None: rejected. Raises StoreError. After a slow failure it raises for a second without asking
        again, so that requests wait only once for a database that hangs."""
        digest = _digest(token)
        if (known := self._fresh(digest)) is not None:
            return known
        with self._lock:
            if self._fault is not None and self._monotonic() < self._fault[0]:
                raise copy_fault(self._fault[1])
            look = self._looks.get(digest)
            is_mine = look is None
            if look is None:
                look = self._looks[digest] = Future()
        if is_mine:
            self._look(token, digest, look)
            return look.result()
        try:
            return look.result()
        except StoreError as error:
            raise copy_fault(error) from error.__cause__

    def _look(self, token: str, digest: bytes, look: Future[Principal | None]) -> None:
        asked_at = self._monotonic()
        try:
            found = self._recognise(token)
        except BaseException as error:
            with self._lock:
                now = self._monotonic()
                # An immediate failure may come from one lost connection: the next look-up has another one.
                if isinstance(error, StoreError) and now - asked_at >= _LONG_SECONDS:
                    self._fault = (now + self._seconds, error)
                del self._looks[digest]
            look.set_exception(error)
            return
        with self._lock:
            if found is None:
                self._known.pop(digest, None)
            else:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[digest] = (asked_at + self._seconds, found)
            del self._looks[digest]
        look.set_result(found)

    async def beside(self, work: Callable[[], _Found]) -> _Found:
        """Run what asks the database in threads of its own. Raises StoreError when too many wait already."""
        return await self._desk.run(work)

    def close(self) -> None:
        """End its threads."""
        self._desk.close()

    def _fresh(self, digest: bytes) -> Principal | None:
        until, found = self._known.get(digest, (0.0, None))
        return found if self._monotonic() < until else None


def _too_many() -> StoreError:
    return StoreError(
        "Expected at most {most_waiting:,} requests to wait for their keys, found more.",
        hint="Look whether the database answers.",
        most_waiting=MOST_WAITING,
    )


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
