"""A number is any text, also one with slashes: what was decided is found again, whatever its number looks like."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from basira.api.openapi.examples import OUTCOME
from tests.support.api_world import TODAY, Desk

Body = dict[str, Any]
RESULT = {**OUTCOME, "known_at": f"{TODAY}T08:30:00"}
API = "/api/v1/declarations"


NUMBERS = ["2026/001", "300/010/2026/0001234/K", "A/outcome", "/A", "A/", "A//B", "A\nB", "é/%"]
# How a number is kept that is sent in another form.
ONE_FORM = {"A\nB": "A B"}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("safe", ["", "/"])
def test_every_number_is_reached(desk: Desk, arrivals: list[Body], number: str, safe: str) -> None:
    # Not the first: while there are slots, the draw or the model may give it the heaviest lane at once.
    desk.post(arrivals[1:])
    assert desk.post({**arrivals[0], "declaration_id": number}).status_code == 200
    path = f"{API}/{quote(number, safe=safe)}"
    found = desk.client.get(path)
    written = ONE_FORM.get(number, number)
    assert (found.status_code, found.json().get("declaration_id")) == (200, written)
    lane = "red" if found.json()["standing"]["lane"] != "red" else "yellow"
    change = {"lane": lane, "motive": "Seen before.", "given_by": found.json()["standing"]["given_by"]}
    answers = [
        desk.client.post(f"{path}/outcome", json=RESULT),
        desk.client.post(f"{path}/reselection", json=change),
        desk.client.post(f"{path}/cancellation", json={"motive": "Withdrawn."}),
    ]
    assert [(one.status_code, one.json()["declaration_id"]) for one in answers] == [(200, written)] * 3


def test_a_number_that_ends_as_a_route_does_takes_nothing_of_its_neighbour(desk: Desk, arrivals: list[Body]) -> None:
    for number in ("A", "A/outcome"):
        desk.post({**arrivals[0], "declaration_id": number})
    assert desk.client.post(f"{API}/A/outcome", json=RESULT).json()["declaration_id"] == "A"
    assert desk.client.post(f"{API}/A/outcome/outcome", json=RESULT).json()["declaration_id"] == "A/outcome"
    assert [len(desk.get(f"declarations/{n}").json()["outcomes"]) for n in ("A", "A/outcome")] == [1, 1]


def test_document_and_figures_name_the_route_as_before(desk: Desk, arrivals: list[Body]) -> None:
    desk.post({**arrivals[0], "declaration_id": "2026/001"})
    desk.get("declarations/2026/001")
    assert "/api/v1/declarations/{declaration_id}" in desk.get("openapi.json").json()["paths"]
    figures = desk.get("metrics").text
    assert 'route="/api/v1/declarations/{declaration_id}"' in figures
    assert "2026/001" not in figures
