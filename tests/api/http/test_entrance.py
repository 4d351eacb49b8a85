"""Before any route: hosts, addresses behind proxies, limits, and the headers of every answer."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.api.auth.settings import AccessSettings, Rates, read_access_settings
from basira.api.http.host_and_address import client_address
from basira.api.http.rate_limit import Buckets
from basira.app import SETTINGS
from basira.schema.access import Grant
from basira.schema.errors import UsageError
from basira.serving.service import Service
from tests.support.access_world import ORIGIN, House

HEALTH, SESSION, METRICS = "/api/v1/health", "/api/v1/session", "/api/v1/metrics"
PROXY = ipaddress.ip_network("10.0.0.0/8")
SECURE = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "strict-transport-security": "max-age=63072000",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", HEALTH, 200),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/api/v1/nothing", 404),
        ("GET", METRICS, 401),
        ("PUT", HEALTH, 405),
        ("POST", SESSION, 422),
        ("GET", "/docs", 404),
        ("GET", "/api/v1/session/oidc", 404),
    ],
)
def test_every_answer_has_the_secure_headers(blank: Service, method: str, path: str, status: int) -> None:
    answer = House(blank).browser().request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in SECURE} == SECURE
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


def test_the_document_loads_nothing_from_elsewhere(blank: Service) -> None:
    text = House(blank).browser().get("/api/v1/openapi.json").text
    assert "cdn" not in text


@pytest.mark.parametrize(
    ("host", "status"),
    [("basira.test", 200), ("BASIRA.test:8443", 200), ("evil.test", 400), ("basira.test.evil.test", 400), ("", 400)],
)
def test_only_a_host_of_the_settings_is_answered_for(blank: Service, host: str, status: int) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, hosts=frozenset({"basira.test"})))
    answer = house.browser().get(HEALTH, headers={"Host": host})
    assert answer.status_code == status
    assert host not in answer.text or not host


def scope(client: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": (client, 1) if client else None, "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("203.0.113.7", ["1.1.1.1"], "203.0.113.7"),  # no proxy of ours: what it says is its own invention
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),  # the client sent one itself
        ("10.0.0.1", ["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        (None, ["203.0.113.7"], "unknown"),
    ],
)
def test_the_clients_address_is_what_our_proxies_say(client: str | None, forwarded: list[str], address: str) -> None:
    assert client_address(scope(client, *forwarded), (PROXY,)) == address


def test_a_client_does_not_escape_its_limit_by_inventing_addresses(blank: Service) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, rates=Rates(address=1)))
    browser = house.browser()
    answers = [browser.get(METRICS, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(3)]
    assert answers == [401, 401, 429]
    assert house.browser("198.51.100.200").get(METRICS).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "basira_0_0"}, {"Cookie": "__Host-basira=x"}, {"Cookie": "a=b"}])
@pytest.mark.parametrize("path", [METRICS, SESSION])
def test_a_request_without_a_known_name_is_limited_by_address(
    blank: Service, path: str, headers: dict[str, str]
) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, rates=Rates(address=0.001)))
    browser = house.browser(**headers)
    first, second = browser.get(path), browser.get(path)
    assert first.status_code in (200, 401)
    assert (second.status_code, second.json()["code"]) == (429, "too_many_requests")
    assert second.headers["content-type"] == "application/problem+json"
    assert int(second.headers["retry-after"]) > 900


def test_keys_and_people_have_each_a_limit_of_their_own(blank: Service) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, rates=Rates(key=0.001, user=0.001, address=0.001)))
    clients = [house.system("metrics:read"), house.system("metrics:read")]
    clients += [house.person(name, Grant("manager")) for name in ("ali", "boss")]
    assert [client.get(METRICS).status_code for client in clients] == [200] * 4
    assert [client.get(METRICS).status_code for client in clients] == [429] * 4


def test_a_limit_of_zero_is_none(blank: Service) -> None:
    house = House(blank, AccessSettings(origin=ORIGIN, rates=Rates(0, 0, 0)))
    browser = house.browser()
    assert {browser.get(HEALTH).status_code for _ in range(100)} == {200}


def test_a_bucket_fills_again_and_never_over() -> None:
    buckets = Buckets(2.0)
    assert [buckets.wait("a", now=0.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.5]
    assert [buckets.wait("a", now=0.5), buckets.wait("a", now=0.5)] == [0.0, 0.5]
    assert [buckets.wait("a", now=1e6) for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.5]


def test_ever_new_names_do_not_fill_the_memory() -> None:
    buckets = Buckets(1.0, most=3)
    for number in range(10):
        buckets.wait(str(number), now=0.0)
    assert len(buckets._levels) == 3


def settings(**changed: str) -> AccessSettings:
    return read_access_settings({s.name: s.default for s in SETTINGS} | {f"BASIRA_{n}": v for n, v in changed.items()})


def test_the_defaults_are_safe() -> None:
    assert settings() == AccessSettings()
    assert settings().is_development is False


def test_settings_are_read() -> None:
    found = settings(
        ORIGIN="https://Basira.example/",
        HOSTS="10.1.2.3, basira.local",
        PROXIES="10.0.0.1,10.1.0.0/16",
        SESSION_HOURS="4",
        LOGIN_FAILURES="3",
        RATE_KEY="0",
    )
    assert found.origin == "https://basira.example"
    assert found.hosts == {"10.1.2.3", "basira.local", "basira.example"}
    assert [str(network) for network in found.proxies] == ["10.0.0.1/32", "10.1.0.0/16"]
    assert (found.session_lifetime.total_seconds(), found.lock_out.failures, found.rates.key) == (14400, 3, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORIGIN", "basira.example"),
        ("ORIGIN", "https://basira.example/path"),
        ("ORIGIN", "https://user@basira.example"),
        ("ORIGIN", "http://basira.example"),
        ("PROXIES", "proxy.example"),
        ("DEVELOPMENT", "true"),
        ("SESSION_HOURS", "0"),
        ("SESSION_IDLE_MINUTES", "soon"),
        ("LOGIN_FAILURES", "0"),
        ("RATE_KEY", "-1"),
        ("RATE_USER", "nan"),
        ("OIDC", "no/such/file.toml"),
    ],
)
def test_a_setting_that_makes_no_sense_is_rejected_by_name(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"BASIRA_{name}"):
        settings(**{name: value})


def test_development_is_for_this_machine_alone() -> None:
    assert settings(DEVELOPMENT="yes", ORIGIN="http://localhost:8080").hosts == {"localhost", "127.0.0.1", "::1"}
    with pytest.raises(UsageError, match="on this machine"):
        settings(DEVELOPMENT="yes", ORIGIN="https://basira.example")


def test_options_of_other_origins_get_nothing(blank: Service) -> None:
    preflight = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    answer = House(blank).browser().options(SESSION, headers=preflight)
    assert answer.status_code == 405
    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_a_test_client_has_no_address_of_a_network(blank: Service) -> None:
    client = TestClient(House(blank).app, base_url=ORIGIN)
    assert client.get(HEALTH).status_code == 200
