"""A fuzzer over the service: no 5xx, no hang, no leak of internals, a problem for every error, right afterwards.

    .venv/bin/python benchmarks/serve_fuzz.py [--requests 50000] [--workers 1] [--record sqlite|postgresql]
    .venv/bin/python benchmarks/serve_fuzz.py --requests 0 --schemathesis st [--examples 100]

Makes a small simulated store, starts `basira serve` without rate limits, and sends the requests of
`serve_mutations.py`, two connections at once. With ``--schemathesis`` that program (installed apart: pip install
schemathesis, in a virtual environment of its own) goes over the OpenAPI document with a key that may do everything.
Afterwards a valid declaration must still be decided, and the chain whole. Prints what was answered, and ends with 1 on
any violation.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from serve_ground import Postgres, Served, prepare_ground, run, served
from serve_mutations import Mutations, Request

HANG_SECONDS = 10.0
_LIE_SECONDS = 0.3
# What no answer may hold: our own places, languages, libraries and machine.
LEAK = re.compile(
    r"traceback|file \"|site-packages|/usr/|/home/|/root/|/tmp/|sqlalchemy|psycopg|sqlite|pgcode|postgres|lmdb"
    r"|polars|duckdb|pyarrow|pydantic|starlette|fastapi|uvicorn|lightgbm|\.py\b|\bselect .* from\b|insert into|errno"
    r"|exception"
    r"|keyerror|typeerror|valueerror|localhost|"
    # A short name of a machine comes up by chance in what is given back of a request.
    + "|".join(
        re.escape(own) for own in (socket.gethostname(), str(Path(__file__).resolve().parents[1])) if len(own) > 4
    ),
    re.IGNORECASE,
)
_NO_HTTP = b"Invalid HTTP request received."  # the server's own answer to what is no HTTP


def judge(request: Request, status: int, headers: Mapping[str, str], content: bytes, seconds: float) -> list[str]:
    """What is wrong with an answer; nothing, as a rule. ``headers``: names in small letters."""
    if status == 400 and "x-request-id" not in headers and content in (b"", _NO_HTTP):
        return []
    wrong = []
    # Nothing is out of order: only a client that asks too much at once may be put off.
    if status >= 500 and not (status == 503 and "retry-after" in headers and b'"busy"' in content):
        wrong.append(f"status {status}")
    if seconds > HANG_SECONDS:
        wrong.append(f"{seconds:.0f} s")
    text = content.decode(errors="replace")
    if not request.target.endswith("openapi.json") and (found := LEAK.search(text)):
        wrong.append(f"leaks {found.group()!r}")
    if "x-request-id" not in headers:
        wrong.append("no request id")
    if "server" in headers or "x-powered-by" in headers:
        wrong.append("names its server")
    if status >= 400 and request.method.upper() != "HEAD":
        wrong += _problem(status, headers, text)
    return wrong


def _problem(status: int, headers: Mapping[str, str], text: str) -> list[str]:
    if not headers.get("content-type", "").startswith("application/problem+json"):
        return [f"status {status} that is no problem: {headers.get('content-type')}"]
    try:
        body = json.loads(text)
    except ValueError:
        return ["a problem that is no JSON"]
    lacking = [name for name in ("type", "title", "status", "detail", "code") if name not in body]
    if lacking or body["status"] != status:
        return [f"a problem of status {status} with status {body.get('status')}, without {lacking}"]
    return []


class Wire:
    """One connection, made again when it ends. It sends bytes as they are."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, request: Request) -> tuple[int, dict[str, str], bytes] | None:
        """The answer; None when the server closed without one. Raises TimeoutError."""
        is_new = self._socket is None
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=HANG_SECONDS + 2)
        # A request whose length lies is never whole for the server: it waits, and so may we, but not for long.
        self._socket.settimeout(_LIE_SECONDS if request.kind == "frame" else HANG_SECONDS + 2)
        try:
            with suppress(ConnectionError):  # rejected before all of it was sent: the answer is there all the same
                self._socket.sendall(request.to_bytes(f"127.0.0.1:{self._port}"))
            answer = self._read(request.method.upper() == "HEAD")
        except TimeoutError:
            self.close()
            if request.kind == "frame":
                return None
            raise
        except OSError:
            answer = None
        if answer is None or not request.is_framed or answer[1].get("connection") == "close":
            self.close()
        if answer is None and not is_new:
            return self.send(request)  # the server had closed a connection that it kept open until then
        return answer

    def _read(self, is_head: bool) -> tuple[int, dict[str, str], bytes] | None:
        assert self._socket is not None
        file = self._socket.makefile("rb")
        first = file.readline()
        if not first.startswith(b"HTTP/1."):
            return None
        status = int(first.split()[1])
        headers: dict[str, str] = {}
        while (line := file.readline()) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if status == 100:
            return self._read(is_head)
        if is_head or status in (204, 304):
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            content = b""
            while size := int(file.readline().split(b";")[0] or b"0", 16):
                content += file.read(size)
                file.readline()
            file.readline()
            return status, headers, content
        return status, headers, file.read(int(headers.get("content-length", "0")))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


