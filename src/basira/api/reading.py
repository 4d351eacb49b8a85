"""Where the declarations of requests are read, so that nobody waits for what another one's faults cost.

Enters: parsed bodies. Leaves: for each a declaration, or `Refused`. Never here: a rule; a queue without end.

A plain declaration takes a fiftieth of a millisecond. One that is not takes 8 ms by columns: those have a thread of
their own, one request's part after another, and take none of the decider's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from basira.workflows.serve_body import Declaration, Refused, read_declarations, read_plainly
from basira.workflows.serve_decider import BusyError

# Some eight seconds of work: who comes later is better off asking again.
MOST_WAITING = 1_000

Read = Declaration | Refused


class Reader:
    """The thread of one worker, and how many declarations wait for it."""

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most = most_waiting
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, "reader")

    async def read(self, bodies: Sequence[object], *, received_at: datetime) -> list[Read | None]:
        """What each is; None: reading it failed, and whoever decides on it hears why. Raises BusyError when too many
        wait already.
        """
        if len(bodies) == 1:  # to change threads costs more than to read it
            found = _plainly(bodies, received_at)
        else:
            found = await run_in_threadpool(_plainly, bodies, received_at)
        odd = [body for body, one in zip(bodies, found, strict=True) if one is None]
        read = iter(await self._by_columns(odd, received_at) if odd else ())
        return [next(read) if one is None else one for one in found]

    async def _by_columns(self, bodies: Sequence[object], received_at: datetime) -> list[Read | None]:
        if self._waiting and self._waiting + len(bodies) > self._most:
            raise BusyError
        self._waiting += len(bodies)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, _by_columns, bodies, received_at)
        finally:
            self._waiting -= len(bodies)

    def close(self) -> None:
        """End its thread after what it reads now."""
        self._thread.shutdown(wait=False)


def _plainly(bodies: Sequence[object], received_at: datetime) -> list[Read | None]:
    try:
        return [read_plainly(body, received_at=received_at) for body in bodies]
    except Exception:
        return [None] * len(bodies)


def _by_columns(bodies: Sequence[object], received_at: datetime) -> list[Read | None]:
    try:
        return list(read_declarations(bodies, received_at=received_at))
    except BaseException:  # a library's panic is no Exception; it must end neither this thread nor the loop
        return [None] * len(bodies)
