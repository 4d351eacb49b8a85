"""Every page with every role: the rights are those of the API, and so is what an inspector is not shown."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from basira.api.auth.permissions import SCOPES, Scope
from basira.explain.disclosure import WITHHELD
from basira.schema.access import ROLES, SYSTEM, Grant, Role
from basira.web.application import PARTS
from tests.support.access_world import House, strings
from tests.support.web_world import Decided, form_of

# Each page, and the scope that it takes; None: every person who is logged in; "": everyone.
PAGES: dict[tuple[str, str], Scope | str | None] = {
    ("GET", "/"): "",
    ("GET", "/static/{name:path}"): "",
    ("GET", "/login"): "",
    ("POST", "/login"): "",
    ("POST", "/language"): "",
    ("POST", "/logout"): None,
    ("GET", "/account"): None,
    ("POST", "/account/password"): None,
    ("GET", "/glossary"): None,
    ("GET", "/components"): None,
    ("GET", "/queue"): "queue:read",
    ("GET", "/queue.csv"): "queue:read",
    ("GET", "/queue/next"): "queue:read",
    ("GET", "/activity"): "deeds:read",
    ("GET", "/activity.csv"): "deeds:read",
    ("GET", "/changes"): "audit:read",
    ("GET", "/changes.csv"): "audit:read",
    ("GET", "/chain"): "audit:read",
    ("GET", "/declarations/{declaration_id:number}/replay"): "deeds:read",
    ("GET", "/figures"): "figures:read",
    ("GET", "/figures.csv"): "figures:read",
    ("GET", "/figures.xlsx"): "figures:read",
    ("GET", "/search"): "declarations:read",
    ("GET", "/declarations"): "figures:read",
    ("GET", "/declarations.csv"): "figures:read",
    ("GET", "/declarations.xlsx"): "figures:read",
    ("GET", "/items"): "operators:read",
    ("GET", "/items.{ending}"): "operators:export",
    ("GET", "/operators"): "operators:read",
    ("GET", "/operators.{ending}"): "operators:export",
    ("GET", "/goods"): "figures:read",
    ("GET", "/goods.{ending}"): "figures:read",
    ("GET", "/rules"): "rules:read",
    ("GET", "/rules/new"): "rules:write",
    ("POST", "/rules/new"): "rules:write",
    ("POST", "/rules/check"): "rules:write",
    ("GET", "/rules/{rule_id}"): "rules:read",
    ("POST", "/rules/{rule_id}/steps"): "rules:write",
    ("GET", "/people"): "access:read",
    ("GET", "/people.csv"): "access:read",
    ("GET", "/people.xlsx"): "access:read",
    ("GET", "/people/new"): "access:write",
    ("POST", "/people/new"): "access:write",
    ("GET", "/people/{user_id}"): "access:read",
    ("POST", "/people/{user_id}/roles"): "access:write",
    ("GET", "/people/{user_id}/{act}"): "access:write",
    ("POST", "/people/{user_id}/{act}"): "access:write",
    ("GET", "/keys"): "access:read",
    ("GET", "/keys.csv"): "access:read",
    ("GET", "/keys.xlsx"): "access:read",
    ("GET", "/keys/new"): "access:write",
    ("POST", "/keys/new"): "access:write",
    ("GET", "/keys/{key_id}/{act}"): "access:write",
    ("POST", "/keys/{key_id}/{act}"): "access:write",
    ("GET", "/offices"): "access:read",
    ("GET", "/offices.csv"): "access:read",
    ("GET", "/offices.xlsx"): "access:read",
    ("GET", "/settings"): "access:read",
    ("GET", "/settings.csv"): "access:read",
    ("GET", "/settings.xlsx"): "access:read",
    ("GET", "/lists"): "lists:read",
    ("GET", "/lists.csv"): "lists:read",
    ("GET", "/lists.xlsx"): "lists:read",
    ("GET", "/lists/new"): "lists:write",
    ("POST", "/lists/new"): "lists:write",
    ("GET", "/lists/{name}"): "lists:read",
    ("GET", "/lists/{name}/entries.csv"): "lists:read",
    ("GET", "/lists/{name}/entries.xlsx"): "lists:read",
    ("POST", "/lists/{name}/entries"): "lists:write",
    ("POST", "/lists/{name}/import"): "lists:write",
    ("GET", "/lists/{name}/entries/{number}/end"): "lists:write",
    ("POST", "/lists/{name}/entries/{number}/end"): "lists:write",
    ("GET", "/risks"): "risks:read",
    ("GET", "/risks.csv"): "risks:read",
    ("GET", "/risks.xlsx"): "risks:read",
    ("GET", "/risks/new"): "risks:write",
    ("POST", "/risks/new"): "risks:write",
    ("GET", "/risks/{risk_id}"): "risks:read",
    ("GET", "/risks/{risk_id}/change"): "risks:write",
    ("POST", "/risks/{risk_id}/review"): "risks:write",
    ("GET", "/proof"): "figures:read",
    ("GET", "/proof/{table}.{ending}"): "figures:read",
    ("GET", "/drift"): "figures:read",
    ("GET", "/drift/{table}.{ending}"): "figures:read",
    ("GET", "/governance"): "figures:read",
    ("GET", "/integrity"): "integrity:read",
    ("GET", "/integrity/{table}.{ending}"): "integrity:read",
    ("GET", "/models"): "models:read",
    ("GET", "/models.csv"): "models:read",
    ("GET", "/models.xlsx"): "models:read",
    ("GET", "/models/{version}"): "models:read",
    ("GET", "/models/{version}/features.csv"): "models:read",
    ("GET", "/models/{version}/features.xlsx"): "models:read",
    ("GET", "/models/{version}/comparison"): "models:read",
    ("GET", "/models/{version}/comparison.csv"): "models:read",
    ("GET", "/models/{version}/comparison.xlsx"): "models:read",
    ("GET", "/models/{version}/{act}"): "models:write",
    ("POST", "/models/{version}/{act}"): "models:write",
    ("GET", "/declarations/{declaration_id:number}"): "declarations:read",
    ("POST", "/declarations/{declaration_id:number}/result"): "outcomes:write",
    ("POST", "/declarations/{declaration_id:number}/taxes"): "outcomes:write",
    ("POST", "/declarations/{declaration_id:number}/documents"): "outcomes:write",
    ("GET", "/declarations/{declaration_id:number}/documents/{document_id}"): "documents:read",
    ("POST", "/declarations/{declaration_id:number}/reselection"): "reselections:write",
    ("POST", "/declarations/{declaration_id:number}/take"): "hands:take",
    ("POST", "/declarations/{declaration_id:number}/hand-over"): "hands:give",
    ("POST", "/queue/distribute"): "hands:give",
}
WITH_SCOPE = {page: scope for page, scope in PAGES.items() if scope in SCOPES}
PEOPLE: tuple[Role, ...] = tuple(role for role in ROLES if role != SYSTEM)
_made = iter(range(10_000))


def person(house: House, *grants: Grant) -> TestClient:
    return house.person(f"user{next(_made)}", *grants)


def ask(client: TestClient, page: tuple[str, str], decided: Decided, number: str | None = None) -> Any:
    method, path = page
    path = path.replace("{declaration_id:number}", quote(number or decided.waiting[0]))
    token = {"csrf_token": client.headers.get("X-CSRF-Token", "")}
    return client.request(method, path, data=token if method == "POST" else None)


def test_every_page_stands_in_the_table_and_no_other() -> None:
    routes = [one for part in PARTS for one in part.router.routes]
    served = {(method, one.path) for one in routes if isinstance(one, APIRoute) for method in one.methods}
    assert served == set(PAGES)


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("page", WITH_SCOPE, ids=" ".join)
def test_a_role_sees_what_the_table_of_the_api_says(read_only: Decided, page: Any, role: Role) -> None:
    grant = Grant(role, read_only.waiting[1] if role == "inspector" else "")
    answer = ask(person(read_only.house, grant), page, read_only)
    is_allowed = role in SCOPES[WITH_SCOPE[page]].roles  # type: ignore[index]
    assert (answer.status_code == 403) is not is_allowed, answer.text
    assert answer.status_code < 500


@pytest.mark.parametrize("page", WITH_SCOPE, ids=" ".join)
def test_nobody_sees_a_page_without_a_session_or_a_role(read_only: Decided, page: Any) -> None:
    # Each from an address of its own: together they would be over the limit of one.
    address = f"198.51.100.{next(_made) % 250}"
    stranger = ask(read_only.house.browser(address), page, read_only)
    assert stranger.status_code == 303
    assert stranger.headers["location"].startswith("/login")
    assert ask(person(read_only.house), page, read_only).status_code == 403


@pytest.mark.parametrize("page", [page for page in WITH_SCOPE if page[0] == "POST"], ids=" ".join)
@pytest.mark.parametrize("change", ["absent", "other", "origin", "no_origin"])
def test_a_form_needs_the_token_of_its_session_and_an_own_page(read_only: Decided, page: Any, change: str) -> None:
    # Where a file is sent the right is looked at before its form can be: an analyst imports tables.
    browser = person(read_only.house, Grant("inspector", read_only.waiting[1]), Grant("analyst"))
    other = person(read_only.house, Grant("inspector", read_only.waiting[1])).headers["X-CSRF-Token"]
    token = browser.headers.pop("X-CSRF-Token")
    if change == "origin":
        browser.headers["Origin"] = "https://elsewhere.example"
    if change == "no_origin":
        del browser.headers["Origin"]
    fields = {"absent": {"lane": "red"}, "other": {"csrf_token": other}}.get(change, {"csrf_token": token})
    path = page[1].replace("{declaration_id:number}", read_only.waiting[0])
    answer = browser.post(path, data=fields)
    assert answer.status_code == 403
    assert "Form out of date" in answer.text


OF_INSPECTORS = [page for page, scope in WITH_SCOPE.items() if "inspector" in SCOPES[scope].roles]  # type: ignore[index]


@pytest.mark.parametrize("page", [page for page in OF_INSPECTORS if "declaration_id" in page[1]], ids=" ".join)
def test_a_declaration_of_another_office_is_not_found_as_an_unknown_one(read_only: Decided, page: Any) -> None:
    inspector = person(read_only.house, Grant("inspector", "ELSEWHERE"))
    other, unknown = ask(inspector, page, read_only), ask(inspector, page, read_only, number="999-2023-9999999")
    assert (other.status_code, unknown.status_code) == (404, 404)
    assert other.text.replace(read_only.waiting[0], "") == unknown.text.replace("999-2023-9999999", "")


@pytest.mark.parametrize("path", ["/queue", "/queue.csv", "/queue/next"])
@pytest.mark.parametrize("office", ["{office}", "{lower}", " {office} ", "{office}\u200b"])
def test_no_filter_leads_to_the_queue_of_another_office(read_only: Decided, path: str, office: str) -> None:
    number, own = read_only.waiting
    inspector = person(read_only.house, Grant("inspector", "ELSEWHERE"))
    asked = office.format(office=own, lower=own.lower())
    answer = inspector.get(path, params={"office": asked, "status": "all"})
    assert number not in answer.text
    assert number not in answer.headers.get("location", "")
    assert answer.status_code in (403, 422)


def test_an_inspector_is_shown_no_figure_of_the_model_and_no_draw(read_only: Decided) -> None:
    inspector = person(read_only.house, Grant("inspector", read_only.waiting[1]))
    manager = person(read_only.house, Grant("manager"))
    secret = set().union(*WITHHELD.values())
    body = next(one for one in read_only.all if one["declaration_id"] == read_only.waiting[0])
    for path in (read_only.page, "/queue", "/queue.csv"):
        text = inspector.get(path, params={"office": read_only.waiting[1]} if path != read_only.page else None).text
        assert re.search(r"\b(?:drawn at random|random control)\b", text, re.IGNORECASE) is None
        if path != "/queue.csv":  # whose columns keep their names, and are empty
            assert {name for name in secret - {"detail"} if name in text} == set()
    figures = {
        f"{body['fraud_probability']:.4f}".replace(".", ","),
        f"{body['expected_revenue']:.2f}".replace(".", ","),
    }
    csv = {"office": read_only.waiting[1]}
    assert figures <= set(re.split("[;\n]", manager.get("/queue.csv", params=csv).text))
    assert not figures & set(re.split("[;\n]", inspector.get("/queue.csv", params=csv).text))


def test_an_inspector_is_offered_no_less_intensive_lane(read_only: Decided) -> None:
    inspector = person(read_only.house, Grant("inspector", read_only.waiting[1]))
    offered = re.search(r'<select[^>]*name="lane".*?</select>', inspector.get(read_only.page).text, re.DOTALL)
    assert offered is not None
    assert 'value="green"' not in offered[0]
    assert 'value="red"' in offered[0]
    manager = person(read_only.house, Grant("manager")).get(read_only.page).text
    assert '<option value="green"' in manager
    assert "/result" not in manager  # a manager records no result


def test_texts_of_declarations_are_escaped(decided: Decided, arrivals: list[dict[str, Any]]) -> None:
    body = {**arrivals[0], "declaration_id": "303-2023-7777777"}
    body["items"] = [{**body["items"][0], "description": '<img src=x onerror="alert(1)">'}]
    assert decided.house.system("declarations:write").post("/api/v1/declarations", json=body).status_code == 200
    inspector = person(decided.house, Grant("manager"))
    text = inspector.get("/declarations/303-2023-7777777").text
    assert "<img" not in text.lower()
    assert "&lt;img" in text.lower()


def test_a_session_token_is_in_no_page(read_only: Decided) -> None:
    browser = person(read_only.house, Grant("inspector", read_only.waiting[1]))
    cookie = next(iter(browser.cookies.values()))
    assert all(cookie not in text for text in strings([browser.get(read_only.page).text]))
    assert form_of(browser, read_only.page, "/logout")["csrf_token"] == browser.headers["X-CSRF-Token"]
