"""A rejected declaration is kept with its faults until it comes corrected; who may not see it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from basira.api.openapi.answers import ANSWERS
from basira.cli.audit import app as audit_app
from basira.cli.quarantine import app as quarantine_app
from basira.schema.access import Grant, Principal
from basira.serving.service import Service
from basira.serving.views import rejected as serve_quarantine
from tests.support.api_world import Desk, desk_of

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]


def faulty(body: Body, **more: Any) -> Body:
    return {**body, "items": [{**body["items"][0], "net_mass_kg": -1}], **more}


def listed(desk: Desk, **query: str) -> list[Body]:
    found: list[Body] = desk.get("quarantine", **query).json()["rows"]
    return found


def test_a_rejected_declaration_is_kept_with_its_faults_as_it_was_sent(desk: Desk, arrivals: list[Body]) -> None:
    body = faulty(arrivals[0])
    assert desk.post(body).status_code == 422
    (row,) = listed(desk)
    assert (row["declaration_id"], row["times"], row["state"]) == (body["declaration_id"], 1, "open")
    assert [(fault["field"], fault["code"]) for fault in row["faults"]] == [("net_mass_kg", "negative")]
    assert "body" not in row
    shown = desk.get(f"quarantine/{row['quarantine_id']}").json()
    assert shown["body"] == body
    assert row.keys() == ANSWERS["quarantine"]["rows"][0].keys()
    assert shown.keys() == ANSWERS["refused_body"].keys()


def test_the_same_again_is_one_row(desk: Desk, arrivals: list[Body]) -> None:
    for _ in range(3):
        desk.post(faulty(arrivals[0]))
    (row,) = listed(desk)
    assert row["times"] == 3


def test_the_corrected_one_resolves_it(desk: Desk, arrivals: list[Body]) -> None:
    desk.post([faulty(arrivals[0]), faulty(arrivals[1])])
    assert len(listed(desk)) == 2
    desk.post(arrivals[0])
    assert [row["declaration_id"] for row in listed(desk)] == [arrivals[1]["declaration_id"]]
    (resolved,) = listed(desk, state="resolved")
    assert resolved["resolved_at"]
    assert len(listed(desk, state="all")) == 2


def test_one_that_is_rejected_again_after_it_was_taken_is_open_again(desk: Desk, arrivals: list[Body]) -> None:
    desk.post(faulty(arrivals[0]))
    desk.post(arrivals[0])
    desk.clock[0] = desk.clock[0].replace(hour=11)
    desk.post(faulty(arrivals[0]))
    assert len(listed(desk)) == 1


def test_pages_and_codes(desk: Desk, arrivals: list[Body]) -> None:
    for n, body in enumerate(arrivals[:5]):
        desk.clock[0] = desk.clock[0].replace(minute=n)
        desk.post(faulty(body))
    desk.post({**arrivals[0], "dispatch_country": "QQ"})
    assert len(listed(desk, code="unknown_country")) == 1
    assert listed(desk, code='x"%_') == []
    seen, cursor = [], None
    while True:
        page = desk.get("quarantine", limit="2", **({"cursor": cursor} if cursor else {})).json()
        assert page["total"] == 6
        seen += [row["quarantine_id"] for row in page["rows"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 6
    assert desk.get("quarantine", cursor="bnVsbA").status_code == 400


@pytest.mark.parametrize(
    "body",
    [{"declaration_id": 7, "items": []}, {"declaration_id": "x\x00", "items": []}, {"declaration_id": "9" * 300}],
)
def test_a_number_that_no_declaration_can_have_is_kept_in_the_body_alone(desk: Desk, body: Body) -> None:
    assert desk.post(body).status_code == 422
    (row,) = listed(desk)
    assert row["declaration_id"] is None
    shown = desk.get(f"quarantine/{row['quarantine_id']}").json()
    assert (shown["body"] or json.loads(shown["body_text"])) == body


def test_a_body_that_is_too_long_is_listed_without_its_content(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_quarantine, "MOST_BYTES_KEPT", 50)
    desk.post(faulty(arrivals[0]))
    (row,) = listed(desk)
    assert row["size_bytes"] > 50
    assert desk.get(f"quarantine/{row['quarantine_id']}").json()["body"] is None


def test_analysts_administrators_and_auditors_see_it_and_others_do_not(
    service: Service, desk: Desk, arrivals: list[Body]
) -> None:
    desk.post(faulty(arrivals[0]))
    for role, status in (("analyst", 200), ("administrator", 200), ("auditor", 200), ("manager", 403)):
        principal = Principal("u-1", "user", grants=(Grant(role),))  # type: ignore[arg-type]
        assert desk_of(service, recognise=lambda _, p=principal: p).get("quarantine").status_code == status, role
    inspector = Principal("u-1", "user", grants=(Grant("inspector", arrivals[0]["office"]),))
    assert desk_of(service, recognise=lambda _: inspector).get("quarantine").status_code == 403


def test_when_it_cannot_be_kept_the_sender_is_shown_the_fault_all_the_same(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    from basira.schema.errors import StoreError

    def full(*_: object, **__: object) -> None:
        raise StoreError("disk full", hint="-")

    monkeypatch.setattr(serve_quarantine, "keep_body", full)
    answer = desk.post(faulty(arrivals[0]))
    assert (answer.status_code, answer.json()["is_kept"]) == (422, False)


def test_the_commands_list_show_and_erase_it(desk: Desk, arrivals: list[Body], tmp_path: Any) -> None:
    from basira.storage.history.store import History

    History.create(tmp_path / "store")
    body = faulty(arrivals[0], importer_id="SIM-PERSON-%_9")
    desk.post(body)
    desk.post(faulty(arrivals[1], importer_id="sim-person-%_9"))
    place = str(desk.service.database.place)
    url = place if "://" in place else f"sqlite:///{place}"
    where = ["--store", str(tmp_path / "store"), "--database", url]
    run = CliRunner()
    found = json.loads(run.invoke(quarantine_app, ["list", "--json", *where]).stdout)["online"]
    assert found["total"] == 2
    assert "negative" in run.invoke(quarantine_app, ["list", *where]).stdout
    named = next(row["quarantine_id"] for row in found["rows"] if row["declaration_id"] == body["declaration_id"])
    assert json.loads(run.invoke(quarantine_app, ["show", named, *where]).stdout)["body"] == body
    erased = run.invoke(
        audit_app,
        ["erase", "--person", "SIM-PERSON-%_9", "--motive", "asked", "--by", "test", "--json", *where],
    )
    assert json.loads(erased.stdout)["erased"] == 1
    assert [row["declaration_id"] for row in listed(desk)] == [arrivals[1]["declaration_id"]]
