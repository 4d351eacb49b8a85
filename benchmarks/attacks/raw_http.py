"""The service's door under clients that keep to no rule: heads without end, drips, held and hurried connections.

    .venv/bin/python benchmarks/attacks/raw_http.py [--parsers] [--seconds 8]

Starts uvicorn with a small application on loopback, once with its own protocol and once with the service's limits, and
attacks each with raw sockets (at most 1,200 connections, the seconds given). Prints a line an attack: what the client
got, how long its connection lived ("held": still open when the attack ended), how far the server's memory grew, and the
longest time in which another client got its answer meanwhile. Ends with 1 when the service's limits let an attack
through.

--parsers: no attack; requests of a declaration's size, one after the other, through uvicorn's two parsers and through
the service's protocol: CPU a request, best of five rounds in turns.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn

from basira.api.auth.settings import ConnectionLimits
from basira.api.http.connection import Guard

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
DECLARATION = b"POST / HTTP/1.1\r\nHost: x\r\nX-API-Key: 0123456789\r\nContent-Type: application/json\r\n" + (
    b"Content-Length: 2000\r\n\r\n" + b"a" * 2000
)
LIMITS = ConnectionLimits(read_seconds=2.0, linger_seconds=1.0, unread_seconds=3.0)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Reads the body and answers with its size; eight megabytes at /large."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = b"x" * (8 << 20) if scope["path"] == "/large" else b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def serve(listening: socket.socket, protocol: str, limits: ConnectionLimits | None) -> None:
    """A server in a process of its own."""
    logging.disable(logging.CRITICAL)
    http: Any = Guard(limits) if limits else protocol
    config = uvicorn.Config(application, http=http, ws="none", lifespan="off", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


class Target:
    """A server under attack."""

    def __init__(self, protocol: str, limits: ConnectionLimits | None) -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the service does
        self.port = listening.getsockname()[1]
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(listening, protocol, limits))
        self.process.start()
        listening.close()
        self.pid = int(self.process.pid or 0)
        with self.connect() as first:
            first.sendall(ASK)
            first.recv(1000)

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def memory(self) -> float:
        """Megabytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def cpu(self) -> float:
        """Seconds."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def end(self) -> None:
        self.process.kill()  # it would wait for the connections that an attack left
        self.process.join()


Attack = Callable[[Target, float], tuple[str, float | None]]


def outcome(connection: socket.socket, begun: float, until: float) -> tuple[str, float | None]:
    """What came, and how long the connection lived; None when it was still open at the end."""
    connection.settimeout(max(0.1, until - time.monotonic()))
    first = b""
    try:
        while part := connection.recv(1 << 16):
            first = first or part
    except TimeoutError:
        return (first.split(b"\r\n")[0].decode("latin-1")[9:] or "nothing"), None
    except ConnectionResetError:
        pass
    return (first.split(b"\r\n")[0].decode("latin-1")[9:] or "closed"), time.monotonic() - begun


def drip(first: bytes, part: bytes, pause: float) -> Attack:
    """One connection that sends the same bytes again and again."""

    def attack(target: Target, seconds: float) -> tuple[str, float | None]:
        begun = time.monotonic()
        with target.connect() as connection:
            with suppress(OSError):
                connection.sendall(first)
                while time.monotonic() < begun + seconds:
                    connection.sendall(part)
                    time.sleep(pause)
            if time.monotonic() < begun + seconds:
                return outcome(connection, begun, begun + seconds)
            return "nothing", None

    return attack


def once(whole: bytes) -> Attack:
    """One connection that sends this and waits."""

    def attack(target: Target, seconds: float) -> tuple[str, float | None]:
        begun = time.monotonic()
        with target.connect() as connection:
            with suppress(OSError):
                connection.sendall(whole)
            return outcome(connection, begun, begun + seconds)

    return attack


def many(target: Target, seconds: float) -> tuple[str, float | None]:
    """1,200 connections of one address that ask nothing."""
    begun, held = time.monotonic(), []
    for _ in range(1_200):
        with suppress(OSError):
            held.append(target.connect())
    time.sleep(0.5)
    held_count = sum(is_open(connection) for connection in held)
    while held_count and time.monotonic() < begun + seconds:
        time.sleep(0.2)
        if not any(is_open(connection) for connection in held):
            break
    left = sum(is_open(connection) for connection in held)
    lived = None if left else time.monotonic() - begun
    for connection in held:
        connection.close()
    return f"{held_count:,} held at once", lived


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1 << 16, socket.MSG_PEEK)) and False
    except BlockingIOError:
        return True
    except OSError:
        return False


def unread(target: Target, seconds: float) -> tuple[str, float | None]:
    """Asks for eight megabytes and reads nothing until the end."""
    begun = time.monotonic()
    with target.connect() as connection:
        connection.sendall(ASK.replace(b"/ ", b"/large ", 1))
        time.sleep(max(0.0, seconds - 1))
        size = 0
        connection.settimeout(1)
        with suppress(OSError):
            while part := connection.recv(1 << 20):
                size += len(part)
                if size > 8 << 20:
                    return "200 OK", None
        return f"{size >> 20} MB of 8", time.monotonic() - begun


ATTACKS: dict[str, Attack] = {
    "100,000 fields": once(HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(100_000)) + b"\r\n"),
    "a line of 64 MB": drip(HEAD + b"X: ", b"a" * (1 << 20), 0.05),
    "a trailer of 64 MB": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * (1 << 20), 0.05),
    "a head, a byte at a time": drip(HEAD, b"X: 1\r\n", 0.2),
    "a body, a byte at a time": drip(HEAD + b"Content-Length: 9999\r\n\r\n", b"a", 0.2),
    "empty lines after an answer": drip(ASK, b"\r\n", 0.2),
    "a connection that asks nothing": once(b""),
    "an answer that is not read": unread,
    "20,000 requests at once": once(ASK * 20_000),
    "1,200 connections": many,
}


def attacked(protocol: str, limits: ConnectionLimits | None, seconds: float) -> int:
    """Run every attack, each on a new server; how many got through."""
    through = 0
    for name, attack in ATTACKS.items():
        target = Target(protocol, limits)
        before, worst, is_over = target.memory(), [0.0], threading.Event()

        def ask_meanwhile(target: Target = target, worst: list[float] = worst, is_over: Any = is_over) -> None:
            with target.connect() as other:
                while not is_over.wait(0.05):
                    begun = time.monotonic()
                    other.sendall(ASK)
                    other.recv(1000)
                    worst[0] = max(worst[0], time.monotonic() - begun)

        other = threading.Thread(target=ask_meanwhile)
        other.start()
        peak = [before]
        watch = threading.Thread(target=lambda t=target, p=peak, o=is_over: watched(t, p, o))
        watch.start()
        got, lived = attack(target, seconds)
        is_over.set()
        other.join()
        watch.join()
        grown = peak[0] - before
        target.end()
        is_through = lived is None or grown > 40
        through += is_through
        shown = "held" if lived is None else f"{lived:.1f} s"
        print(f"  {name:32} {got:36} {shown:>7} {grown:7.1f} MB {worst[0] * 1000:7.0f} ms", flush=True)
    return through


def watched(target: Target, peak: list[float], is_over: threading.Event) -> None:
    while not is_over.wait(0.05):
        peak[0] = max(peak[0], target.memory())


def compare_parsers(count: int = 1_000, rounds: int = 5) -> None:
    """CPU a request, in turns."""
    kinds = {"httptools": ("httptools", None), "h11": ("h11", None), "httptools with limits": ("httptools", LIMITS)}
    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(rounds):
        for name, (protocol, limits) in kinds.items():
            target = Target(protocol, limits)
            with target.connect() as connection:
                for n in range(count + 100):
                    if n == 100:
                        begun = target.cpu()
                    connection.sendall(DECLARATION)
                    got = b""
                    while not got.endswith(b"2000"):
                        got += connection.recv(1000)
                best[name] = min(best[name], (target.cpu() - begun) / count)
            target.end()
    for name, seconds in best.items():
        print(f"  {name:24} {seconds * 1e6:7.1f} microseconds of CPU a request")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parsers", action="store_true")
    parser.add_argument("--seconds", type=float, default=8.0)
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, hard), hard))
    if given.parsers:
        compare_parsers()
        return
    print("uvicorn's own protocol (httptools)")
    attacked("httptools", None, given.seconds)
    print("with the service's limits (2 s to read, else as they are shipped)")
    sys.exit(1 if attacked("httptools", LIMITS, given.seconds) else 0)


if __name__ == "__main__":
    main()
