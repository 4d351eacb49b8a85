"""Lists on pages: made, filled in, ended; what one person did is seen by the next, and no file names an operator."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.storage.record.activity import find_audit
from basira.workflows.rules.lists import find_in_list
from tests.support.access_world import House
from tests.support.api_world import TODAY
from tests.support.web_world import Decided, form_of
from tests.web.routes.test_people import send

LIST = {"name": "watched", "title": "Watched", "owner": "Valeur", "kind": "origins", "matching": "exact"}
ENTRY = {"value": "cn", "source": "note 12", "reason": "three findings"}


@pytest.fixture
def house(decided: Decided) -> House:
    return decided.house


@pytest.fixture
def amina(house: House) -> TestClient:
    client = house.person("amina", Grant("analyst"))
    assert "No list." in client.get("/lists").text
    assert send(client, "/lists/new", **LIST).headers["location"] == "/lists/watched?done=made"
    return client


def add(client: TestClient, name: str = "watched", **fields: str) -> Any:
    path = f"/lists/{name}"
    sent = {**form_of(client, path, f"{path}/entries"), **ENTRY, **fields}
    return send(client, f"{path}/entries", **sent)


def holds(house: House, value: str, name: str = "watched", **later: float) -> bool:
    with house.service.database.read() as connection:
        return find_in_list(connection, name, value, on=TODAY + timedelta(**later)) is not None


def test_an_entry_is_added_in_the_form_of_declarations_and_ended(house: House, amina: TestClient) -> None:
    assert add(amina).status_code == 303
    assert holds(house, "CN")
    page = amina.get("/lists/watched").text
    assert ">CN<" in page
    end = amina.get("/lists/watched/entries/1/end")
    assert end.status_code == 200
    assert holds(house, "CN")  # a preview ends nothing
    path = "/lists/watched/entries/1/end"
    fields = form_of(amina, path, path)
    assert send(amina, path, **fields).status_code == 422  # without a motive
    assert send(amina, path, **{**fields, "motive": "Cleared."}).headers["location"].endswith("done=ended")
    assert not holds(house, "CN")
    assert "No entry in force." in amina.get("/lists/watched").text
    assert ">CN<" in amina.get("/lists/watched?over=yes").text
    with house.service.database.read() as connection:
        actions = [row["action"] for row in find_audit(connection, subject="list/watched")]
    assert actions == ["list.ended", "list.added", "list.made"]


@pytest.mark.parametrize(
    "fields",
    [{"value": "China"}, {"value": ""}, {"source": ""}, {"from": "2023-12-01", "until": "2023-11-01"}],
)
def test_what_can_not_be_added_is_said_and_stays_typed(house: House, amina: TestClient, fields: dict[str, str]) -> None:
    answer = add(amina, **{"reason": "typed reason", **fields})
    assert answer.status_code == 422
    assert 'id="rule-fault"' in answer.text
    assert 'value="typed reason"' in answer.text
    assert not holds(house, "CN")


def test_two_who_add_at_once_see_each_other(house: House, amina: TestClient) -> None:
    seen = form_of(amina, "/lists/watched", "/lists/watched/entries")
    nabil = house.person("nabil", Grant("data_scientist"))
    assert add(nabil, value="tr").status_code == 303
    assert send(amina, "/lists/watched/entries", **{**seen, **ENTRY}).status_code == 422
    assert not holds(house, "CN")


def test_a_list_that_names_operators_is_in_no_file(house: House, amina: TestClient) -> None:
    assert send(amina, "/lists/new", **{**LIST, "name": "traders", "kind": "operators"}).status_code == 303
    assert add(amina, "traders", value="RC-77").status_code == 303
    assert "RC-77" in amina.get("/lists/traders").text
    for ending in ("csv", "xlsx"):
        assert amina.get(f"/lists/traders/entries.{ending}").status_code == 403
        assert b"RC-77" not in amina.get(f"/lists.{ending}").content
    add(amina)
    assert "CN" in amina.get("/lists/watched/entries.csv").text
    assert amina.get("/lists/watched/entries.xlsx").content[:2] == b"PK"


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_who_does_not_write_reads(house: House, amina: TestClient, role: Any) -> None:
    add(amina)
    other = house.person("badr", Grant(role))
    page = other.get("/lists/watched").text
    assert ">CN<" in page
    assert "/entries/1/end" not in page
    answer = send(other, "/lists/watched/entries", **{**ENTRY, "value": "tr", "seen": "2"})
    assert answer.status_code == 403
    assert other.get("/lists/new").status_code == 403
    assert not holds(house, "TR")
    assert other.get("/lists/none").status_code == 404


def upload(client: TestClient, table: bytes, name: str = "watched", **fields: str) -> Any:
    path = f"/lists/{name}"
    seen = form_of(client, path, f"{path}/import")["seen"]
    sent = {"csrf_token": client.headers["X-CSRF-Token"], "seen": seen, **fields}
    return client.post(f"{path}/import", data=sent, files={"file": ("table.csv", table, "text/csv")})


def test_a_table_is_added_whole_or_not_at_all(house: House, amina: TestClient) -> None:
    rows = ["valeur;du;au;source;motif;responsable", "cn;2023-10-01;;note 12;findings;", "tr;2023-10-01;;note 12;same;"]
    answer = upload(amina, "\n".join(rows).encode(), motive="Note 12")
    assert answer.headers["location"] == "/lists/watched?done=imported"
    assert holds(house, "CN")
    assert holds(house, "TR")
    broken = [rows[0], "de;2023-10-01;;n;m;", "Chine;2023-10-01;;n;m;", "es;01/10/2023;;n;m;"]
    page = upload(amina, "\n".join(broken).encode())
    assert page.status_code == 422
    assert "Nothing is added. Rows to correct: 2." in page.text
    assert not holds(house, "DE")
    assert upload(amina, b"a;b\n1;2\n").status_code == 422
    assert upload(amina, rows[0].encode()).headers["location"].endswith("done=import_empty")
    assert upload(amina, "\n".join([rows[0], "it;2023-10-01;;n;m;"]).encode(), seen="1").status_code == 422  # changed
    with house.service.database.read() as connection:
        found = [(row["action"], row["motive"]) for row in find_audit(connection, subject="list/watched")]
    assert found == [("list.added", "Note 12"), ("list.made", None)]


def test_a_workbook_that_unpacks_to_gigabytes_is_not_read(house: House, amina: TestClient) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b"0" * (65 << 20))
    assert upload(amina, packed.getvalue()).status_code == 422


def test_who_does_not_write_imports_nothing(house: House, amina: TestClient) -> None:
    other = house.person("badr", Grant("manager"))
    assert 'id="table-file"' not in other.get("/lists/watched").text
    files = {"file": ("table.csv", b"x", "text/csv")}
    assert other.post("/lists/watched/import", data={"seen": "1"}, files=files).status_code == 403
