"""A client of the service that remembers what it was answered, and compares it with the record.

Enters: a running service, a key. Leaves: load (declarations, batches, amendments, results, repeats), and every
contradiction between what was acknowledged and what is recorded. Never here: a fault made on purpose.

What was not acknowledged is sent again until it is, most of it under the same idempotency key.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from serve_ground import Body, Served

from basira.storage.database.connection import engine_of
from basira.storage.database.tables import EVENT

_TIMEOUT_SECONDS = 40.0
_SLOW_SECONDS = 35.0  # a lock is waited for 30 s
# What the client does, and how often.
_ACTS = (("declare", 70), ("batch", 8), ("amend", 9), ("result", 7), ("again", 6))


@dataclass
class Told:
    """What the service acknowledged. ``decisions``: (declaration, version) to (decision id, lane)."""

    decisions: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest: float = 0.0
    last_at: float = 0.0


class Witness:
    """The client. ``threads`` connections, each one request after the other; ``rate``: at most so many a second."""

    def __init__(
        self,
        service: Served,
        key: str,
        *,
        threads: int = 4,
        seed: int = 1,
        rate: float = 0.0,
        settle_seconds: float = 90,
    ) -> None:
        self.service, self.key = service, key
        self.prefix = f"W{seed}-{int(time.time() * 1000)}"
        self.told = Told()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._deadline = 0.0
        self._settle_seconds = settle_seconds
        self._pause = threads / rate if rate else 0.0
        self._threads = [threading.Thread(target=self._run, args=(n, seed), daemon=True) for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> Told:
        """Begin nothing new, settle what was begun, and return what was answered."""
        self._deadline = time.monotonic() + self._settle_seconds
        self._stopping.set()
        for thread in self._threads:
            thread.join(self._settle_seconds + _TIMEOUT_SECONDS + 5)
            if thread.is_alive():
                self._blame("a request hangs")
        return self.told

    @property
    def acknowledged(self) -> int:
        return len(self.told.decisions)

    def _blame(self, what: str) -> None:
        with self._lock:
            self.told.violations.append(what)

    def _run(self, number: int, seed: int) -> None:
        thread = _Thread(self, number, random.Random(f"{seed}-{number}"))  # noqa: S311 - no secret
        try:
            thread.run()
        except Exception as error:  # a trial that loses a client proves nothing
            self._blame(f"the client failed: {type(error).__name__}: {error}")
        finally:
            thread.close()


class _Thread:
    """One connection's work."""

    def __init__(self, witness: Witness, number: int, draw: random.Random) -> None:
        self._of, self._name, self._draw = witness, f"{witness.prefix}-{number}", draw
        self._connection: http.client.HTTPConnection | None = None
        self._made = 0
        # Own declarations alone are amended: no other client moves their version.
        self._latest: dict[str, tuple[int, Body]] = {}

    def run(self) -> None:
        names, weights = [name for name, _ in _ACTS], [weight for _, weight in _ACTS]
        while not self._of._stopping.is_set():
            begun = time.monotonic()
            act = self._draw.choices(names, weights)[0]
            getattr(self, f"_{act}" if self._latest or act == "batch" else "_declare")()
            if self._of._pause:
                self._of._stopping.wait(max(0.0, self._of._pause - (time.monotonic() - begun)))

    def _body(self) -> Body:
        self._made += 1
        template = self._draw.choice(self._of.service.ground.templates)
        now = datetime.now().isoformat(timespec="seconds")
        return {**template, "declaration_id": f"{self._name}-{self._made}", "declared_at": now}

    def _declare(self) -> None:
        self._decide(self._body(), version=1)

    def _amend(self) -> None:
        name = self._draw.choice(list(self._latest))
        version, body = self._latest[name]
        first, *others = body["items"]
        value = round(float(first.get("customs_value_amount") or 100.0) * 1.01 + 1, 2)
        self._decide({**body, "items": [{**first, "customs_value_amount": value}, *others]}, version=version + 1)

    def _decide(self, body: Body, *, version: int) -> None:
        key = f"k-{body['declaration_id']}-{version}" if self._draw.random() < 0.8 else ""
        answer = self._settle("POST", "/declarations", body, key)
        if answer is not None:
            self._acknowledge(answer, body, version)

    def _batch(self) -> None:
        bodies = [self._body() for _ in range(3)]
        answer = self._settle("POST", "/declarations", bodies, f"b-{self._name}-{self._made}")
        if answer is None:
            return
        for body, one in zip(bodies, answer["results"], strict=True):
            if "decision" in one:
                self._acknowledge(one["decision"], body, 1)
            elif one["problem"]["status"] == 503:
                self._count("503 in a batch")
                self._decide(body, version=1)
            else:
                self._of._blame(f"a valid declaration of a batch was refused: {one['problem'].get('code')}")

    def _result(self) -> None:
        name = self._draw.choice(list(self._latest))
        known = (datetime.now() + timedelta(seconds=1)).isoformat()
        answer = self._settle("POST", f"/declarations/{name}/outcome", {"known_at": known, "is_irregular": False}, "")
        if answer is not None:
            with self._of._lock:
                self._of.told.outcomes.add(answer["outcome_id"])

    def _again(self) -> None:
        """What was acknowledged, sent again: the same answer."""
        name = self._draw.choice(list(self._latest))
        version, body = self._latest[name]
        answer = self._settle("POST", "/declarations", body, "")
        if answer is not None:
            told = self._of.told.decisions[(name, version)]
            if (answer["decision_id"], answer["lane"]) != told:
                self._of._blame(f"sent again, {name} got another decision")

    def _acknowledge(self, answer: Body, body: Body, version: int) -> None:
        name = body["declaration_id"]
        if (answer["declaration_id"], answer["declaration_version"]) != (name, version):
            self._of._blame(f"{name} version {version} was answered as version {answer['declaration_version']}")
        with self._of._lock:
            self._of.told.decisions[(name, version)] = (answer["decision_id"], answer["lane"])
            self._of.told.last_at = time.monotonic()
            if answer.get("fallback"):
                self._of.told.counts[f"fallback {answer['fallback']}"] += 1
        self._latest[name] = (version, body)
        if len(self._latest) > 50:
            del self._latest[next(iter(self._latest))]

    def _settle(self, method: str, path: str, body: object, key: str) -> Any:
        """Send until there is an answer; None when the trial ended before."""
        tries = 0
        while True:
            status, headers, content, seconds = self._send(method, path, body, key)
            with self._of._lock:
                self._of.told.slowest = max(self._of.told.slowest, seconds if status else 0.0)
            self._count(str(status or "no answer"))
            if status == 200:
                return content
            if status not in (0, 503):
                self._of._blame(f"{method} {path.split('/')[1]}: status {status}: {str(content)[:200]}")
                return None
            if status == 503:
                self._look_at(headers, content)
            if seconds > _SLOW_SECONDS:
                self._of._blame(f"{method} {path.split('/')[1]} took {seconds:.0f} s")
            if self._of._stopping.is_set() and time.monotonic() > self._of._deadline:
                self._of._blame("a request was never answered, not even after the fault")
                return None
            tries += 1
            self._count("sent again")
            time.sleep(min(0.05 * 2**tries, 0.5) * (0.5 + self._draw.random()))

    def _look_at(self, headers: dict[str, str], content: Any) -> None:
        is_problem = headers.get("content-type", "").startswith("application/problem+json")
        if not is_problem or "retry-after" not in headers or not isinstance(content, dict) or "code" not in content:
            self._of._blame(f"a 503 that is no problem with Retry-After: {str(content)[:200]}")

    def _send(self, method: str, path: str, body: object, key: str) -> tuple[int, dict[str, str], Any, float]:
        begun = time.monotonic()
        headers = {"Content-Type": "application/json", "X-API-Key": self._of.key}
        if key:
            headers["Idempotency-Key"] = key
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self._of.service.port, timeout=_TIMEOUT_SECONDS
                )
            self._connection.request(method, f"/api/v1{path}", body=json.dumps(body), headers=headers)
            answer = self._connection.getresponse()
            content = json.loads(answer.read())
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, content, time.monotonic() - begun
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return 0, {}, None, time.monotonic() - begun

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _count(self, what: str) -> None:
        with self._of._lock:
            self._of.told.counts[what] += 1


