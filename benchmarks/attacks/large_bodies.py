"""Plain declarations beside hostile large bodies: how much longer they take.

    .venv/bin/python benchmarks/attacks/large_bodies.py [--ground FOLDER] [--seconds 8] [--rate 20]
        [--database sqlite|postgresql] [--only KIND,...] [--large-workers 1] [--alone]

Starts `basira serve` with one worker, and sends plain declarations at a steady rate, first alone, then beside
a client that sends one kind of large body after the other as fast as it is answered. The kinds are the costliest found
under the limits of size. Prints for each: how many hostile bodies were answered and with what, the slowest of them, the
50th and 99th percentile of the plain declarations in milliseconds, and the memory of the worker and of the large worker
at its highest. Time counts from when a declaration should have been sent. --large-workers 0: the worker does all. Ends
with 1 when a 99th percentile is more than 50 ms above that alone.
--alone (as root): all of it runs before any other work of the machine, as on one of its own. Client and database do so
by SCHED_RR: they compute little. The service keeps the kernel's usual scheduling, its session with the highest weight:
under SCHED_RR one of its threads would hold a core for 100 ms, as it does nowhere.
Loopback only; each kind takes ``--seconds``, and a hostile body is waited for 20 seconds more at most.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from serve_ground import Body, Ground, Postgres, Served, prepare_ground, served

_ALLOWED_MILLISECONDS = 50.0
_HEADER = {"office": "A", "importer_id": "I1", "declarant_id": "C1"}
_ITEM = {"commodity_code": "9302000000", "origin_country": "CN", "customs_value_amount": 1000.0, "net_mass_kg": 10.0}


def _declaration(items: list[Body], number: str, **more: Any) -> Body:
    return {
        **_HEADER,
        "declaration_id": number,
        "declared_at": f"{datetime.now():%Y-%m-%dT%H:%M:%S}",
        **more,
        "items": items,
    }


def _own_columns(number: int) -> Body:
    own = {f"x_a{number}_{n}": "1" for n in range(30)}
    return _declaration([{**_ITEM, "net_mass_kg": "1 000", **own}], f"H@-{number}")


# What each sends: "H@" becomes another number each time, so that none is a declaration sent again; "O@" the office of
# most plain ones.
KINDS: dict[str, Callable[[], object]] = {
    "20 own names in each of 1,000 items": lambda: _declaration(
        [{**_ITEM, **{f"x_{n}_{m}": "v" for m in range(20)}} for n in range(1000)], "H"
    ),
    "1 MB text in a header of 1,000 items": lambda: _declaration(
        [{**_ITEM, "net_mass_kg": "bad"}] * 1000, "H", x_big="y" * 1_000_000
    ),
    "a date of 1 MB": lambda: {**_declaration([_ITEM] * 1000, "H"), "declared_at": "2026-" * 200_000},
    "numbers of 4,000 digits": lambda: _declaration([{**_ITEM, "customs_value_amount": int("9" * 4000)}] * 1000, "H"),
    "800,000 nested lists": lambda: _declaration([{**_ITEM, "x_a": [[[[]]]] * 200}] * 1000, "H"),
    "1,000 items, each with a fault": lambda: _declaration([{**_ITEM, "net_mass_kg": "bad"}] * 1000, "H"),
    "1,000 items of 40 names, a fault in each": lambda: _declaration(
        [{**_ITEM, **{f"x_{m}": "value" for m in range(40)}, "net_mass_kg": "1e"}] * 1000, "H"
    ),
    "200 declarations, each of its own columns": lambda: [_own_columns(n) for n in range(200)],
    "200 declarations, each with a fault": lambda: [
        _declaration([{**_ITEM, "net_mass_kg": "bad"}], f"H{n}") for n in range(200)
    ],
    "1,000 valid items": lambda: _declaration([_ITEM] * 1000, "H@"),
    "1,000 valid items of a plain one's office": lambda: _declaration([_ITEM] * 1000, "H@", office="O@"),
}


class Hostile(threading.Thread):
    """Sends one kind after the other until it is stopped."""

    def __init__(self, service: Served, key: str, make: Callable[[], object], office: str) -> None:
        super().__init__(daemon=True)
        self._service, self._key, self._make, self._office = service, key, make, office
        self.ending, self.answers, self.slowest = threading.Event(), Counter[int](), 0.0

    def run(self) -> None:
        made = json.dumps(self._make()).replace("O@", self._office).encode()
        while not self.ending.is_set():
            raw = made.replace(b"H@", b"H%d" % time.time_ns())
            begun = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=60)
            try:
                connection.request("POST", "/api/v1/declarations", raw, _head(self._key))
                answer = connection.getresponse()
                answer.read()
                self.answers[answer.status] += 1
            except (OSError, http.client.HTTPException):
                self.answers[0] += 1
            finally:
                connection.close()
            self.slowest = max(self.slowest, time.monotonic() - begun)


def _head(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "X-API-Key": key}


def plain_milliseconds(service: Served, key: str, ground: Ground, *, seconds: float, rate: float) -> list[float]:
    """How long each took, from when it should have been sent; two connections in turn."""
    times: list[float] = []
    count, begun = int(seconds * rate), time.monotonic()
    lock, numbers = threading.Lock(), iter(range(count))

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            due = begun + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            own = {"declaration_id": f"P{time.time_ns()}", "declared_at": f"{datetime.now():%Y-%m-%dT%H:%M:%S}"}
            body = {**ground.templates[number % len(ground.templates)], **own}
            try:
                connection.request("POST", "/api/v1/declarations", json.dumps(body), _head(key))
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200, answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
            times.append((time.monotonic() - due) * 1000)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def peak_megabytes(pid: int) -> float:
    """The most memory that a process had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ground", type=Path, default=Path(tempfile.gettempdir()) / "basira-attack-ground")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--only", default="", help="kinds whose words begin so, parted by commas")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--large-workers", type=int, default=1)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    ground = prepare_ground(given.ground)
    chosen = [kind for kind in KINDS if any(kind.startswith(word) for word in given.only.split(","))]
    if given.alone:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with tempfile.TemporaryDirectory(prefix="basira-bodies-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with (
            _database(Path(folder), given.database) as database,
            served(ground, database=database, extra=("--large-workers", str(given.large_workers))) as service,
        ):
            service.start()
            if given.alone:
                for pid, niceness in ((service.pid, -20), *((one, -14) for one in service.large_pids())):
                    _weigh(pid, niceness)
            return _measured(service, ground, chosen, seconds=given.seconds, rate=given.rate)


