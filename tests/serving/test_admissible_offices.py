"""A policy that lists its offices takes no other one: a mistyped code would be an office with slots of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from basira.serving.service import Service
from tests.support.api_world import Desk, desk_of

Body = dict[str, Any]


@pytest.fixture
def closed(service: Service, arrivals: list[Body], tmp_path: Path) -> Desk:
    """A service whose policy names the office of the first arrival, and no other."""
    folder = tmp_path / "closed"
    folder.mkdir()
    text = (service.policies / "policy.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text(f'offices = ["{arrivals[0]["office"]}"]\n{text}', encoding="utf-8")
    return desk_of(replace(service, policies=folder))


def test_a_declaration_of_an_office_that_the_policy_does_not_list_is_rejected(
    closed: Desk, arrivals: list[Body]
) -> None:
    office = arrivals[0]["office"]
    nowhere = {key: value for key, value in arrivals[1].items() if key != "office"}
    for body in ({**nowhere, "office": "MARSEILLE"}, {**nowhere, "office": "ALL"}, nowhere):
        answer = closed.post(body)
        assert answer.status_code == 422, answer.text
        (fault,) = answer.json()["errors"]
        assert (fault["item"], fault["field"], fault["code"]) == (None, "office", "unknown_office")
        assert fault["expected"] == office
    assert closed.get("quarantine").json()["total"] == 3
    assert closed.post({**arrivals[1], "office": office.lower()}).status_code == 200
    found = closed.post([arrivals[0], {**nowhere, "office": "MARSEILLE"}]).json()["results"]
    assert [list(one) for one in found] == [["decision"], ["problem"]]


def test_what_was_decided_before_the_list_is_still_answered(
    service: Service, closed: Desk, arrivals: list[Body]
) -> None:
    body = {**arrivals[0], "office": "MARSEILLE"}
    before = desk_of(service).post(body).json()
    assert closed.post(body).json() == before
    assert closed.post({**body, "transport_document": "CORRECTED"}).status_code == 422


def test_the_queue_of_an_office_that_the_policy_does_not_list_is_no_empty_one(
    closed: Desk, arrivals: list[Body]
) -> None:
    office = arrivals[0]["office"]
    answer = closed.get("queue", office="NOWHERE")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_office")
    assert closed.get("queue", office=office.lower()).status_code == 200


def test_the_queue_of_what_was_decided_before_the_policy_changed_is_shown(
    service: Service, closed: Desk, arrivals: list[Body]
) -> None:
    given = desk_of(service).post({**arrivals[0], "office": "MARSEILLE"}).json()
    assert closed.get("queue", office="MARSEILLE").json()["total"] == 1
    assert closed.get("queue", office="MARSEILLE", lane=given["lane"]).json()["total"] == 1
    other = next(lane for lane in ("green", "red") if lane != given["lane"])
    assert closed.get("queue", office="MARSEILLE", lane=other).json()["total"] == 0
    answer = closed.get("queue", office="MARSEILLE", lane="purple")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_lane")


def test_without_a_list_every_office_is_one(desk: Desk, arrivals: list[Body]) -> None:
    assert desk.post({**arrivals[0], "office": "MARSEILLE"}).status_code == 200
    assert desk.get("queue", office="NOWHERE").json()["total"] == 0


def test_an_office_and_a_number_in_another_form_are_the_same_ones(closed: Desk, arrivals: list[Body]) -> None:
    office = arrivals[0]["office"]
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in office)
    sent = {**arrivals[0], "office": wide, "declaration_id": "DUM\u20131"}
    made = closed.post(sent).json()
    assert (made["office"], made["declaration_id"]) == (office, "DUM-1")
    assert closed.get("queue", office=wide).json()["office"] == office
    assert closed.get("declarations/DUM\u2013\uff11").json()["declaration_id"] == "DUM-1"
    assert closed.get("declarations/DUM\u200b-1").status_code == 404


def test_an_office_with_an_unseen_character_is_rejected_with_its_position(desk: Desk, arrivals: list[Body]) -> None:
    answer = desk.post({**arrivals[0], "office": "AGA\u200bDIR"})
    (fault,) = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == ("office", "bad_character")
    assert fault["expected"].endswith("found U+200B ZERO WIDTH SPACE at character 4")
