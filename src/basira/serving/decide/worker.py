"""The decider of a worker process: takes all declarations that wait, decides on them together, then takes the next.

Enters: declarations as they arrive, from any thread. Leaves: the result of each, to its caller. Never here: a decision
without a record; a queue without end; a declaration that waits for others to come.

While one group is recorded the next one gathers, so a group is as large as the load makes it. Scoring has a thread of
its own and a limit of time: when scoring does not return, the policy's fallback decides on its declarations, and on
those that waited too long for their turn.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from basira.schema.errors import StoreError
from basira.serving.decide.batch import Means, assess_at_once, decide_batch
from basira.serving.decide.placement import OfficeDays
from basira.serving.decide.precedence import Pause, no_pause
from basira.serving.decide.result import Ask, Failed, Result
from basira.serving.decide.scoring import TIMEOUT, Knowledge, Scored, score_failure, without_scores
from basira.serving.message import Declaration
from basira.serving.service import Service

# More save little: what a group pays once is by then a tenth of what each one costs.
MOST_TOGETHER = 32
# A declaration may have a thousand of them: those of a group are scored and explained in a fraction of the time that
# its declarations have, so that a large one makes few others late.
MOST_ITEMS_TOGETHER = 500
# Of one request's declarations: more are decided beside the others, by a decider of their own, or each plain one would
# wait for as long as a thousand items take to score.
MOST_ITEMS_PLAIN = 50
# Some seconds of work for one worker: a later caller is better off asking again than waiting for a timeout.
MOST_WAITING = 1_000
DECIDE_SECONDS = 1.0
# A database that is out of reach is noticed by waiting for it. Those that wait behind must not wait for it again, a
# group after the other; what fails at once costs them nothing, and may be one connection's fault.
NOTICED_SECONDS = 0.1


class BusyError(Exception):
    """More wait already than can be decided in a reasonable time: nothing was taken, ask again."""


def items_of(body: object) -> int:
    """How many items a declaration's body seems to have, whether it is one or not; at least 1."""
    items = body.get("items") if isinstance(body, dict) else None
    return max(1, len(items)) if isinstance(items, list) else 1


@dataclass(frozen=True)
class _Parcel:
    """Declarations that arrived in one request. ``until``: when their scores are no longer waited for. ``items``: of
    all of them."""

    asks: Sequence[Ask]
    until: float
    items: int
    done: Future[list[Result]] = field(default_factory=Future)


@dataclass(frozen=True)
class Bounds:
    """How much is decided together, and how much may wait. ``most_together``, ``most_items``: declarations and items of
    a group; one request's are never parted. ``most_waiting``: declarations; further ones are rejected as busy."""

    most_together: int = MOST_TOGETHER
    most_items: int = MOST_ITEMS_TOGETHER
    most_waiting: int = MOST_WAITING


USUAL_BOUNDS = Bounds()


