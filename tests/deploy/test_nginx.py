"""deploy/nginx.conf in nginx, before a server of ours: what passes on, what does not, and that each limit answers."""

from __future__ import annotations

import http.client
import http.server
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.tree import ROOT

FILE = ROOT / "deploy" / "nginx.conf"
HOST = {"Host": "basira.example"}


def need(program: str, package: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{program} absent: the proxy's file stays untested here (Debian: apt-get install {package})")
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Proxy:
    """nginx with the file before a server. ``seen``: the headers of each request that reached the server."""

    secure: int
    plain: int
    log: Path
    seen: list[list[tuple[str, str]]] = field(default_factory=list)

    def tls(self) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.secure), timeout=15))

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = HOST
    ) -> tuple[int, http.client.HTTPMessage]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        asking = http.client.HTTPSConnection("127.0.0.1", self.secure, context=context, timeout=15)
        try:
            asking.request(method, path, body=body, headers=dict(headers))
            answer = asking.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            asking.close()

    def said(self, *parts: bytes) -> bytes:
        """Everything that is answered to these bytes until the proxy closes."""
        with self.tls() as connection:
            for part in parts:
                connection.sendall(part)
            found = b""
            try:
                while more := connection.recv(1 << 16):
                    found += more
            except ConnectionResetError:
                pass
            return found


def adapted(folder: Path, upstream: int, plain: int, secure: int, changes: Mapping[str, str]) -> str:
    """The shipped file with the ports and paths of a test; every text that is replaced must stand in it."""
    text = FILE.read_text(encoding="utf-8")
    places = {
        "127.0.0.1:8080": f"127.0.0.1:{upstream}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl": f"listen 127.0.0.1:{secure} ssl",
        "/etc/basira/tls": str(folder),
        "/var/log/nginx/basira.log": str(folder / "access.log"),
    }
    for old, new in {**places, **changes}.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


