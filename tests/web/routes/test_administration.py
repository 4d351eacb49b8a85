"""Offices and settings on pages: what each line counts, and that no secret is among them."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient

from basira.app import SETTINGS
from basira.render.languages import LANGUAGES
from basira.schema.access import Grant
from basira.web.application import add_pages
from basira.web.render import words_of
from basira.web.settings_shown import setting_shown
from tests.support.web_world import Decided


@pytest.fixture
def admin(decided: Decided) -> TestClient:
    return decided.house.person("rachid", Grant("administrator"))


def offices(admin: TestClient) -> dict[str, list[str]]:
    text = admin.get("/offices.csv").content.decode("utf-8-sig")
    return {line[0]: line[1:] for line in list(csv.reader(io.StringIO(text), delimiter=";"))[1:]}


def test_an_office_counts_its_inspectors_and_what_waits(decided: Decided, admin: TestClient) -> None:
    office = decided.waiting[1]
    waiting = sum(one["inspects"] and one["office"] == office for one in decided.all)
    declared = sum(one["office"] == office for one in decided.all)
    assert offices(admin)[office][1:4] == ["0", str(waiting), str(declared)]
    assert "no inspector" in admin.get("/offices").text
    for one in {body["office"] for body in decided.all}:
        decided.house.user(f"of-{one}".lower(), Grant("inspector", one))
    assert offices(admin)[office][1] == "1"
    listed = decided.house.service.policy(decided.house.clock[0].date()).offices
    if set(offices(admin)) == {body["office"] for body in decided.all}:
        assert "no inspector" not in admin.get("/offices").text
    assert set(listed) <= set(offices(admin))
    assert admin.get("/offices.xlsx").content[:2] == b"PK"


def test_settings_are_shown_without_a_password(decided: Decided, admin: TestClient) -> None:
    address = "postgresql+psycopg://basira:hunter%202@db.example/basira"
    decided.house.app.state.settings_shown = [
        setting_shown("BASIRA_DATABASE", address, default="", meaning="URL"),
        setting_shown("BASIRA_LANGUAGE", "fr", default="fr", meaning="language"),
    ]
    for path in ("/settings", "/settings.csv"):
        text = admin.get(path).text
        assert "hunter" not in text
        assert "basira:•••@db.example" in text
    assert admin.get("/settings.xlsx").content[:2] == b"PK"


def test_every_setting_has_its_words_in_each_language() -> None:
    for language in LANGUAGES:
        words = words_of(language)
        assert [one.name for one in SETTINGS if not words.has(f"setting.{one.name}")] == []


def test_pages_without_a_list_of_settings_say_so(decided: Decided, admin: TestClient) -> None:
    add_pages(decided.house.app)
    assert "No setting to show." in admin.get("/settings").text
