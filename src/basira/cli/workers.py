"""A worker of several, as its supervisor sees it.

Enters: what uvicorn gives its processes. Leaves: a worker whose death is noticed at once. Never here: the application
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
    """The supervisor pings each worker now and then, and waits for the answer. It also holds the worker's end of the
    pipe: when a worker dies during a ping, the supervisor waits to the end of its patience, a minute, in which it
    replaces no worker. Without that end, a death closes the pipe.
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
