"""Where rules are put to the past: a few at a time, one for a person, beside the requests.

Enters: who asks, a piece of work. Leaves: its result. Never here: a queue: a person who must wait is asked to come
again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from basira.api.http.executors import Desk
from basira.api.http.problems import ProblemException

# Each takes a core for up to a minute, and a gigabyte.
AT_ONCE = 2
_RETRY_SECONDS = "10"
_Done = TypeVar("_Done")


class RuleDesk:
    """The threads of one process that try and back-test rules."""

    def __init__(self) -> None:
        self._desk = Desk("rules", AT_ONCE, AT_ONCE, busy=_busy)
        self._asking: set[str] = set()

    async def run(self, asker: str, work: Callable[[], _Done]) -> _Done:
        """Do this work for ``asker``, the id of a principal. Raises 429 while another one of the same asker runs, 503
        while as many run as may."""
        if asker in self._asking:
            raise ProblemException(
                429,
                "too_many_requests",
                "Expected one try or back-test of a person at a time, found another one that still runs.",
                hint="Wait for its answer, then ask again.",
                headers={"Retry-After": _RETRY_SECONDS},
            )
        self._asking.add(asker)
        try:
            return await self._desk.run(work)
        finally:
            self._asking.discard(asker)

    def close(self) -> None:
        """End its threads; what is being worked on ends by itself."""
        self._desk.close()


def _busy() -> ProblemException:
    return ProblemException(
        503,
        "busy",
        "Expected fewer tries and back-tests at once: other persons' still run. Nothing was recorded.",
        hint="Ask again after the seconds of Retry-After.",
        headers={"Retry-After": _RETRY_SECONDS},
    )
