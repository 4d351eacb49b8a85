"""The service under load: declarations a second, CPU of each, time to answer. One worker on one core.

    .venv/bin/python benchmarks/serve_load.py --folder FOLDER [--database postgresql|sqlite] [--seconds 30]
        [--half-seconds 30] [--concurrency 32] [--rate 75] [--items 60000] [--alone] [--profile PY_SPY]
        [--rules 0 500] [--pages 0 2] [--turns 3]

FOLDER keeps the simulated store, made at the first run. PostgreSQL is started for the run with its usual durability
(fsync on); SQLite writes with its own. The worker has the first core for itself, PostgreSQL and the client the second.
Two phases of --seconds and --half-seconds, declarations of three items, all different:

- saturation: --concurrency connections, each sending the next declaration when the last one is answered;
- half load: a Poisson stream of --rate declarations a second (by default half of what saturation gave), time counted
  from the moment a declaration should have been sent, so that a service that falls behind is seen. The client waits
  with select, exact to the microsecond: asyncio's usual epoll wakes at the next whole millisecond, and what the client
  sends too late would count against the service.

--rules: live rules of analysts, made by their workflow in a new record; several numbers are measured in turns, --turns
times each, with the medians at the end.

--pages: pages of the workbench that people ask for in a second meanwhile, of the half load: the queue of the first
office and a declaration of it, in turns, by a session. Several numbers are measured in turns, like --rules.

--alone (as root): service, PostgreSQL and client run before any other work of the machine (SCHED_RR), as they would on
a machine of their own. On a shared one each hand-over from thread to thread else waits for another program's turn.

Prints one table. ``core %``: how much of its core the worker got. On a machine with other work it is far from 100 at
saturation, and the times measure that work; the CPU is that of the processes themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pwd
import random
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import quote

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from serve_rules import make_rules_live
from serve_world import ServedWorld, declarations_of, served_world

from basira.api.auth.cookies import NAME, NAME_IN_DEVELOPMENT
from basira.schema.access import Grant
from basira.storage.accounts.sessions import start_session
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database

PORT = 18080
_READY_SECONDS = 120
BASIRA = Path(sys.executable).with_name("basira")
_TICKS = os.sysconf("SC_CLK_TCK")


# --- the two servers ---------------------------------------------------------------------------------------------


@contextmanager
def postgres(core: int) -> Iterator[tuple[str, int]]:
    """A PostgreSQL of Debian's binaries, durable; its URL and process id."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="basira-load-", dir="/tmp"))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # it does not run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "basira", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        env=environment,
        cwd=folder,
        **as_user,
    )
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "shared_buffers": "128MB"}
    command = ["taskset", "-c", str(core), str(programs / "postgres"), "-D", str(folder / "data")]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, *(f"--{k}={v}" for k, v in settings.items())],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder,
            **as_user,
        )
        try:
            ready = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
            while subprocess.run(ready, env=environment).returncode:
                time.sleep(0.1)
            yield f"postgresql+psycopg://basira@/postgres?host={quote(str(folder))}", server.pid
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def worker(world: ServedWorld, database: str, core: int) -> Iterator[int]:
    """`basira serve` with one worker on one core, ready; its process id."""
    with socket.socket() as other:
        if other.connect_ex(("127.0.0.1", PORT)) == 0:
            sys.exit(f"Something else answers on port {PORT}: end it first.")
    place = ["--store", str(world.store)]
    command = ["taskset", "-c", str(core), str(BASIRA), "serve", "--policy", str(world.policy), *place]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*command, "--database", database, "--workers", "1", "--port", str(PORT)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            asyncio.run(_until_ready(process))
            yield process.pid
        except SystemExit as error:
            log.seek(0)
            sys.exit(f"{error}\n{log.read()[-3000:]}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


async def _until_ready(process: subprocess.Popen[bytes]) -> None:
    until, body = time.monotonic() + _READY_SECONDS, b""
    while process.poll() is None:
        if time.monotonic() > until:
            raise SystemExit(f"basira serve is not ready after {_READY_SECONDS} s: {body.decode()}")
        with suppress(OSError):
            connection = await Connection.open(b"GET", b"/api/v1/ready", "")
            status, body = await connection.ask(b"")
            connection.close()
            if status == 200 and b'"ready"' in body:
                return
        await asyncio.sleep(0.2)
    raise SystemExit("basira serve ended")


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


# Stopped by a signal, it must still end what it started.
signal.signal(signal.SIGTERM, _leave)


def family_cpu(root: int) -> float:
    """CPU seconds of a process and its descendants, those that ended and were waited for included."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
                spent[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS
    total, waiting = 0.0, [root]
    while waiting:
        one = waiting.pop()
        total += spent.get(one, 0.0)
        waiting += parents.get(one, [])
    return total


def until_settled(root: int) -> None:
    """Wait until the service rests for two seconds: what a large worker's start costs belongs to no declaration."""
    until, rested, before = time.monotonic() + _READY_SECONDS, 0, family_cpu(root)
    while rested < 2:
        if time.monotonic() > until:
            raise SystemExit(f"basira serve does not come to rest within {_READY_SECONDS} s")
        time.sleep(1)
        now = family_cpu(root)
        rested = rested + 1 if now - before < 0.1 else 0
        before = now


# --- the client --------------------------------------------------------------------------------------------------


class Connection:
    """One kept connection, one request at a time."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._head, self._reader, self._writer = head, reader, writer

    @classmethod
    async def open(cls, method: bytes, path: bytes, token: str, *, is_session: bool = False) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        who = f"Cookie: {NAME}={token}; {NAME_IN_DEVELOPMENT}={token}" if is_session else f"X-API-Key: {token}"
        head = b"%b %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%b\r\n"
        return cls(head % (method, path, who.encode()), reader, writer)

    async def ask(self, body: bytes) -> tuple[int, bytes]:
        self._writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


@dataclass
class Tally:
    """What came back. ``times``: seconds from when it was due to the answer."""

    times: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    selected: int = 0
    fallbacks: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds

    def add(self, began: float, status: int, body: bytes) -> None:
        self.times.append(time.perf_counter() - began)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.selected += b'"inspects":true' in body
        self.fallbacks += b'"fallback":null' not in body


async def saturate(bodies: Iterator[bytes], token: str, *, seconds: float, concurrency: int) -> Tally:
    tally, begun = Tally(), time.perf_counter()

    async def one() -> None:
        connection = await Connection.open(b"POST", b"/api/v1/declarations", token)
        while (now := time.perf_counter()) < begun + seconds:
            tally.add(now, *await connection.ask(next(bodies)))
        connection.close()

    await asyncio.gather(*(one() for _ in range(concurrency)))
    tally.seconds = time.perf_counter() - begun
    return tally


async def stream(bodies: Iterator[bytes], token: str, *, seconds: float, rate: float) -> Tally:
    tally, begun, chance = Tally(), time.perf_counter(), random.Random(7)  # noqa: S311 - arrivals, not secrets
    free: list[Connection] = []
    running: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        body = next(bodies)
        while free:
            connection = free.pop()
            try:
                tally.add(due, *await connection.ask(body))
            except (OSError, asyncio.IncompleteReadError):  # the server closes one that was idle: take another
                continue
            free.append(connection)
            return
        connection = await Connection.open(b"POST", b"/api/v1/declarations", token)
        tally.add(due, *await connection.ask(body))
        free.append(connection)

    due = begun
    while (due := due + chance.expovariate(rate)) < begun + seconds:
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    tally.seconds = time.perf_counter() - begun
    return tally


async def browse(token: str, *, seconds: float, pages: float) -> list[float]:
    """Ask for so many ``pages`` a second, as people do; the seconds that each took."""
    begun, chance, times = time.perf_counter(), random.Random(8), list[float]()  # noqa: S311 - arrivals, not secrets
    places, due = ["/queue?status=all"], begun
    while pages and (due := due + chance.expovariate(pages)) < begun + seconds:
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        connection = await Connection.open(b"GET", places[len(times) % len(places)].encode(), token, is_session=True)
        asked = time.perf_counter()
        status, body = await connection.ask(b"")
        connection.close()
        times.append(time.perf_counter() - asked)
        if status != 200:
            raise SystemExit(f"a page answered {status}: {body[:300]!r}")
        if len(places) == 1 and (found := re.search(rb'href="(/declarations/[^"?#]+)', body)):
            places.append(found.group(1).decode())
    return times


async def stream_beside_pages(
    bodies: Iterator[bytes], token: str, session: str, *, seconds: float, rate: float, pages: float
) -> Tally:
    """Both at once; what the pages took is printed."""
    tally, times = await asyncio.gather(
        stream(bodies, token, seconds=seconds, rate=rate), browse(session, seconds=seconds, pages=pages)
    )
    if times:
        late = sorted(times)[int(0.95 * len(times))]
        print(f"{len(times)} pages, median {median(times) * 1e3:.1f} ms, p95 {late * 1e3:.1f} ms")
    return tally


def punctual() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def line(name: str, tally: Tally, worker_cpu: float, database_cpu: float | None) -> str:
    count, times = len(tally.times), sorted(tally.times)
    shared = "     -" if database_cpu is None else f"{database_cpu / count * 1e3:6.2f}"
    both = worker_cpu + (database_cpu or 0.0)
    return (
        f"{name:<12}{count:>8}{tally.per_second:>9.1f}{worker_cpu / tally.seconds * 100:>8.0f}"
        f"{worker_cpu / count * 1e3:>11.2f}{shared:>11}"
        f"{both / count * 1e3:>9.2f}{times[count // 2] * 1e3:>10.1f}{times[int(count * 0.99)] * 1e3:>9.1f}"
        f"{times[-1] * 1e3:>9.1f}{tally.selected / count * 100:>10.1f}  {tally.statuses} fallback {tally.fallbacks}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--half-seconds", type=float, default=0.0, help="of the second phase; as --seconds by default")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--profile", type=Path, help="py-spy's program: writes profile.txt into FOLDER")
    parser.add_argument("--alone", action="store_true", help="run before all other work of the machine; as root")
    parser.add_argument("--rules", type=int, nargs="+", default=[0], help="live rules; several numbers: in turns")
    parser.add_argument("--pages", type=float, nargs="+", default=[0.0], help="a second, meanwhile; several: in turns")
    parser.add_argument("--turns", type=int, default=1)
    given = parser.parse_args()
    if given.alone:  # inherited by PostgreSQL and the service
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    given.folder.mkdir(parents=True, exist_ok=True)
    world = served_world(given.folder, today=date.today(), items=given.items)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    found: dict[tuple[str, Beside], list[Measured]] = {}
    for _ in range(given.turns):
        for beside in (Beside(*pair) for pair in product(given.rules, given.pages)):
            for name, one in measure(given, world, beside, cores).items():
                found.setdefault((name, beside), []).append(one)
    if given.turns > 1:
        for (name, beside), several in sorted(found.items()):
            cpu, middle, late = (median(values) for values in zip(*several, strict=True))
            print(
                f"median of {len(several)}, {beside.rules} rules, {beside.pages:g} pages a second, {name}: "
                f"CPU {cpu:.2f} ms, median {middle:.1f} ms, p99 {late:.1f} ms"
            )


class Beside(NamedTuple):
    """What there is beside the declarations: live rules, pages a second."""

    rules: int
    pages: float


def measure(given: argparse.Namespace, world: ServedWorld, beside: Beside, cores: list[int]) -> dict[str, Measured]:
    """Both phases on a new record."""
    if given.database == "sqlite":
        for old in given.folder.glob("load.sqlite*"):
            old.unlink()
        return run(given, world, beside, (f"sqlite:///{given.folder / 'load.sqlite'}", None), cores)
    with postgres(cores[-1]) as (url, server):
        subprocess.run([BASIRA, "db", "upgrade", "--database", url], check=True, capture_output=True)
        return run(given, world, beside, (url, server), cores)


class Measured(NamedTuple):
    """CPU of service and database a declaration, and times to answer, in milliseconds."""

    cpu: float
    median: float
    late: float


def run(
    given: argparse.Namespace, world: ServedWorld, beside: Beside, where: tuple[str, int | None], cores: list[int]
) -> dict[str, Measured]:
    database, server = where
    scopes = ("--scope", "declarations:write", "--by", "benchmark", "--json")
    made = subprocess.run(
        [BASIRA, "keys", "create", "load", *scopes, "--store", str(world.store), "--database", database],
        check=True,
        capture_output=True,
        text=True,
    )
    token = json.loads(made.stdout)["token"]
    if beside.rules:
        make_rules_live(world, database, beside.rules, now=datetime.now())
    session = begin_session(database, now=datetime.now()) if beside.pages else ""
    # Written before the clock runs: the client's own work must not count against the service.
    names = declarations_of(world, moment=datetime.now(), mark=f"L{time.time():.0f}")
    count = 3_000 + int(400 * given.seconds + 250 * (given.half_seconds or given.seconds))
    bodies = iter([json.dumps(one).encode() for one in islice(names, count)])
    load = os.getloadavg()
    how = ", before all other work" if given.alone else ""
    print(
        f"{given.database}, {beside.rules} rules, {beside.pages:g} pages a second, {given.seconds:.0f} s a phase, "
        f"load average before: {load[0]:.1f}{how}"
    )
    print(
        f"{'':<12}{'answers':>8}{'per s':>9}{'core %':>8}{'worker ms':>11}{'server ms':>11}{'CPU ms':>9}"
        f"{'median ms':>10}{'p99 ms':>9}{'max ms':>9}{'chosen %':>10}"
    )
    found: dict[str, Measured] = {}
    with worker(world, database, cores[0]) as process:
        until_settled(process)
        asyncio.run(saturate(bodies, token, seconds=3, concurrency=given.concurrency))
        seconds, half = given.seconds, given.half_seconds or given.seconds
        phases: list[tuple[str, Callable[[], Coroutine[Any, Any, Tally]]]] = [
            ("saturation", lambda: saturate(bodies, token, seconds=seconds, concurrency=given.concurrency)),
            (
                "half load",
                lambda: stream_beside_pages(
                    *(bodies, token, session),
                    seconds=half,
                    rate=given.rate or tally.per_second / 2,
                    pages=beside.pages,
                ),
            ),
        ]
        for name, phase in phases:
            spy = spied(given, process, name)
            before = family_cpu(process), family_cpu(server) if server else 0.0
            with asyncio.Runner(loop_factory=punctual) as runner:
                tally = runner.run(phase())
            after = family_cpu(process), family_cpu(server) if server else 0.0
            spent = after[0] - before[0], after[1] - before[1]
            print(line(name, tally, spent[0], spent[1] if server else None), flush=True)
            times = sorted(tally.times)
            found[name] = Measured(
                1000 * sum(spent) / len(times), 1000 * median(times), 1000 * times[int(0.99 * len(times))]
            )
            if spy is not None:
                spy.wait()
    return found


def begin_session(database: str, *, now: datetime) -> str:
    """The session of a manager, who sees every office."""
    with Database(database) as opened, opened.write() as connection:
        new = NewUser("bench-pages", "bench-pages", [Grant("manager")])
        user_id = create_user(connection, new, actor="benchmark", now=now)
        return start_session(connection, user_id, now=now, lifetime=timedelta(hours=8))


def spied(given: argparse.Namespace, process: int, name: str) -> subprocess.Popen[bytes] | None:
    if not given.profile:
        return None
    out = given.folder / f"profile-{name.replace(' ', '-')}.txt"
    command = [given.profile, "record", "-p", str(process), "-d", str(int(given.seconds)), "-r", "200", "-f", "raw"]
    return subprocess.Popen([*command, "-g", "-o", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
