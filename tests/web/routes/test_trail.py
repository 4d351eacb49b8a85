"""What an auditor looks up: who did what, the heads of the chains, a decision made again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.decisions.events import read_records
from basira.decisions.records import Decision
from basira.schema.access import Grant
from basira.storage.record.verify import export_heads
from tests.support.web_world import Decided


@pytest.fixture
def auditor(decided: Decided) -> TestClient:
    return decided.house.person("leila", Grant("auditor"))


def reselect(decided: Decided) -> str:
    number, office = decided.released
    officer = decided.house.person("omar", Grant("inspector", office))
    answer = officer.post(
        f"/api/v1/declarations/{number}/reselection",
        json={"lane": "red", "motive": "Seal broken <b>"},
        headers={"If-Match": officer.get(f"/api/v1/declarations/{number}").headers["etag"]},
    )
    assert answer.status_code == 200, answer.text
    return number


def test_activity_is_found_by_what_it_is_of(decided: Decided, auditor: TestClient) -> None:
    number = reselect(decided)
    for query in (f"subject={number}", "action=reselection", "by=omar", f"office={decided.released[1].lower()}"):
        page = auditor.get(f"/activity?{query}").text
        assert "Seal broken &lt;b&gt;" in page, query
        assert f'href="/declarations/{number}"' in page
    for query in ("action=cancellation", "by=nobody", "subject=NONE", "from=2099-01-01", "to=2000-01-01"):
        page = auditor.get(f"/activity?{query}").text
        assert "Nothing is recorded for this search." in page, query
    assert "Seal broken" in auditor.get("/activity.csv?by=omar").text


def test_pages_lead_through_the_whole_list_and_keep_the_filter(
    decided: Decided, auditor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("basira.web.routes.trail.PAGE_ROWS", 3)
    address, seen = "/activity?action=decision", []
    while address:
        text = auditor.get(address).text
        seen += [part.split('"')[0] for part in text.split('href="/declarations/')[1:]]
        found = [
            part.split('"')[0] for part in text.split('href="') if part.startswith("/activity?") and "cursor" in part
        ]
        address = found[-1].replace("&amp;", "&") if found else ""
        assert "action=decision" in (address or "action=decision")
    assert sorted(seen) == sorted(one["declaration_id"] for one in decided.all)


def test_changes_of_access_name_who_made_them(decided: Decided, auditor: TestClient) -> None:
    page = auditor.get("/changes?action=user.created").text
    assert "user.created" in page
    assert "leila" in page


@pytest.mark.parametrize("path", ["/activity", "/activity.csv", "/changes", "/changes.csv"])
@pytest.mark.parametrize("query", ["from=x", "to=2026-02-30", "cursor=0", "unknown=1"])
def test_a_filter_that_is_none_is_a_fault(auditor: TestClient, path: str, query: str) -> None:
    assert auditor.get(f"{path}?{query}").status_code == 422


def test_the_heads_are_those_of_the_record(decided: Decided, auditor: TestClient) -> None:
    page = auditor.get("/chain").text
    with decided.house.service.database.read() as connection:
        heads = export_heads(connection)
    assert heads
    assert all(head.head_hash in page for head in heads)


def test_a_decision_is_made_again_and_is_the_same(decided: Decided, auditor: TestClient) -> None:
    page = auditor.get(f"{decided.page}/replay")
    assert page.status_code == 200, page.text
    assert "Identical." in page.text


def test_a_decision_that_was_changed_is_shown_as_different(
    decided: Decided, auditor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = decided.waiting[0]

    def altered(rows: Any) -> Any:
        return [
            dataclasses.replace(one, lane="green")
            if isinstance(one, Decision) and one.declaration_id == number
            else one
            for one in read_records(rows)
        ]

    monkeypatch.setattr("basira.serving.replay.read_records", altered)
    page = auditor.get(f"{decided.page}/replay").text
    assert "Different from what is recorded." in page
    assert "Identical." not in page


def test_no_secret_of_the_store_is_shown(decided: Decided, auditor: TestClient) -> None:
    store = decided.house.service.store
    assert isinstance(store, Path)
    assert str(store) not in auditor.get(f"{decided.page}/replay").text
