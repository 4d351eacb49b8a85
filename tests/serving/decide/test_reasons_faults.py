"""A fault in the reasons costs the reasons of its declaration, and neither its decision nor those beside it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from basira.serving.decide import scoring as serve_assess
from tests.support.api_world import Desk

Body = dict[str, Any]


def broken(monkeypatch: pytest.MonkeyPatch, *, for_number: str | None = None) -> None:
    """`explain_items` raises: always, or for one declaration's items."""
    explain = serve_assess.explain_items

    def explained(contributions: Any, names: Any, families: Any, values: Any, **named: Any) -> Any:
        if for_number is None or any(row["declaration_id"] == for_number for row in values):
            raise ValueError("no such family")
        return explain(contributions, names, families, values, **named)

    monkeypatch.setattr(serve_assess, "explain_items", explained)


def many(arrivals: list[Body]) -> list[Body]:
    """More than there are slots, so that some are selected whatever is drawn."""
    return [{**body, "declaration_id": f"{body['declaration_id']}-{n}"} for n in range(4) for body in arrivals]


def test_a_selected_declaration_gets_its_lane_without_reasons(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken(monkeypatch)
    with caplog.at_level(logging.ERROR, "basira.service"):
        found = [desk.post(body) for body in many(arrivals)]
    assert {answer.status_code for answer in found} == {200}
    selected = [answer.json() for answer in found if answer.json()["inspects"]]
    assert selected
    for decision in selected:
        assert decision["fallback"] is None
        assert decision["fraud_probability"] > 0
        assert [item["reasons"] for item in decision["items"]] == [[]] * len(decision["items"])
    assert [record.message for record in caplog.records] == ["reasons_failed"] * len(selected)
    assert desk.get(f"declarations/{selected[0]['declaration_id']}").status_code == 200


def test_of_a_group_only_the_faulty_one_goes_without(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = many(arrivals)
    first = [one["decision"] for one in desk.post(bodies).json()["results"]]
    selected = [one["declaration_id"] for one in first if one["inspects"]]
    assert len(selected) >= 2
    again = [{**body, "transport_document": "CORRECTED"} for body in bodies if body["declaration_id"] in selected]
    broken(monkeypatch, for_number=selected[0])
    found = {one["decision"]["declaration_id"]: one["decision"] for one in desk.post(again).json()["results"]}
    assert not any(item["reasons"] for item in found[selected[0]]["items"])
    assert all(any(item["reasons"] for item in found[name]["items"]) for name in selected[1:])
