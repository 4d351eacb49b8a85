"""A word for no claims no preference, as it does in files; what an earlier version recorded stays what it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from basira.decisions.events import Registration
from basira.serving.message import Declaration, read_declaration, read_recorded
from basira.serving.record import append_record, find_known
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


def test_sent_again_it_is_the_declaration_on_record(desk: Desk, arrivals: list[Body]) -> None:
    """An earlier version recorded the word."""
    body = {**claiming(arrivals[0], "N"), "declaration_id": "OLDER-1"}
    recorded = as_before(desk, {**body, "declaration_id": "NOW-1"}, "OLDER-1")
    assert json.dumps(recorded.content).count('"preference": "N"') == len(body["items"])
    again = desk.post(body).json()
    assert (again["decision_id"], again["declaration_version"]) == ("d-OLDER-1", 1)
    assert desk.post(claiming(body, "EUR1")).json()["declaration_version"] == 2


def as_before(desk: Desk, body: Body, name: str) -> Registration:
    """Record the declaration under another name with the word in its content; what was registered."""
    desk.post(body)
    database, now = desk.service.database, desk.clock[0]
    with database.write() as connection:
        for record in find_known(connection, body["declaration_id"]):
            older = replace(record, declaration_id=name, event_id=f"{record.event_id[:2]}{name}")
            if isinstance(older, Registration):
                content = older.content or {}
                items = [{**item, "preference": "N"} for item in content["items"]]
                older = registered = replace(
                    older, content={"header": {**content["header"], "declaration_id": name}, "items": items}
                )
            append_record(connection, older, now=now)
    return registered
