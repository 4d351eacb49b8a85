"""Threads of one purpose each, with a bounded queue: slow work takes no thread from declarations.

Enters: a piece of work. Leaves: its result, in its turn. Never here: a queue without an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

_Done = TypeVar("_Done")


class Desk:
    """Where one kind of work is done, ``at_once`` pieces at a time, in one worker.

    ``most_waiting``: pieces that wait or are worked on. ``busy``: makes the exception that is raised when
    there would be more."""

    def __init__(self, name: str, at_once: int, most_waiting: int, *, busy: Callable[[], Exception]) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._waiting, self._most, self._busy = 0, most_waiting, busy

    async def run(self, work: Callable[[], _Done], *, pieces: int = 1) -> _Done:
        """Do this work in its turn. ``pieces``: for how many it counts; when nothing waits, any number is taken."""
        if self._waiting and self._waiting + pieces > self._most:
            raise self._busy()
        self._waiting += pieces
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        finally:
            self._waiting -= pieces

    def close(self) -> None:
        """End its threads; what is being worked on ends by itself."""
        self._threads.shutdown(wait=False)
