"""What the night found, on pages: whose right it is, what each sees, and that a look at pairs is audited."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant, Role
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.night import FOLDER
from basira.storage.record.activity import find_audit
from basira.workflows.monitor.integrity import LOOKED
from tests.support.access_world import House
from tests.support.night_reports import INSPECTOR, PARTY, keep_night
from tests.support.web_world import house_with_pages

_made = iter(range(1_000))


@pytest.fixture(scope="module")
def house(whole: Service, prepared_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("night-pages")
    (folder / "store").mkdir()
    database = Database(shutil.copy(prepared_file, folder / "operations.sqlite"))
    service = replace(whole, database=database, store=folder / "store")
    house = house_with_pages(service)
    evening = house.app.state.clock().date() - timedelta(days=1)
    keep_night(folder / "store", evening)
    # Of a clock that was ahead: it is not yet.
    keep_night(folder / "store", evening + timedelta(days=40))
    yield house
    service.close()


def person(house: House, role: Role, language: str = "en") -> TestClient:
    client = house.person(f"{role}{next(_made)}", Grant(role))
    client.post("/language", data={"language": language, "next": "/"})
    return client


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=";"))


def test_the_proof_says_first_what_was_not_carried_out(house: House) -> None:
    client = person(house, "manager")
    text = client.get("/proof").text
    assert text.index("Least carried out: Random control, 40%") < text.index("are irregular")
    assert "&lt;b&gt;TNG&lt;/b&gt;" in text
    assert "<b>TNG" not in text
    year, recent = (client.get("/proof", params={"period": one}).text for one in ("year", "recent"))
    assert year != recent
    assert client.get("/proof?period=all").status_code == 422


def test_files_hold_numbers_of_the_page_and_no_other_table(house: House) -> None:
    client = person(house, "analyst")
    rows = rows_of(client.get("/proof/sources.csv").text)
    assert [row["Carried out rate"] for row in rows] == ["0,4", "0,9", "1"] or [
        float(row["Carried out rate"].replace(",", ".")) for row in rows
    ] == [0.4, 0.9, 1.0]
    for path in ("/proof/estimates", "/proof/domains", "/proof/lanes", "/drift/alarms", "/drift/watches"):
        for ending in ("csv", "xlsx"):
            assert client.get(f"{path}.{ending}").status_code == 200, path
    assert client.get("/proof/other.csv").status_code == 404
    assert client.get("/proof/sources.pdf").status_code in (404, 422)


def test_what_changed_says_what_to_do(house: House) -> None:
    text = person(house, "data_scientist").get("/drift").text
    assert "Recording changed" in text
    assert 'id="bars-sentence"' in text


def test_pairs_are_for_auditors_and_their_number_for_managers_and_each_look_is_audited(house: House) -> None:
    database = house.service.database

    def looks() -> list[str]:
        with database.read() as connection:
            return [str(row) for row in find_audit(connection) if row["action"] == LOOKED]

    before = len(looks())
    manager, auditor = person(house, "manager"), person(house, "auditor")
    seen = manager.get("/integrity").text + manager.get("/integrity/offices.csv").text
    assert "CASA" in seen
    assert INSPECTOR not in seen
    assert PARTY not in seen
    assert manager.get("/integrity/pairs.csv").status_code == 404
    assert INSPECTOR in auditor.get("/integrity").text
    assert rows_of(auditor.get("/integrity/pairs.csv").text)[0]["Operator"] == PARTY
    # Also the one that got nothing: it was asked for.
    assert len(looks()) == before + 5
    for role in ("analyst", "data_scientist", "administrator"):
        assert person(house, role).get("/integrity").status_code == 403
    assert len(looks()) == before + 5


def test_without_a_night_a_page_says_what_makes_one(house: House, whole: Service, tmp_path: Path) -> None:
    assert house.service.store is not None
    kept = house.service.store / FOLDER
    aside = kept.rename(tmp_path / "aside")
    try:
        for path in ("/proof", "/drift", "/integrity"):
            assert "basira night" in person(house, "auditor").get(path).text
    finally:
        aside.rename(kept)
