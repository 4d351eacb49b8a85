"""Read the declarations of requests, so that no request waits for the cost of another one's faults.

Enters: bodies. Leaves: their JSON; for each declaration of it the declaration, or `Rejected`. Never here: a rule; a
queue without end.

A plain declaration takes a fiftieth of a millisecond. One that is not takes 8 ms by columns: those have a thread of
their own, one request's part after another, and take none of the decider's time. So has the JSON of a body of
megabytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from basira.api.http.executors import Desk
from basira.serving.decide.precedence import Pause, no_pause
from basira.serving.decide.worker import MOST_ITEMS_PLAIN, BusyError, items_of
from basira.serving.message import Declaration, Rejected, read_declarations, read_plainly

# Some eight seconds of work: a later client is better off asking again.
MOST_WAITING = 1_000
# Up to here a millisecond: less than it costs to change threads twice on a busy machine.
SMALL_BYTES = 64 << 10
# Of large bodies, read or to be read, until they are answered. As JSON they take four times as much and more.
MOST_BYTES_IN_HAND = 32 << 20
# A declaration that is not in a list is parsed in one go, in which no other thread does anything.
MOST_BYTES_ALONE = 4 << 20
# Objects and lists: a declaration is one, and has one more and one for each item. Some 16 MiB of small items.
MOST_CONTAINERS = 120_000
MOST_CONTAINERS_ALONE = 4_000
# Values, counted by the commas between them: those in texts count too.
MOST_COMMAS = 1_000_000
MOST_COMMAS_ALONE = 250_000
# A declaration has four levels. Code walks a value by recursion: there must be an end.
MOST_LEVELS = 64
# More elements than a batch may have are read in one go: they are rejected, and one by one would take longer.
_MOST_ELEMENTS = 1_000

Read = Declaration | Rejected
_Made = TypeVar("_Made")
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


class TooLargeError(Exception):
    """More than a body may hold, found before it was parsed; in words."""


class Reader:
    """The thread of one worker, how many declarations wait for it, and how many bytes are in hand.

    ``pause``: called in that thread between slices of its work.
    """

    def __init__(self, *, most_waiting: int = MOST_WAITING, pause: Pause = no_pause) -> None:
        self._pause = pause
        self._desk = Desk("reader", 1, most_waiting, busy=BusyError)
        self._bytes = 0

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Hold a body of so many bytes while the block runs; a small one does not count. Raises BusyError when there
        would be too many bytes; a single body may have any size."""
        counted = size if size > SMALL_BYTES else 0
        if counted and self._bytes and self._bytes + counted > MOST_BYTES_IN_HAND:
            raise BusyError
        self._bytes += counted
        try:
            yield
        finally:
            self._bytes -= counted

    async def parse(self, raw: bytes) -> Any:
        """The JSON of a body. Raises ValueError when it is not JSON or has too many levels, TooLargeError when parsing
        it would take too long."""
        return await self.beside(lambda: _read_shallow(raw), size=len(raw))

    async def beside(self, work: Callable[[], _Made], *, size: int) -> _Made:
        """Work on a body of so many bytes: a small one's at once, a large one's in the thread."""
        if size <= SMALL_BYTES:
            return work()
        # It counts for nothing: how many declarations a body has is known once it is read.
        return await self._desk.run(work, pieces=0)

    async def read(self, bodies: Sequence[object], *, received_at: datetime) -> list[Read | None]:
        """Each body as a declaration or its faults; None: reading it failed, and the decider reports why. Raises
        BusyError when too many wait already.
        """
        if len(bodies) == 1 and items_of(bodies[0]) <= MOST_ITEMS_PLAIN:  # to change threads costs more than to read it
            found = _plainly(bodies, received_at)
        else:
            found = await run_in_threadpool(_plainly, bodies, received_at)
        odd = [body for body, one in zip(bodies, found, strict=True) if one is None]
        by_columns = partial(_by_columns, odd, received_at, self._pause)
        read = iter(await self._desk.run(by_columns, pieces=len(odd)) if odd else ())
        return [next(read) if one is None else one for one in found]

    def close(self) -> None:
        """End its thread after what it reads now."""
        self._desk.close()


def _read_shallow(raw: bytes) -> Any:
    try:
        found = read_json(raw)
    except RecursionError:
        raise ValueError from None
    if raw.count(b"[") + raw.count(b"{") > MOST_LEVELS and not is_shallow(found):
        raise ValueError
    return found


def is_shallow(value: object, *, most: int = MOST_LEVELS) -> bool:
    """Whether lists and objects in one another are at most so many levels, counted without recursion.

    >>> is_shallow([[1]], most=2), is_shallow({"a": [[]]}, most=2)
    (True, False)
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, dict | list)
        ]
        if not level:
            return True
    return not level


def read_json(raw: bytes, *, most: int = _MOST_ELEMENTS) -> Any:
    """As `json.loads`, which lets no other thread of the process do anything until it has finished: of a list, one
    element after the other, so that the others get their turn in between.

    >>> read_json(b'[{"items": []}, 7]')
    [{'items': []}, 7]
    """
    text = raw.decode(json.detect_encoding(raw), "surrogatepass")
    found: list[Any] = []
    end = _after_space(text, 0)
    is_list = text[end : end + 1] == "["
    _require_bounded(text, is_list=is_list)
    if not is_list:
        return json.loads(text)
    while len(found) <= most and text[end : end + 1] == ("," if found else "["):
        start = _after_space(text, end + 1)
        if not found and text[start : start + 1] == "]":
            break
        value, end = _DECODER.raw_decode(text, start)
        found.append(value)
        end = _after_space(text, end)
    if found and text[end : end + 1] == "]" and _after_space(text, end + 1) == len(text):
        return found
    # An empty list, a list that is too long, or no JSON: `json.loads` reports it.
    return json.loads(text)


def _require_bounded(text: str, *, is_list: bool) -> None:
    """Raises TooLargeError. Brackets in texts count too: no real text has so many of them."""
    if len(text) <= SMALL_BYTES:
        return
    if not is_list and len(text) > MOST_BYTES_ALONE:
        raise TooLargeError(f"Expected a declaration of at most {MOST_BYTES_ALONE:,} characters.")
    most = MOST_CONTAINERS if is_list else MOST_CONTAINERS_ALONE
    if (found := text.count("{") + text.count("[")) > most:
        raise TooLargeError(f"Expected at most {most:,} objects and lists, found {found:,}.")
    most = MOST_COMMAS if is_list else MOST_COMMAS_ALONE
    if (found := text.count(",")) > most:
        raise TooLargeError(f"Expected at most {most:,} commas, found {found:,}.")


def _after_space(text: str, start: int) -> int:
    space = _SPACE.match(text, start)
    return start if space is None else space.end()


def _plainly(bodies: Sequence[object], received_at: datetime) -> list[Read | None]:
    try:
        return [read_plainly(body, received_at=received_at) for body in bodies]
    except Exception:
        return [None] * len(bodies)


def _by_columns(bodies: Sequence[object], received_at: datetime, pause: Pause) -> list[Read | None]:
    try:
        return list(read_declarations(bodies, received_at=received_at, pause=pause))
    except BaseException:  # a library's panic is no Exception; it must end neither this thread nor the loop
        return [None] * len(bodies)
