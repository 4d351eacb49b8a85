"""A declaration in: its lane, once, on record."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.features.catalog.catalog import CATALOG
from basira.ingest.mapping.model import load_mapping
from basira.serving.decide.placement import restore_state
from basira.serving.decide.scoring import assess_online
from basira.serving.message import Declaration, read_declaration
from basira.serving.service import Service
from basira.storage.history.store import History
from basira.storage.online.office_state import find_state
from basira.storage.record.events import find_events
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.profiles import read_profiles
from basira.workflows.targeting.score import choose_model, score
from tests.support.api_world import AS_OF, ENGINE, TODAY, Desk, at, desk_of, is_whole

pytestmark = pytest.mark.both_databases

Body = dict[str, Any]


def test_a_declaration_gets_its_lane_with_what_it_rests_on(desk: Desk, arrivals: list[Body]) -> None:
    answer = desk.post(arrivals[0])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["fallback"] is None
    assert 0 < found["fraud_probability"] < 1
    assert found["versions"]["model"] == desk.service.model.version
    model, profiles = desk.service.model, desk.service.profiles.profiles()
    assert (found["versions"]["model_digest"], found["versions"]["profiles_digest"]) == (model.digest, profiles.digest)
    assert [len(digest) for digest in (model.digest, profiles.digest)] == [64, 64]
    assert found["versions"]["profiles"] == profiles.name
    assert desk.get(f"declarations/{arrivals[0]['declaration_id']}").json()["decisions"] == [found]


def test_what_is_selected_has_reasons_and_what_to_verify(desk: Desk, arrivals: list[Body]) -> None:
    found = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    selected = [decision for decision in found if decision["inspects"]]
    assert selected
    assert all(item["verify"] for decision in selected for item in decision["items"])
    assert any(item["reasons"] and item["reasons"][0]["text"] for d in selected for item in d["items"])


def test_the_same_declaration_again_gets_the_recorded_decision(desk: Desk, arrivals: list[Body]) -> None:
    first = desk.post(arrivals[0]).json()
    desk.clock[0] += timedelta(hours=2)
    assert desk.post(arrivals[0]).json() == first
    with desk.service.database.read() as connection:
        assert len(find_events(connection, arrivals[0]["declaration_id"])) == 2


def test_an_idempotency_key_gives_the_answer_again_and_no_other(desk: Desk, arrivals: list[Body]) -> None:
    first = desk.post(arrivals[0], **{"Idempotency-Key": "k1"})
    again = desk.post(arrivals[0], **{"Idempotency-Key": "k1"})
    other = desk.post(arrivals[1], **{"Idempotency-Key": "k1"})
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (400, "usage")


def test_a_batch_under_a_key_is_answered_once(desk: Desk, arrivals: list[Body]) -> None:
    first = desk.post(arrivals[:4], **{"Idempotency-Key": "b"}).json()
    assert desk.post(arrivals[:4], **{"Idempotency-Key": "b"}).json() == first


def test_an_amendment_is_another_decision_and_never_a_lighter_lane(desk: Desk, arrivals: list[Body]) -> None:
    intensity = desk.service.policy(TODAY).intensity
    before = [one["decision"] for one in desk.post(arrivals).json()["results"]]
    amended = [{**body, "transport_document": "CORRECTED"} for body in arrivals]
    after = [one["decision"] for one in desk.post(amended).json()["results"]]
    assert any(decision["inspects"] for decision in before)
    assert [d["declaration_version"] for d in after] == [2] * len(arrivals)
    assert all(intensity[b["lane"]] >= intensity[a["lane"]] for a, b in zip(before, after, strict=True))
    assert is_whole(desk.service)


def test_after_amendments_the_state_counts_each_declaration_once(desk: Desk, arrivals: list[Body]) -> None:
    desk.post(arrivals)
    last = [one["decision"] for one in desk.post([{**b, "manifest_id": "M2"} for b in arrivals]).json()["results"]]
    for office in {d["office"] for d in last}:
        with desk.service.database.read() as connection:
            stored = find_state(connection, office, TODAY.isoformat())
        used = {lane: n for lane, n in restore_state(stored.state).used.items() if n}
        inspected = [d["lane"] for d in last if d["office"] == office and d["inspects"]]
        assert used == {lane: inspected.count(lane) for lane in set(inspected)}


def test_a_recorded_version_with_other_content_is_a_conflict(desk: Desk, arrivals: list[Body]) -> None:
    desk.post({**arrivals[0], "declaration_version": 1})
    answer = desk.post({**arrivals[0], "declaration_version": 1, "procedure": "999"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "version_conflict"


def test_without_a_model_the_fallback_answers_and_says_so(service: Service, arrivals: list[Body]) -> None:
    desk = desk_of(replace(service, model=None))
    found = desk.post(arrivals[0]).json()
    assert (found["fallback"], found["fraud_probability"], found["items"]) == ("no_model", None, [])
    assert found["basis"] in ("fallback", "random", "mandatory")
    assert desk.get("ready").json()["degraded"] == ["no_model"]
    assert 'basira_fallbacks_total{reason="no_model"} 1.0' in desk.get("metrics").text


def test_a_step_of_selection_may_ask_features_also_when_no_model_answers(
    service: Service, arrivals: list[Body]
) -> None:
    read = [read_declaration(body, received_at=at(12)) for body in arrivals]
    declarations = [one for one in read if isinstance(one, Declaration)]
    found = assess_online(declarations, replace(service, model=None).knowledge, today=TODAY)
    with_model = assess_online(declarations, service.knowledge, today=TODAY)
    described = [n for n, one in enumerate(with_model) if one.fallback is None]
    assert len(described) >= 5
    for n in described:
        bare, scored = found[n], with_model[n]
        assert (bare.fallback, bare.candidate.fraud_probability) == ("no_model", None)
        assert {f.name for f in CATALOG} <= set(bare.candidate.features)
        assert dict(bare.candidate.features) == dict(scored.candidate.features)
        assert len(bare.candidate.features["importer_items"]) == len(bare.candidate.items)
        assert bare.candidate.items is declarations[n].rows
        with pytest.raises(KeyError):
            bare.candidate.features["declaration_id"]


def test_without_profiles_the_fallback_answers(service: Service, arrivals: list[Body], tmp_path: Path) -> None:
    desk = desk_of(replace(service, profiles=read_profiles(tmp_path / "nowhere")))
    assert desk.post(arrivals[0]).json()["fallback"] == "no_profiles"
    assert desk.get("ready").json()["degraded"] == ["no_profiles"]


def test_profiles_that_are_too_old_are_not_used(desk: Desk, arrivals: list[Body]) -> None:
    desk.clock[0] = at(9) + timedelta(days=5)
    assert desk.post(arrivals[0]).json()["fallback"] == "profiles_too_old"


def test_a_model_that_fails_leaves_the_decision_to_the_fallback(
    service: Service, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(type(service.model), "predict_rows", fail)
    assert desk_of(service).post(arrivals[0]).json()["fallback"] == "model_failed"


def test_a_state_that_cannot_be_read_never_means_release(desk: Desk, arrivals: list[Body]) -> None:
    desk.post(arrivals[0])
    with desk.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE selection_state SET state = 'torn'")
    office = arrivals[0]["office"]
    body = next(b for b in arrivals[1:] if b["office"] == office)
    # Another worker: this one has in memory what it wrote.
    found = desk_of(desk.service).post(body).json()
    assert (found["detail"], found["fallback"]) == ("", None)


def test_a_torn_state_is_made_again_from_the_recorded_lanes(service: Service, arrivals: list[Body]) -> None:
    office = "SIM-A"
    bodies = [{**body, "office": office} for body in arrivals]
    one, other = desk_of(service), desk_of(service)
    first = [d["decision"] for d in one.post(bodies[:-1]).json()["results"]]
    with service.database.read() as connection:
        lost = restore_state(find_state(connection, office, TODAY.isoformat()).state)
    with service.database.write() as connection:
        connection.exec_driver_sql("UPDATE selection_state SET state = 'torn'")
    last = other.post(bodies[-1]).json()
    with service.database.read() as connection:
        stored = find_state(connection, office, TODAY.isoformat())
    state = restore_state(stored.state)
    inspected = [d["lane"] for d in [*first, last] if d["inspects"]]
    assert {lane: n for lane, n in state.used.items() if n} == {lane: inspected.count(lane) for lane in set(inspected)}
    assert state.today.count == len(bodies)
    assert state.today.scored_count == lost.today.scored_count + 1
    assert is_whole(service)


def test_under_another_policy_the_day_goes_on_from_where_it_stands(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    office = "SIM-A"
    bodies = [{**body, "office": office} for body in arrivals]
    folder = tmp_path / "changed"
    folder.mkdir()
    text = (service.policies / "policy.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text(text.replace("yellow = { count = 2 }", "yellow = { count = 9 }"), "utf-8")
    edited = replace(service, policies=folder)
    before = [d["decision"] for d in desk_of(service).post(bodies[:3]).json()["results"]]
    changed = [d["decision"] for d in desk_of(edited).post(bodies[3:-1]).json()["results"]]
    assert {(d["detail"], d["fallback"]) for d in changed} == {("", None)}
    assert {d["basis"] for d in changed} <= {"model", "random", "none"}
    with service.database.read() as connection:
        state = restore_state(find_state(connection, office, TODAY.isoformat()).state)
    assert state.plan.policy_digest == edited.policy(TODAY).digest == changed[0]["versions"]["policy_digest"]
    # Every slot of the morning counts, lane by lane, and so does every arrival.
    inspected = [d["lane"] for d in [*before, *changed] if d["inspects"]]
    assert {lane: n for lane, n in state.used.items() if n} == {lane: inspected.count(lane) for lane in set(inspected)}
    assert state.today.count == len(bodies) - 1
    # A worker that still has the first policy goes on under that one; so a restart in turns loses nothing.
    after = desk_of(service).post(bodies[-1]).json()
    assert (after["detail"], after["versions"]["policy_digest"]) == ("", service.policy(TODAY).digest)


def test_a_record_that_cannot_be_written_decides_nothing(
    desk: Desk, arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    from basira.schema.errors import StoreError
    from basira.serving.decide import batch as serve

    def full(*_: object, **__: object) -> None:
        raise StoreError("disk full at a secret place", hint="-")

    with monkeypatch.context() as patch:
        patch.setattr(serve, "record_group", full)
        answer = desk.post(arrivals[0], **{"Idempotency-Key": "x"})
    assert answer.status_code == 503
    assert "secret place" not in answer.text
    assert desk.get(f"declarations/{arrivals[0]['declaration_id']}").status_code == 404
    assert desk.post(arrivals[0], **{"Idempotency-Key": "x"}).status_code == 200


def test_many_at_once_lose_nothing_and_double_nothing(desk: Desk, arrivals: list[Body]) -> None:
    # Everything sent twice, from four threads: one decision each, and as many slots used as lanes given.
    office = arrivals[0]["office"]
    here = [{**body, "office": office} for body in arrivals]
    statuses: list[int] = []

    def send(part: list[Body]) -> None:
        statuses.extend(desk.post(body).status_code for body in part)

    threads = [threading.Thread(target=send, args=(part,)) for part in (here[::2], here[1::2], here, here[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    events = []
    with desk.service.database.read() as connection:
        stored = find_state(connection, office, TODAY.isoformat())
        for body in here:
            events += find_events(connection, body["declaration_id"])
    assert len(events) == 2 * len(here)
    state = restore_state(stored.state)
    assert state.today.count == len(here)
    assert sum(state.used.values()) == sum(1 for e in events if e["kind"] == "decision" and e["payload"]["inspects"])
    assert is_whole(desk.service)


def test_the_probability_is_that_of_basira_score(
    whole: Service, history: History, arrivals: list[Body], tmp_path: Path
) -> None:
    import json
    import shutil

    from basira.storage.database.connection import Database

    service = replace(whole, database=Database(tmp_path / "r.sqlite"))
    online = {d["decision"]["declaration_id"]: d["decision"] for d in desk_of(service).post(arrivals).json()["results"]}
    service.close()
    # The same declarations taken in as a file, in a copy of the store, and scored as of the evening before.
    copy = shutil.copytree(history.root, tmp_path / "copy")
    rows = [{**{k: v for k, v in b.items() if k != "items"}, **item} for b in arrivals for item in b["items"]]
    (tmp_path / "day.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    store = History.open(copy)
    report = ingest_files(store, [tmp_path / "day.jsonl"], load_mapping("basira"), received_at=datetime(2024, 1, 2))
    assert report.quarantined == 0
    table = score(
        store, first=TODAY, last=TODAY, as_of=AS_OF, model=choose_model(store, as_of=AS_OF), engine=ENGINE
    ).table
    none_irregular: dict[str, float] = {}
    for row in table.sort("declaration_id", "item_number").to_dicts():
        known = none_irregular.get(row["declaration_id"], 1.0)
        none_irregular[row["declaration_id"]] = known * (1.0 - row["fraud_probability"])
    batch = {name: 1.0 - none for name, none in none_irregular.items()}
    assert {name: d["fraud_probability"] for name, d in online.items()} == batch
