"""The large workers: processes of the same service behind a Unix socket, kept alive beside the workers.

Enters: how many. Leaves: the socket's path, while they run; nothing of them afterwards. Never here: a request; a socket
that another user of the machine can reach.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from basira.api.http.logs import log_json
from basira.cli.workers import Worker
from basira.schema.errors import UsageError

# Of a core that plain declarations want too it gets a quarter. Less would let it hold the record's lock, for which they
# wait, longer than its work takes.
_NICENESS = 6
# After the workers, which have 30 seconds: no client waits for its remaining work.
_STOP_SECONDS = 10
_LOOK_SECONDS = 0.5
# The time that one may take to start beside busy workers; one that does not answer for so long is ended.
_PATIENCE_SECONDS = 60
_BACKLOG = 128
_LOG = logging.getLogger("basira.service")


class _Server(uvicorn.Server):
    """A large worker that ends when its keeper ends it, not by the terminal's Ctrl-C or hang-up, which also reach the
    workers: they still pass on the requests that they have."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Called in the process, before it listens."""
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield


class _LargeWorker(Worker):
    @property
    def server(self) -> uvicorn.Server:
        """The function that its process runs."""
        if self._server is None:
            self._server = _Server(self.config)
        return self._server


class LargeWorkers:
    """Starts them, puts another in the place of one that died or answers nothing, and ends them."""

    def __init__(self, count: int, listening: socket.socket) -> None:
        config = uvicorn.Config(
            "basira.cli.serve:in_large_worker",
            factory=True,
            http="httptools",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
            timeout_keep_alive=_PATIENCE_SECONDS,
        )
        self._config, self._listening = config, listening
        self._processes = [self._new() for _ in range(count)]
        self._heard_at = [0.0] * count
        self._ending, self._is_reload_due = threading.Event(), threading.Event()
        # The kernel ends them with the thread that started them, so it is this one that lives as long as they should.
        self._thread = threading.Thread(target=self._keep, name="large workers", daemon=True)
        self._thread.start()

    def reload(self) -> None:
        """Replace them soon, one after the other."""
        self._is_reload_due.set()

    def close(self) -> None:
        """End them after what they have in hand."""
        self._ending.set()
        self._thread.join()

    def _new(self) -> _LargeWorker:
        return _LargeWorker(self._config, [self._listening])

    def _keep(self) -> None:
        for place in range(len(self._processes)):
            self._start(place)
        while not self._ending.wait(_LOOK_SECONDS):
            for place in range(len(self._processes)):
                self._look(place)
            if self._is_reload_due.is_set():
                self._is_reload_due.clear()
                self._replace_all()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            _join(process)

    def _start(self, place: int) -> None:
        self._processes[place].start()
        self._heard_at[place] = time.monotonic()

    def _look(self, place: int) -> None:
        process = self._processes[place]
        if process.process.is_alive():
            if process.ping(timeout=_LOOK_SECONDS):
                self._heard_at[place] = time.monotonic()
            if time.monotonic() - self._heard_at[place] < _PATIENCE_SECONDS:
                return
        process.kill()
        process.join()
        _LOG.error("large_worker_ended", extra={"fields": {"exit_code": process.exitcode}})
        self._processes[place] = self._new()
        self._start(place)

    def _replace_all(self) -> None:
        """When one does not start in time, the one before stays, as with the workers."""
        for place, before in enumerate(self._processes):
            after = self._new()
            after.start()
            if not after.wait_until_ready(_PATIENCE_SECONDS, self._ending):
                after.kill()
                after.join()
                return
            self._processes[place], self._heard_at[place] = after, time.monotonic()
            before.terminate()
            _join(before)


def _join(process: _LargeWorker) -> None:
    process.process.join(2 * _STOP_SECONDS)
    process.process.kill()
    process.process.join()


@contextmanager
def large_workers(count: int, folder: str | None) -> Iterator[LargeWorkers | None]:
    """So many of them while the block runs, and BASIRA_LARGE_SOCKET in the environment; 0: none. ``folder``: where the
    socket's own folder is made. Raises UsageError when no socket can be made there."""
    if not count:
        os.environ["BASIRA_LARGE_SOCKET"] = ""
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="basira-large-", dir=folder) as private:
        path = Path(private) / "socket"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with listening:
            _listen(listening, path)
            os.environ["BASIRA_LARGE_SOCKET"] = str(path)
            made = LargeWorkers(count, listening)
            try:
                yield made
            finally:
                made.close()


def _listen(listening: socket.socket, path: Path) -> None:
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(_BACKLOG)
    except OSError as error:
        raise UsageError(
            "Expected to make a socket at {path!r}, found: {error}.",
            hint="Set TMPDIR to a folder with a short name, or use --large-workers 0.",
            path=str(path),
            error=error,
        ) from None
    listening.set_inheritable(True)


def give_way() -> None:
    """Let the other processes of the service go first on a busy core. Where that is forbidden, log it."""
    try:
        os.nice(_NICENESS)
    except OSError:
        log_json()
        _LOG.warning("large_worker_not_nice", extra={"fields": {"hint": "Allow setpriority in the unit."}})
