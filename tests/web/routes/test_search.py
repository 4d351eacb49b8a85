"""The page that looks declarations up: each filter finds what it says, pages leave nothing out, files say the same."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.web.routes import search
from tests.support.web_world import Decided, answers_for


@pytest.fixture
def analyst(decided: Decided) -> TestClient:
    return decided.house.person("amina", Grant("analyst"))


def numbers(page: str) -> list[str]:
    return re.findall(r'href="/declarations/([^"?]+)"', page)


def test_every_declaration_is_found_and_no_filter_lets_another_through(decided: Decided, analyst: TestClient) -> None:
    expected = {one["declaration_id"]: one for one in decided.all}
    found = rows_of(analyst)
    assert {row[0] for row in found} == set(expected)
    for name, of in (("office", "office"), ("lane", "lane"), ("source", "basis")):
        for value in {one[of] for one in expected.values()}:
            wanted = {number for number, one in expected.items() if one[of] == value}
            assert {row[0] for row in rows_of(analyst, **{name: value})} == wanted, (name, value)
    for status, inspects in (("waiting", True), ("released", False)):
        wanted = {number for number, one in expected.items() if one["inspects"] is inspects}
        assert {row[0] for row in rows_of(analyst, status=status)} == wanted
    assert rows_of(analyst, status="cancelled") == []


def test_a_number_is_found_by_how_it_begins_in_whichever_form(decided: Decided, analyst: TestClient) -> None:
    number = decided.waiting[0]
    assert numbers(analyst.get("/declarations", params={"number": number.lower()}).text) == [number]
    begun = {row[0] for row in rows_of(analyst, number=number[:6])}
    assert begun == {one["declaration_id"] for one in decided.all if one["declaration_id"].startswith(number[:6])}
    for text in ("%", "_", number[1:]):
        assert numbers(analyst.get("/declarations", params={"number": text}).text) == []


def test_a_result_is_found_by_what_it_says(decided: Decided, analyst: TestClient) -> None:
    number, office = decided.waiting
    assert rows_of(analyst, result="irregular") == []
    officer = decided.house.person("nadia", Grant("inspector", office))
    fields = answers_for(officer, decided.page, line="confirmed", conclusion="irregular")
    assert officer.post(f"{decided.page}/result", data=fields).status_code == 303
    assert [row[0] for row in rows_of(analyst, result="irregular")] == [number]
    assert [row[0] for row in rows_of(analyst, status="inspected")] == [number]
    assert len(rows_of(analyst, result="none")) == len(decided.all) - 1


def test_days_bound_what_is_found(decided: Decided, analyst: TestClient) -> None:
    given = rows_of(analyst)[0][5]
    assert len(rows_of(analyst, **{"from": given[:10], "to": given[:10]})) == len(decided.all)
    assert rows_of(analyst, to="2020-01-01") == []
    assert rows_of(analyst, **{"from": "9999-12-31"}) == []
    assert len(rows_of(analyst, to="9999-12-31")) == len(decided.all)


def test_pages_follow_one_another_without_a_gap(
    decided: Decided, analyst: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE_ROWS", 2)
    address, seen = "/declarations?result=none", []
    while address:
        text = analyst.get(address).text
        seen += numbers(text)
        following = re.search(r'href="([^"]*cursor=\d+[^"]*)"', text)
        address = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == len(decided.all) > 4


def test_the_workbook_and_the_file_in_parts_hold_every_row(
    decided: Decided, analyst: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rows_of(analyst)
    monkeypatch.setattr(search, "PART_ROWS", 4)
    assert rows_of(analyst) == whole
    book = analyst.get("/declarations.xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(book.content)).read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == len(decided.all) + 1
    monkeypatch.setattr(search, "MOST_COUNTED", 2)
    assert analyst.get("/declarations.xlsx").status_code == 422
    text = analyst.get("/declarations").text
    assert "declarations.xlsx" not in text
    assert "Plus de 2" in text or "More than 2" in text


@pytest.mark.parametrize(
    "query", ["source=x", "status=x", "result=x", "from=x", "from=2024-01-02&to=2024-01-01", "cursor=0", "other=1"]
)
@pytest.mark.parametrize("path", ["/declarations", "/declarations.csv", "/declarations.xlsx"])
def test_what_can_not_be_asked_is_refused(read_only: Decided, path: str, query: str) -> None:
    browser = read_only.house.person(f"a{abs(hash((path, query)))}", Grant("analyst"))
    assert browser.get(f"{path}?{query}").status_code == 422


def test_no_operator_is_in_the_list_or_a_file(read_only: Decided, arrivals: list[dict[str, object]]) -> None:
    browser = read_only.house.person("lina", Grant("manager"))
    names = {str(body[name]) for body in arrivals for name in ("importer_id", "declarant_id") if body.get(name)}
    assert names
    for path in ("/declarations", "/declarations.csv"):
        cells = set(re.split(r'[;<>"\n]', browser.get(path).text))
        assert not names & cells


def rows_of(browser: TestClient, **query: str) -> list[list[str]]:
    answer = browser.get("/declarations.csv", params=query)
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))[1:]