def _weigh(pid: int, niceness: int) -> None:
    """Give a process the kernel's usual scheduling again, and its session the highest weight."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
    autogroup = Path(f"/proc/{pid}/autogroup")
    if autogroup.exists():
        autogroup.write_text("-20")
    else:
        os.setpriority(os.PRIO_PROCESS, pid, niceness)


@contextmanager
def _database(folder: Path, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/operations.sqlite"
        return
    server = Postgres(folder / "pg")
    server.start()
    try:
        yield server.create("bodies")
    finally:
        server.stop("immediate")


def _measured(service: Served, ground: Ground, kinds: list[str], *, seconds: float, rate: float) -> int:
    mine, theirs = service.create_key(), service.create_key()
    plain_milliseconds(service, mine, ground, seconds=3, rate=rate)
    alone, worst = 0.0, 0.0
    ((office, _),) = Counter(body["office"] for body in ground.templates).most_common(1)
    print(f"{'beside':42} {'answers':24} {'slowest s':>9} {'p50 ms':>7} {'p99 ms':>7} {'peak MB':>8} {'large MB':>8}")
    for kind in ["nothing", *kinds]:
        hostile = Hostile(service, theirs, KINDS[kind], office) if kind in KINDS else None
        if hostile:
            hostile.start()
        times = plain_milliseconds(service, mine, ground, seconds=seconds, rate=rate)
        if hostile:
            hostile.ending.set()
            hostile.join(20)
        median, high = statistics.median(times), statistics.quantiles(times, n=100)[98]
        if hostile is None:
            alone = high
        worst = max(worst, high - alone)
        told = ", ".join(f"{n} x {status}" for status, n in hostile.answers.items()) if hostile else "-"
        slowest = hostile.slowest if hostile else 0.0
        memory, beside = peak_megabytes(service.pid), max(map(peak_megabytes, service.large_pids()), default=0.0)
        print(
            f"{kind:42} {told or 'none':24} {slowest:9.2f} {median:7.1f} {high:7.1f} {memory:8.0f} {beside:8.0f}",
            flush=True,
        )
    print(f"longest addition at the 99th percentile: {worst:.0f} ms")
    return int(worst > _ALLOWED_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
