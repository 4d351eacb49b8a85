"""Starts the processes that read files, and ends them.

Enters: a task for `readers.child`, as JSON. Leaves: a process of its own for each file, and the pipe it writes to.
Never here: a file opened; a limit left out: each process takes its own before it looks at its file.

An interpreter and its libraries cost half a second of a processor. On Linux one process loads them once, opens no file,
and forks itself for every file (`readers.child.serve`). It lives as long as this process. Elsewhere each file has a
fresh interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from basira.schema.json_values import JsonObject

# What an interpreter needs to start. Nothing else is passed on: the environment holds passwords and keys.
_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "POLARS_SKIP_CPU_CHECK")
# Arrow's usual allocator takes a gigabyte at once, whatever it needs, and all of it counts against the limit.
_SMALL = {
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# -P: no module out of the folder where the command runs, which may be the one of the files.
_COMMAND = (sys.executable, "-P", "-m", "basira.ingest.readers.child")

# What is asked of the process that forks, in a packet each: a task with the pipe's end; end a process, by its number.
START, END = b"S", b"E"
MOST_BYTES = 1 << 16  # of a packet: a path and a few options


class Task(TypedDict):
    """What a process is asked to do: read one file, within limits. ``options``: of `SourceFormat`, as JSON.

    ``bounds``: the settings of `readers.bounds`, by name.
    """

    path: str
    kind: str
    options: JsonObject
    memory_bytes: int
    seconds: int
    bounds: Mapping[str, int]


@dataclass(frozen=True)
class Running:
    """A process that reads one file. ``pipe``: what it writes, unbuffered. ``end``: kill it, and return how it ended:
    its exit code, or the signal that ended it as a negative number."""

    pipe: io.FileIO
    end: Callable[[], int]


def start(task: Task) -> Running:
    """A process that does this task."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    if "PYTHONPATH" in environment:  # an empty part is the folder where the command runs: see -P
        parts = [part for part in environment["PYTHONPATH"].split(os.pathsep) if Path(part).is_absolute()]
        environment["PYTHONPATH"] = os.pathsep.join(parts)
    environment |= _SMALL
    if sys.platform == "linux":
        for _ in range(2):  # the one that forks may have been killed since the last file
            with contextlib.suppress(OSError):
                return _server(environment).start(task)
    return _start_fresh(task, environment)


def _start_fresh(task: Task, environment: dict[str, str]) -> Running:
    process = subprocess.Popen(  # noqa: S603 - our own module; a path and JSON are its one argument
        [*_COMMAND, json.dumps(task)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment,
    )
    assert isinstance(process.stdout, io.FileIO)  # noqa: S101 - Popen was asked for it, without a buffer

    def end() -> int:
        process.kill()
        return process.wait()

    return Running(process.stdout, end)


class _Server:
    """The process that forks. Its packets and answers are in turns, whichever thread asks."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment, self.owner = environment, os.getpid()
        self._turn = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module; a number is its one argument
                [*_COMMAND, "--fork", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )

        self.number = self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def start(self, task: Task) -> Running:
        """Raises OSError when the process that forks has ended."""
        ours, theirs = os.pipe()
        pipe = os.fdopen(ours, "rb", buffering=0)
        try:
            number = self._ask(START + json.dumps(task).encode(), theirs)
        except OSError:
            pipe.close()
            raise
        finally:
            os.close(theirs)
        ended: list[int] = []

        def end() -> int:
            if not ended:
                try:
                    ended.append(self._ask(END + str(number).encode()))
                except OSError:  # its processes end with it
                    ended.append(-signal.SIGKILL)
            return ended[0]

        return Running(pipe, end)

    def _ask(self, packet: bytes, *descriptors: int) -> int:
        if len(packet) > MOST_BYTES:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        with self._turn:
            try:
                socket.send_fds(self._socket, [packet], descriptors)
                answer = self._socket.recv(MOST_BYTES)
            except OSError:
                answer = b""
            if not answer:
                self._process.kill()
                self._process.wait()
                raise ConnectionResetError
        return int(answer)

    def close(self) -> None:
        """End it, and with it what it started."""
        if self.owner == os.getpid():
            self._socket.close()
            self._process.wait()


_servers: list[_Server] = []  # one at most
_replaced: list[_Server] = []
_opening = threading.Lock()


def _server(environment: dict[str, str]) -> _Server:
    """The process that forks for this one: another when it ended, or was started in another environment."""
    with _opening:
        known = _servers[0] if _servers else None
        if known is not None and known.owner == os.getpid():
            if known.is_alive and known.environment == environment:
                return known
            if known.is_alive:
                _replaced.append(known)  # its files may still be read
            else:
                known.close()
        _servers[:] = [_Server(environment)]
        return _servers[0]


@atexit.register
def _close_all() -> None:
    for server in (*_servers, *_replaced):
        server.close()
