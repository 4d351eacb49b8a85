"""`basira serve`: the HTTP service.

Enters: options. Leaves: a server until it is stopped; exit code 0 then. Never here: a request.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from basira.cli.db import DatabaseOption
from basira.cli.ingest import DEFAULT_STORE, JsonOption, StoreOption
from basira.cli.messages import keep_language, messages
from basira.cli.options import Language, open_history
from basira.render.shown import say_line
from basira.schema.errors import BasiraError, UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from basira.api.http.connection import Guard
    from basira.cli.large_workers import LargeWorkers

_STOP_SECONDS = 30
# A worker that can't start is started again by its supervisor at once; without a pause it would do nothing else.
_PAUSE_SECONDS = 2.0
# The supervisor's patience with a worker that does not answer it, or that takes the place of one at a reload: on a busy
# machine a start takes ten seconds.
_WORKER_SECONDS = 60
_BACKLOG = 2048
# Longer than a proxy keeps its idle connections (nginx: 60 s): the proxy must be the one that closes, or a request
# sometimes meets a connection that is closing.
_IDLE_SECONDS = 75
_HEAPS = 2
_NAME_ONE = "Set BASIRA_POLICY, or use --policy."
_METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Folders in memory: systemd's for this service, and that of any Linux.
_RUNTIME_FOLDERS, SHARED_MEMORY = "RUNTIME_DIRECTORY", "/dev/shm"  # noqa: S108 - a folder of its own is made in it


def serve(
    context: typer.Context,
    policy: Annotated[
        str,
        typer.Option(
            "--policy", envvar="BASIRA_POLICY", help="Policy folder, or the name of a shipped one (morocco, example)."
        ),
    ] = "morocco",
    store: StoreOption = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="Address to listen on; behind a proxy, keep it local.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    large_workers: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="Processes beside the workers, at lower priority, for requests of more than 64 KiB or 50 items. 0: "
            "the workers decide them, and plain declarations wait for parts of that work.",
        ),
    ] = 1,
    database: DatabaseOption = "",
    model: Annotated[
        str,
        typer.Option("--model", envvar="BASIRA_MODEL", help="The only model that may decide, while it is live."),
    ] = "",
    language: Annotated[
        Language,
        typer.Option(
            "--language", "-l", envvar="BASIRA_LANGUAGE", callback=keep_language, help="Language of the reasons."
        ),
    ] = Language.fr,
    most_profile_days: Annotated[
        int,
        typer.Option(
            min=0,
            envvar="BASIRA_MOST_PROFILE_DAYS",
            help="Profiles that lack more days than that are too old: the fallback answers.",
        ),
    ] = 1,
    rates: Annotated[
        str,
        typer.Option(
            "--rates",
            envvar="BASIRA_RATES",
            help="Mapping, or file, whose [rates] convert amounts of other currencies; rejected without.",
        ),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Check what the service needs, print what is wrong, and serve nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer declarations over HTTP, each with its lane and reasons, each on record, until stopped.

    On SIGTERM or Ctrl-C the requests under way are finished first (30 seconds at most), and the exit code is 0. The
    other settings come from the environment (docs/reference/settings.md).
    """
    from basira.selection.policy.load import find_policy

    source = context.get_parameter_source("policy")
    is_named = source is None or source.name != "DEFAULT"
    open_history(store)
    os.environ |= {
        "BASIRA_STORE": str(store.resolve()),
        "BASIRA_POLICY": str(find_policy(policy).resolve()),
        "BASIRA_DATABASE": database,
        "BASIRA_MODEL": model,
        "BASIRA_LANGUAGE": language.value,
        "BASIRA_MOST_PROFILE_DAYS": str(most_profile_days),
        "BASIRA_RATES": rates and str(Path(rates).resolve()),
    }
    if check:
        _check("" if is_named else policy, language.value, as_json=as_json)
        return
    # The library of the figures reads their folder when it is loaded, so set it before the application.
    with _metrics_folder(workers + large_workers):
        _serve("" if is_named else policy, host, port, workers, large_workers)


def _check(unnamed_policy: str, language: str, *, as_json: bool) -> None:
    from basira.app import check_environment

    lines, said = check_environment(), messages("en" if as_json else language)
    if unnamed_policy:
        lines.insert(0, said.say("serve.no_policy", policy=repr(unnamed_policy)))
    if as_json:
        typer.echo(json.dumps({"degraded": lines}, ensure_ascii=False, indent=1))
        return
    for line in lines:
        say_line(said.say("serve.degraded", what=line))
    if not lines:
        say_line(said.say("serve.ready"))


