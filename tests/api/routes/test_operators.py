"""The operators of a declaration: for who may read it, in one answer, and in no list and no file."""

from __future__ import annotations

from typing import Any

import pytest

from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.access import Grant, Role
from basira.serving.service import Service
from basira.storage.record.events import find_events
from tests.support.access_world import ORIGIN, House
from tests.support.api_world import TODAY
from tests.support.postgres import tamper

NAMES = ("importer_id", "declarant_id", "exporter_id")
READERS: tuple[Role, ...] = ("inspector", "analyst", "manager", "data_scientist", "auditor")


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN, rates=Rates(0, 0, 0)))


@pytest.fixture
def sent(house: House, arrivals: list[dict[str, Any]]) -> dict[str, Any]:
    body = {**arrivals[0], "office": "HERE", "importer_id": "ICE-IMPORTER", "declarant_id": "ICE-DECLARANT"}
    assert house.system("declarations:write").post("/api/v1/declarations", json=body).status_code == 200
    return body


def path(number: str) -> str:
    return f"/api/v1/declarations/{number}/operators"


@pytest.mark.parametrize("role", READERS)
def test_who_may_read_a_declaration_may_read_who_declared_it(house: House, sent: dict[str, Any], role: Role) -> None:
    answer = house.person("reader", Grant(role, "HERE" if role == "inspector" else "")).get(
        path(sent["declaration_id"])
    )
    assert answer.json() == {
        "declaration_id": sent["declaration_id"],
        "declaration_version": 1,
        "operators": {name: sent[name] for name in NAMES if name in sent},
        "names": {},
    }


def test_the_last_version_counts(house: House, sent: dict[str, Any]) -> None:
    later = {**sent, "declaration_version": 2, "importer_id": "ICE-LATER"}
    assert house.system("declarations:write").post("/api/v1/declarations", json=later).status_code == 200
    found = house.person("reader", Grant("manager")).get(path(sent["declaration_id"])).json()
    assert (found["declaration_version"], found["operators"]["importer_id"]) == (2, "ICE-LATER")


def test_an_erased_one_is_null(house: House, sent: dict[str, Any]) -> None:
    tamper(str(house.service.database.engine.url), "DELETE FROM personal_value WHERE field = 'importer_id'")
    found = house.person("reader", Grant("manager")).get(path(sent["declaration_id"])).json()
    assert found["operators"]["importer_id"] is None
    assert found["operators"]["declarant_id"] == "ICE-DECLARANT"


def test_of_another_office_it_is_not_found_in_the_same_words_and_without_a_look(
    house: House, sent: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    person = house.person("ali", Grant("inspector", "THERE"))
    looked: list[Any] = []
    monkeypatch.setattr("basira.serving.views.declaration.find_known", lambda *asked: looked.append(asked))
    answers = [person.get(path(number)) for number in (sent["declaration_id"], "999-2023-9999999")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert looked == []


@pytest.mark.parametrize("role", READERS)
def test_no_other_answer_and_no_file_names_them(house: House, sent: dict[str, Any], role: Role) -> None:
    person = house.person("reader", Grant(role, "HERE" if role == "inspector" else ""))
    query = {"office": "HERE", "day": TODAY.isoformat()}
    answers = [
        person.get(f"/api/v1/declarations/{sent['declaration_id']}"),
        person.get("/api/v1/queue", params=query),
        person.get("/api/v1/queue", params=query, headers={"Accept": "text/csv"}),
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert all(sent[name] not in answer.text for answer in answers for name in ("importer_id", "declarant_id"))


def test_they_are_not_in_the_record_itself(house: House, sent: dict[str, Any]) -> None:
    with house.service.database.read() as connection:
        rows = find_events(connection, sent["declaration_id"])
    assert all("ICE-IMPORTER" not in str(row["payload"]) for row in rows)
