"""The service's log: one JSON object a line on standard output, and the id of the request that a line is about.

Enters: log records. Leaves: lines. Never here: a declaration, a person, a token: what other libraries say may hold
values, so only who said it and how grave is written.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

# Whose words are written as they are: they are known, and hold no value.
_OWN = ("basira", "uvicorn")

# Of the request under way, "" outside of one. A worker thread has the context of its request.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
_LONGEST_ID = 64
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


def log_json() -> None:
    """One JSON line an event on standard output: of the service, of the server, and of whatever else has something to
    say from a warning on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    for name, level in (("", logging.WARNING), ("basira.service", logging.INFO), ("uvicorn", logging.INFO)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
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
