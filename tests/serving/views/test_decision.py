"""What an officer sees of a control: why the model said nothing, which item a reason is of, that a lane was full."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from basira.api.auth.settings import AccessSettings, Rates
from basira.decisions.records import Decision
from basira.render.languages import LANGUAGES
from basira.schema.access import Grant
from basira.serving.service import Service
from basira.serving.views.decision import decision_body
from tests.api.routes.test_disclosure import decided, like
from tests.serving.changes.test_change import cancel, person, released, reselect
from tests.serving.changes.test_lowering import under
from tests.serving.decide.test_mandatory import OFFICE, REASON, arms
from tests.support.access_world import ORIGIN, House
from tests.support.api_world import TODAY, Desk, at, desk_of

__all__ = ["released"]

Body = dict[str, Any]
FALLBACKS = (
    "no_model",
    "no_profiles",
    "profiles_too_old",
    "known_declaration",
    "earlier_day",
    "model_failed",
    "timeout",
    "no_state",
)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


def sheet(desk: Desk, office: str) -> list[dict[str, str]]:
    return rows_of(desk.get("queue", office=office, day=TODAY.isoformat(), format="csv").text)


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN, rates=Rates(0, 0, 0)))


def test_a_mandatory_control_whose_lane_was_full_says_so_and_is_counted(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(arms(arrivals, 3)).json()["results"]]
    assert [(d["lane"], d["detail"]) for d in found] == [
        ("red", "arms-93"),
        ("yellow", "arms-93 lane_full"),
        ("yellow", "arms-93 lane_full"),
    ]
    assert found[0]["basis_text"] == f"Mandatory inspection – {REASON}"
    assert found[1]["basis_text"] == f"Mandatory inspection – {REASON}. The lane that the list asks for had no place"
    assert 'basira_mandatory_moved_total{lane="yellow"} 2.0' in desk.client.get("/api/v1/metrics").text
    inspector = person(desk.service, Grant("inspector", OFFICE))
    rows = inspector.get("queue", office=OFFICE, day=TODAY.isoformat()).json()["decisions"]
    assert [row["basis_text"] for row in rows] == [d["basis_text"] for d in found]


def test_every_fallback_has_a_sentence_in_every_language() -> None:
    for language in LANGUAGES:
        said = {f: decision_body(recorded(fallback=f), language=language)["basis_text"] for f in FALLBACKS}
        assert len(set(said.values())) == len(FALLBACKS)
        assert not [text for text in said.values() if "fallback." in text or "look" in text.lower().split(".")[0]]
    # A code without a sentence, of a later version, still says what it means.
    assert "could not judge" in decision_body(recorded(fallback="new"), language="en")["basis_text"]


def recorded(**said: Any) -> Decision:
    return Decision(
        event_id="d-1",
        declaration_id="D",
        declaration_version=1,
        office=OFFICE,
        lane="yellow",
        detail="",
        inclusion_probability=0.0,
        fraud_probability=None,
        expected_revenue=None,
        **{"basis": "fallback", "inspects": True, "items": [], **said},
    )


def test_only_an_inspector_is_asked_to_look_without_the_model() -> None:
    said = decision_body(recorded(fallback="no_model"), language="en")["basis_text"]
    assert said == "Fallback rule. The model could not judge: none is in service. Look as you would without a model"
    said = decision_body(recorded(fallback="no_model", inspects=False), language="en")["basis_text"]
    assert said == "Fallback rule. The model could not judge: none is in service"
    # Without a state the model did answer.
    assert "without a model" not in decision_body(recorded(fallback="no_state"), language="en")["basis_text"]


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_an_inspector_reads_the_same_of_a_draw_as_of_all_others_of_that_hour(
    house: House, arrivals: list[Body], fallback: str
) -> None:
    decision = decided(house, arrivals[0])
    shown = {"inspects": True, "fallback": fallback, "fraud_probability": None, "expected_revenue": None}
    bases = ("random", "fallback", "model")
    for n, basis in enumerate(bases):
        like(house, decision, f"SIM-{n}", **shown, basis=basis, detail="")
    inspector = house.person("ali", Grant("inspector", decision["office"]))
    query = {"office": decision["office"], "day": TODAY.isoformat()}
    found = [row for row in inspector.get("/api/v1/queue", params=query).json()["decisions"] if row["fallback"]]
    cells = [
        row
        for row in rows_of(inspector.get("/api/v1/queue", params={**query, "format": "csv"}).text)
        if row["fallback"]
    ]
    for rows in (found, cells):
        assert len(rows) == len(bases)
        assert len({(row["basis_text"], row["fallback"]) for row in rows}) == 1


def test_the_spreadsheet_names_the_fallback(service: Service, arrivals: list[Body]) -> None:
    desk = desk_of(replace(service, model=None))
    desk.post([{**body, "office": OFFICE} for body in arrivals[:2]])
    assert {(row["fallback"], "could not judge" in row["basis_text"]) for row in sheet(desk, OFFICE)} == {
        ("no_model", True)
    }


def test_the_spreadsheet_says_of_which_item_a_reason_is(desk: Desk, released: Body) -> None:
    reselect(desk, released["declaration_id"], "red")
    day = {"office": released["office"], "day": TODAY.isoformat()}
    rows = desk.get("queue", **day).json()["decisions"]
    row = next(row for row in rows if row["declaration_id"] == released["declaration_id"])
    shown = next(c for c in sheet(desk, row["office"]) if c["declaration_id"] == row["declaration_id"])
    assert shown["reasons"].split(" | ") == [
        f"#{item['item_number']} {reason['text']}"
        for item in row["items"]
        for reason in sorted((one for one in item["reasons"] if one["rank"]), key=lambda one: one["rank"])
    ]
    first = row["items"][0]["verify"][0]
    assert first["text"].startswith("Verify the value")
    assert shown["verify"].startswith(f"#{row['items'][0]['item_number']} ")
    assert first["text"] in shown["verify"]


def test_figures_of_the_spreadsheet_are_figures_where_a_comma_stands_before_decimals(
    desk: Desk, arrivals: list[Body]
) -> None:
    (found,) = [one["decision"] for one in desk.post([{**arrivals[0], "office": OFFICE}]).json()["results"]]
    (row,) = sheet(desk, OFFICE)
    assert row["fraud_probability"] == f"{found['fraud_probability']:.4f}".replace(".", ",")
    assert row["expected_revenue"] == f"{found['expected_revenue']:.2f}".replace(".", ",")


def test_what_the_policy_forbids_is_not_sent_to_another_role(
    service: Service, arrivals: list[Body], tmp_path: Any
) -> None:
    desk = under(service, tmp_path / "drawn", share="1.0")
    given = desk.post(arrivals[0]).json()
    refused = reselect(desk, given["declaration_id"], "green").json()
    assert (refused["code"], "no role" in refused["detail"]) == ("lowering_not_allowed", True)
    assert "whose role" not in refused["hint"]
    inspector = person(desk.service, Grant("inspector", given["office"]))
    asked = reselect(inspector, given["declaration_id"], "green").json()
    # The same for a draw as for any other control: see decision 0013.
    assert "whose role" in asked["hint"]


def test_what_is_cancelled_stands_so_since_the_cancellation_and_by_whom(desk: Desk, released: Body) -> None:
    desk.clock[0] = at(9) + timedelta(hours=2)
    answer = cancel(desk, released["declaration_id"]).json()
    standing = desk.get(f"declarations/{released['declaration_id']}").json()["standing"]
    assert (standing["status"], standing["since"], standing["by"]) == ("cancelled", answer["at"], answer["by"])
    assert standing["since"] > f"{TODAY}T10"
    assert standing == answer["standing"]
    assert standing["given_by"] == released["decision_id"]
