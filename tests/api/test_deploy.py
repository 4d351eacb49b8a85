"""The files of deploy/: units that systemd takes, a proxy that nginx takes and that really passes a request on."""

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
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = ("basira.service", "basira-nightly.service", "basira-nightly.timer")


def need(program: str, package: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{program} absent: this file stays untested here (Debian: apt-get install {package})")
    return found


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = need("systemd-analyze", "systemd")
    for name in UNITS:
        # The program of an installation that is not there: any that is.
        text = re.sub(r"/opt/basira/bin/basira(-nightly)?", "/bin/true", (DEPLOY / name).read_text(encoding="utf-8"))
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", *(tmp_path / n for n in UNITS)], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "basira" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("name", ["basira.service", "basira-nightly.service"])
def test_the_units_are_locked_in(name: str) -> None:
    analyze = need("systemd-analyze", "systemd")
    command = [analyze, "security", "--offline=true", "--threshold=20", DEPLOY / name]  # 2.0 of 10, the less the better
    done = subprocess.run(command, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout[-300:]


def test_a_file_that_fills_the_memory_does_not_end_the_night() -> None:
    text = (DEPLOY / "basira-nightly.service").read_text(encoding="utf-8")
    assert re.search("^MemoryMax=", text, flags=re.M)
    assert re.search("^OOMPolicy=continue$", text, flags=re.M)


def test_the_nightly_script_is_one_that_the_shell_reads() -> None:
    assert subprocess.run(["sh", "-n", DEPLOY / "basira-nightly"]).returncode == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Seen(http.server.BaseHTTPRequestHandler):
    """In the place of the service: what reaches it."""

    requests: list[dict[str, str]] = []  # noqa: RUF012 - of the one test that uses it

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append({name.lower(): value for name, value in self.headers.items()})
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - as the standard library calls it

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxied(tmp_path: Path) -> object:
    """nginx with the example before a server of ours; the port for TLS."""
    nginx, openssl = need("nginx", "nginx-light"), need("openssl", "openssl")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "privkey.pem", "-out",
         tmp_path / "fullchain.pem", "-days", "2", "-subj", "/CN=basira.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seen)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    plain, secure = free_port(), free_port()
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("127.0.0.1:8080", f"127.0.0.1:{upstream.server_port}"), ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"), ("/etc/basira/tls", str(tmp_path)),
        ("/var/log/nginx/basira.log", str(tmp_path / "access.log")),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {tmp_path / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path / 'pid'}; error_log {tmp_path / 'error.log'}; daemon off; master_process off; events {{}}\n"
        f"http {{ {temporary}\n{text}\n}}\n",
        encoding="utf-8",
    )
    tried = subprocess.run([nginx, "-t", "-c", main], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    running = subprocess.Popen([nginx, "-c", main], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", secure)) == 0:
                break
        time.sleep(0.05)
    Seen.requests.clear()
    yield secure, plain, tmp_path / "access.log"
    running.terminate()
    running.wait()
    upstream.shutdown()
    upstream.server_close()


def test_nginx_passes_a_request_on_as_it_should(proxied: tuple[int, int, Path]) -> None:
    secure, plain, log = proxied
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    asking = http.client.HTTPSConnection("127.0.0.1", secure, context=context, timeout=10)
    said = {"Host": "basira.example", "X-Forwarded-For": "6.6.6.6", "X-Request-ID": "mine"}
    for _ in range(2):
        asking.request("POST", "/api/v1/declarations/MARKED?q=MARKED", body=b"{}", headers=said)
        answer = asking.getresponse()
        answer.read()
        assert answer.status == 200
        assert "nginx/" not in str(answer.headers.get("Server"))
    first, second = Seen.requests
    assert (first["x-forwarded-for"], first["x-forwarded-proto"], first["host"]) == (
        "127.0.0.1",
        "https",
        "basira.example",
    )
    assert re.fullmatch("[0-9a-f]{32}", first["x-request-id"])
    assert first["x-request-id"] != second["x-request-id"]
    asking.request("POST", "/api/v1/declarations", body=b" " * (17 << 20), headers=said)
    assert asking.getresponse().status == 413
    asking.close()
    turned = http.client.HTTPConnection("127.0.0.1", plain, timeout=10)
    turned.request("GET", "/", headers=said)
    answer = turned.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, "https://basira.example/")
    turned.close()
    until = time.monotonic() + 5
    while log.read_text().count("\n") < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert "MARKED" not in log.read_text()