class Fuzzing:
    """Many requests on several connections, and what was wrong with their answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: Counter[str] = Counter()
        self.wrong: dict[str, tuple[int, Request, str]] = {}
        self.unanswered: Counter[str] = Counter()
        self.slowest = 0.0
        self._lock = threading.Lock()

    def run(self, source: Mutations, count: int) -> None:
        wire = Wire(self.port)
        for number, request in zip(range(count), source, strict=False):
            if number % 1000 == 999:
                sys.stderr.write(f"{number + 1:,} of {count:,}, {len(self.wrong)} kinds of violation\n")
            begun = time.monotonic()
            try:
                answer = wire.send(request)
            except TimeoutError:
                self._note(request, ["hangs"], "")
                continue
            seconds = time.monotonic() - begun
            with self._lock:
                self.slowest = max(self.slowest, seconds)
            if answer is None:
                self.unanswered[request.kind] += 1
                if request.kind not in ("frame", "header", "large"):
                    self._note(request, ["closed without an answer"], "")
                continue
            status, headers, content = answer
            self.statuses[str(status)] += 1
            self._note(request, judge(request, status, headers, content, seconds), content.decode(errors="replace"))
        wire.close()

    def _note(self, request: Request, wrong: list[str], text: str) -> None:
        with self._lock:
            for what in wrong:
                name = f"{request.kind}: {what}"
                before = self.wrong.get(name)
                if before is None:
                    sys.stderr.write(f"VIOLATED: {name}\n")
                self.wrong[name] = (before[0] + 1, *before[1:]) if before else (1, request, text[:300])


def is_right_afterwards(service: Served, key: str, body: dict[str, Any]) -> list[str]:
    """What is not as it was before."""
    wrong = []
    body = {**body, "declaration_id": f"AFTER-{time.time()}", "declared_at": datetime.now().isoformat()}
    status, answer = service.ask("POST", "/declarations", body, key=key)
    if status != 200 or not answer.get("lane"):
        wrong.append(f"a valid declaration got {status} afterwards: {str(answer)[:200]}")
    if service.poll() is not None or service.starts != 1:
        wrong.append("the service ended")
    try:
        run("audit", "verify", *service.at)
    except RuntimeError as error:
        wrong.append(f"audit verify: {error}")
    log = service.log.read_text(errors="replace")
    odd = [line for line in log.splitlines() if not _is_json(line)]
    if odd:
        wrong.append(f"{len(odd)} lines of the log are no JSON, such as {odd[0][:150]!r}")
    if service_faults := Counter(json.loads(x).get("error") for x in log.splitlines() if '"event": "fault"' in x):
        wrong.append(f"faults in the log: {dict(service_faults)}")
    return wrong


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def schemathesis(program: str, service: Served, key: str, *, examples: int) -> list[str]:
    """Let schemathesis go over the document; what it failed on."""
    command = [
        program,
        "run",
        f"http://127.0.0.1:{service.port}/api/v1/openapi.json",
        "-H",
        f"X-API-Key: {key}",
        "--max-examples",
        str(examples),
        "--checks",
        "not_a_server_error,content_type_conformance",
        "--request-timeout",
        "10",
        "--continue-on-failure",
        "--no-color",
        "--seed",
        "1",
        "--suppress-health-check",
        "all",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout[-6000:])
    return [] if done.returncode == 0 else [f"schemathesis ended with {done.returncode}: {done.stderr[-500:]}"]


def main() -> int:
    options = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    options.add_argument("--requests", type=int, default=50_000)
    options.add_argument("--connections", type=int, default=2)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--record", choices=["sqlite", "postgresql"], default="sqlite")
    options.add_argument("--schemathesis", help="the program, when it is to be run as well")
    options.add_argument("--examples", type=int, default=100, help="of schemathesis, an operation")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--ground", type=Path, help="folder of the store, kept for the next run")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="basira-fuzz-", dir="/tmp"))
    folder.chmod(0o755)
    ground = prepare_ground(given.ground or folder / "ground")
    for name in ("KEY", "USER", "ADDRESS"):
        os.environ[f"BASIRA_RATE_{name}"] = "0"
    postgres = Postgres(folder / "pg") if given.record == "postgresql" else None
    wrong: list[str] = []
    try:
        if postgres:
            postgres.start()
        database = postgres.create("fuzz") if postgres else f"sqlite:///{folder / 'operations.sqlite'}"
        with served(ground, database=database, workers=given.workers) as service:
            service.log = folder / "serve.log"
            service.start()
            key = service.create_key()
            document = service.ask("GET", "/openapi.json")[1]
            fuzzing, begun = Fuzzing(service.port), time.monotonic()
            sources = [
                Mutations(ground.templates, document, key, seed=given.seed + n) for n in range(given.connections)
            ]
            share = given.requests // given.connections
            threads = [threading.Thread(target=fuzzing.run, args=(source, share)) for source in sources]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.monotonic() - begun
            if given.schemathesis:
                wrong += schemathesis(given.schemathesis, service, key, examples=given.examples)
            wrong += is_right_afterwards(service, key, ground.templates[0])
            code = service.stop()
            wrong += [] if code == 0 else [f"exit code {code}"]
    finally:
        if postgres:
            postgres.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
    answered = sum(fuzzing.statuses.values())
    print(f"{given.requests:,} requests, {answered:,} answers in {seconds:.0f} s, slowest {fuzzing.slowest:.2f} s")
    print(f"answers: {dict(fuzzing.statuses.most_common())}; closed without one: {dict(fuzzing.unanswered)}")
    for name, (count, request, text) in sorted(fuzzing.wrong.items()):
        print(f"VIOLATED {count} x {name}\n    {request.method} {request.target[:100]} {request.headers}"[:700])
        print(f"    sent {request.body[:3000]!r}\n    got {text!r}")
    for what in wrong:
        print(f"VIOLATED: {what}")
    return 1 if wrong or fuzzing.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
