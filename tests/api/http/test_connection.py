"""A connection that asks too much, too slowly or too often is answered so and ended in time; others are served."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
import uvicorn

from basira.api.auth.settings import ConnectionLimits
from basira.api.http.connection import COUNT_ENDED, Guard
from basira.cli.descriptors import BESIDE, Listening, allow_connections
from basira.schema.errors import UsageError

QUICK = ConnectionLimits(read_seconds=0.4, unread_seconds=0.6, linger_seconds=0.3, body_rate=100_000)
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


class Served:
    """A server of a small application, with limits. ``ended``: connections that were ended, by cause."""

    def __init__(self, limits: ConnectionLimits, *, proxies: tuple[str, ...] = (), idle: int = 5) -> None:
        self.ended: Counter[str] = Counter()
        self.bodies: list[int] = []
        guard = Guard(limits, tuple(ip_network(one) for one in proxies))
        self.listening = Listening.of(socket.create_server(("127.0.0.1", 0)))
        self.port = self.listening.getsockname()[1]
        config = uvicorn.Config(
            self.application,
            http=guard,
            ws="none",
            log_config=None,
            timeout_keep_alive=idle,  # type: ignore[arg-type]
            access_log=False,
            interface="asgi3",
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.listening]), daemon=True)

    async def application(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"][COUNT_ENDED] = lambda cause: self.ended.update([cause])
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        size = 0
        if scope["path"] == "/slow":
            await asyncio.sleep(0.8)
        while scope["path"] != "/unread":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        self.bodies.append(size)
        body = b"x" * (8 << 20) if scope["path"] == "/large" else b"%d" % size
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for start in range(0, len(body), 1 << 16):
            part = body[start : start + (1 << 16)]
            await send({"type": "http.response.body", "body": part, "more_body": start + (1 << 16) < len(body)})

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


@contextmanager
def served(limits: ConnectionLimits = QUICK, **options: Any) -> Iterator[Served]:
    made = Served(limits, **options)
    made.thread.start()
    try:
        yield made
    finally:
        made.server.should_exit = made.server.force_exit = True
        made.thread.join(10)
        made.listening.close()


def answer(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    found = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            found += part
    return found


def one_answer(connection: socket.socket) -> int:
    """The status of one answer on a connection that stays."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        size = 0
        while line := file.readline().strip():
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        file.read(size)
    return status


def problem(found: bytes) -> tuple[int, str]:
    head, _, body = found.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head.lower()
    said = json.loads(body)
    assert int(head.split()[1]) == said["status"]
    return said["status"], said["code"]