@dataclass(frozen=True)
class Examined:
    """The record beside what was answered: how many of each contradiction."""

    recorded: int
    lost: int
    doubled: int
    changed: int
    unasked: int

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.doubled or self.changed or self.unasked)


def examine(place: str, witness: Witness) -> Examined:
    """Compare the record with what the witness was answered. Every request must be settled by then."""
    engine = engine_of(place, create=False)
    asked = sa.select(
        EVENT.c.event_id, EVENT.c.kind, EVENT.c.declaration_id, EVENT.c.declaration_version, EVENT.c.lane
    ).where(EVENT.c.declaration_id.startswith(witness.prefix))
    with engine.connect() as connection:
        rows = connection.execute(asked).all()
    engine.dispose()
    told = witness.told
    decided = [row for row in rows if row.kind == "decision"]
    times = Counter((row.declaration_id, row.declaration_version) for row in decided)
    sent = Counter((r.declaration_id, r.declaration_version) for r in rows if r.kind in ("registration", "amendment"))
    by_place = {(row.declaration_id, row.declaration_version): (row.event_id, row.lane) for row in decided}
    outcomes = Counter(row.event_id for row in rows if row.kind == "outcome")
    return Examined(
        recorded=len(decided),
        lost=sum(place not in by_place for place in told.decisions) + len(told.outcomes - outcomes.keys()),
        doubled=sum(n > 1 for n in (*times.values(), *sent.values(), *outcomes.values())),
        changed=sum(by_place.get(place, what) != what for place, what in told.decisions.items()),
        unasked=sum(place not in told.decisions for place in by_place),
    )
