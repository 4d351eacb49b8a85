"""The service's record into the history: as if a file had come, once, and then it counts like any other day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from basira.cli.history import app as history_app
from basira.ingest.mapping.model import load_mapping
from basira.serving.service import Service
from basira.serving.sync import sync_history
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.profiles import build_profiles, read_profiles
from tests.support.api_world import AS_OF, ENGINE, TODAY, Desk, bodies, desk_of

Body = dict[str, Any]
EVENING = datetime(TODAY.year, TODAY.month, TODAY.day, 22)
RESULT = {
    "known_at": f"{TODAY}T15:00:00",
    "is_irregular": True,
    "is_irregular_value": True,
    "found_value_amount": 455000.0,
    "additional_revenue_amount": 36250.5,
    "inspector_id": "SIM-OFFICER-1",
}


@pytest.fixture
def online(whole: Service, history: History, tmp_path: Path) -> Iterator[tuple[Desk, History]]:
    """A service and its store, copied, so that a test may write to both."""
    store = History.open(shutil.copytree(history.root, tmp_path / "online", ignore=shutil.ignore_patterns("*.sqlite*")))
    service = replace(whole, database=Database(store.root / "operations.sqlite"))
    yield desk_of(service), store
    service.close()


def a_day(desk: Desk, arrivals: list[Body]) -> tuple[list[Body], list[Body]]:
    """An online day: declarations, amendments, results, a cancellation. What a file of it would hold."""
    rows: list[Body] = []
    results: list[Body] = []
    for n, body in enumerate(arrivals):
        versions = [body] if n % 3 else [body, {**body, "transport_document": "CORRECTED", "x_sim": "é"}]
        for version, one in enumerate(versions, start=1):
            found = desk.post(one).json()
            assert found["declaration_version"] == version
            header = {k: v for k, v in one.items() if k not in ("items", "x_sim")}
            extra = {"x_sim": one["x_sim"]} if "x_sim" in one else {}
            rows += [
                {**header, **extra, "declaration_version": version, "item_number": i, **item}
                for i, item in enumerate(one["items"], start=1)
            ]
        if n % 2 == 0:
            result = {**RESULT, "item_number": 1}
            answer = desk.client.post(f"/api/v1/declarations/{body['declaration_id']}/outcome", json=result)
            assert answer.status_code == 200, answer.text
            results.append({**result, "declaration_id": body["declaration_id"]})
    desk.client.post(
        f"/api/v1/declarations/{arrivals[1]['declaration_id']}/cancellation", json={"motive": "Withdrawn."}
    )
    return rows, results


def table(store: History, name: str) -> pl.DataFrame:
    frame = pl.concat([pl.read_parquet(path) for path in store.snapshot().files(name)], how="diagonal_relaxed")
    keys = ["declaration_id", *(["declaration_version"] if name == "items" else []), "item_number"]
    return frame.drop("source", "source_row", "received_at", "inspector_id", strict=False).sort(keys)


def test_a_synced_day_is_the_day_that_files_would_have_made(
    online: tuple[Desk, History], history: History, arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    rows, results = a_day(desk, arrivals)
    done = sync_history(store, desk.service.database, now=EVENING)
    assert [(r.accepted, r.quarantined) for r in done.reports] == [(len(rows), 0), (len(results), 0)]

    fed = History.open(shutil.copytree(history.root, tmp_path / "fed"))
    for name, content in (("day.jsonl", rows), ("results.jsonl", results)):
        (tmp_path / name).write_text("\n".join(json.dumps(row) for row in content), encoding="utf-8")
    mapping = load_mapping("basira").model_copy(update={"extra": {"sim": "x_sim"}})
    ingest_files(fed, [tmp_path / "day.jsonl"], mapping, received_at=EVENING)
    record_feedback(fed, [tmp_path / "results.jsonl"], load_mapping("basira-outcomes"), received_at=EVENING)

    for name in ("items", "outcomes"):
        one, other = table(store, name), table(fed, name)
        assert one.select(sorted(one.columns)).equals(other.select(sorted(other.columns))), name
    for each in (store, fed):
        build_profiles(each, as_of=TODAY, now=EVENING, engine=ENGINE)
    one, other = (dict(read_profiles(each.root).profiles().records()) for each in (store, fed))
    assert one == other
    before = dict(read_profiles(history.root).profiles().records())
    assert one != before


def test_the_next_day_s_service_stands_on_what_was_synced(online: tuple[Desk, History], arrivals: list[Body]) -> None:
    desk, store = online
    a_day(desk, arrivals)
    sync_history(store, desk.service.database, now=EVENING)
    build_profiles(store, as_of=TODAY, now=EVENING, engine=ENGINE)
    tomorrow = desk_of(replace(desk.service, profiles=read_profiles(store.root)))
    tomorrow.clock[0] = tomorrow.clock[0] + timedelta(days=1)
    new = {**arrivals[0], "declaration_id": "SIM-NEXT", "declared_at": f"{TODAY + timedelta(days=1)}T08:00:00"}
    assert tomorrow.post(new).json()["fallback"] is None


def test_again_changes_nothing_and_later_takes_only_what_is_new(
    online: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, store = online
    a_day(desk, arrivals[:4])
    first = sync_history(store, desk.service.database, now=EVENING)
    again = sync_history(store, desk.service.database, now=EVENING + timedelta(hours=1))
    assert (again.reports, again.snapshot) == ((), first.snapshot)
    desk.post(arrivals[4])
    later = sync_history(store, desk.service.database, now=EVENING + timedelta(hours=2))
    assert [(r.rows, r.accepted) for r in later.reports] == [(len(arrivals[4]["items"]),) * 2]


def test_one_that_was_cut_off_between_declarations_and_results_goes_on(
    online: tuple[Desk, History], arrivals: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    from basira.serving import sync as online_history

    desk, store = online
    _, results = a_day(desk, arrivals)
    whole_take_in = online_history.take_in

    def stopped(history: Any, draft: Any, intake: Any, progress: Any) -> Any:
        if intake.action == "feedback":
            raise KeyboardInterrupt
        return whole_take_in(history, draft, intake, progress)

    with monkeypatch.context() as patch:
        patch.setattr(online_history, "take_in", stopped)
        with pytest.raises(KeyboardInterrupt):
            sync_history(store, desk.service.database, now=EVENING)
    done = sync_history(store, desk.service.database, now=EVENING)
    assert [(r.results, r.accepted) for r in done.reports] == [(len(results), len(results))]


def test_what_a_file_brought_already_is_known_and_what_contradicts_it_is_quarantined(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    desk.post(arrivals[:2])
    rows = [
        {**{k: v for k, v in body.items() if k != "items"}, "declaration_version": 1, "item_number": i, **item}
        for body in arrivals[:2]
        for i, item in enumerate(body["items"], start=1)
    ]
    rows[-1]["customs_value_amount"] = 1.0
    (tmp_path / "day.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    ingest_files(store, [tmp_path / "day.jsonl"], load_mapping("basira"), received_at=EVENING)
    (report,) = sync_history(store, desk.service.database, now=EVENING).reports
    assert (report.already_known, report.quarantined) == (len(rows) - 1, 1)
    assert report.reasons == {"version_conflict": 1}


def test_an_amendment_of_what_a_file_brought_comes_after_its_version(
    online: tuple[Desk, History], declarations: pl.DataFrame
) -> None:
    desk, store = online
    body = bodies(declarations, AS_OF)[0]
    body["items"][0]["customs_value_amount"] = 1234.0
    first = desk.post(body).json()
    assert first["declaration_version"] == 2
    assert desk.post(body).json() == first
    assert desk.post({**body, "transport_document": "X"}).json()["declaration_version"] == 3
    (report,) = sync_history(store, desk.service.database, now=EVENING).reports
    assert (report.quarantined, report.amended) == (0, 2 * len(body["items"]))


def test_what_was_erased_stays_out_and_no_officer_is_named(online: tuple[Desk, History], arrivals: list[Body]) -> None:
    from basira.storage.record.erasure import erase
    from basira.storage.record.personal import values_of_person

    desk, store = online
    desk.post({**arrivals[0], "importer_id": "SIM-ERASED", "declarant_id": "SIM-KEPT"})
    number = arrivals[0]["declaration_id"]
    assert desk.client.post(f"/api/v1/declarations/{number}/outcome", json=RESULT).status_code == 200
    erase(desk.service.database, values_of_person("SIM-ERASED"), actor="test", motive="asked", now=lambda: EVENING)
    sync_history(store, desk.service.database, now=EVENING)
    items = table(store, "items").filter(pl.col("declaration_id") == number)
    assert set(items["importer_id"]) == {None}
    assert set(items["declarant_id"]) == {"SIM-KEPT"}
    outcomes = pl.concat([pl.read_parquet(p) for p in store.snapshot().files("outcomes")], how="diagonal_relaxed")
    assert "SIM-OFFICER-1" not in set(outcomes["inspector_id"])


def test_the_command_says_what_it_took(online: tuple[Desk, History], arrivals: list[Body]) -> None:
    desk, store = online
    desk.post(arrivals)
    run = CliRunner()
    found = json.loads(run.invoke(history_app, ["sync", "--store", str(store.root), "--json"]).stdout)
    assert found["files"][0]["accepted"] == sum(len(body["items"]) for body in arrivals)
    assert "Rien de nouveau" in run.invoke(history_app, ["sync", "--store", str(store.root)]).stdout