def sent(server: Served, *parts: bytes, pause: float = 0.0) -> bytes:
    with server.connect() as connection:
        with suppress(OSError):  # it is closed before all is sent
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        return answer(connection)


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: 1\r\n" % n for n in range(101)),
        b"X: " + b"a" * 9_000 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (n, b"a" * 4_000) for n in range(9)),
    ],
    ids=["many", "long", "large"],
)
def test_a_head_has_an_end(head: bytes) -> None:
    with served() as server:
        found = sent(server, b"GET / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
        assert problem(found) == (431, "head_too_large")
        assert server.ended == {"head_too_large": 1}
        assert server.bodies == []


def test_an_address_has_an_end() -> None:
    with served() as server:
        assert problem(sent(server, b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 431


def test_a_line_without_end_is_not_gathered() -> None:
    with served() as server:
        begun = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
        assert problem(sent(server, begun, *[b"a" * 4_000] * 12, pause=0.01))[0] == 431


def test_trailers_and_the_lines_of_chunks_have_an_end() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served() as server:
        trailer = b"0\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n"
        assert problem(sent(server, chunked + trailer))[0] == 431
        extended = [b"1;" + b"a" * 4_000, *[b"a" * 4_000] * 12]
        assert problem(sent(server, chunked, *extended, pause=0.01))[0] == 431


def test_a_head_that_does_not_come_to_its_end_is_ended() -> None:
    with served() as server:
        begun = time.monotonic()
        drips = [b"GET / HTTP/1.1\r\nHost: x\r\n", *[b"X: a\r\n"] * 40]
        assert problem(sent(server, *drips, pause=0.05)) == (408, "request_timeout")
        assert time.monotonic() - begun < 5
        assert server.ended == {"slow_head": 1}


@pytest.mark.parametrize("drip", [b"", b"\r\n"])
def test_a_connection_that_asks_nothing_is_ended(drip: bytes) -> None:
    with served() as server:
        begun = time.monotonic()
        sent(server, *[drip] * 20, pause=0.05)
        assert time.monotonic() - begun < 5


def test_empty_lines_after_an_answer_do_not_keep_a_connection() -> None:
    with served() as server, server.connect() as connection:
        connection.sendall(ASK)
        assert one_answer(connection) == 200
        begun = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - begun < 5:
                connection.sendall(b"\r\n")
                time.sleep(0.05)
        assert time.monotonic() - begun < 5


def test_a_body_that_comes_too_slowly_is_ended() -> None:
    with served() as server:
        assert problem(sent(server, POST % 1_000, *[b"a"] * 40, pause=0.05)) == (408, "request_timeout")
        assert server.ended == {"slow_body": 1}


def test_a_body_that_comes_fast_enough_is_taken_however_long_it_takes() -> None:
    with served() as server, server.connect() as connection:
        connection.sendall(POST % 600_000)
        for _ in range(30):
            connection.sendall(b"a" * 20_000)
            time.sleep(0.03)
        assert one_answer(connection) == 200
        assert server.bodies == [600_000]


def test_while_the_service_itself_is_slow_no_client_is_blamed() -> None:
    with served() as server, server.connect() as connection:
        connection.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n" + b"a" * 400_000)
        assert one_answer(connection) == 200


def test_the_rest_of_a_body_that_is_answered_has_a_last_while() -> None:
    with served() as server, server.connect() as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert one_answer(connection) == 200
        begun = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - begun < 5:
                connection.sendall(b"a")
                time.sleep(0.02)
        assert time.monotonic() - begun < 5


def test_an_answer_that_is_not_read_is_given_up() -> None:
    with served() as server, server.connect() as connection:
        connection.sendall(ASK.replace(b"/ ", b"/large ", 1))
        until = time.monotonic() + 5
        while not server.ended and time.monotonic() < until:
            time.sleep(0.05)
        assert server.ended == {"unread_answer": 1}
        assert len(answer(connection)) < 8 << 20


def test_requests_ahead_of_their_answers_have_an_end() -> None:
    with served() as server:
        some = sent(server, ASK * 10 + ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert some.count(b"HTTP/1.1 200") == 11
        sent(server, ASK * 2_000)
        assert server.ended == {"pipelined": 1}
        assert len(server.bodies) < 40


def test_what_is_no_http_is_reported() -> None:
    with served() as server:
        assert problem(sent(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")) == (400, "bad_request")
        assert problem(sent(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == (400, "bad_request")


def test_another_protocol_that_is_offered_is_not_taken() -> None:
    with served() as server:
        offered = ASK.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert sent(server, offered).startswith(b"HTTP/1.1 200")


def test_a_quiet_connection_is_kept_and_then_ended() -> None:
    with served(idle=1) as server, server.connect() as connection:
        for _ in range(2):
            connection.sendall(ASK)
            assert one_answer(connection) == 200
            time.sleep(0.6)  # longer than a head may take
        assert answer(connection) == b""
        assert not server.ended


def test_so_many_connections_are_held_of_an_address_and_in_all() -> None:
    patient = replace(QUICK, read_seconds=30.0)
    for limits, cause in (
        (replace(patient, each_address=4), "too_many_of_address"),
        (replace(patient, connections=4), "too_many"),
    ):
        with served(limits) as server:
            held = [server.connect() for _ in range(4)]
            time.sleep(0.1)
            assert problem(sent(server, ASK)) == (503, "too_many_connections")
            assert server.ended == {cause: 1}
            for connection in held:
                connection.sendall(ASK)
                assert one_answer(connection) == 200
            held.pop().close()
            time.sleep(0.1)
            with server.connect() as again:
                again.sendall(ASK)
                assert one_answer(again) == 200
            for connection in held:
                connection.close()


def test_a_proxy_has_as_many_as_there_are() -> None:
    with served(replace(QUICK, each_address=2), proxies=("127.0.0.0/8",)) as server:
        held = [server.connect() for _ in range(8)]
        for connection in held:
            connection.sendall(ASK)
            assert one_answer(connection) == 200
            connection.close()


STARVED = """
import json, os, resource, socket, sys, threading, time
sys.path[:0] = json.loads(os.environ["PATHS"])
import logging
from basira.api.http.logs import log_json
from tests.api.http.test_connection import served
from basira.api.auth.settings import ConnectionLimits
log_json()
with served(ConnectionLimits(each_address=10_000, read_seconds=30.0)) as server:
    ours = [server.connect() for _ in range(3)]
    time.sleep(0.3)
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 10, used + 10))
    def say(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())
    say("READY", server.port)
    sys.stdin.readline()
    say("CPU", time.process_time())
    sys.stdin.readline()
    say("CPU", time.process_time())
    sys.stdin.readline()
"""


def is_served_again(port: int) -> bool:
    """Whether it answers, when it has noticed that the others are gone."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError, IndexError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(ASK)
            return one_answer(connection) == 200
        time.sleep(0.05)
    return False


def test_without_open_files_there_is_no_busy_loop_and_no_flood_of_lines() -> None:
    environment = {**os.environ, "PATHS": json.dumps(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", STARVED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    lines: list[str] = []

    def said(word: str) -> list[str]:
        for line in process.stdout or ():
            if line.startswith(word):
                return line.split()
            lines.append(line)
        raise AssertionError(lines)

    def tell() -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    try:
        port = int(said("READY")[1])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        tell()
        first = float(said("CPU")[1])
        time.sleep(1.5)
        tell()
        assert float(said("CPU")[1]) - first < 1.0
        # Some ten had an open file; the others were turned away at once.
        turned_away = [connection for connection in held if select.select([connection], [], [], 0)[0]]
        assert 25 <= len(turned_away) < 40
        for connection in held:
            connection.close()
        assert is_served_again(port)
        tell()
        process.wait(20)
        lines += process.stdout or ()
        assert sum('"event": "no_open_files"' in line for line in lines) == 20
        left_out = next(json.loads(line) for line in lines if "lines_left_out" in line)
        assert left_out["of"] == "no_open_files"
        assert left_out["count"] >= len(turned_away) - 20
        assert not any("asyncio" in line for line in lines)
    finally:
        process.kill()
        process.communicate()


def test_open_files_are_raised_to_what_connections_need(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(300, 4_096)]
    monkeypatch.setattr("resource.getrlimit", lambda _kind: found[0])
    monkeypatch.setattr("resource.setrlimit", lambda _kind, limits: found.__setitem__(0, limits))
    limits = ConnectionLimits(connections=1_000)
    assert allow_connections(limits) == limits
    assert found[0] == (1_000 + BESIDE, 4_096)
    found[0] = (300, 500)
    assert allow_connections(limits).connections == 500 - BESIDE
    found[0] = (100, 100)
    with pytest.raises(UsageError, match="open files"):
        allow_connections(limits)
