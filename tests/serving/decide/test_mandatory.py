"""A mandatory control through the service: never released, counted beyond capacity, and explained."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from basira.api.auth.settings import AccessSettings, Rates
from basira.api.http.metrics import Metrics
from basira.decisions.records import Decision
from basira.schema.access import Grant
from basira.schema.detail import read_detail
from basira.serving.decide.placement import restore_state
from basira.serving.service import Service
from basira.serving.views.decision import decision_body
from basira.storage.online.office_state import find_state
from tests.support.access_world import ORIGIN, House
from tests.support.api_world import TODAY, Desk

Body = dict[str, Any]
OFFICE = "SIM-A"
REASON = "Arms and ammunition: inspection is mandatory"


def arms(arrivals: list[Body], count: int) -> list[Body]:
    """Declarations of chapter 93 at one office."""
    found = []
    for n in range(count):
        body = arrivals[n % len(arrivals)]
        items = [{**item, "commodity_code": "9301" + item["commodity_code"][4:]} for item in body["items"]]
        found.append({**body, "items": items, "office": OFFICE, "declaration_id": f"ARMS-{n}"})
    return found


def test_arms_are_never_released_and_those_beyond_capacity_are_counted_as_such(
    desk: Desk, arrivals: list[Body]
) -> None:
    found = [one["decision"] for one in desk.post(arms(arrivals, 12)).json()["results"]]
    assert {(d["basis"], d["inspects"], d["inclusion_probability"]) for d in found} == {("mandatory", True, 1.0)}
    assert [d["lane"] for d in found] == ["red", *["yellow"] * 11]
    assert [read_detail(d["detail"]).is_beyond_capacity for d in found] == [False] * 3 + [True] * 9
    assert {d["detail"].split(" ")[0] for d in found} == {"arms-93"}
    with desk.service.database.read() as connection:
        state = restore_state(find_state(connection, OFFICE, TODAY.isoformat()).state)
    assert (state.used, state.beyond) == ({"red": 1, "yellow": 2}, {"yellow": 9})
    shown = desk.client.get("/api/v1/metrics").text
    (line,) = [one for one in shown.splitlines() if one.startswith("basira_beyond_capacity_total{")]
    assert line == 'basira_beyond_capacity_total{lane="yellow"} 9.0'


def test_the_list_s_reason_stands_in_the_answer_in_the_language_asked_for(desk: Desk, arrivals: list[Body]) -> None:
    (body,) = arms(arrivals, 1)
    found = desk.post(body).json()
    assert (found["basis_text"], found["detail"]) == (f"Mandatory inspection – {REASON}", "arms-93")
    (queued,) = desk.get("queue", office=OFFICE, day=TODAY.isoformat()).json()["decisions"]
    assert queued["basis_text"] == found["basis_text"]
    shown = desk.get(f"declarations/{body['declaration_id']}").json()
    assert shown["history"][1]["basis_text"] == found["basis_text"]
    with desk.service.database.read() as connection:
        event = dict(connection.exec_driver_sql("SELECT * FROM event WHERE kind = 'decision'").mappings().one())
    event["payload"] = json.loads(event["payload"])
    recorded = Decision.from_event(event)
    said = {language: decision_body(recorded, language=language)["basis_text"] for language in ("fr", "ar")}
    assert said == {
        "fr": "Contrôle obligatoire – Armes et munitions : visite obligatoire",
        "ar": "مراقبة إلزامية – أسلحة وذخيرة: معاينة إلزامية",
    }
    # Decided before reasons were recorded.
    assert decision_body(replace(recorded, ground=None), language="en")["basis_text"] == "Mandatory inspection"


def test_a_lane_that_an_amendment_keeps_keeps_its_reason(desk: Desk, arrivals: list[Body]) -> None:
    first, second = arms(arrivals, 2)
    desk.post(first)
    given = desk.post(second).json()
    raised = desk.client.post(
        f"/api/v1/declarations/{second['declaration_id']}/reselection",
        json={"lane": "red", "motive": "Seen before.", "given_by": given["decision_id"]},
    )
    assert raised.status_code == 200, raised.text
    amended = desk.post({**second, "transport_document": "CORRECTED"}).json()
    assert (amended["lane"], amended["detail"]) == ("red", "earlier_lane_kept")
    assert amended["basis_text"] == f"Mandatory inspection – {REASON}"


@pytest.fixture
def house(blank: Service, cheap_passwords: None) -> House:
    return House(blank, AccessSettings(origin=ORIGIN, rates=Rates(0, 0, 0)))


def test_an_inspector_sees_the_reason_and_not_the_id(house: House, arrivals: list[Body]) -> None:
    (body,) = arms(arrivals, 1)
    house.system("declarations:write").post("/api/v1/declarations", json=body)
    shown = house.person("ali", Grant("inspector", OFFICE)).get(f"/api/v1/declarations/{body['declaration_id']}")
    (decision,) = shown.json()["decisions"]
    assert decision["basis_text"] == f"Mandatory inspection – {REASON}"
    assert "arms-93" not in shown.text


def test_only_what_says_so_is_counted_beyond_capacity() -> None:
    metrics = Metrics()
    for detail in ("", "arms-93", "not_beyond_capacity", "beyond_capacity", "arms-93 beyond_capacity"):
        where = {"office": OFFICE, "decided_at": f"{TODAY}T09:00:00"}
        metrics.count_decision({**where, "lane": "red", "basis": "mandatory", "fallback": None, "detail": detail})
    assert b'basira_beyond_capacity_total{lane="red"} 2.0' in metrics.text()
