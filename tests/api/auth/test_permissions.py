"""Every route with every role, with none, and with a key of each scope: made from the tables of permissions."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from basira.api.auth.permissions import OF_KEYS, ROUTES, SCOPES, RouteRule, granting
from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.access import ROLES, SYSTEM, Grant, Role
from basira.serving.service import Service
from basira.storage.database.connection import Database
from tests.support.access_world import ORIGIN, House
from tests.support.tree import ROOT

PEOPLE: tuple[Role, ...] = tuple(role for role in ROLES if role != SYSTEM)
# Answers that say "you may not", whatever was asked.
REFUSALS = {"unauthorized", "forbidden", "csrf", "password_change_required"}
QUERIES = {"/api/v1/queue": "office"}


@dataclass
class World:
    """A house with one decided declaration in it, and its office."""

    house: House
    number: str
    office: str
    made: int = 0

    def person(self, *grants: Grant) -> TestClient:
        self.made += 1
        return self.house.person(f"user{self.made}", *grants)


@pytest.fixture(scope="module")
def world(
    whole: Service, prepared_file: Path, arrivals: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    path = shutil.copy(prepared_file, tmp_path_factory.mktemp("matrix") / "operations.sqlite")
    service = replace(whole, database=Database(path))
    # However fast the machine asks: the limit of an address has tests of its own.
    house = House(service, settings=AccessSettings(origin=ORIGIN, rates=Rates(key=0, user=0, address=0)))
    answer = house.system("declarations:write").post("/api/v1/declarations", json=arrivals[0])
    assert answer.status_code == 200, answer.text
    yield World(house, answer.json()["declaration_id"], answer.json()["office"])
    service.close()


def ask(client: TestClient, rule: RouteRule, world: World, office: str | None = None) -> Response:
    """A request that a route would take or find faults in; never one that changes anything."""
    path = rule.path.replace("{declaration_id}", world.number).replace("{quarantine_id}", "q-none")
    query = {QUERIES[rule.path]: office or world.office} if rule.path in QUERIES else {}
    return client.request(rule.method, path, params=query, json={} if rule.method != "GET" else None)


def is_refused(answer: Response) -> bool:
    assert answer.status_code < 500 or answer.json()["code"] in ("store", "policy", "model", "openid_unavailable")
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    assert (answer.status_code in (401, 403)) <= is_problem
    return is_problem and answer.json()["code"] in REFUSALS


def test_every_route_stands_in_the_table_and_no_other(world: World) -> None:
    document = world.house.app.openapi()["paths"]
    served = {(method.upper(), path) for path, methods in document.items() for method in methods}
    assert served == {(rule.method, rule.path) for rule in ROUTES}
    assert len(ROUTES) == len({(rule.method, rule.path) for rule in ROUTES})


def test_every_scope_is_of_a_route_or_of_a_check_inside_one() -> None:
    inside = {"reselections:lower"}
    assert {rule.needs for rule in ROUTES} - {"open", "login", "person"} | inside == set(OF_KEYS)
    assert all(SCOPES[name].is_of_pages for name in set(SCOPES) - set(OF_KEYS))


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("rule", ROUTES, ids=lambda rule: f"{rule.method} {rule.path}")
def test_a_role_may_what_the_table_says(world: World, rule: RouteRule, role: Role) -> None:
    grant = Grant(role, world.office if role == "inspector" else "")
    answer = ask(world.person(grant), rule, world)
    allowed = rule.needs in ("open", "login", "person") or role in SCOPES[rule.needs].roles
    assert is_refused(answer) is not allowed, answer.text
    if not allowed:
        assert answer.status_code == 403


@pytest.mark.parametrize("rule", ROUTES, ids=lambda rule: f"{rule.method} {rule.path}")
def test_without_a_role_or_a_credential_only_the_doors_are_open(world: World, rule: RouteRule) -> None:
    nobody, without_role = ask(world.house.browser(), rule, world), ask(world.person(), rule, world)
    assert (nobody.status_code == 401 and is_refused(nobody)) is (rule.needs not in ("open", "login"))
    assert is_refused(without_role) is (rule.needs not in ("open", "login", "person"))


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("rule", ROUTES, ids=lambda rule: f"{rule.method} {rule.path}")
def test_a_key_may_what_its_scope_says_and_no_more(world: World, rule: RouteRule, scope: str) -> None:
    answer = ask(world.house.system(scope), rule, world)
    assert is_refused(answer) is not (rule.needs in ("open", "login", scope)), answer.text


@pytest.mark.parametrize(
    "rule", [r for r in ROUTES if r.method != "GET"], ids=lambda rule: f"{rule.method} {rule.path}"
)
def test_an_auditor_changes_nothing(world: World, rule: RouteRule) -> None:
    # What only reads takes a body where a value in an address would be logged.
    if rule.needs not in ("open", "login", "person") and not rule.needs.endswith(":read"):
        assert ask(world.person(Grant("auditor")), rule, world).status_code == 403


@pytest.mark.parametrize(
    "rule",
    [r for r in ROUTES if r.needs in SCOPES and "inspector" in SCOPES[r.needs].roles],  # type: ignore[index]
    ids=lambda rule: f"{rule.method} {rule.path}",
)
@pytest.mark.parametrize("office", ["ELSEWHERE", "{}X", "{} ", "{lower}", "{}/../{}", "%2e", "*", "{}\u200b"])
def test_an_inspector_of_another_office_finds_nothing(world: World, rule: RouteRule, office: str) -> None:
    """Whatever is asked for, the answer is the one for what does not exist."""
    person = world.person(Grant("inspector", "ELSEWHERE"))
    asked = office.replace("{lower}", world.office.lower()).replace("{}", world.office)
    answer = ask(person, rule, world, asked if asked != "ELSEWHERE" else None)
    missing = ask(person, rule, replace(world, number="NONE"), "NOWHERE")
    assert answer.status_code == missing.status_code
    assert answer.status_code in (403, 404, 422)
    same = [
        {k: v for k, v in one.json().items() if k not in ("request_id", "declaration_id")} for one in (answer, missing)
    ]
    assert same[0] == same[1]
    assert world.office not in answer.text


@pytest.mark.parametrize("other", [role for role in PEOPLE if role != "inspector"])
def test_another_role_does_not_widen_what_the_inspectors_one_lets_see(world: World, other: Role) -> None:
    person = world.person(Grant("inspector", "ELSEWHERE"), Grant(other))
    answer = person.get("/api/v1/queue", params={"office": world.office})
    assert (answer.status_code == 200) is (other in SCOPES["queue:read"].roles)
    assert granting([Grant(other)], "queue:read") == ((Grant(other),) if answer.status_code == 200 else ())


def test_the_page_names_every_route_and_every_scope() -> None:
    page = runpy.run_path(str(ROOT / "docs/generate"))["PAGES"]["roles.md"]()
    assert [r for r in ROUTES if f"`{r.method} {r.path}`" not in page] == []
    assert [s for s in SCOPES if f"| `{s}` |" not in page] == []
