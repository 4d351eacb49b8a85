"""Public routes always apply the per-address limit, even when credentials are sent."""

from __future__ import annotations

from typing import Any

import pytest

from basira.api.application import make_application
from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.access import Grant
from basira.schema.errors import StoreError
from basira.serving.service import Service
from tests.support.access_world import ORIGIN, House

DOCUMENT, METRICS, SESSION = "/api/v1/openapi.json", "/api/v1/metrics", "/api/v1/session"
STRANGERS: list[dict[str, str]] = [{}, {"Cookie": "x=1"}, {"Cookie": "__Host-basira=x"}, {"X-API-Key": "basira_0_0"}]


def house_of(service: Service, rate: float = 0.001) -> House:
    return House(service, AccessSettings(origin=ORIGIN, rates=Rates(address=rate)))


@pytest.mark.parametrize("headers", STRANGERS)
@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", DOCUMENT, {}, 200),
        ("GET", "/api/v1/nothing", {}, 404),
        ("PUT", DOCUMENT, {}, 405),
        ("POST", SESSION, {"content": "{", "headers": {"Content-Type": "application/json"}}, 422),
    ],
)
def test_where_no_route_asks_who_it_is_the_address_is_counted(
    blank: Service, headers: dict[str, str], method: str, path: str, more: dict[str, Any], status: int
) -> None:
    browser = house_of(blank).browser(**headers)
    first, second = (browser.request(method, path, **more) for _ in range(2))
    assert first.status_code == status
    assert (second.status_code, second.json()["code"]) == (429, "too_many_requests")
    assert second.headers["content-type"] == "application/problem+json"
    assert int(second.headers["content-length"]) == len(second.content)
    assert int(second.headers["retry-after"]) > 900


def test_a_request_is_counted_once(blank: Service) -> None:
    house = house_of(blank, rate=1)
    house.app.openapi()  # made once: the second that this may take would allow another request
    browser = house.browser(**{"Cookie": "x=1"})
    paths = (METRICS, DOCUMENT, DOCUMENT)  # a second's rate twice, at once
    assert [browser.get(path).status_code for path in paths] == [401, 200, 429]


def test_who_is_known_is_not_counted_by_address(blank: Service) -> None:
    house = house_of(blank)
    for client in (house.system("metrics:read"), house.person("ali", Grant("manager"))):
        assert [client.get(METRICS).status_code for _ in range(3)] == [200] * 3
        assert client.get("/api/v1/declarations/none").status_code in (403, 404)
    assert house.browser().get(DOCUMENT).status_code == 200


def test_a_database_that_is_away_is_not_reported_as_too_many_requests(blank: Service) -> None:
    house = house_of(blank)

    def away(_token: str) -> None:
        raise StoreError("Expected an answer, found none.", hint="Wait.")

    house.app = make_application(blank, recognise=away, clock=lambda: house.clock[0], settings=house.settings)
    client = house.browser(**{"X-API-Key": "basira_1_1"})
    assert [client.get(METRICS).status_code for _ in range(3)] == [503] * 3
