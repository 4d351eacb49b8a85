"""A provider that is slow, or sends a byte now and then: its logins end in time, and take nothing from the others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from fastapi.testclient import TestClient

from basira.api.auth import oidc
from basira.api.auth.oidc_settings import OidcSettings
from basira.api.auth.settings import AccessSettings, Rates
from basira.api.routes.oidc import MOST_WAITING
from basira.schema.access import Grant
from basira.serving.service import Service
from tests.support.access_world import ADDRESS, ORIGIN, PASSWORD, House

_SLOW_SECONDS = 5.0
BEGIN, SESSION = "/api/v1/session/oidc", "/api/v1/session"


@contextmanager
def dripping() -> Iterator[str]:
    """An address that answers a byte every 50 ms, without end."""
    ending = threading.Event()

    def drip(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.recv(4096)
            peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not ending.wait(0.05):
                peer.sendall(b"s")

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ending.set()
            listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def house(blank: Service) -> Iterator[House]:
    with dripping() as issuer:
        settings = OidcSettings(issuer, "basira", "secret", roles=(), unknown="create")
        yield House(blank, AccessSettings(origin=ORIGIN, oidc=settings, rates=Rates(address=0.0)))


def test_a_provider_that_sends_a_byte_now_and_then_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "TIMEOUT_SECONDS", 1.0)
    begun = time.monotonic()
    answer = house.browser().get(BEGIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "openid_unavailable")
    assert time.monotonic() - begun < 15


@pytest.mark.usefixtures("cheap_passwords")
def test_more_logins_than_may_wait_are_answered_at_once_and_passwords_do_not_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "TIMEOUT_SECONDS", _SLOW_SECONDS)
    house.user("ali", Grant("manager"))
    answers: list[tuple[int, str]] = []
    with TestClient(house.app, base_url=ORIGIN, headers={"Origin": ORIGIN}, client=(ADDRESS, 1)) as client:

        def begin() -> None:
            answer = client.get(BEGIN)
            answers.append((answer.status_code, answer.headers["retry-after"]))

        threads = [threading.Thread(target=begin) for _ in range(2 * MOST_WAITING)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        # Half of them find no room in the queue.
        while len(answers) < MOST_WAITING:
            assert time.monotonic() - begun < _SLOW_SECONDS, "not at once"
            time.sleep(0.05)
        entered = client.post(SESSION, json={"login": "ali", "password": PASSWORD})
        assert entered.status_code == 200
        assert time.monotonic() - begun < _SLOW_SECONDS, "the password waited for the provider"
        for thread in threads:
            thread.join(60)
    assert answers == [(503, "5")] * (2 * MOST_WAITING)
