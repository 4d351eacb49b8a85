"""Plain requests go before large ones, in one process whose threads compute one at a time.

Enters: when a plain request is begun and ended. Leaves: a pause for a thread that works on a large one, while there is
a plain one. Never here: a wait without end.

Beside a thread that computes, a plain declaration waits for the interpreter's lock again after each step that gives it
up, some twenty times. So the large work is cut into slices of milliseconds, with a pause between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

# A plain request takes about as long. However many come, a large declaration of 1,000 items, which has 40 pauses until
# it is scored, is scored within the second that it has.
_MOST_SECONDS = 0.01

Pause = Callable[[], None]
_Value = TypeVar("_Value")


def no_pause() -> None:
    """The pause of work that gives way to nothing."""


def in_slices(values: Iterable[_Value], pause: Pause, *, size: int) -> Iterator[_Value]:
    """The same values, with a pause after each so many.

    >>> pauses = []
    >>> list(in_slices("abcde", lambda: pauses.append(1), size=2)), len(pauses)
    (['a', 'b', 'c', 'd', 'e'], 2)
    """
    for number, value in enumerate(values):
        if number and number % size == 0:
            pause()
        yield value


class Precedence:
    """How many plain requests a process has in hand."""

    def __init__(self, *, most_seconds: float = _MOST_SECONDS) -> None:
        self._most_seconds = most_seconds
        self._count, self._lock = 0, threading.Lock()
        self._is_free = threading.Event()
        self._is_free.set()

    @contextmanager
    def plain(self) -> Iterator[None]:
        """A plain request is in hand while the block runs."""
        with self._lock:
            self._count += 1
            self._is_free.clear()
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if not self._count:
                    self._is_free.set()

    def pause(self) -> None:
        """Wait until no plain request is in hand, for ``most_seconds`` at most."""
        self._is_free.wait(self._most_seconds)