def _serve(unnamed_policy: str, host: str, port: int, workers: int, large: int) -> None:
    from basira.app import guard_of_environment, pages_fault, prepare_environment
    from basira.cli.descriptors import allow_connections
    from basira.cli.large_workers import large_workers

    # A fault that would end every worker is reported here, once; what is made once is made before they start.
    for line in prepare_environment():
        _warn("made_new", what=line)
    if unnamed_policy:
        _warn("no_policy_named", taken=unnamed_policy, hint=_NAME_ONE)
    if fault := pages_fault():
        _warn("no_pages", fault=fault)
    guard = guard_of_environment()
    limits = allow_connections(guard.limits)
    if limits != guard.limits:
        _warn("few_open_files", connections=str(limits.connections), hint="Raise LimitNOFILE, or `ulimit -n`.")
    with _listening(host, port) as listening, large_workers(large, _memory()) as beside:
        _run(listening, workers, guard.within(limits), beside)


def _run(listening: socket.socket, workers: int, guard: Guard, large: LargeWorkers | None = None) -> None:
    import signal

    import uvicorn

    from basira.cli.workers import supervise

    config = uvicorn.Config(
        "basira.cli.serve:in_worker" if workers > 1 else "basira.app:from_environment",
        factory=True,
        workers=workers,
        http=guard,  # type: ignore[arg-type]  # whatever makes a protocol does
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_worker_healthcheck=_WORKER_SECONDS,
        proxy_headers=False,  # BASIRA_PROXIES names the proxies whose X-Forwarded-For is trusted
    )
    if workers > 1:
        from basira.api.http.logs import log_json

        log_json()
        supervise(config, [listening], large)
        return
    share_heaps()
    # Uvicorn, when it has finished, passes the signal on to its earlier handler: to end by the signal would look like a
    # fault to a supervisor.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    uvicorn.Server(config).run(sockets=[listening])


def _leave(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def in_worker() -> FastAPI:
    """The application in a worker of several."""
    from basira.app import from_environment

    return _start(from_environment)


def in_large_worker() -> FastAPI:
    """The application in a large worker, which gives way to the workers."""
    from basira.app import large_from_environment
    from basira.cli.large_workers import give_way

    give_way()
    return _start(large_from_environment)


def _start(make: Callable[[], FastAPI]) -> FastAPI:
    """An application in a process of several: a fault of its start is one line of the log, and the next try waits."""
    import logging
    import time

    from basira.api.http.logs import log_json

    _end_with_supervisor()
    share_heaps()
    try:
        return make()
    except BasiraError as error:
        log_json()
        fields = {"code": error.code, "message": error.message, "hint": error.hint}
        logging.getLogger("basira.service").error("start_failed", extra={"fields": fields})
        time.sleep(_PAUSE_SECONDS)
        sys.exit(error.exit_code)


def _end_with_supervisor() -> None:
    """Let the kernel stop this worker when its supervisor dies: orphans would hold the port against its successor."""
    import ctypes
    import signal

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of Linux' prctl(2)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGTERM))


def share_heaps() -> None:
    """Let the threads of this process share two heaps of the C library.

    It would give each of them one of its own, up to eight for a core, and each keeps what its largest request once
    needed: a worker then grows for an hour by unused memory. Only glibc has them.
    """
    import ctypes

    most_arenas = -8  # M_ARENA_MAX of glibc's mallopt(3)
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(most_arenas, _HEAPS)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The socket that the workers share; clients that connect while they start wait. Raises UsageError when the address
    is taken or is not this machine's."""
    from basira.cli.descriptors import Listening

    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        raise UsageError(
            "--host: expected an address of this machine, found {host!r} ({error}).",
            hint="127.0.0.1 behind a proxy, 0.0.0.0 for all addresses.",
            host=host,
            error=error.strerror,
        ) from None
    except OSError as error:
        raise UsageError(
            "--port: expected to listen on {host}:{port}, found: {strerror}.",
            hint="Stop what listens there, or give another --port or --host.",
            host=host,
            port=port,
            strerror=os.strerror(error.errno or 0),
        ) from None
    with Listening.of(made) as listening:
        # Accepted connections take it over. Without it the body of an answer waits for the client's acknowledgement of
        # the head, which many clients give 40 ms later.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.set_inheritable(True)
        yield listening


@contextmanager
def _metrics_folder(processes: int) -> Iterator[None]:
    """Where several processes keep their figures, so that any of them reports all; removed at the end."""
    if processes == 1 or os.environ.get(_METRICS_FOLDER):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="basira-metrics-", dir=_folder_in_memory()) as folder:
        os.environ[_METRICS_FOLDER] = str(Path(folder))
        yield


def _folder_in_memory() -> str | None:
    """The folder of the figures. The workers write them through mapped files: on a disk that is full that is no error,
    but the end of the worker."""
    folder = _memory()
    if folder is None:
        _warn("figures_on_a_disk", folder=tempfile.gettempdir(), hint=f"Set {_METRICS_FOLDER} to a folder in memory.")
    return folder


def _memory() -> str | None:
    """A folder in memory; None where there is none."""
    named = os.environ.get(_RUNTIME_FOLDERS, "").partition(":")[0]
    for folder in (named, SHARED_MEMORY):
        if folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


def _warn(event: str, **fields: str) -> None:
    """Write a line of the log before logging is set up."""
    import logging

    from basira.api.http.logs import log_json

    log_json()
    logging.getLogger("basira.service").warning(event, extra={"fields": fields})
