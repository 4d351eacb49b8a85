"""The service as a process: it starts or says why not, answers what is under way when it is stopped, ends with 0."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from basira.cli.program import app
from basira.serving.check import prepare_service
from basira.storage.history.store import History
from tests.support.api_world import TODAY, write_policy

BASIRA = Path(sys.executable).with_name("basira")
Body = dict[str, Any]


class Running:
    """A started service, and what it is asked."""

    def __init__(self, store: Path, policy: Path, *, workers: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = store.parent / f"log-{workers}"
        command = [
            BASIRA,
            "serve",
            "--store",
            store,
            "--policy",
            policy,
            "--port",
            str(self.port),
            "--workers",
            str(workers),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def ask(self, method: str, path: str, body: object = None, key: str = "", **more: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            connection.request(
                method,
                f"/api/v1{path}",
                body=body and json.dumps(body),
                headers={"Content-Type": "application/json", **({"X-API-Key": key} if key else {}), **more},
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait(self, seconds: float = 90.0) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"not ready: {self.log.read_text()[-2000:]}")


@pytest.fixture
def place(history: History, tmp_path: Path) -> tuple[Path, Path]:
    # Without what another test's service has made in it.
    made = shutil.ignore_patterns("operations.sqlite*", "online-seed")
    store = Path(shutil.copytree(history.root, tmp_path / "store", ignore=made))
    return store, write_policy(tmp_path / "policy")


@pytest.fixture
def start(place: tuple[Path, Path]) -> Iterator[Callable[[int], Running]]:
    begun: list[Running] = []

    def started(workers: int) -> Running:
        begun.append(Running(*place, workers=workers))
        begun[-1].wait()
        return begun[-1]

    yield started
    for one in begun:
        try:
            os.killpg(one.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        one.process.wait()


def run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def key_of(store: Path, *scopes: str) -> str:
    named = [word for scope in scopes for word in ("--scope", scope)]
    made = run("keys", "create", "test", "--by", "test", *named, "--store", str(store), "--json")
    return str(json.loads(made.stdout)["token"])


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_stopped_under_load_everything_under_way_is_answered(
    start: Callable[[int], Running], place: tuple[Path, Path], arrivals: list[Body], workers: int
) -> None:
    key = key_of(place[0], "declarations:write", "metrics:read")
    service = start(workers)
    answers: list[int] = []
    cut: list[Body] = []
    stopping = threading.Event()

    def ask(thread: int) -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            body = {**arrivals[0], "declaration_id": f"S-{thread}-{number}"}
            try:
                answers.append(service.ask("POST", "/declarations", body, key)[0])
            except ConnectionRefusedError:
                return  # it no longer listens: nothing was under way
            except (OSError, http.client.HTTPException):
                cut.append(body)
                return

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while len(answers) < 12 and time.monotonic() < until:
        time.sleep(0.05)
    text = service.ask("GET", "/metrics", key=key)[1]
    counted = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("basira_decisions_total{")]
    assert sum(counted) >= 12  # of all workers, whichever answers
    begun = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    code = service.process.wait(timeout=40)
    stopping.set()
    for thread in threads:
        thread.join()
    assert code == 0, service.log.read_text()[-2000:]
    assert time.monotonic() - begun < 20
    assert set(answers) == {200}
    # What the kernel had taken but no worker yet is cut off, never half answered; and was not decided.
    recorded = run("audit", "verify", "--store", str(place[0]), "--json")
    assert json.loads(recorded.stdout)["events"] == 2 * len(answers)
    assert len(cut) <= len(threads)
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert {line["level"] for line in lines} <= {"info", "warning"}


@pytest.mark.slow
def test_a_second_sigterm_changes_nothing(start: Callable[[int], Running]) -> None:
    service = start(1)
    for _ in range(3):
        service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(timeout=40) == 0


@pytest.mark.slow
def test_workers_end_with_their_supervisor(start: Callable[[int], Running]) -> None:
    service = start(2)
    service.process.kill()
    service.process.wait()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            service.ask("GET", "/health")
        except OSError:
            return
        time.sleep(0.2)
    pytest.fail("the port is still held")


def workers_of(service: Running) -> set[int]:
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return {int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}


@pytest.mark.slow
def test_a_worker_that_dies_while_its_supervisor_waits_for_a_word_is_replaced(start: Callable[[int], Running]) -> None:
    service = start(2)
    before = workers_of(service)
    assert len(before) == 2
    one = min(before)
    os.kill(one, signal.SIGSTOP)  # it says nothing, and the supervisor, which asks every half second, waits
    time.sleep(1.5)
    os.kill(one, signal.SIGKILL)
    until = time.monotonic() + 20  # not the minute that a silent one is given
    while len(now := workers_of(service)) < 2 or one in now:
        assert time.monotonic() < until, "nobody came in its place"
        time.sleep(0.2)
    assert service.ask("GET", "/health")[0] == 200


def large_pids(service: Running, *, least: int = 1) -> list[int]:
    """The processes that logged the answer of a large request, in order; each does so just after its answer."""
    until = time.monotonic() + 30
    while True:
        whole = service.log.read_text().rpartition("\n")[0].splitlines()
        lines = [json.loads(line) for line in whole if '"large_request"' in line]
        if len(lines) >= least:
            return [line["process"] for line in lines]
        assert time.monotonic() < until
        time.sleep(0.05)


def modes_of_socket(pid: int) -> tuple[str, str]:
    """Of the socket that a large worker listens at, and of its folder."""
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    (path,) = (Path(one.partition("=")[2]) for one in environment if one.startswith("BASIRA_LARGE_SOCKET="))
    return oct(path.stat().st_mode & 0o777), oct(path.parent.stat().st_mode & 0o777)


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def recorded_events(store: Path) -> int:
    with sqlite3.connect(f"file:{store / 'operations.sqlite'}?mode=ro", uri=True) as connection:
        found = int(connection.execute("SELECT count(*) FROM event").fetchone()[0])
    connection.close()
    return found


def many(arrivals: list[Body], count: int) -> list[Body]:
    return [{**arrivals[n % 4], "declaration_id": f"L-{n}"} for n in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_large_worker_killed_under_way_is_replaced_and_nothing_is_decided_twice(
    start: Callable[[int], Running], place: tuple[Path, Path], arrivals: list[Body], workers: int
) -> None:
    key = key_of(place[0], "declarations:write", "metrics:read")
    service = start(workers)
    assert service.ask("POST", "/declarations", many(arrivals, 60), key)[0] == 200
    (pid,) = large_pids(service)
    assert pid != service.process.pid
    assert pid not in workers_of(service)
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, service.process.pid)
    assert modes_of_socket(pid) == ("0o600", "0o700")
    sent, answers = many(arrivals, 1000), list[int]()

    def ask() -> None:
        answers.append(service.ask("POST", "/declarations", sent, key, **{"Idempotency-Key": "k-1"})[0])

    thread = threading.Thread(target=ask)
    thread.start()
    before = recorded_events(place[0])
    until = time.monotonic() + 60
    while recorded_events(place[0]) == before:  # the first of its groups
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    thread.join(60)
    assert answers == [503]
    assert service.ask("POST", "/declarations", {**arrivals[0], "declaration_id": "P-1"}, key)[0] == 200
    until = time.monotonic() + 120
    while answers[-1] != 200:
        assert time.monotonic() < until, service.log.read_text()[-2000:]
        ask()
    assert set(answers) == {200, 503}
    assert large_pids(service, least=2)[-1] != pid
    text = service.ask("GET", "/metrics", key=key)[1]
    assert "basira_large_worker 1.0" in text or "basira_large_worker 0.0" in text
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(timeout=60) == 0
    assert not is_alive(large_pids(service)[-1])
    verified = json.loads(run("audit", "verify", "--store", str(place[0]), "--json").stdout)
    assert verified["events"] == 2 * (1000 + 1)  # those of the first batch are among the thousand


@pytest.mark.slow
def test_a_large_worker_ends_with_a_service_that_is_killed(
    start: Callable[[int], Running], place: tuple[Path, Path], arrivals: list[Body]
) -> None:
    key = key_of(place[0], "declarations:write")
    service = start(1)
    assert service.ask("POST", "/declarations", many(arrivals, 60), key)[0] == 200
    (pid,) = large_pids(service)
    service.process.kill()
    service.process.wait()
    until = time.monotonic() + 60
    while is_alive(pid):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_port_in_use_is_reported(place: tuple[Path, Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [BASIRA, "serve", "--store", place[0], "--policy", place[1], "--port", str(port)],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def check(place: tuple[Path, Path]) -> tuple[int, str, str]:
    done = subprocess.run(
        [
            BASIRA,
            "serve",
            "--check",
            "-l",
            "en",
            "--store",
            place[0],
            "--policy",
            place[1],
            "--most-profile-days",
            "99999",
        ],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def named(said: str) -> list[str]:
    return [line.split(":")[1].strip() for line in said.splitlines()]


def test_a_check_makes_nothing_and_says_what_a_start_would_make(place: tuple[Path, Path]) -> None:
    before = sorted(place[0].rglob("*"))
    code, said, _ = check(place)
    assert (code, named(said)) == (0, ["no database", "no seed"])
    assert sorted(place[0].rglob("*")) == before
    assert [line.partition(":")[0] for line in prepare_service(*place, today=TODAY)] == [
        "Made a new seed of the draws",
        "Made a new database",
    ]
    assert prepare_service(*place, today=TODAY) == []


def test_a_check_says_that_all_is_well_or_what_is_not(place: tuple[Path, Path]) -> None:
    prepare_service(*place, today=TODAY)
    assert check(place)[:2] == (0, "Ready to serve.\n")
    (place[0] / "online-seed").chmod(0o644)
    shutil.rmtree(place[0] / "models")
    shutil.rmtree(place[0] / "profiles")
    code, said, _ = check(place)
    assert code == 0
    assert named(said) == ["no model", "no profiles", "seed"]


def test_a_database_of_another_format_names_the_upgrade(place: tuple[Path, Path]) -> None:
    prepare_service(*place, today=TODAY)
    with sqlite3.connect(place[0] / "operations.sqlite") as connection:
        connection.execute("DROP TRIGGER IF EXISTS operations_format_update")
        connection.execute("UPDATE operations_format SET format = format - 1")
    connection.close()
    code, _, said = check(place)
    assert code == 5
    assert "basira db upgrade" in said
    assert "Traceback" not in said


def test_a_store_that_may_not_be_written_is_reported(place: tuple[Path, Path]) -> None:
    (place[0] / "online-seed").unlink(missing_ok=True)
    (place[0] / "online-seed").mkdir()
    code, _, said = check(place)
    assert code == 5
    assert "Traceback" not in said
