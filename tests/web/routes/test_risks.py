"""The register of risks on pages: written, changed, reviewed; every version stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from tests.support.access_world import House
from tests.support.api_world import TODAY
from tests.support.web_world import Decided, form_of
from tests.web.routes.test_people import send

RISK = {
    "risk_id": "undervalued-phones",
    "title": "Undervalued phones",
    "owner": "Valeur",
    "likelihood": "4",
    "consequence": "4",
    "treatment": "reduce",
    "plan": "Compare with retail prices.",
}


@pytest.fixture
def house(decided: Decided) -> House:
    return decided.house


@pytest.fixture
def amina(house: House) -> TestClient:
    return house.person("amina", Grant("analyst"))


def write(client: TestClient, **fields: str) -> Any:
    return send(client, "/risks/new", **{**form_of(client, "/risks/new", "/risks/new"), **RISK, **fields})


def test_a_risk_is_written_changed_and_reviewed(amina: TestClient) -> None:
    assert "The register is empty." in amina.get("/risks").text
    assert write(amina).headers["location"] == "/risks/undervalued-phones?done=recorded"
    assert "Extreme" in amina.get("/risks").text
    change = form_of(amina, "/risks/undervalued-phones/change", "/risks/new")
    assert change["title"] == RISK["title"]
    later = {**change, "treatment": "avoid", "likelihood": "4", "consequence": "4", "title": "Phones below cost"}
    assert send(amina, "/risks/new", **later).status_code == 303
    late = send(amina, "/risks/new", **later)  # made from a version that is no longer the last
    assert late.status_code == 422
    assert "Another person recorded a version meanwhile" in late.text
    path = "/risks/undervalued-phones"
    review = {**form_of(amina, path, f"{path}/review"), "likelihood": "1", "consequence": "4"}
    assert send(amina, f"{path}/review", **review).status_code == 422  # without a motive
    review["motive"] = "Fewer findings."
    assert send(amina, f"{path}/review", **review).headers["location"].endswith("done=reviewed")
    page = amina.get(path).text
    assert "Moderate" in page
    assert all(f"Version {number}" in page for number in (1, 2, 3))
    assert "Fewer findings." in page
    # Made from a version that is no longer the last, and from none.
    late = send(amina, f"{path}/review", **review)
    assert late.status_code == 422
    assert "Another person recorded a version meanwhile" in late.text
    assert send(amina, f"{path}/review", **{**review, "seen": ""}).status_code == 422
    assert "Version 4" not in amina.get(path).text


def test_a_closed_risk_and_an_overdue_one_look_different(house: House, amina: TestClient) -> None:
    write(amina, review_on=(TODAY + timedelta(days=2)).isoformat())
    write(amina, risk_id="closed-one", title="Closed one")
    path = "/risks/closed-one"
    review = {**form_of(amina, path, f"{path}/review"), "likelihood": "1", "consequence": "1"}
    review |= {"motive": "Gone.", "is_closed": "yes"}
    assert send(amina, f"{path}/review", **review).status_code == 303
    house.clock[0] += timedelta(days=5)
    page = house.person("leila", Grant("auditor")).get("/risks").text
    assert page.index("Review overdue") < page.index("Closed one")
    assert page.count("Review overdue") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"risk_id": "Not good"},
        {"title": " "},
        {"rules": "no-such-rule"},
        {"review_on": "2020-01-01"},
        {"likelihood": "6"},
        {"treatment": "ignore"},
    ],
)
def test_what_can_not_be_recorded_is_said(amina: TestClient, fields: dict[str, str]) -> None:
    assert write(amina, **fields).status_code == 422
    assert "The register is empty." in amina.get("/risks").text


def test_the_files_hold_the_register(amina: TestClient) -> None:
    write(amina)
    lines = amina.get("/risks.csv").content.decode("utf-8-sig").splitlines()
    assert lines[1].startswith("undervalued-phones;Undervalued phones;Extreme;4;4;Valeur;")
    assert amina.get("/risks.xlsx").content[:2] == b"PK"


def test_a_manager_reads_and_does_not_write(house: House, amina: TestClient) -> None:
    write(amina)
    badr = house.person("badr", Grant("manager"))
    assert "review-title" not in badr.get("/risks/undervalued-phones").text
    other = {**RISK, "risk_id": "other", "review_on": "2030-01-01", "seen": "0"}
    assert send(badr, "/risks/new", **other).status_code == 403
    assert badr.get("/risks/new").status_code == 403
    assert badr.get("/risks/other").status_code == 404
