"""Open files: as many as the connections of a worker need, and what happens to a connection when none is left.

Enters: the limits of connections; the listening socket. Leaves: limits that the process's open files allow; a socket
that turns connections away where there are no more. Never here: a request.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.reduction import DupFd
from typing import Any

from basira.api.auth.settings import ConnectionLimits
from basira.schema.errors import UsageError

# The files that a worker opens besides connections: database (21 and its files), profiles, model, log, threads' pipes.
BESIDE = 256
_FEWEST = 16
_NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})
_LOG = logging.getLogger("basira.service")


def allow_connections(limits: ConnectionLimits) -> ConnectionLimits:
    """Raise this process's limit of open files to what the connections need, as far as it may; where that is not
    enough, fewer connections. Raises UsageError where there would be next to none.

    Without it the limit is met while connections are taken, and all other opening of files fails meanwhile.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
        except (OSError, ValueError):
            pass  # a sandbox that forbids it: the limit stays
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    if soft < BESIDE + _FEWEST:
        raise UsageError(
            "Expected at least {beside} open files for a worker, found a limit of {soft}.",
            hint="Raise it: `ulimit -n 4096`, or LimitNOFILE=4096 in the unit.",
            beside=BESIDE + _FEWEST,
            soft=soft,
        )
    return replace(limits, connections=soft - BESIDE)


class Listening(socket.socket):
    """A listening socket that takes a connection and closes it when no open file is left.

    The event loop of asyncio would leave it in the queue and try again, once more with every try before: an error and a
    line of the log each, thousands a second.
    """

    _reserve = -1

    @classmethod
    def of(cls, listening: socket.socket) -> Listening:
        """The same socket, which ``listening`` lets go of."""
        return cls(fileno=listening.detach())

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises BlockingIOError, as when there is none, when it was turned away."""
        if self._reserve < 0:
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise
        os.close(self._reserve)
        self._reserve = -1
        try:
            super().accept()[0].close()
        finally:
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        _LOG.error("no_open_files")
        raise BlockingIOError

    def close(self) -> None:
        """Close it, and the file held in reserve."""
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1
        super().close()

    def __reduce__(self) -> tuple[Callable[..., Listening], tuple[object]]:
        """How it comes to a worker process."""
        return _receive, (DupFd(self.fileno()),)


def _receive(descriptor: Any) -> Listening:
    return Listening(fileno=descriptor.detach())