class Decider:
    """The queue and the thread of one worker.

    Parameters
    ----------
    service : gives the service as it is now; asked once for a group, so that a new model is taken whole.
    clock : local time without a zone. monotonic : seconds, for the limits of time alone.
    seconds : a declaration whose score is not there so long after its arrival is decided without one.
    pause : called between slices of the work on very many items.
    """

    def __init__(
        self,
        service: Callable[[], Service],
        clock: Callable[[], datetime],
        *,
        seconds: float = DECIDE_SECONDS,
        bounds: Bounds = USUAL_BOUNDS,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Pause = no_pause,
    ) -> None:
        self._service, self._clock, self._monotonic, self._pause = service, clock, monotonic, pause
        self._seconds, self._bounds = seconds, bounds
        self._parcels: deque[_Parcel] = deque()
        self._count = 0
        self._is_running = False
        self._lock = threading.Lock()
        # Its thread begins with the first group and ends with this object.
        self._thread = ThreadPoolExecutor(1, "decider")
        self._scorer = _Scorer(patience=seconds, monotonic=monotonic, pause=pause)
        self._days = OfficeDays()
        # Of the group in hand: spent in waiting for scores, which says nothing of the database.
        self._scored_for = 0.0

    @property
    def waiting_count(self) -> int:
        """Declarations that wait for their turn."""
        return self._count

    async def decide(self, asks: Sequence[Ask]) -> list[Result]:
        """The result of each. They are decided in one group, with others where there is room. Raises BusyError."""
        return await asyncio.wrap_future(self.submit(asks))

    def submit(self, asks: Sequence[Ask]) -> Future[list[Result]]:
        """The same for a caller without an event loop."""
        parcel = _Parcel(asks, self._monotonic() + self._seconds, sum(items_of(ask.body) for ask in asks))
        with self._lock:
            if self._count and self._count + len(asks) > self._bounds.most_waiting:
                raise BusyError
            self._parcels.append(parcel)
            self._count += len(asks)
            if not self._is_running:
                self._thread.submit(self._run)
                self._is_running = True
        return parcel.done

    def close(self) -> None:
        """Decide on all that wait, then end."""
        self._thread.shutdown(wait=True)
        self._scorer.close()

    def _run(self) -> None:
        while parcels := self._next():
            begun, self._scored_for = self._monotonic(), 0.0
            found = self._decide_each(parcels)
            away = next((one for one in found if _away(one) is not None), None)
            if away is not None and self._monotonic() - begun - self._scored_for >= NOTICED_SECONDS:
                behind = self._all()
                parcels += behind
                found += [away for parcel in behind for _ in parcel.asks]
            start = 0
            for parcel in parcels:
                end = start + len(parcel.asks)
                if parcel.done.set_running_or_notify_cancel():
                    parcel.done.set_result(found[start:end] if away is None else _separate(found[start:end]))
                start = end

    def _decide_each(self, parcels: Sequence[_Parcel]) -> list[Result]:
        """Decide on a group; report any error to its own caller, and still decide on the others.

        A library's panic is no Exception. It must not end this thread either: every caller would wait for ever.
        """
        try:
            return self._decide(parcels)
        except BaseException as error:
            if len(parcels) == 1:
                fault = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
                return [Failed(fault) for _ in parcels[0].asks]
        # One of them may be the cause: each on its own.
        return [found for parcel in parcels for found in self._decide_each([parcel])]

    def _next(self) -> list[_Parcel]:
        """All that wait, up to a full group; empty when the thread is to end."""
        taken: list[_Parcel] = []
        count = items = 0
        with self._lock:
            while self._parcels:
                first = self._parcels[0]
                count, items = count + len(first.asks), items + first.items
                if taken and (count > self._bounds.most_together or items > self._bounds.most_items):
                    break
                taken.append(self._parcels.popleft())
                self._count -= len(first.asks)
            self._is_running = bool(taken)
        return taken

    def _all(self) -> list[_Parcel]:
        """All that wait."""
        with self._lock:
            taken = list(self._parcels)
            self._parcels.clear()
            self._count = 0
        return taken

    def _decide(self, parcels: Sequence[_Parcel]) -> list[Result]:
        now = self._monotonic()
        asks = [replace(ask, is_late=parcel.until <= now) for parcel in parcels for ask in parcel.asks]
        # The scores of all may come as late as those of the last one: a declaration with little time left must not
        # deprive those behind it of their scores.
        latest = max(parcel.until for parcel in parcels)

        def assess(declarations: Sequence[Declaration], knowledge: Knowledge, today: date) -> Sequence[Scored]:
            return finish(begin_all(declarations, knowledge, today), declarations)

        def begin_all(declarations: Sequence[Declaration], knowledge: Knowledge, today: date) -> Job | None:
            # With no time left, no caller waits for the scores, and scoring would hold up the next declarations.
            return self._scorer.begin(declarations, knowledge, today) if latest > self._monotonic() else None

        def begin(declaration: Declaration, knowledge: Knowledge, today: date) -> Callable[[], Scored] | None:
            job = begin_all([declaration], knowledge, today)
            return None if job is None else lambda: finish(job, [declaration])[0]

        def finish(job: Job | None, declarations: Sequence[Declaration]) -> Sequence[Scored]:
            since = self._monotonic()
            try:
                scored = None if job is None else self._scorer.wait(job, seconds=latest - self._monotonic())
            except Exception as error:
                if len(declarations) > 1:  # one of them may be the cause: each is decided alone
                    raise
                return [score_failure(declarations[0], error)]
            finally:
                self._scored_for += self._monotonic() - since
            return [without_scores(one, TIMEOUT) for one in declarations] if scored is None else scored

        means = Means(self._days, assess, begin, self._pause)
        return decide_batch(asks, self._service(), now=self._clock(), means=means)


