"""Auditors read who did what: changes of access, what was done to declarations; a name behind each id, in pages."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.api.openapi.answers import ANSWERS
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.accounts.users import erase_user, set_grants
from tests.support.access_world import House
from tests.support.api_world import TODAY, Desk

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]
WHY = "Documents do not agree."


@pytest.fixture
def house(service: Service) -> House:
    return House(service)


@pytest.fixture
def auditor(house: House) -> TestClient:
    return house.person("an.auditor", Grant("auditor"))


def rows(client: TestClient, path: str, **query: Any) -> list[Body]:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    found: list[Body] = answer.json()["rows"]
    return found


def test_a_change_of_roles_is_reported_with_who_when_before_and_after(house: House, auditor: TestClient) -> None:
    user_id = house.user("a.benali", Grant("analyst"))
    with house.service.database.write() as connection:
        set_grants(connection, user_id, [Grant("manager")], actor="badge 7", now=house.clock[0])
    page = auditor.get("/api/v1/audit", params={"subject": f"user/{user_id}"}).json()
    changed, created = page["rows"]
    assert (changed["action"], changed["by"]) == ("user.roles_changed", "badge 7")
    assert (changed["before"], changed["after"]) == ({"roles": ["analyst"]}, {"roles": ["manager"]})
    assert changed["at"].startswith(TODAY.isoformat())
    assert created["action"] == "user.created"
    assert page["names"] == {user_id: "a.benali"}
    assert page["next_cursor"] is None
    assert page.keys() == ANSWERS["audit"].keys()
    assert changed.keys() == ANSWERS["audit"]["rows"][0].keys()
    assert [row["action"] for row in rows(auditor, "audit", action="user.roles_changed")] == ["user.roles_changed"]
    assert rows(auditor, "audit", actor="badge 7") == [changed]
    assert rows(auditor, "audit", to="2020-01-01") == []


def test_what_an_officer_did_to_a_declaration_is_found_by_login(
    house: House, desk: Desk, arrivals: list[Body], auditor: TestClient
) -> None:
    results = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    decided = next(one for one in results if not one["inspects"])
    number, office = decided["declaration_id"], decided["office"]
    officer = house.person("o.ficer", Grant("manager"))
    seen = {"lane": "red", "motive": WHY, "given_by": decided["decision_id"], "note": "SIM-MR-X"}
    assert officer.post(f"/api/v1/declarations/{number}/reselection", json=seen).status_code == 200
    page = auditor.get("/api/v1/deeds", params={"actor": "O.Ficer"}).json()
    (deed,) = page["rows"]
    assert (deed["action"], deed["subject"], deed["office"], deed["motive"]) == ("reselection", number, office, WHY)
    assert (deed["before"]["lane"], deed["after"]["lane"]) == (decided["lane"], "red")
    assert page["names"][deed["by"]] == "o.ficer"
    assert deed.keys() == ANSWERS["deeds"]["rows"][0].keys()
    whole = rows(auditor, "deeds", declaration=number, office=office.lower())
    assert [row["action"] for row in whole] == ["reselection", "decision"]  # a registration is of no office
    everything = rows(auditor, "deeds", declaration=number)
    assert [row["action"] for row in everything] == ["reselection", "decision", "registration"]
    assert everything[1]["after"]["lane"] == decided["lane"]
    assert rows(auditor, "deeds", kind="cancellation") == []
    assert "SIM-MR-X" not in str(everything)


def test_nothing_of_an_importer_is_in_it(desk: Desk, arrivals: list[Body], auditor: TestClient) -> None:
    desk.post([{**body, "importer_id": "SIM-ICE-77"} for body in arrivals[:3]])
    text = auditor.get("/api/v1/deeds").text
    assert "registration" in text
    assert "SIM-ICE-77" not in text
    assert "importer" not in text


def test_pages_follow_one_another_and_miss_nothing(desk: Desk, arrivals: list[Body], auditor: TestClient) -> None:
    desk.post(arrivals[:5])
    seen: list[int] = []
    cursor: int | None = None
    while True:
        query = {"limit": 3, **({} if cursor is None else {"cursor": cursor})}
        page = auditor.get("/api/v1/deeds", params=query).json()
        assert len(page["rows"]) <= 3
        seen += [row["sequence"] for row in page["rows"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(range(len(seen), 0, -1))
    assert len(seen) == 10


def test_all_of_it_as_a_spreadsheet(house: House, auditor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("basira.workflows.records.activity.PART_ROWS", 2)
    for number in range(5):
        house.user(f"user{number}")
    answer = auditor.get("/api/v1/audit", params={"format": "csv", "action": "user.created"})
    assert answer.headers["content-type"].startswith("text/csv")
    found = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert len(found) == 6
    assert {row["action"] for row in found} == {"user.created"}


def test_who_was_erased_has_no_name_any_more(house: House, auditor: TestClient) -> None:
    user_id = house.user("g.one")
    with house.service.database.write() as connection:
        erase_user(connection, user_id, actor="badge 7", motive="law 09-08", now=house.clock[0])
    page = auditor.get("/api/v1/audit", params={"subject": f"user/{user_id}"}).json()
    assert [row["action"] for row in page["rows"]] == ["user.erased", "user.created"]
    assert page["names"] == {}
    assert "g.one" not in str(page)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1_001}, {"cursor": 0}, {"cursor": "x"}, {"from": "yesterday"}]
)
def test_what_cannot_be_asked_is_reported(auditor: TestClient, query: Body) -> None:
    answer = auditor.get("/api/v1/audit", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert auditor.get("/api/v1/deeds", params={"kind": "gossip"}).status_code == 422


def test_an_administrator_reads_changes_of_access_alone(house: House) -> None:
    administrator = house.person("ad.min", Grant("administrator"))
    assert administrator.get("/api/v1/audit").status_code == 200
    assert administrator.get("/api/v1/deeds").status_code == 403
