"""What the trials of the service stand on: a simulated store, a PostgreSQL of their own, a running `basira serve`.

Enters: a folder. Leaves: `Ground`, `Postgres`, `Served`. Never here: a load, a fault, a judgement. Everything is made
with the product's own commands and reached as a client reaches it; the data are simulated.
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from basira.api.auth.permissions import OF_KEYS
from basira.features.online.plan import catalog_digest
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS

BASIRA = str(Path(sys.executable).with_name("basira"))
SCOPES: tuple[str, ...] = OF_KEYS
_HEADER = [f.name for f in DECLARATION_FIELDS if f.name not in ("declaration_version", "declaration_id")]
_ITEM = [f.name for f in ITEM_FIELDS]
_STAMP = "ground.json"
# Of the world's last days: what the load is made of.
_TEMPLATE_DAYS = 10
_START_SECONDS = 90.0

Body = dict[str, Any]


def run(*words: str, env: dict[str, str] | None = None) -> str:
    """A command of the product; what it printed. Raises with its words when it fails."""
    done = subprocess.run([BASIRA, *words], capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode:
        raise RuntimeError(f"basira {' '.join(words[:2])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def wait_for(what: str, is_so: Callable[[], bool], *, seconds: float, every: float = 0.05) -> float:
    """Wait until something is so; how many seconds it took. Raises TimeoutError."""
    begun = time.monotonic()
    while not is_so():
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - begun


@dataclass(frozen=True)
class Ground:
    """A store with history, model and two builds of profiles, a policy folder, and declarations to send.

    ``templates``: bodies without a number and a date: `Load` gives them.
    """

    folder: Path
    templates: tuple[Body, ...]

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def policy(self) -> Path:
        return self.folder / "policy"


def prepare_ground(folder: Path, *, items: int = 6000, seed: int = 5) -> Ground:
    """Make it (half a minute), or take the one that this version made today in this folder."""
    yesterday = date.today() - timedelta(days=1)
    stamp, made = folder / _STAMP, {"as_of": yesterday.isoformat(), "catalog": catalog_digest()}
    if not stamp.is_file() or made.items() - json.loads(stamp.read_text()).items():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _make(folder, items=items, seed=seed, yesterday=yesterday)
        stamp.write_text(json.dumps({**made, "items": items, "seed": seed}))
    return Ground(folder, _templates(folder / "world" / "declarations", yesterday))


def _make(folder: Path, *, items: int, seed: int, yesterday: date) -> None:
    from basira.country import load_scenario, make_world

    changes = {
        "items": items,
        "starts_on": yesterday - timedelta(days=364),
        "ends_on": yesterday,
        "administration.inspection_rate": 0.35,
        "conduct.irregular_rate": 0.15,
    }
    make_world(load_scenario("small", changes=changes), seed=seed, out=folder / "world")
    store = ("--store", str(folder / "store"))
    files = [str(p) for p in sorted((folder / "world" / "declarations").glob("*.parquet"))]
    run("ingest", *files, "--mapping", "basira", *store)
    results = [str(p) for p in sorted((folder / "world" / "outcomes").glob("*.parquet"))]
    run("feedback", *results, "--mapping", "basira-outcomes", *store)
    run("train", "--as-of", yesterday.isoformat(), *store)
    # The older build is what the service falls back to when the newer one is damaged.
    for day in (yesterday - timedelta(days=1), yesterday):
        run("profiles", "build", "--as-of", day.isoformat(), "--memory", "1GB", *store)
    write_policy(folder / "policy")


def write_policy(folder: Path) -> None:
    """The shipped example with counts of slots, as the service needs them."""
    text = (Path(__file__).parents[1] / "policies" / "example" / "policy.toml").read_text(encoding="utf-8")
    text = text.replace("yellow = { share = 0.10, minimum = 1 }", "yellow = { count = 200 }")
    text = text.replace("red = { share = 0.05, minimum = 1 }", "red = { count = 100 }")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.toml").write_text(f"{text}\n[online]\nnew_office_count = 3000\n", encoding="utf-8")


def _templates(folder: Path, last: date) -> tuple[Body, ...]:
    frame = pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))])
    frame = frame.filter(pl.col("declared_at").dt.date() > last - timedelta(days=_TEMPLATE_DAYS))
    found: dict[str, Body] = {}
    for row in frame.sort("declaration_id", "item_number").to_dicts():
        if (row.get("declaration_version") or 1) != 1:
            continue
        values = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items() if v is not None}
        body = found.setdefault(row["declaration_id"], {n: values[n] for n in _HEADER if n in values} | {"items": []})
        body["items"].append({n: values[n] for n in _ITEM if n in values})
    return tuple(body for body in found.values() if len(body["items"]) <= 10)


class Postgres:
    """A PostgreSQL of Debian's binaries, as an unprivileged user; durable, unlike the one of the tests."""

    def __init__(self, folder: Path) -> None:
        found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()]
        if not found:
            raise RuntimeError("PostgreSQL absent (Debian: apt-get install postgresql)")
        self._programs = max(found, key=lambda p: float(p.parent.name))
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None
        if not (folder / "data").is_dir():
            subprocess.run(
                [
                    self._programs / "initdb",
                    "-D",
                    folder / "data",
                    "-U",
                    "basira",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--no-sync",
                    "--wal-segsize=1",
                ],
                check=True,
                capture_output=True,
                env=self._environment,
                cwd=folder,
                **self._as,
            )

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://basira@/{database}?host={quote(str(self.folder))}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "32MB",
            "max_connections": "60",
            "max_wal_size": "16MB",
            "min_wal_size": "2MB",
        }
        command = [
            str(self._programs / "postgres"),
            "-D",
            str(self.folder / "data"),
            *(f"--{k}={v}" for k, v in settings.items()),
        ]
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                command, text=False, stdout=log, stderr=log, env=self._environment, cwd=self.folder, **self._as
            )
        wait_for("PostgreSQL", self.answers, seconds=60)

    def answers(self) -> bool:
        """Whether it takes connections."""
        asked = [str(self._programs / "pg_isready"), "-q", "-h", str(self.folder)]
        return subprocess.run(asked, env=self._environment).returncode == 0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, how: str = "fast") -> None:
        """Stop it: "fast" ends the connections, "immediate" ends everything, as a crash does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])
            self._process.wait(timeout=60)
        self._process = None

    def create(self, database: str) -> str:
        """An own database; its URL."""
        asked = [str(self._programs / "createdb"), "-h", str(self.folder), "-U", "basira", database]
        subprocess.run(asked, check=True, env=self._environment)
        return self.url(database)


class Served:
    """A running `basira serve`, started again by hand as a supervisor would."""

    def __init__(
        self, ground: Ground, *, database: str = "", workers: int = 1, port: int = 0, extra: Sequence[str] = ()
    ) -> None:
        self.ground, self.database, self.workers = ground, database, workers
        self.port = port or free_port()
        self.log = ground.folder / f"serve-{self.port}.log"
        self._extra = tuple(extra)
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def spawn(self) -> None:
        """Start the process; it does not wait."""
        command = [
            BASIRA,
            "serve",
            "--store",
            str(self.ground.store),
            "--policy",
            str(self.ground.policy),
            "--port",
            str(self.port),
            "--workers",
            str(self.workers),
            "--database",
            self.database,
            *self._extra,
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.starts += 1

    def start(self, *, seconds: float = _START_SECONDS) -> float:
        """Start, and wait until it can decide; how many seconds it took."""
        self.spawn()
        return wait_for("the service", self.is_ready, seconds=seconds)

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return None if self._process is None else self._process.poll()

    def is_ready(self) -> bool:
        """Whether `/ready` says 200."""
        return self.ask("GET", "/ready")[0] == 200

    def ask(
        self, method: str, path: str, body: object = None, *, key: str = "", seconds: float = 10.0
    ) -> tuple[int, Any]:
        """One request on a connection of its own; (0, None) when no answer came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1{path}", body=sent, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode(errors="replace")

    def worker_pids(self) -> list[int]:
        """The processes that answer: the children of the supervisor, or the only process."""
        if self.workers == 1:
            return [self.pid]
        # The large worker is a child of another thread.
        return [pid for pid in children_of(self.pid, thread=str(self.pid)) if b"spawn_main" in _command_line(pid)]

    def large_pids(self) -> list[int]:
        """The large workers."""
        others = set(children_of(self.pid)) - set(self.worker_pids())
        return [pid for pid in others if b"spawn_main" in _command_line(pid)]

    def kill(self) -> None:
        """kill -9 the process and whatever it started."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)

    def stop(self, *, seconds: float = 40.0) -> int:
        """SIGTERM, and the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=seconds)
        finally:
            _signal_group(self._process.pid, signal.SIGKILL)

    def create_key(self, *scopes: str) -> str:
        """A key with these scopes (all by default); its token."""
        chosen = [word for scope in scopes or SCOPES for word in ("--scope", scope)]
        made = run("keys", "create", "trial", "--by", "trial", *chosen, *self.at, "--json")
        return str(json.loads(made)["token"])

    @property
    def at(self) -> tuple[str, ...]:
        """The options that name its record."""
        return ("--store", str(self.ground.store), "--database", self.database)


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


# Stopped by a signal, a trial must still end what it started.
signal.signal(signal.SIGTERM, _leave)


@contextmanager
def served(ground: Ground, **options: Any) -> Iterator[Served]:
    """A service for a block; killed at its end if it still runs."""
    service = Served(ground, **options)
    try:
        yield service
    finally:
        service.kill()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def children_of(pid: int, *, thread: str = "*") -> list[int]:
    """The direct children of a process, or of one of its threads."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob(f"{thread}/children"):
        try:
            found += [int(word) for word in path.read_text().split()]
        except OSError:
            continue
    return found


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _signal_group(pid: int, what: signal.Signals) -> None:
    try:
        os.killpg(pid, what)
    except ProcessLookupError:
        return
