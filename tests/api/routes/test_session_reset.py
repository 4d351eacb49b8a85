"""A password given by the administrator stands, whatever was under way, and no session outlives it."""

from __future__ import annotations

from typing import Any

import pytest

from basira.api.auth.cookies import NAME
from basira.api.auth.settings import AccessSettings
from basira.api.routes import session as session_routes
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.accounts.users import hash_password, set_password
from tests.support.access_world import CHEAP, ORIGIN, PASSWORD, House

SESSION = "/api/v1/session"
GIVEN = "given by the administrator"


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN))


def reset(house: House, user: str) -> None:
    with house.service.database.write() as connection:
        set_password(connection, user, CHEAP.hash(GIVEN), actor="admin", now=house.clock[0])


def test_a_reset_right_after_the_login_ends_its_session(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    user = house.user("ali", Grant("manager"))
    log_in = session_routes.log_in

    def then_reset(*given: Any, **named: Any) -> Any:
        done = log_in(*given, **named)
        reset(house, user)
        return done

    monkeypatch.setattr(session_routes, "log_in", then_reset)
    browser = house.browser()
    house.log_in(browser, "ali")
    assert browser.get(SESSION).status_code == 401


def test_a_reset_while_the_stolen_password_is_changed_stands(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    user = house.user("ali", Grant("manager"))
    browser = house.browser()
    browser.headers["X-CSRF-Token"] = house.log_in(browser, "ali").json()["csrf_token"]

    def reset_meanwhile(password: str) -> str:
        reset(house, user)
        return hash_password(password, hasher=CHEAP)

    monkeypatch.setattr(session_routes, "hash_password", reset_meanwhile)
    body = {"current_password": PASSWORD, "new_password": "twelve green camels"}
    answer = browser.post(f"{SESSION}/password", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert "set-cookie" not in answer.headers
    assert house.log_in(house.browser(), "ali", "twelve green camels").status_code == 401
    assert house.log_in(house.browser(), "ali", GIVEN).status_code == 200


def test_the_session_that_the_browser_had_ends_with_a_new_login(house: House) -> None:
    house.user("ali", Grant("manager"))
    browser = house.browser()
    house.log_in(browser, "ali")
    first = browser.cookies[NAME]
    house.log_in(browser, "ali")
    browser.cookies.clear()
    browser.cookies.set(NAME, first, domain="basira.test", path="/")
    assert browser.get(SESSION).status_code == 401