def _away(result: Result) -> StoreError | None:
    """The error of a database that does not answer; None for any other result."""
    error = result.error if isinstance(result, Failed) else None
    if isinstance(error, StoreError) and isinstance(error.__cause__, OperationalError | PoolTimeoutError):
        return error
    return None


def _separate(results: Sequence[Result]) -> list[Result]:
    """The results of one request; an error that other requests receive too is copied."""
    own = {id(away): Failed(copy_fault(away)) for one in results if (away := _away(one)) is not None}
    return [own.get(id(one.error), one) if isinstance(one, Failed) else one for one in results]


def copy_fault(fault: StoreError) -> StoreError:
    """A copy for another request: one error that is raised for several requests would gather all their tracebacks."""
    again = StoreError(fault.message_phrase, hint=fault.hint_phrase)
    again.__cause__ = fault.__cause__
    return again


Job = Future[Sequence[Scored]]
_Work = tuple[Sequence[Declaration], Knowledge, date, Job]


class _Scorer:
    """A thread that scores, so that the decider can stop waiting for it.

    A late job holds up the next ones, until their own time is over at most. When it is ``patience`` seconds late, the
    decider does not wait for this thread again before the job has ended.
    """

    def __init__(self, *, patience: float, monotonic: Callable[[], float], pause: Pause) -> None:
        self._patience, self._monotonic, self._pause = patience, monotonic, pause
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # The job that still runs though no caller waits for it any more, and since when.
        self._late: Job | None = None
        self._since = 0.0
        weakref.finalize(self, self._work.put, None)

    def begin(self, declarations: Sequence[Declaration], knowledge: Knowledge, today: date) -> Job | None:
        """Score them, after what is late; None when that hangs."""
        if self._late is not None and not self._late.done() and self._monotonic() - self._since >= self._patience:
            return None
        if self._thread is None:
            # A daemon: one that hangs must not keep the process from ending.
            arguments = (self._work, self._pause)
            self._thread = threading.Thread(target=_score_all, args=arguments, name="scorer", daemon=True)
            self._thread.start()
        job: Job = Future()
        self._work.put((declarations, knowledge, today, job))
        return job

    def wait(self, job: Job, *, seconds: float) -> Sequence[Scored] | None:
        """The scores, or None when they are not there in time: what was not begun by then never is."""
        try:
            return job.result(timeout=max(0.0, seconds))
        except TimeoutError:
            if not job.cancel():
                self._late, self._since = job, self._monotonic()
            return None

    def close(self) -> None:
        """Let the thread end after what it does now."""
        self._work.put(None)


def _score_all(work: queue.SimpleQueue[_Work | None], pause: Pause) -> None:
    while (taken := work.get()) is not None:
        declarations, knowledge, today, future = taken
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(assess_at_once(declarations, knowledge, today, pause))
            except BaseException as error:  # the caller's error, not this thread's; a panic is no Exception
                future.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))
        del taken, declarations, knowledge, today, future