# Shorter, so that a test need not wait; what they do is the same.
QUICK = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "client_body_timeout 15s": "client_body_timeout 1s",
    "proxy_read_timeout 40s": "proxy_read_timeout 1s",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    nginx, openssl = need("nginx", "nginx-light"), need("openssl", "openssl")
    subprocess.run(
        [
            openssl,
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            folder / "privkey.pem",
            "-out",
            folder / "fullchain.pem",
            "-days",
            "2",
            "-subj",
            "/CN=basira.example",
        ],
        check=True,
        capture_output=True,
    )
    made = Proxy(free_port(), free_port(), folder / "access.log")

    class Seen(http.server.BaseHTTPRequestHandler):
        """In the place of the service: what reaches it."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.seen.append([(name.lower(), value) for name, value in self.headers.items()])
            if self.path == "/slow":
                time.sleep(2)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST  # noqa: N815 - as the standard library calls it

        def log_message(self, *_: object) -> None:
            """Nothing."""

    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seen)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    main = folder / "nginx.conf"
    for changes in ({}, QUICK):  # as it is shipped; then as it runs here
        text = adapted(folder, upstream.server_port, made.plain, made.secure, changes)
        main.write_text(
            f"pid {folder / 'pid'}; error_log {folder / 'error.log'}; daemon off; master_process off; events {{}}\n"
            f"http {{ access_log {folder / 'other.log'}; {temporary}\n{text}\n}}\n",
            encoding="utf-8",
        )
        tried = subprocess.run([nginx, "-t", "-c", main], capture_output=True, text=True)
        assert tried.returncode == 0, tried.stderr
    running = subprocess.Popen([nginx, "-c", main], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", made.secure)) == 0:
                    break
            time.sleep(0.05)
        yield made
    finally:
        running.terminate()
        running.wait()
        upstream.shutdown()
        upstream.server_close()


def test_a_request_passes_and_nothing_that_a_client_says_of_its_address_does(proxy: Proxy) -> None:
    proxy.seen.clear()
    lies = {
        **HOST,
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Request-ID": "mine",
        "X-API-Key": "kept",
    }
    for _ in range(2):
        status, headers = proxy.ask("POST", "/api/v1/declarations/MARKED?q=MARKED", b"{}", lies)
        assert status == 200
        assert "nginx/" not in str(headers.get("Server"))
    first, second = (dict(one) for one in proxy.seen)
    assert (first["x-forwarded-for"], first["x-forwarded-proto"], first["host"]) == (
        "127.0.0.1",
        "https",
        "basira.example",
    )
    assert first["x-api-key"] == "kept"
    assert re.fullmatch("[0-9a-f]{32}", first["x-request-id"])
    assert first["x-request-id"] != second["x-request-id"]
    reached = [value for one in proxy.seen for _, value in one]
    assert not [value for value in reached if "6.6.6.6" in value or "evil" in value or value == "mine"]
    assert len([name for name, _ in proxy.seen[0] if name == "x-forwarded-for"]) == 1


def test_the_log_names_no_declaration(proxy: Proxy) -> None:
    before = proxy.log.read_text(encoding="utf-8").count("\n")
    proxy.ask("GET", "/api/v1/declarations/MARKED?q=MARKED")
    until = time.monotonic() + 5
    while proxy.log.read_text(encoding="utf-8").count("\n") <= before and time.monotonic() < until:
        time.sleep(0.05)
    text = proxy.log.read_text(encoding="utf-8")
    assert text.count("\n") > before
    assert "MARKED" not in text


def test_plain_http_is_sent_to_tls(proxy: Proxy) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=10)
    asking.request("GET", "/", headers=HOST)
    answer = asking.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, "https://basira.example/")
    asking.close()


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/api/v1/declarations", 15 << 20, 200),
        ("/api/v1/declarations", 17 << 20, 413),
        ("/api/v1/results", 60 << 10, 200),
        ("/api/v1/results", 70 << 10, 413),
    ],
)
def test_bodies_have_the_limits_of_the_service(proxy: Proxy, path: str, size: int, status: int) -> None:
    assert proxy.ask("POST", path, b" " * size)[0] == status


def test_heads_have_an_end(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/", headers={**HOST, "X-Long": "a" * 7_000})[0] == 200
    assert proxy.ask("GET", "/", headers={**HOST, "X-Long": "a" * 9_000})[0] == 400
    assert proxy.ask("GET", "/", headers={**HOST, **{f"X-{n}": "a" * 4_000 for n in range(10)}})[0] == 400
    assert proxy.ask("GET", "/" + "a" * 9_000)[0] == 414


def test_slow_clients_are_ended(proxy: Proxy) -> None:
    head = b"POST / HTTP/1.1\r\nHost: basira.example\r\n"
    for parts in ((head,), (head + b"Content-Length: 100\r\n\r\n", b"some")):
        begun = time.monotonic()
        found = proxy.said(*parts)
        assert found == b"" or found.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - begun < 10


def test_a_service_that_does_not_answer_is_reported(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/slow")[0] == 504


def test_figures_are_for_this_machine(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/api/v1/metrics")[0] == 200  # the test is on it
    text = FILE.read_text(encoding="utf-8")
    inside = text[text.index("location = /api/v1/metrics {") :].partition("}")[0]
    assert re.findall(r"(?:allow|deny) \S+;", inside) == ["allow 127.0.0.1;", "deny all;"]


def test_a_login_may_be_tried_so_often(proxy: Proxy) -> None:
    statuses = [proxy.ask("POST", "/api/v1/session", b"{}")[0] for _ in range(14)]
    assert statuses[:11] == [200] * 11  # one and a burst of ten
    assert 429 in statuses[11:]
    assert proxy.ask("GET", "/api/v1/health")[0] == 200


def test_so_many_connections_of_an_address_are_served(proxy: Proxy) -> None:
    held = []
    try:
        for _ in range(64):
            connection = proxy.tls()
            # nginx counts a connection while it has a request under way.
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: basira.example\r\n\r\n")
            held.append(connection)
        time.sleep(0.2)
        assert proxy.ask("GET", "/api/v1/health")[0] == 503
    finally:
        for connection in held:
            connection.close()
