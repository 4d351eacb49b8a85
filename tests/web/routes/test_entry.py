"""The way in: login, lock-out, language, log-out, the own password; and what every page tells a browser."""

from __future__ import annotations

import pytest

from basira.api.auth.cookies import NAME
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.web.language import NAME as LANGUAGE
from tests.support.access_world import PASSWORD, House
from tests.support.web_world import form_of, house_with_pages

pytestmark = pytest.mark.usefixtures("cheap_passwords")


@pytest.fixture
def house(blank: Service) -> House:
    return house_with_pages(blank)


def log_in(house: House, login: str, password: str = PASSWORD, **fields: str):  # type: ignore[no-untyped-def]
    browser = house.browser()
    return browser, browser.post("/login", data={"login": login, "password": password, **fields})


def test_without_a_session_every_page_leads_to_the_login_and_back(house: House) -> None:
    browser = house.browser()
    assert browser.get("/").headers["location"] == "/login"
    answer = browser.get("/queue?office=X&day=2026-11-30")
    assert (answer.status_code, answer.headers["location"]) == (
        303, "/login?next=%2Fqueue%3Foffice%3DX%26day%3D2026-11-30&ended=yes",
    )  # fmt: skip
    part = browser.get("/queue", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login?next=%2Fqueue&ended=yes")


def test_a_login_begins_a_session_and_goes_on(house: House) -> None:
    house.user("nadia", Grant("inspector", "A"))
    browser, answer = log_in(house, "nadia", next="/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    assert browser.get("/").headers["location"] == "/queue"
    assert browser.get("/account").status_code == 200


def test_a_login_goes_to_no_other_site(house: House) -> None:
    house.user("nadia", Grant("inspector", "A"))
    _, answer = log_in(house, "nadia", next="//elsewhere.example")
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(("login", "password"), [("nadia", "wrong"), ("unknown", PASSWORD)])
def test_a_wrong_login_and_a_wrong_password_get_the_same_page(house: House, login: str, password: str) -> None:
    house.user("nadia", Grant("inspector", "A"))
    browser, answer = log_in(house, login, password)
    assert answer.status_code == 401
    assert "Wrong login or password." in answer.text
    assert NAME not in browser.cookies
    assert password not in answer.text


def test_too_many_failures_say_how_long_to_wait(house: House) -> None:
    house.user("nadia", Grant("inspector", "A"))
    browser = house.browser()
    answers = [browser.post("/login", data={"login": "nadia", "password": "wrong"}) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Try again in 15 min" in answers[-1].text


def test_a_login_from_a_foreign_page_is_refused(house: House) -> None:
    house.user("nadia", Grant("inspector", "A"))
    browser = house.browser(Origin="https://elsewhere.example")
    answer = browser.post("/login", data={"login": "nadia", "password": PASSWORD})
    assert answer.status_code == 403
    assert NAME not in browser.cookies


def test_a_language_is_kept_and_chosen_from_own_pages_alone(house: House) -> None:
    browser = house.browser()
    assert 'lang="en" dir="ltr"' in browser.get("/login").text
    assert browser.post("/language", data={"language": "ar", "next": "/login"}).headers["location"] == "/login"
    page = browser.get("/login").text
    assert '<html lang="ar" dir="rtl">' in page
    assert "bootstrap.rtl.min.css" in page
    assert browser.post("/language", data={"language": "xx"}).status_code == 422
    foreign = house.browser(Origin="https://elsewhere.example")
    assert foreign.post("/language", data={"language": "ar"}).status_code == 403
    assert LANGUAGE not in foreign.cookies


def test_log_out_ends_the_session_and_needs_the_token(house: House) -> None:
    house.user("nadia", Grant("inspector", "A"))
    browser, _ = log_in(house, "nadia")
    token = form_of(browser, "/account", "/logout")["csrf_token"]
    assert browser.post("/logout", data={"other": "x"}).status_code == 403
    assert browser.post("/logout", data={"csrf_token": f"{token}x"}).status_code == 403
    cookie = browser.cookies[NAME]
    assert browser.post("/logout", data={"csrf_token": token}).headers["location"] == "/login"
    again = house.browser()
    again.cookies.set(NAME, cookie, domain="basira.test", path="/")
    assert again.get("/account").status_code == 303


def test_a_given_password_must_be_changed_first(house: House) -> None:
    house.user("nadia", Grant("inspector", "A"), must_change_password=True)
    browser, _ = log_in(house, "nadia")
    assert browser.get("/").headers["location"] == "/account"
    assert browser.get("/queue").status_code == 403
    fields = form_of(browser, "/account", "/account/password")
    new = {"current_password": PASSWORD, "new_password": "green tea at seven", "new_password_again": "green tea at six"}
    assert browser.post("/account/password", data={**fields, **new}).status_code == 422
    new["new_password_again"] = new["new_password"]
    assert browser.post("/account/password", data={**fields, **new}).headers["location"] == "/account?changed=yes"
    assert browser.get("/queue").status_code == 200
    assert log_in(house, "nadia")[1].status_code == 401
    assert log_in(house, "nadia", "green tea at seven")[1].status_code == 303


@pytest.mark.parametrize("path", ["/login", "/account", "/queue", "/nothing", "/declarations/none", "/queue?lane=none"])
def test_every_answer_is_kept_by_no_cache_and_allows_nothing_from_elsewhere(house: House, path: str) -> None:
    browser = house.person("nadia", Grant("inspector", "A"))
    headers = browser.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers.get_list("content-security-policy") == [policy]


def test_files_are_kept_under_their_digest_and_asked_for_without(house: House) -> None:
    browser = house.browser()
    path = next(part for part in browser.get("/login").text.split('"') if part.startswith("/static/basira.css"))
    kept = browser.get(path)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"].startswith("text/css")
    plain = browser.get("/static/basira.css?v=older")
    assert plain.headers["cache-control"] == "no-cache"
    assert browser.get("/static/basira.css", headers={"If-None-Match": plain.headers["etag"]}).status_code == 304
    assert browser.get("/static/../app.py").status_code == 404


def test_without_the_files_of_other_projects_pages_say_what_to_do_and_the_api_goes_on(house: House) -> None:
    house.app.state.assets = {}
    answer = house.browser().get("/login")
    assert answer.status_code == 503
    assert "make assets" in answer.text
    assert house.browser().get("/api/v1/health").status_code == 200


def test_a_key_opens_no_page(house: House) -> None:
    assert house.system("queue:read", "declarations:read").get("/queue").status_code == 403


def test_a_body_that_is_no_form_is_refused(house: House) -> None:
    assert house.browser().post("/login", json={"login": "a", "password": "b"}).status_code == 415
