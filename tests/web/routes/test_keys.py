"""Keys of systems on pages: shown once, replaced with time to change, ended for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.api.auth.permissions import OF_KEYS, SCOPES
from basira.schema.access import Grant
from basira.storage.accounts.api_keys import list_keys
from tests.support.access_world import House
from tests.support.web_world import Decided
from tests.web.routes.test_people import secret_of, send


@pytest.fixture
def house(decided: Decided) -> House:
    return decided.house


@pytest.fixture
def admin(house: House) -> TestClient:
    return house.person("rachid", Grant("administrator"))


def make(admin: TestClient, name: str = "badr", **fields: str) -> Any:
    return send(admin, "/keys/new", **{"name": name, "days": "90", "scope-queue:read": "yes", **fields})


def asks(house: House, token: str) -> int:
    client = house.browser()
    del client.headers["Origin"]
    return client.get("/api/v1/queue?office=NONE", headers={"X-API-Key": token}).status_code


def key_id_of(house: House, name: str) -> str:
    with house.service.database.read() as connection:
        return next(key.key_id for key in list_keys(connection) if key.name == name)


def test_a_key_works_is_replaced_and_revoked(house: House, admin: TestClient) -> None:
    token = secret_of(make(admin).text)
    key_id = key_id_of(house, "badr")
    assert token not in admin.get("/keys").text
    assert asks(house, token) != 401
    assert admin.get(f"/keys/{key_id}/rotate").status_code == 200
    new = secret_of(send(admin, f"/keys/{key_id}/rotate", days="90", hours="1").text)
    assert 401 not in (asks(house, token), asks(house, new))
    assert send(admin, f"/keys/{key_id}/rotate", days="90", hours="1").status_code == 404  # it has a successor
    for _ in range(4):  # less than a session may be idle
        house.clock[0] += timedelta(minutes=20)
        admin.get("/keys")
    assert (asks(house, token), asks(house, new) != 401) == (401, True)
    later = new.split("_")[1]
    assert send(admin, f"/keys/{later}/revoke").status_code == 422
    assert asks(house, new) != 401
    assert send(admin, f"/keys/{later}/revoke", motive="lost").headers["location"] == "/keys?done=revoke"
    assert asks(house, new) == 401
    assert "No key found." in admin.get("/keys?text=badr").text
    assert admin.get("/keys?state=all&text=badr").text.count('scope="row"') == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "Give the name of the system"),
        ({"scope-queue:read": ""}, "Choose at least one right"),
        ({"scope-access:write": "yes"}, "Choose at least one right"),
        ({"scope-all": "yes"}, "Choose at least one right"),
        ({"offices": "TANGER", "scope-audit:read": "yes"}, "about every office at once"),
        ({"days": "0"}, "Give whole numbers"),
        ({"days": "99999"}, "Give whole numbers"),
        ({"days": "٩"}, "Give whole numbers"),
    ],
)
def test_a_key_that_can_not_be_is_not_made(house: House, admin: TestClient, fields: dict[str, str], says: str) -> None:
    answer = make(admin, **fields)
    assert answer.status_code == 422
    assert says in answer.text
    with house.service.database.read() as connection:
        assert all(key.name != "badr" for key in list_keys(connection))


def test_every_right_of_a_key_has_its_words(admin: TestClient) -> None:
    page = admin.get("/keys/new").text
    assert all(f'name="scope-{scope}"' in page for scope in OF_KEYS)
    assert not any(f'name="scope-{scope}"' in page for scope in set(SCOPES) - set(OF_KEYS))


def test_a_key_that_ends_soon_is_marked_and_all_are_written(house: House, admin: TestClient) -> None:
    make(admin, "short", days="20")
    make(admin, "long", days="300")
    page = admin.get("/keys?text=short").text
    assert "ends soon" in page
    assert "ends soon" not in admin.get("/keys?text=long").text
    text = admin.get("/keys.csv?text=short").content.decode("utf-8-sig")
    assert text.count("\r\n") == 2
    assert "rachid" in text
    assert admin.get("/keys.xlsx").content[:2] == b"PK"
