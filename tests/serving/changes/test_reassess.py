"""A declaration that an officer raised shows its inspector why, as it was known when it was decided."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any, cast

from basira.schema.access import Grant
from basira.schema.records import ItemAssessment
from basira.serving.changes import reassess as serve_again
from basira.serving.service import Service
from tests.serving.changes.test_change import person, released, reselect
from tests.support.api_world import TODAY, Desk, desk_of

__all__ = ["released"]

Body = dict[str, Any]


class Newer:
    name = "of-a-later-evening"


class Later:
    """Profiles that know more than a decision did."""

    alarm = None

    def profiles(self) -> Newer:
        return Newer()

    def refresh(self) -> None: ...


def queued(desk: Desk, one: Body) -> Body:
    day = {"office": one["office"], "day": TODAY.isoformat()}
    rows = desk.get("queue", **day).json()["decisions"]
    return next(row for row in rows if row["declaration_id"] == one["declaration_id"])


def cells(desk: Desk, one: Body) -> dict[str, str]:
    text = desk.get("queue", office=one["office"], day=TODAY.isoformat(), format="csv").text.removeprefix("\ufeff")
    rows = csv.DictReader(io.StringIO(text), delimiter=";")
    return next(row for row in rows if row["declaration_id"] == one["declaration_id"])


def test_a_raised_declaration_has_reasons_references_and_what_to_verify(desk: Desk, released: Body) -> None:
    assert not any(item["reasons"] for item in released["items"])
    assert reselect(desk, released["declaration_id"], "red").status_code == 200
    row = queued(desk, released)
    assert all(item["verify"] for item in row["items"])
    assert any(item["reasons"] for item in row["items"])
    assert all(reason["text"] for item in row["items"] for reason in item["reasons"])
    # The figures are those of the decision, to the last bit.
    assert [item["fraud_probability"] for item in row["items"]] == [
        item["fraud_probability"] for item in released["items"]
    ]
    shown = cells(desk, released)
    assert shown["reasons"].startswith("#1 ")
    assert shown["verify"]
    answer = desk.get(f"declarations/{released['declaration_id']}").json()
    assert answer["history"][-1]["items"] == row["items"]
    # The decision is shown as it was recorded.
    assert answer["decisions"][-1]["items"] == released["items"]


def test_the_queue_says_that_an_officer_gave_the_lane(desk: Desk, released: Body) -> None:
    reselect(desk, released["declaration_id"], "red")
    for said in (queued(desk, released)["basis_text"], cells(desk, released)["basis_text"]):
        assert said == f"Re-selected by an officer; decision: {released['basis_text']}"


def test_an_amendment_that_keeps_the_officer_s_lane_says_whose_it_is(
    desk: Desk, arrivals: list[Body], released: Body
) -> None:
    reselect(desk, released["declaration_id"], "red")
    sent = next(body for body in arrivals if body["declaration_id"] == released["declaration_id"])
    amended = desk.post({**sent, "transport_document": "CORRECTED"}).json()
    assert (amended["lane"], amended["basis"]) == ("red", released["basis"])
    assert amended["basis_text"] == "Lane given by an officer"


def test_reasons_are_those_that_were_known_at_the_decision(desk: Desk, released: Body) -> None:
    later = desk_of(replace(desk.service, profiles=cast(Any, Later()), previous_days=None))
    assert reselect(later, released["declaration_id"], "red").status_code == 200
    # Not known any more as it was known then: nothing rather than what came later.
    assert not any(item["reasons"] for item in queued(later, released)["items"])


def test_profiles_that_are_still_kept_beside_newer_ones_give_them(desk: Desk, released: Body) -> None:
    service, kept = desk.service, desk.service.profiles.profiles()

    class Previous:
        def find(self, as_of_day: int) -> Any:
            return kept if as_of_day == kept.as_of_day else None

        def refresh(self) -> None: ...

    later = desk_of(replace(service, profiles=cast(Any, Later()), previous_days=cast(Any, Previous())))
    assert reselect(later, released["declaration_id"], "red").status_code == 200
    assert any(item["reasons"] for item in queued(later, released)["items"])


def test_reasons_that_can_not_be_made_stop_no_officer(desk: Desk, released: Body, monkeypatch: Any) -> None:
    def raises(*_: object) -> list[tuple[ItemAssessment, ...]]:
        raise ValueError

    monkeypatch.setattr(serve_again, "items_with_reasons", raises)
    assert reselect(desk, released["declaration_id"], "red").status_code == 200
    assert queued(desk, released)["lane"] == "red"


def test_an_inspector_reads_them_without_a_figure_of_the_model(desk: Desk, released: Body) -> None:
    reselect(desk, released["declaration_id"], "red")
    inspector = person(desk.service, Grant("inspector", released["office"]))
    row = queued(inspector, released)
    steps = inspector.get(f"declarations/{released['declaration_id']}").json()["history"]
    for items in (row["items"], steps[-1]["items"]):
        assert items[0]["verify"][0]["text"]
        assert any(item["reasons"] for item in items)
        text = json.dumps(items)
        assert not [name for name in ("fraud_probability", "expected_revenue", "contribution") if f'"{name}"' in text]


def test_nothing_is_explained_for_what_stays_released(service: Service, arrivals: list[Body], monkeypatch: Any) -> None:
    desk = desk_of(service)
    explained: list[int] = []
    monkeypatch.setattr(serve_again, "items_with_reasons", lambda scored, _: explained.append(len(scored)) or [])
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    one = next(d for d in found if not d["inspects"] and d["lane"] == "green")
    assert reselect(desk, one["declaration_id"], "blue").status_code == 200
    assert explained == []
