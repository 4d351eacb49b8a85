"""An office's queue: filtered, page by page, as a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

from basira.api.openapi.examples import OUTCOME
from basira.schema.access import Grant, Principal
from basira.serving.service import Service
from basira.serving.views.queue import CSV_COLUMNS
from tests.support.api_world import TODAY, Desk, desk_of

Body = dict[str, Any]


def here(arrivals: list[Body], office: str) -> list[Body]:
    return [{**body, "office": office} for body in arrivals]


def test_pages_together_are_the_whole_queue(desk: Desk, arrivals: list[Body]) -> None:
    desk.post(here(arrivals, "SIM-A"))
    whole = desk.get("queue", office="SIM-A").json()["decisions"]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(len(arrivals)):
        page = desk.get("queue", office="SIM-A", limit="2", **({"cursor": cursor} if cursor else {})).json()
        assert page["total"] == len(arrivals)
        seen += [row["declaration_id"] for row in page["decisions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [row["declaration_id"] for row in whole]


def test_an_invalid_cursor_is_rejected(desk: Desk) -> None:
    for cursor in ("x", "bnVsbA", "WzEsMl0", "W251bGwsMSwyXQ", "é", "WzEsTmFOLDFd", "WzFlOTksMSwxXQ"):
        answer = desk.get("queue", office="SIM-A", cursor=cursor)
        assert (answer.status_code, answer.json()["code"]) == (400, "usage"), cursor


def test_the_queue_is_filtered_by_what_became_of_a_declaration(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(here(arrivals, "SIM-A")).json()["results"]]
    inspecting = [d["declaration_id"] for d in found if d["inspects"]]
    done = inspecting[0]
    result = {**OUTCOME, "known_at": f"{TODAY}T11:00:00"}
    desk.client.post(f"/api/v1/declarations/{done}/outcome", json=result)

    def numbers(status: str) -> set[str]:
        rows = desk.get("queue", office="SIM-A", status=status).json()["decisions"]
        assert {row["status"] for row in rows} <= {status}
        return {row["declaration_id"] for row in rows}

    assert numbers("inspected") == {done}
    assert numbers("waiting") == set(inspecting) - {done}
    assert numbers("released") == {d["declaration_id"] for d in found} - set(inspecting)
    assert desk.get("queue", office="SIM-A", status="lost").status_code == 422


def test_a_re_selected_declaration_stands_in_its_new_lane_with_the_decision_s_figures(
    desk: Desk, arrivals: list[Body]
) -> None:
    found = [one["decision"] for one in desk.post(here(arrivals, "SIM-A")).json()["results"]]
    one = next(d for d in found if not d["inspects"])
    path = f"/api/v1/declarations/{one['declaration_id']}/reselection"
    desk.client.post(path, json={"lane": "red", "motive": "Seen before.", "given_by": one["decision_id"]})
    rows = desk.get("queue", office="SIM-A", lane="red").json()["decisions"]
    row = next(row for row in rows if row["declaration_id"] == one["declaration_id"])
    assert (row["lane"], row["status"], row["reselection"]["motive"]) == ("red", "waiting", "Seen before.")
    assert row["expected_revenue"] == one["expected_revenue"]
    green = desk.get("queue", office="SIM-A", lane=one["lane"]).json()["decisions"]
    assert one["declaration_id"] not in [row["declaration_id"] for row in green]


def test_the_queue_as_csv_runs_no_formula(desk: Desk, arrivals: list[Body]) -> None:
    desk.post([{**body, "office": "=SIM()", "declaration_id": f"@{n}"} for n, body in enumerate(arrivals)])
    by_query = desk.get("queue", office="=SIM()", format="csv")
    by_header = desk.client.get("/api/v1/queue", params={"office": "=SIM()"}, headers={"Accept": "text/csv"})
    assert by_query.text == by_header.text
    assert by_query.headers["content-type"].startswith("text/csv")
    assert by_query.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(by_query.text.removeprefix("\ufeff")), delimiter=";"))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == len(arrivals)
    for row in rows:
        assert not [cell for cell in row.values() if cell[:1] in ("=", "+", "-", "@", "\t")]
        assert row["office"] == "'=SIM()"


def test_a_queue_of_another_office_is_forbidden_as_csv_too(service: Service) -> None:
    principal = Principal("u-1", "user", grants=(Grant("inspector", "SIM-A"),))
    desk = desk_of(service, recognise=lambda _: principal)
    assert desk.get("queue", office="SIM-B", format="csv").status_code == 403
    assert desk.get("queue", office="SIM-A", format="csv").status_code == 200


def test_a_cancelled_declaration_s_status_is_in_no_queue(desk: Desk, arrivals: list[Body]) -> None:
    number = desk.post({**arrivals[0], "office": "SIM-A"}).json()["declaration_id"]
    desk.client.post(f"/api/v1/declarations/{number}/cancellation", json={"motive": "Withdrawn."})
    assert desk.get("queue", office="SIM-A").json()["total"] == 0
    assert desk.get("queue", office="SIM-A", status="cancelled").json()["total"] == 0
