"""The figures of a period: counted right, by whom they may be read, and the same in the page, the files and the API."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from tests.support.web_world import Decided, answers_for


@pytest.fixture
def manager(decided: Decided) -> TestClient:
    return decided.house.person("houda", Grant("manager"))


def record_result(decided: Decided, *, is_irregular: bool) -> None:
    officer = decided.house.person("nadia", Grant("inspector", decided.waiting[1]))
    answers = ("confirmed", "irregular") if is_irregular else ("refuted", "compliant")
    fields = answers_for(officer, decided.page, line=answers[0], conclusion=answers[1])
    assert officer.post(f"{decided.page}/result", data=fields).status_code == 303


def figures(manager: TestClient, **query: str) -> dict[str, Any]:
    answer = manager.get("/api/v1/figures", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_counts_what_was_selected_and_carried_out(decided: Decided, manager: TestClient) -> None:
    selected = sum(one["inspects"] for one in decided.all)
    whole = figures(manager)["whole"]
    assert (whole["declared"], whole["selected"]["hits"], whole["carried_out"]["hits"]) == (
        len(decided.all),
        selected,
        0,
    )
    record_result(decided, is_irregular=True)
    whole = figures(manager)["whole"]
    assert (whole["carried_out"]["hits"], whole["carried_out"]["of"]) == (1, selected)
    assert (whole["hit"]["hits"], whole["hit"]["of"], whole["hit"]["rate"]) == (1, 1, 1.0)
    assert 0 < whole["hit"]["low"] < 1 == whole["hit"]["high"]


def test_offices_and_sources_add_up_to_the_whole(decided: Decided, manager: TestClient) -> None:
    record_result(decided, is_irregular=False)
    found = figures(manager)
    for groups in (found["offices"], found["sources"]):
        for name in ("declared", "revenue"):
            assert sum(one[name] for one in groups.values()) == found["whole"][name]
        for name in ("selected", "carried_out", "hit"):
            assert sum(one[name]["hits"] for one in groups.values()) == found["whole"][name]["hits"]
    assert sum(one["share"]["hits"] for one in found["lanes"]) == found["whole"]["declared"]
    (office,) = {one["office"] for one in decided.all if one["declaration_id"] == decided.waiting[0]}
    assert figures(manager, office=office)["whole"] == found["offices"][office]


def test_a_pick_of_an_officer_is_a_source_of_its_own(decided: Decided, manager: TestClient) -> None:
    number, office = decided.released
    before = figures(manager)["whole"]["selected"]["hits"]
    officer = decided.house.person("omar", Grant("inspector", office))
    answer = officer.post(
        f"/api/v1/declarations/{number}/reselection",
        json={"lane": "red", "motive": "Reliable information"},
        headers={"If-Match": officer.get(f"/api/v1/declarations/{number}").headers["etag"]},
    )
    assert answer.status_code == 200, answer.text
    found = figures(manager)
    assert found["sources"]["officer"]["selected"]["hits"] == 1
    assert found["whole"]["selected"]["hits"] == before + 1


def test_a_period_stands_beside_the_one_before(decided: Decided, manager: TestClient) -> None:
    day = decided.house.clock[0].date()
    now = figures(manager, **{"from": day.isoformat(), "to": day.isoformat()})
    assert (now["whole"]["declared"], now["before"]["declared"]) == (len(decided.all), 0)
    later = day.replace(day=day.day + 1).isoformat()
    then = figures(manager, **{"from": later, "to": later})
    assert (then["whole"]["declared"], then["before"]["declared"]) == (0, len(decided.all))
    assert "No declaration in this period." in manager.get(f"/figures?from={later}&to={later}").text


@pytest.mark.parametrize(
    "query", ["from=2026-02-30", "to=x", "from=2026-03-02&to=2026-03-01", "from=1900-01-01", "from=0001-01-01"]
)
def test_days_that_are_none_are_a_fault(decided: Decided, manager: TestClient, query: str) -> None:
    for path in ("/figures", "/figures.csv", "/figures.xlsx"):
        assert manager.get(f"{path}?{query}").status_code == 422


def test_the_files_say_what_the_page_says(decided: Decided, manager: TestClient) -> None:
    record_result(decided, is_irregular=True)
    found = figures(manager)
    text = manager.get("/figures.csv").content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    (whole,) = [line for line in lines if line["Group"] == "Period"]
    assert int(whole["Declarations"]) == found["whole"]["declared"]
    assert whole["Hit rate"] == "1,0000"
    assert {line["Name"] for line in lines if line["Group"] == "Office"} == set(found["offices"])
    book = manager.get("/figures.xlsx")
    assert "spreadsheetml" in book.headers["content-type"]
    names = zipfile.ZipFile(io.BytesIO(book.content)).namelist()
    assert "xl/worksheets/sheet2.xml" in names


def test_no_name_of_a_person_is_in_it(decided: Decided, manager: TestClient) -> None:
    record_result(decided, is_irregular=True)
    page = manager.get("/figures").text
    assert "Nadia" not in page
    assert "Nadia" not in str(figures(manager))
