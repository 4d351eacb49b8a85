"""An inspector can't tell a random control from another: not by a figure, not by its position in the queue."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest

from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.access import Grant
from basira.serving.service import Service
from tests.api.routes.test_disclosure import decided, like
from tests.support.access_world import ORIGIN, House, strings
from tests.support.api_world import TODAY

Body = dict[str, Any]
FIGURES = (
    "fraud_probability",
    "expected_revenue",
    "revenue_if_fraud",
    "kind_probabilities",
    "contribution",
    "inclusion_probability",
)
REASON = {
    "code": "round_value",
    "figures": {"value": 100000.0},
    "features": ["value_round"],
    "contribution": 0.4,
}


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN, rates=Rates(0, 0, 0)))


def pair(house: House, arrivals: list[Body]) -> tuple[Body, list[str]]:
    """One drawn at random that promises nothing, then one that the model chose for a fortune; in the same lane."""
    decision = decided(house, arrivals[0])
    item = {**decision["items"][0], "reasons": [REASON], "verify": ["value"]}
    shown = {"inspects": True, "currency": "MAD"}
    drawn = {
        **shown,
        "basis": "random",
        "fraud_probability": 0.001,
        "expected_revenue": 0.25,
        "items": [{**item, "expected_revenue": 0.25, "fraud_probability": 0.001}],
    }
    chosen = {
        **shown,
        "basis": "model",
        "fraud_probability": 0.97,
        "expected_revenue": 987654.0,
        "items": [{**item, "expected_revenue": 987654.0, "fraud_probability": 0.97}],
    }
    return decision, [like(house, decision, "SIM-DRAWN", **drawn), like(house, decision, "SIM-CHOSEN", **chosen)]


def queue(person: Any, office: str, **query: Any) -> Any:
    return person.get("/api/v1/queue", params={"office": office, "day": TODAY.isoformat(), **query})


def test_no_figure_of_the_model_reaches_an_inspector_and_the_reasons_do(house: House, arrivals: list[Body]) -> None:
    decision, numbers = pair(house, arrivals)
    person = house.person("ali", Grant("inspector", decision["office"]))
    answers = [queue(person, decision["office"]), *(person.get(f"/api/v1/declarations/{n}") for n in numbers)]
    for answer in answers:
        assert answer.status_code == 200
        words = set(strings(answer.json()))
        assert words.isdisjoint(FIGURES)
        assert "987654" not in answer.text
    (shown,) = answers[-1].json()["decisions"]
    (item,) = shown["items"]
    assert item["reasons"][0]["text"]
    assert item["verify"][0]["text"]
    assert "references" in item
    (other,) = answers[-2].json()["decisions"]
    assert {name for name in shown if shown[name] != other[name]} == {"decision_id", "declaration_id"}


@pytest.mark.parametrize("basis", ["random", "model"])
def test_without_the_model_s_answer_what_was_drawn_says_the_same_as_all_others(
    house: House, arrivals: list[Body], basis: str
) -> None:
    decision = decided(house, arrivals[0])
    shown = {"inspects": True, "fallback": "no_model", "fraud_probability": None, "expected_revenue": None}
    numbers = [
        like(house, decision, f"SIM-{n}", **shown, basis=b, detail="") for n, b in enumerate((basis, "fallback"))
    ]
    person = house.person("ali", Grant("inspector", decision["office"]))
    rows = {row["declaration_id"]: row for row in queue(person, decision["office"]).json()["decisions"]}
    answers = [person.get(f"/api/v1/declarations/{number}").json() for number in numbers]
    for one, other in (
        [rows[number] for number in numbers],
        [answer["decisions"][0] for answer in answers],
        [answer["history"][-1] for answer in answers],
    ):
        assert one["basis"] == "fallback"
        assert (one["basis"], one["basis_text"], one["fallback"]) == (
            other["basis"],
            other["basis_text"],
            other["fallback"],
        )
    (seen,) = house.person("boss", Grant("manager")).get(f"/api/v1/declarations/{numbers[0]}").json()["decisions"]
    assert seen["basis"] == basis


def test_a_manager_and_a_key_of_the_office_see_every_figure(house: House, arrivals: list[Body]) -> None:
    decision, numbers = pair(house, arrivals)
    key = house.system("declarations:read", "queue:read", offices=[decision["office"]])
    for client in (house.person("boss", Grant("manager")), key):
        (shown,) = client.get(f"/api/v1/declarations/{numbers[1]}").json()["decisions"]
        assert shown["expected_revenue"] == 987654.0
        assert shown["items"][0]["reasons"][0]["contribution"] == 0.4
        found = queue(client, decision["office"]).json()["decisions"]
        assert [row["declaration_id"] for row in found if row["declaration_id"] in numbers] == numbers[::-1]


def test_an_inspector_s_queue_stands_in_the_order_of_arrival(house: House, arrivals: list[Body]) -> None:
    decision, numbers = pair(house, arrivals)
    office = decision["office"]
    person = house.person("ali", Grant("inspector", office))
    whole = [row["declaration_id"] for row in queue(person, office).json()["decisions"]]
    assert [number for number in whole if number in numbers] == numbers
    # Page by page the same, and no cursor carries the revenue.
    paged, cursor = [], None
    while True:
        page = queue(person, office, limit=1, **({} if cursor is None else {"cursor": cursor})).json()
        paged += [row["declaration_id"] for row in page["decisions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[1] == 0
    assert paged == whole


def test_an_inspector_s_spreadsheet_has_the_same_order_and_no_figure(house: House, arrivals: list[Body]) -> None:
    decision, numbers = pair(house, arrivals)
    person = house.person("ali", Grant("inspector", decision["office"]))
    answer = queue(person, decision["office"], format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))
    assert [row["declaration_id"] for row in rows if row["declaration_id"] in numbers] == numbers
    assert {(row["fraud_probability"], row["expected_revenue"]) for row in rows} == {("", "")}
