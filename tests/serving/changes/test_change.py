"""What an officer changes: another lane with a motive, a cancellation; no change overwrites another."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from basira.api.openapi.answers import ANSWERS
from basira.api.openapi.examples import OUTCOME
from basira.schema.access import Grant, Principal
from basira.serving.decide.placement import restore_state
from basira.serving.service import Service
from basira.storage.online.office_state import find_state
from tests.support.api_world import TODAY, Desk, desk_of, is_whole

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]
WHY = "Documents do not agree."


def standing(desk: Desk, number: str) -> Body:
    found: Body = desk.get(f"declarations/{number}").json()["standing"]
    return found


def reselect(desk: Desk, number: str, lane: str, *, seen: str | None = None, **more: Any) -> Any:
    headers = more.pop("headers", {})
    body = {"lane": lane, "motive": WHY, "given_by": seen or standing(desk, number)["given_by"], **more}
    return desk.client.post(f"/api/v1/declarations/{number}/reselection", json=body, headers=headers)


def cancel(desk: Desk, number: str, motive: str = "Withdrawn.", **headers: str) -> Any:
    return desk.client.post(f"/api/v1/declarations/{number}/cancellation", json={"motive": motive}, headers=headers)


def used(service: Service, office: str) -> dict[str, int]:
    with service.database.read() as connection:
        stored = find_state(connection, office, TODAY.isoformat())
    assert stored is not None
    state = restore_state(stored.state)
    return {lane: n for lane in state.used if (n := state.used[lane] + state.beyond.get(lane, 0))}


def person(service: Service, *grants: Grant) -> Desk:
    principal = Principal("u-7", "user", grants=grants)
    return desk_of(service, recognise=lambda _: principal)


@pytest.fixture
def released(desk: Desk, arrivals: list[Body]) -> Body:
    """A declaration in a lane that does not inspect."""
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    return next(decision for decision in found if not decision["inspects"])


def test_an_officer_raises_a_lane_and_a_slot_is_taken(desk: Desk, released: Body) -> None:
    number, office = released["declaration_id"], released["office"]
    before = used(desk.service, office)
    answer = reselect(desk, number, "yellow", note="SIM see box 44")
    assert answer.status_code == 200, answer.text
    assert answer.json()["before"]["lane"] == released["lane"]
    assert standing(desk, number)["lane"] == "yellow"
    assert used(desk.service, office).get("yellow", 0) == before.get("yellow", 0) + 1
    assert is_whole(desk.service)


def test_the_history_tells_who_when_what_and_why(desk: Desk, released: Body) -> None:
    number = released["declaration_id"]
    reselect(desk, number, "red", note="SIM note")
    found = desk.get(f"declarations/{number}")
    steps = found.json()["history"]
    assert [step["kind"] for step in steps] == ["registration", "decision", "reselection"]
    last = steps[-1]
    assert (last["before"]["lane"], last["after"]["lane"], last["motive"]) == (released["lane"], "red", WHY)
    assert last["note"] == "SIM note"
    assert last["by"]
    assert last["at"].startswith(TODAY.isoformat())
    assert steps[0]["content"]["items"]
    assert found.headers["etag"] == f'"{last["event_id"]}"'
    assert found.json()["decisions"] == [released]


def test_the_note_is_not_in_the_hashed_record(desk: Desk, released: Body) -> None:
    reselect(desk, released["declaration_id"], "red", note="SIM-MR-X")
    with desk.service.database.read() as connection:
        payloads = [row[0] for row in connection.exec_driver_sql("SELECT payload FROM event")]
    assert not [payload for payload in payloads if "SIM-MR-X" in payload]


def test_undoing_is_another_re_selection_and_gives_the_slot_back(desk: Desk, released: Body) -> None:
    number, office = released["declaration_id"], released["office"]
    before = used(desk.service, office)
    reselect(desk, number, "red")
    assert reselect(desk, number, released["lane"]).status_code == 200
    assert used(desk.service, office) == before
    assert standing(desk, number)["status"] == "released"


def test_an_inspector_may_raise_and_only_a_manager_may_lower(service: Service, desk: Desk, released: Body) -> None:
    number, office = released["declaration_id"], released["office"]
    inspector = person(service, Grant("inspector", office))
    manager = person(service, Grant("manager"))
    raised = reselect(inspector, number, "red")
    lowered = reselect(inspector, number, "yellow")
    assert raised.status_code == 200
    assert (lowered.status_code, lowered.json()["code"]) == (403, "lowering_not_allowed")
    assert reselect(manager, number, "yellow").status_code == 200
    assert "u-7" in [step["by"] for step in manager.get(f"declarations/{number}").json()["history"]]


def test_who_may_not_change_or_see_changes_nothing(service: Service, desk: Desk, released: Body) -> None:
    number = released["declaration_id"]
    seen = standing(desk, number)["given_by"]
    assert reselect(person(service, Grant("analyst")), number, "red", seen=seen).status_code == 403
    assert reselect(person(service, Grant("auditor")), number, "red", seen=seen).status_code == 403
    assert reselect(person(service, Grant("inspector", "ELSEWHERE")), number, "red", seen=seen).status_code == 404
    assert cancel(person(service, Grant("inspector", released["office"])), number).status_code == 403
    assert standing(desk, number)["lane"] == released["lane"]


def test_of_two_officers_the_second_is_warned_and_overwrites_nothing(desk: Desk, released: Body) -> None:
    number = released["declaration_id"]
    seen = standing(desk, number)["given_by"]
    assert reselect(desk, number, "yellow", seen=seen).status_code == 200
    second = reselect(desk, number, "red", seen=seen)
    assert (second.status_code, second.json()["errors"][0]["code"]) == (409, "changed_meanwhile")
    assert standing(desk, number)["lane"] == "yellow"


def test_of_many_officers_at_once_one_wins(desk: Desk, released: Body) -> None:
    number = released["declaration_id"]
    seen = standing(desk, number)["given_by"]
    statuses: list[int] = []

    def change(lane: str) -> None:
        statuses.append(reselect(desk, number, lane, seen=seen).status_code)

    threads = [threading.Thread(target=change, args=(lane,)) for lane in ("yellow", "red", "yellow", "red")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]


def test_the_lane_that_was_seen_may_be_named_by_if_match_and_must_be_named(desk: Desk, released: Body) -> None:
    number = released["declaration_id"]
    path = f"/api/v1/declarations/{number}/reselection"
    blind = desk.client.post(path, json={"lane": "red", "motive": WHY})
    assert (blind.status_code, blind.json()["code"]) == (428, "seen_required")
    etag = desk.get(f"declarations/{number}").headers["etag"]
    found = desk.client.post(path, json={"lane": "red", "motive": WHY}, headers={"If-Match": etag})
    assert found.status_code == 200
    assert found.headers["etag"] != etag


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"lane": "red"}, "motive", "missing"),
        ({"lane": "red", "motive": "  a "}, "motive", "out_of_range"),
        ({"lane": "red", "motive": "x" * 501}, "motive", "out_of_range"),
        ({"lane": "red", "motive": 7}, "motive", "bad_json"),
        ({"lane": "purple", "motive": WHY}, "lane", "unknown_lane"),
        ({"motive": WHY}, "lane", "missing"),
        ({"lane": "red", "motive": WHY, "note": "x" * 501}, "note", "out_of_range"),
        ({"lane": "red", "motive": WHY, "more": 1}, None, "column_count"),
        ([], None, "bad_json"),
    ],
)
def test_a_faulty_re_selection_is_rejected(desk: Desk, released: Body, body: Any, field: str | None, code: str) -> None:
    path = f"/api/v1/declarations/{released['declaration_id']}/reselection"
    answer = desk.client.post(path, json=body)
    assert answer.status_code == 422
    assert (field, code) in [(fault["field"], fault["code"]) for fault in answer.json()["errors"]]


def test_the_lane_that_it_has_is_no_other_lane(desk: Desk, released: Body) -> None:
    answer = reselect(desk, released["declaration_id"], released["lane"])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "same_lane")


def test_under_a_key_a_change_is_made_once(desk: Desk, released: Body) -> None:
    number = released["declaration_id"]
    seen = standing(desk, number)["given_by"]
    first = reselect(desk, number, "red", seen=seen, headers={"Idempotency-Key": "c1"})
    again = reselect(desk, number, "red", seen=seen, headers={"Idempotency-Key": "c1"})
    other = reselect(desk, number, "yellow", seen=seen, headers={"Idempotency-Key": "c1"})
    assert first.status_code == 200
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (400, "usage")


def test_an_amendment_keeps_the_officer_s_lane(desk: Desk, arrivals: list[Body], released: Body) -> None:
    number = released["declaration_id"]
    reselect(desk, number, "red")
    body = next(body for body in arrivals if body["declaration_id"] == number)
    found = desk.post({**body, "transport_document": "CORRECTED"}).json()
    assert (found["declaration_version"], found["lane"]) == (2, "red")


def test_a_slot_of_yesterday_is_not_given_back_today(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    inspected = next(d for d in found if d["inspects"] and d["lane"] == "yellow")
    before = used(desk.service, inspected["office"])
    desk.clock[0] += timedelta(days=1)
    assert reselect(desk, inspected["declaration_id"], "red").status_code == 200
    assert used(desk.service, inspected["office"]) == before
    with desk.service.database.read() as connection:
        tomorrow = find_state(connection, inspected["office"], (TODAY + timedelta(days=1)).isoformat())
    assert tomorrow is not None
    assert restore_state(tomorrow.state).used == {"red": 1}


def test_what_was_inspected_keeps_its_slot_when_it_goes_on_to_another_lane(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    one = next(d for d in found if d["lane"] == "yellow")
    number, office = one["declaration_id"], one["office"]
    result = {**OUTCOME, "known_at": f"{TODAY}T11:00:00"}
    assert desk.client.post(f"/api/v1/declarations/{number}/outcome", json=result).status_code == 200
    before = used(desk.service, office)
    assert standing(desk, number)["status"] == "inspected"
    reselect(desk, number, "red")
    after = used(desk.service, office)
    assert (after["yellow"], after["red"]) == (before["yellow"], before.get("red", 0) + 1)
    assert standing(desk, number)["status"] == "waiting"


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_a_cancelled_declaration_leaves_the_queue_and_its_slot(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    one = next(d for d in found if d["inspects"])
    number, office = one["declaration_id"], one["office"]
    before = used(desk.service, office)
    answer = cancel(desk, number)
    assert answer.status_code == 200, answer.text
    assert answer.json()["standing"]["status"] == "cancelled"
    assert used(desk.service, office).get(one["lane"], 0) == before[one["lane"]] - 1
    assert number not in [row["declaration_id"] for row in desk.get("queue", office=office).json()["decisions"]]


def test_a_cancelled_declaration_is_not_amended_nor_re_selected(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    cancel(desk, number)
    amended = desk.post({**arrivals[0], "transport_document": "CORRECTED"})
    assert (amended.status_code, amended.json()["errors"][0]["code"]) == (409, "cancelled")
    assert reselect(desk, number, "red").json()["errors"][0]["code"] == "cancelled"
    # The same content again is no amendment: what was decided is answered.
    assert desk.post(arrivals[0]).status_code == 200


def test_a_cancellation_is_made_once(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    first, again, other = cancel(desk, number), cancel(desk, number), cancel(desk, number, "Something else.")
    assert first.json() == again.json()
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "cancelled")
    kinds = [step["kind"] for step in desk.get(f"declarations/{number}").json()["history"]]
    assert kinds.count("cancellation") == 1


def test_a_result_is_taken_after_a_cancellation(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    cancel(desk, number)
    result = {**OUTCOME, "known_at": f"{TODAY}T11:00:00"}
    assert desk.client.post(f"/api/v1/declarations/{number}/outcome", json=result).status_code == 200
    assert standing(desk, number)["status"] == "cancelled"


def test_a_result_under_a_key_is_answered_again(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post(arrivals[0]).json()["declaration_id"]
    path, result = f"/api/v1/declarations/{number}/outcome", {**OUTCOME, "known_at": f"{TODAY}T11:00:00"}
    first = desk.client.post(path, json=result, headers={"Idempotency-Key": "o1"})
    again = desk.client.post(path, json=result, headers={"Idempotency-Key": "o1"})
    other = desk.client.post(path, json={**result, "severity": 2}, headers={"Idempotency-Key": "o1"})
    assert first.json() == again.json()
    assert other.status_code == 400


def test_the_examples_of_the_document_have_the_names_of_real_answers(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    number = next(d["declaration_id"] for d in found if not d["inspects"])
    real = {
        "reselection": reselect(desk, number, "red").json(),
        "queue": desk.get("queue", office=found[0]["office"]).json(),
        "outcome": desk.client.post(
            f"/api/v1/declarations/{number}/outcome", json={**OUTCOME, "known_at": f"{TODAY}T11:00:00"}
        ).json(),
        "cancellation": cancel(desk, number).json(),
        "declaration": desk.get(f"declarations/{number}").json(),
        "decision": found[0],
        "health": desk.get("health").json(),
        "ready": desk.get("ready").json(),
    }
    for name, answer in real.items():
        assert answer.keys() == ANSWERS[name].keys(), name
    assert real["reselection"]["standing"].keys() == ANSWERS["reselection"]["standing"].keys()
    row = next(row for row in real["queue"]["decisions"])
    assert row.keys() == ANSWERS["queue"]["decisions"][0].keys()
