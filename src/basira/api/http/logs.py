"""The service's log: one JSON object a line on standard output, and the id of the request that a line is about.

Enters: log records. Leaves: lines. Never here: a declaration, a person, a token: messages of other libraries may hold
values, so only their logger and level are written.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

# Loggers whose messages are written as they are: they are known, and hold no value.
_OWN = ("basira", "uvicorn")

# Of the request under way, "" outside of one. A worker thread has the context of its request.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
_LONGEST_ID = 64
# Lines of one cause in one window.
_MOST_OF_CAUSE = 20
_WINDOW_SECONDS = 60.0
# The fields that distinguish causes: each has few values.
_CAUSES = ("code", "cause", "reason", "what", "error", "route", "status")
_REJECTED = 400
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and the fields given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. An exception is named by its type; its message may hold values."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        is_own = record.name.split(".")[0] in _OWN
        line = {"time": moment, "level": record.levelname.lower()}
        line |= {"event": record.getMessage()} if is_own else {"event": "library", "logger": record.name}
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


class FewLines(logging.StreamHandler[TextIO]):
    """Writes the lines of one cause so often a minute, and then how many more there were.

    A cause is an event with its code, reason, route and the like, never its values: a client that makes the service say
    the same a million times must not fill the disk. Lines of requests of known keys and persons have no limit.
    """

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._monotonic, self._window_ends = monotonic, float("-inf")
        self._counts: Counter[tuple[str, ...]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or count it."""
        if self._monotonic() >= self._window_ends:
            self.log_left_out()
            self._window_ends = self._monotonic() + _WINDOW_SECONDS
        cause = _cause_of(record)
        if cause is not None:
            self._counts[cause] += 1
            if self._counts[cause] > _MOST_OF_CAUSE:
                return
        super().emit(record)

    def log_left_out(self) -> None:
        """Write how many lines of each cause were left out since the last such line."""
        counts, self._counts = self._counts, Counter()
        for cause, count in counts.items():
            if count > _MOST_OF_CAUSE:
                fields = {"of": " ".join(cause), "count": count - _MOST_OF_CAUSE}
                record = logging.LogRecord("basira.service", logging.WARNING, "", 0, "lines_left_out", None, None)
                record.fields = fields
                super().emit(record)

    def close(self) -> None:
        """Write the counts that are still open."""
        self.log_left_out()
        super().close()


def _cause_of(record: logging.LogRecord) -> tuple[str, ...] | None:
    """What a line is about; None for one that is always written."""
    fields: Mapping[str, object] = getattr(record, "fields", {})
    if record.levelno < logging.WARNING and (
        record.msg != "request" or fields.get("client") or int(str(fields.get("status"))) < _REJECTED
    ):
        return None
    is_own = record.name.split(".")[0] in _OWN
    error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    parts = (record.msg if is_own else "library", "" if is_own else record.name, error)
    return tuple(str(part) for part in (*parts, *(fields.get(name) for name in _CAUSES)) if part)


def log_json() -> None:
    """One JSON line an event on standard output: of the service, of the server, and of every other logger from warnings
    on."""
    handler = FewLines(sys.stdout)
    handler.setFormatter(JsonLines())
    for name, level in (("", logging.WARNING), ("basira.service", logging.INFO), ("uvicorn", logging.INFO)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_failure


def _log_thread_failure(failed: threading.ExceptHookArgs) -> None:
    # The default prints a traceback, with values in it.
    fields = {"error": failed.exc_type.__name__, "thread": failed.thread.name if failed.thread else ""}
    logging.getLogger("basira.service").error("thread_failed", extra={"fields": fields})


def request_id_of(given: bytes) -> str:
    """The id that a request brought, when it is a sane one; else a new one.

    >>> request_id_of(b"badr-2026.1")
    'badr-2026.1'
    >>> len(request_id_of(b"two words"))
    32
    """
    if 0 < len(given) <= _LONGEST_ID and _LETTERS.issuperset(given):
        return given.decode("ascii")
    return uuid.uuid4().hex
