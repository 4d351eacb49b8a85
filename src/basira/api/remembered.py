"""Keys recognised a moment ago, for the one route that is asked hundreds of times a second.

Enters: a token. Leaves: its principal, as the database said it at most a second ago. Never here: a refusal that is
remembered; a token in the clear.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from hashlib import sha256
from typing import TypeVar

from basira.storage.access import Principal

# A revoked key still sends declarations for so long; on every other route it is refused at once.
SECONDS = 1.0
_MOST = 1_000
_AT_ONCE = 2
_Found = TypeVar("_Found")


class Remembered:
    """A way to recognise keys that asks the database once a second for each."""

    def __init__(
        self, recognise: Callable[[str], Principal | None], *, seconds: float = SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._recognise, self._seconds, self._monotonic = recognise, seconds, monotonic
        self._known: dict[bytes, tuple[float, Principal]] = {}
        # In which the database is asked: threads that other routes' long readings do not take.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "keys")

    def is_fresh(self, token: str) -> bool:
        """Whether the database need not be asked."""
        return self._fresh(_digest(token)) is not None

    def __call__(self, token: str) -> Principal | None:
        digest = _digest(token)
        if (known := self._fresh(digest)) is not None:
            return known
        asked_at = self._monotonic()
        found = self._recognise(token)
        if found is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[digest] = (asked_at + self._seconds, found)
        return found

    async def beside(self, work: Callable[[], _Found]) -> _Found:
        """What has to ask the database, in threads of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)

    def close(self) -> None:
        """End its threads."""
        self._threads.shutdown(wait=False)

    def _fresh(self, digest: bytes) -> Principal | None:
        until, found = self._known.get(digest, (0.0, None))
        return found if self._monotonic() < until else None


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
