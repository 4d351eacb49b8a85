"""A word for no claims no preference, as it does in files; what an earlier version recorded stays what it was."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from basira.serving.message import Declaration, read_declaration, read_recorded
from tests.support.api_world import NOW, Desk

Body = dict[str, Any]


def claiming(body: Body, preference: object) -> Body:
    return {**body, "items": [{**item, "preference": preference} for item in body["items"]]}


@pytest.mark.parametrize("word", ["N", "n", "no", "NON", "لا", "0", 0, False, "false", " N ", "\uff2e"])
def test_a_word_for_no_is_no_preference_on_both_ways_of_reading(arrivals: list[Body], word: object) -> None:
    now = NOW + timedelta(days=400)
    plain = claiming(arrivals[0], word)
    odd = {**plain, "declared_at": f" {plain['declared_at']} "}  # read by columns
    for body in (plain, odd):
        read = read_declaration(body, received_at=now)
        assert isinstance(read, Declaration)
        assert [row["preference"] for row in read.rows] == [None] * len(read.rows)


@pytest.mark.parametrize("code", ["EUR1", "AGADIR", "F", "H", "100"])
def test_codes_of_agreements_stay(arrivals: list[Body], code: str) -> None:
    read = read_declaration(claiming(arrivals[0], code), received_at=NOW + timedelta(days=400))
    assert isinstance(read, Declaration)
    assert {row["preference"] for row in read.rows} == {code}


def test_what_was_recorded_before_is_read_as_it_was(arrivals: list[Body]) -> None:
    read = read_recorded(claiming(arrivals[0], "N"), received_at=NOW + timedelta(days=400))
    assert isinstance(read, Declaration)
    assert {row["preference"] for row in read.rows} == {"N"}


def test_sent_again_it_is_the_declaration_on_record(desk: Desk, arrivals: list[Body], monkeypatch: Any) -> None:
    """An earlier version recorded the word."""
    with monkeypatch.context() as patch:
        patch.setattr("basira.serving.message._plain", lambda is_recorded: read_as_before())
        first = desk.post(claiming(arrivals[0], "N")).json()
    content = desk.get(f"declarations/{first['declaration_id']}").json()["history"][0]["content"]
    assert json.dumps(content).count('"preference": "N"') == len(arrivals[0]["items"])
    assert desk.post(claiming(arrivals[0], "N")).json() == first
    assert desk.post(claiming(arrivals[0], "EUR1")).json()["declaration_version"] == 2


def read_as_before() -> Any:
    from basira.ingest.mapping.model import load_mapping
    from basira.ingest.rows.plain import PlainRows

    return PlainRows(load_mapping("basira").as_recorded())
