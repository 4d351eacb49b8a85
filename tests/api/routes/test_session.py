"""People log in, stay in and get out: cookies, CSRF, lock-out, passwords."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.api.auth.cookies import NAME
from basira.api.auth.settings import AccessSettings
from basira.api.http.logs import JsonLines
from basira.api.http.problems import ProblemException
from basira.api.openapi.answers import ANSWERS
from basira.api.routes.session import login_desk
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.accounts.sessions import LockOut, csrf_token
from basira.storage.accounts.users import find_user, set_active, set_grants
from tests.support.access_world import ORIGIN, PASSWORD, House

MANAGER = Grant("manager")
SESSION = "/api/v1/session"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN, lock_out=LockOut(3, 6, 10 * MINUTE)))


def test_a_session_begins_with_the_password_and_ends_with_log_out(house: House) -> None:
    house.user("ali", Grant("inspector", "TANGER"), MANAGER)
    browser = house.browser()
    assert browser.get(SESSION).status_code == 401
    made = house.log_in(browser, " ALI ")
    assert made.status_code == 200, made.text
    me = browser.get(SESSION).json()
    assert me == made.json()
    assert me.keys() == ANSWERS["session"].keys()  # as the OpenAPI document shows it
    assert (me["login"], me["display_name"], me["must_change_password"]) == ("ali", "Ali", False)
    assert me["roles"] == [{"role": "inspector", "office": "TANGER"}, {"role": "manager", "office": None}]
    ended = browser.delete(SESSION, headers={"X-CSRF-Token": me["csrf_token"]})
    assert ended.status_code == 204
    assert NAME not in browser.cookies
    assert browser.get(SESSION).status_code == 401


def test_after_log_out_the_cookie_is_worth_nothing(house: House) -> None:
    browser = house.person("ali", MANAGER)
    token = browser.cookies[NAME]
    browser.delete(SESSION)
    browser.cookies.set(NAME, token, domain="basira.test", path="/")
    assert browser.get(SESSION).status_code == 401


def test_the_cookie_is_for_this_host_over_tls_out_of_scripts_reach(house: House) -> None:
    house.user("ali", MANAGER)
    cookie = house.log_in(house.browser(), "ali").headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == "__Host-basira"
    assert attributes == {"path=/", "secure", "httponly", "samesite=strict"}


def test_in_development_the_cookie_goes_over_plain_http_on_this_machine_alone(blank: Service) -> None:
    settings = AccessSettings(is_development=True, hosts=frozenset({"localhost"}))
    house = House(blank, settings)
    house.user("ali", MANAGER)
    browser = TestClient(house.app, base_url="http://localhost", headers={"Origin": "http://localhost"})
    made = house.log_in(browser, "ali")
    assert "secure" not in made.headers["set-cookie"].lower()
    assert "strict-transport-security" not in made.headers
    assert browser.get(SESSION).status_code == 200
    assert browser.get(SESSION, headers={"Host": "basira.test"}).status_code == 400


def test_a_session_from_before_the_login_is_worth_nothing_after(house: House) -> None:
    house.user("ali", MANAGER)
    browser = house.browser()
    browser.cookies.set(NAME, "planted-by-somebody", domain="basira.test", path="/")
    house.log_in(browser, "ali")
    first = browser.cookies[NAME]
    assert first != "planted-by-somebody"
    house.log_in(browser, "ali")
    assert browser.cookies[NAME] != first
    browser.cookies.set(NAME, first, domain="basira.test", path="/")
    assert browser.get(SESSION).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": csrf_token("of another session")},
        {"X-CSRF-Token": "é"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": ORIGIN + ".evil.test"},
        {"Origin": ORIGIN.replace("https", "http")},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_request_forged_on_another_page_changes_nothing(house: House, headers: dict[str, str]) -> None:
    browser = house.person("ali", MANAGER)
    encoded = {name: value.encode() for name, value in headers.items()}
    answer = browser.delete(SESSION, headers=encoded)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert browser.get(SESSION).status_code == 200


def test_a_request_that_does_not_say_where_it_comes_from_changes_nothing(house: House) -> None:
    browser = house.person("ali", MANAGER)
    del browser.headers["Origin"]
    assert browser.delete(SESSION).status_code == 403
    assert browser.delete(SESSION, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204


def test_reading_needs_no_csrf_token(house: House) -> None:
    browser = house.person("ali", MANAGER)
    del browser.headers["X-CSRF-Token"]
    assert browser.get(SESSION).status_code == 200


def test_without_an_address_in_the_settings_the_host_of_the_request_is_the_origin(blank: Service) -> None:
    browser = House(blank, AccessSettings()).person("ali", MANAGER)
    assert browser.delete(SESSION, headers={"Origin": "https://evil.test"}).status_code == 403
    assert browser.delete(SESSION, headers={"Origin": "http://basira.test"}).status_code == 403
    assert browser.delete(SESSION).status_code == 204


def test_another_page_can_not_log_a_browser_in(house: House) -> None:
    house.user("ali", MANAGER)
    browser = house.browser(**{"Origin": "https://evil.test"})
    answer = house.log_in(browser, "ali")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    form = house.browser().post(SESSION, content="login=ali", headers={"Content-Type": "text/plain"})
    assert form.status_code == 415


def test_a_key_stands_for_itself_whatever_cookie_comes_with_it(house: House) -> None:
    browser = house.person("ali", MANAGER)
    assert browser.get("/api/v1/metrics").status_code == 200
    assert browser.get("/api/v1/metrics", headers={"X-API-Key": "basira_0_0"}).status_code == 401
    assert browser.get("/api/v1/metrics", headers={"X-API-Key": ""}).status_code == 401
    assert house.system("metrics:read").get(SESSION).status_code == 403


@pytest.mark.parametrize("login", ["ali", "nobody", "gone", "openid"])
def test_every_rejection_is_the_same(house: House, login: str) -> None:
    house.user("ali", MANAGER)
    gone = house.user("gone", MANAGER)
    house.user("openid", MANAGER, password=False, oidc_subject="https://idp.test#1")
    with house.service.database.write() as connection:
        set_active(connection, gone, False, actor="test", now=house.clock[0])
    password = PASSWORD if login == "gone" else "not this one, no"
    answer = house.log_in(house.browser(), login, password)
    assert answer.status_code == 401
    assert {name: value for name, value in answer.json().items() if name != "request_id"} == {
        "type": "urn:basira:problem:login_refused",
        "title": "Unauthorized",
        "status": 401,
        "code": "login_refused",
        "detail": "Expected a login and its password.",
    }
    assert "set-cookie" not in answer.headers


def test_argon2_works_as_often_for_an_unknown_login(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    import argon2

    house.user("ali", MANAGER)
    house.log_in(house.browser("198.51.100.1"), "nobody")  # makes the hash for unknown logins
    seen: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, kept: str, given: bytes) -> bool:
        seen.append(kept.rsplit("$", 2)[0])
        return bool(verify(self, kept, given))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    for login in ("ali", "nobody"):
        house.log_in(house.browser("198.51.100.2"), login, "not this one, no")
    assert len(seen) == 2
    assert seen[0] == seen[1]  # the same parameters: the same work


@pytest.mark.parametrize("login", ["ali", "nobody"])
def test_a_login_is_locked_after_too_many_failures_known_or_not(house: House, login: str) -> None:
    house.user("ali", MANAGER)
    browser = house.browser()
    answers = [house.log_in(browser, login, "not this one, no").status_code for _ in range(4)]
    assert answers == [401, 401, 401, 429]
    locked = house.log_in(browser, login)  # the right password, for ali
    assert (locked.status_code, locked.json()["code"]) == (429, "locked")
    assert locked.headers["retry-after"] == "600"
    assert "ali" not in locked.text
    house.clock[0] += 10 * MINUTE
    assert house.log_in(browser, login).status_code == (200 if login == "ali" else 401)


def test_an_address_is_locked_whatever_logins_it_tries(house: House) -> None:
    house.user("ali", MANAGER)
    browser = house.browser()
    answers = [house.log_in(browser, f"user{n}", "not this one, no").status_code for n in range(7)]
    assert answers == [401] * 6 + [429]
    assert house.log_in(browser, "ali").status_code == 429
    assert house.log_in(house.browser("198.51.100.9"), "ali").status_code == 200


def test_guesses_at_once_count_like_guesses_one_by_one(house: House) -> None:
    house.user("ali", MANAGER)
    with ThreadPoolExecutor(6) as threads:
        answers = list(
            threads.map(lambda _: house.log_in(house.browser(), "ali", "not this one, no").status_code, range(6))
        )
    assert Counter(answers) == {401: 3, 429: 3}


@pytest.mark.parametrize("login", [chr(0xFF41) + "li", "ALI", " ali ", "Ali"])
def test_a_login_is_the_same_however_it_is_written(house: House, login: str) -> None:
    house.user("ali", MANAGER)
    assert house.log_in(house.browser(), login).status_code == 200
    house.clock[0] += MINUTE
    for _ in range(3):
        house.log_in(house.browser("198.51.100.3"), login, "not this one, no")
    assert house.log_in(house.browser("198.51.100.4"), "ali").status_code == 429


@pytest.mark.parametrize("login", ["al" + chr(0x456), "ali\u200b", "ali\x00", "ali' OR 1=1 --", "u-1", "*"])
def test_what_only_looks_like_a_login_is_none(house: House, login: str) -> None:
    house.user("ali", MANAGER)
    assert house.log_in(house.browser(), login).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "ali"},
        {"login": "ali", "password": ""},
        {"login": "ali", "password": "x" * 1025},
        {"login": "a" * 201, "password": "x"},
        {"login": {"$ne": ""}, "password": "x"},
        {"login": "ali", "password": "x", "role": "administrator"},
        ["ali", "x"],
    ],
)
def test_a_body_that_is_no_login_is_rejected_without_its_words(house: House, body: Any) -> None:
    answer = house.browser().post(SESSION, json=body)
    assert answer.status_code == 422
    assert "xxxx" not in answer.text


def test_a_session_ends_when_idle_and_at_the_end_of_its_life(house: House) -> None:
    house.user("ali", MANAGER)
    browser = house.browser()
    house.log_in(browser, "ali")
    for _ in range(16):  # 7 h 44, never idle for half an hour
        house.clock[0] += 29 * MINUTE
        assert browser.get(SESSION).status_code == 200
    house.clock[0] += 16 * MINUTE
    assert browser.get(SESSION).status_code == 401
    house.log_in(browser, "ali")
    house.clock[0] += 30 * MINUTE
    assert browser.get(SESSION).status_code == 401


def test_a_role_taken_away_and_an_account_put_out_of_use_count_at_once(house: House) -> None:
    boss, browser = house.user("boss", Grant("administrator")), house.person("ali", MANAGER)
    assert browser.get("/api/v1/metrics").status_code == 200
    with house.service.database.write() as connection:
        ali = find_user(connection, login="ali")
        assert ali is not None
        set_grants(connection, ali.user_id, [], actor=boss, now=house.clock[0])
    assert browser.get("/api/v1/metrics").status_code == 403
    with house.service.database.write() as connection:
        set_active(connection, ali.user_id, False, actor=boss, now=house.clock[0])
    assert browser.get(SESSION).status_code == 401


def change(browser: TestClient, now: str, then: str) -> Any:
    return browser.post(f"{SESSION}/password", json={"current_password": now, "new_password": then})


def test_another_password_ends_every_session_but_the_new_one(house: House) -> None:
    browser = house.person("ali", MANAGER)
    other = house.browser()
    house.log_in(other, "ali")
    old = browser.cookies[NAME]
    changed = change(browser, PASSWORD, "twelve green camels")
    assert changed.status_code == 200, changed.text
    assert browser.cookies[NAME] != old
    assert browser.get(SESSION).json()["csrf_token"] == changed.json()["csrf_token"]
    assert other.get(SESSION).status_code == 401
    assert house.log_in(house.browser(), "ali").status_code == 401
    assert house.log_in(house.browser(), "ali", "twelve green camels").status_code == 200


def test_a_password_that_another_person_gave_must_be_changed_first(house: House) -> None:
    browser = house.person("ali", MANAGER, must_change_password=True)
    assert browser.get(SESSION).json()["must_change_password"] is True
    for path in ("/api/v1/metrics", "/api/v1/queue?office=TANGER", "/api/v1/declarations/X"):
        answer = browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "password_change_required")
    browser.headers["X-CSRF-Token"] = change(browser, PASSWORD, "twelve green camels").json()["csrf_token"]
    assert browser.get("/api/v1/metrics").status_code == 200


@pytest.mark.parametrize("then", ["short", PASSWORD, "my name is ALI, yes", "x" * 1024 + "y"])
def test_a_new_password_must_be_one(house: House, then: str) -> None:
    browser = house.person("ali", MANAGER)
    assert change(browser, PASSWORD, then).status_code in (400, 422)
    assert house.log_in(house.browser(), "ali").status_code == 200


def test_a_browser_left_open_is_no_place_to_guess_the_password(house: House) -> None:
    browser = house.person("ali", MANAGER)
    answers = [change(browser, f"guess number {n}", "twelve green camels").status_code for n in range(4)]
    assert answers == [401, 401, 401, 429]


def test_who_enters_by_openid_has_no_password_to_change(house: House) -> None:
    browser = house.person("ali", MANAGER, password=False, oidc_subject="https://idp.test#1")
    answer = change(browser, PASSWORD, "twelve green camels")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_password")


def test_no_log_and_no_table_has_a_password_a_session_or_a_csrf_token(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.user("ali", MANAGER)
    browser = house.browser()
    with caplog.at_level(logging.DEBUG):
        me = house.log_in(browser, "ali").json()
        house.log_in(house.browser(), "ali", "a wrong secret of mine")
        house.log_in(house.browser(), PASSWORD, "typed into the wrong box")
        browser.headers["X-CSRF-Token"] = me["csrf_token"]
        change(browser, PASSWORD, "twelve green camels")
    lines = "".join(JsonLines().format(record) for record in caplog.records)
    lines += "".join(record.getMessage() + str(record.args) for record in caplog.records)
    with house.service.database.read() as connection:
        tables = ("app_user", "user_session", "login_attempt", "audit_event", "event", "idempotency_key")
        kept = "".join(str(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in tables)
    secrets = (PASSWORD, "a wrong secret of mine", "wrong box", "twelve green", me["csrf_token"], browser.cookies[NAME])
    assert [secret for secret in secrets if secret in lines + kept] == []
    client = [json.loads(JsonLines().format(r)).get("client") for r in caplog.records if r.name == "basira.service"]
    assert me["user_id"] in client  # who it was is there, by the opaque id


def test_what_is_long_over_is_removed_at_the_next_login(house: House) -> None:
    house.user("ali", MANAGER)
    house.log_in(house.browser(), "ali")
    house.log_in(house.browser(), "ali", "not this one, no")
    house.clock[0] += timedelta(days=8)
    house.log_in(house.browser(), "ali")
    with house.service.database.read() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in ("user_session", "login_attempt")
        ]
    assert counts == [1, 1]


def test_logins_wait_in_a_queue_that_ends(house: House) -> None:
    desk, started, go_on = login_desk(), threading.Event(), threading.Event()

    def work() -> str:
        started.set()
        go_on.wait(10)
        return "done"

    async def many() -> list[Any]:
        waiting = [asyncio.ensure_future(desk.run(work)) for _ in range(31)]
        await asyncio.sleep(0)
        await asyncio.to_thread(started.wait, 10)
        go_on.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    found = asyncio.run(many())
    desk.close()
    assert found[:30] == ["done"] * 30
    assert isinstance(found[30], ProblemException)
    assert found[30].status_code == 429
