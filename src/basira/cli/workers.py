"""A worker of several, as its supervisor sees it.

Enters: what uvicorn gives its processes. Leaves: the same, whose death is noticed at once. Never here: the application
(`basira.app`).
"""

from __future__ import annotations

from socket import socket
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.supervisors import multiprocess

if TYPE_CHECKING:
    from basira.cli.large_workers import LargeWorkers


class Worker(multiprocess.Process):
    """The supervisor asks each worker now and then for a word, and waits for it. It holds the worker's end of the pipe
    as well, so that one that dies while it is asked is waited for to the end of its patience, a minute, in which
    nobody is replaced. Without that end, a death is the end of the pipe.
    """

    def start(self) -> None:
        """Start it; the worker has its own copy of its end by then."""
        super().start()
        self.child_conn.close()


class _Supervisor(multiprocess.Multiprocess):
    """One that has large workers beside the workers: a reload is theirs too."""

    large: LargeWorkers | None = None

    def restart_all(self) -> None:
        """Called at a reload."""
        if self.large is not None:
            self.large.reload()
        super().restart_all()


def supervise(config: Config, sockets: list[socket], large: LargeWorkers | None = None) -> None:
    """Start the workers and replace those that die, until a signal ends it all."""
    # The supervisor names the class where it makes one, and takes no other.
    multiprocess.Process = Worker  # type: ignore[misc]
    supervisor = _Supervisor(config, sockets=sockets)
    supervisor.large = large
    supervisor.run()
