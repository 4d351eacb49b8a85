"""Fields of the sender's own: what name one may have, and what becomes of those that an earlier version took."""

from __future__ import annotations

import hashlib
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
from basira.schema.names import MOST_OF_A_SOURCE, MOST_OF_A_STORE, RULE
from basira.serving.decide import batch as serve
from basira.serving.decide.result import Decided
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.serving.sync import sync_history
from basira.storage.database.connection import Database
from basira.storage.history.store import History, own_names
from basira.workflows.intake.quarantine import list_quarantine, retry_quarantine
from basira.workflows.profiles import build_profiles, read_profiles
from basira.workflows.train import train
from tests.support.api_world import AS_OF, ENGINE, NOW, QUICK, TODAY, Desk, desk_of, is_whole

Body = dict[str, Any]
EVENING = datetime(TODAY.year, TODAY.month, TODAY.day, 22)


@pytest.fixture
def online(whole: Service, history: History, tmp_path: Path) -> Iterator[tuple[Desk, History]]:
    """A service and its store, copied, so that a test may write to both."""
    store = History.open(shutil.copytree(history.root, tmp_path / "online", ignore=shutil.ignore_patterns("*.sqlite*")))
    service = replace(
        whole, database=Database(store.root / "operations.sqlite"), profiles=read_profiles(store.root), store=store.root
    )
    yield desk_of(service), store
    service.close()


def named(body: Body, *names: str, **more: Any) -> Body:
    """The declaration, whose first item has fields of these names."""
    first, *others = body["items"]
    return {**body, **more, "items": [{**first, **dict.fromkeys(names, "L1")}, *others]}


def as_earlier_versions_took_it(desk: Desk, body: Body, *names: str) -> None:
    """Record a declaration, then its event as if it had come with these names: what is recorded stays for ever."""
    read = serve.read_declaration

    def reading(given: Any, *, received_at: datetime) -> Any:
        found = read(given, received_at=received_at)
        rows = ({**found.rows[0], **dict.fromkeys(names, "L1")}, *found.rows[1:])
        return replace(found, rows=rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "read_declaration", reading)
        found = serve.decide(body, desk.service, now=desk.clock[0], asked=serve.Asked("earlier version"))
    assert isinstance(found, Decided), found


ODD = ("x_lot-number", "x_Lot", 'x_"', "x_", "x_1", "x_é", "x_" + "a" * 49, "x_lot number", "x_lot\u202e", "x_'; --")


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_no_column_may_have_is_rejected_with_the_rule(
    blank: Service, arrivals: list[Body], name: str
) -> None:
    answer = desk_of(blank).post(named(arrivals[0], name))
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["code"], fault["item"], fault["expected"]) == ("bad_name", 1, RULE)
    assert fault["field"] == (name if name.isprintable() else None)


@pytest.mark.parametrize("name", ["x_lot", "x_a1_", "x_" + "a" * 48])
def test_a_name_of_the_rule_is_taken(blank: Service, arrivals: list[Body], name: str) -> None:
    assert desk_of(blank).post(named(arrivals[0], name)).status_code == 200


def test_a_declaration_has_so_many_names_of_its_own_and_no_more(blank: Service, arrivals: list[Body]) -> None:
    desk = desk_of(blank)
    body = next(one for one in arrivals if len(one["items"]) > 1)
    names = [f"x_n{n}" for n in range(MOST_OF_A_SOURCE + 1)]
    assert desk.post(named(body, *names[1:])).status_code == 200
    body = {**named(body, *names[1:]), "declaration_id": "SIM-ONE-MORE"}
    body["items"][1] = {**body["items"][1], names[0]: "L1"}
    (fault,) = desk.post(body).json()["errors"]
    assert (fault["code"], fault["field"]) == ("bad_name", None)


def test_a_body_of_thousands_of_names_is_answered_briefly(blank: Service, arrivals: list[Body]) -> None:
    item = arrivals[0]["items"][0]
    items = [{**item, "item_number": n, **{f"x_{n}_{k}": "1" for k in range(20)}} for n in range(1, 1001)]
    answer = desk_of(blank).post({**arrivals[0], "items": items})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) < 20


def hostile(tmp_path: Path) -> str:
    """A name that would end the statement it stands in and copy a table to a file."""
    return f"x_\";COPY(SELECT 1)TO'{tmp_path}/taken.csv';--"


def a_poisoned_day(desk: Desk, arrivals: list[Body], tmp_path: Path) -> None:
    """Declarations that an earlier version took, good and bad, at one office and in one night."""
    desk.post(arrivals[0])
    as_earlier_versions_took_it(desk, arrivals[1], hostile(tmp_path), "x_lot")
    desk.post(named(arrivals[2], "x_lot"))
    as_earlier_versions_took_it(desk, arrivals[3], *(f"x_n{n}" for n in range(1000)))
    as_earlier_versions_took_it(desk, arrivals[4], "x_Lot", "x_lot", "x_lot-number")


def test_a_poisoned_event_is_set_aside_and_the_night_goes_on(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    a_poisoned_day(desk, arrivals, tmp_path)
    done = sync_history(store, desk.service.database, now=EVENING)
    bad = {arrivals[n]["declaration_id"] for n in (1, 3, 4)}
    assert len(done.set_aside) == 3
    assert not (tmp_path / "taken.csv").exists()
    (report,) = done.reports
    rows = sum(len(arrivals[n]["items"]) for n in (1, 3, 4))
    assert (report.quarantined, report.reasons) == (rows, {"bad_name": rows})
    items = pl.concat([pl.read_parquet(path) for path in store.snapshot().files("items")], how="diagonal_relaxed")
    assert items.filter(pl.col("declaration_id").is_in(bad)).is_empty()
    assert items.filter(pl.col("declaration_id") == arrivals[2]["declaration_id"])["x_lot"].to_list()[0] == "L1"
    listed = list_quarantine(store, code="bad_name")
    assert {row.text["declaration_id"] for row in listed} == bad
    assert f"event {done.set_aside[0].event}:" in (listed[0].value or "")
    # The record has them still, and is whole.
    assert is_whole(desk.service)
    assert desk.get(f"declarations/{arrivals[1]['declaration_id']}").status_code == 200


def test_the_next_nights_do_not_meet_it_again(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    as_earlier_versions_took_it(desk, arrivals[0], hostile(tmp_path))
    first = sync_history(store, desk.service.database, now=EVENING)
    again = sync_history(store, desk.service.database, now=EVENING + timedelta(hours=1))
    assert (len(first.set_aside), again.set_aside, again.reports) == (1, (), ())
    desk.post(arrivals[1])
    later = sync_history(store, desk.service.database, now=EVENING + timedelta(days=1))
    assert [(r.rows, r.quarantined) for r in later.reports] == [(len(arrivals[1]["items"]), 0)]


def test_a_long_declaration_that_is_all_there_was_ends_no_night(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    items = [{**arrivals[0]["items"][0], "item_number": n} for n in range(1, 41)]
    as_earlier_versions_took_it(desk, {**arrivals[0], "items": items}, hostile(tmp_path))
    (report,) = sync_history(store, desk.service.database, now=EVENING).reports
    assert (report.rows, report.quarantined) == (40, 40)


def test_what_was_set_aside_comes_in_without_the_names_when_it_is_sent_again(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    a_poisoned_day(desk, arrivals, tmp_path)
    sync_history(store, desk.service.database, now=EVENING)
    report = retry_quarantine(store, received_at=EVENING)
    assert report.left == 0
    assert own_names(store.snapshot()) == {"x_lot"}


def test_the_command_names_events_and_reasons_and_ends_with_11(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    a_poisoned_day(desk, arrivals, tmp_path)
    run = CliRunner().invoke(history_app, ["sync", "--store", str(store.root), "--language", "en"])
    assert run.exit_code == 11
    assert run.stderr.count("Set aside: event") == 3
    assert '"x_lot-number"' in run.stderr
    assert "1000 names of its own" in run.stderr


def test_json_has_them_too(online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path) -> None:
    desk, store = online
    as_earlier_versions_took_it(desk, arrivals[0], hostile(tmp_path))
    run = CliRunner().invoke(history_app, ["sync", "--store", str(store.root), "--json"])
    assert run.exit_code == 11
    (one,) = json.loads(run.stdout)["set_aside"]
    assert one["event"] > 0
    assert json.loads(one["names"][0]) == hostile(tmp_path)[:60]


def test_the_store_has_so_many_names_and_no_more(online: tuple[Desk, History], arrivals: list[Body]) -> None:
    desk, store = online
    names = [f"x_n{n}" for n in range(MOST_OF_A_STORE)]
    for n in range(0, MOST_OF_A_STORE, MOST_OF_A_SOURCE):
        desk.post(named(arrivals[0], *names[n : n + MOST_OF_A_SOURCE], declaration_id=f"SIM-NAMES-{n}"))
    desk.post(named(arrivals[0], "x_one_more", declaration_id="SIM-ONE-MORE"))
    desk.post(named(arrivals[0], "x_n0", declaration_id="SIM-KNOWN"))
    done = sync_history(store, desk.service.database, now=EVENING)
    (aside,) = done.set_aside
    assert aside.names == ('"x_one_more"',)
    assert len(own_names(store.snapshot())) == MOST_OF_A_STORE
    # And so it stays.
    desk.post(named(arrivals[0], "x_another", declaration_id="SIM-LATER"))
    assert len(sync_history(store, desk.service.database, now=EVENING + timedelta(hours=1)).set_aside) == 1


def test_replay_and_reasons_read_a_poisoned_event(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    a_poisoned_day(desk, arrivals, tmp_path)
    office = desk.get(f"declarations/{arrivals[1]['declaration_id']}").json()["standing"]["office"]
    report = replay_online(desk.service, store.root, office, TODAY)
    assert report.is_same
    assert report.lanes > 0
    assert not [why for why in report.missing if "read again" in why]


def with_odd_columns(store: History, tmp_path: Path) -> None:
    """Rows with the columns that an earlier version let in, as it wrote them."""
    (path, *_) = store.snapshot().files("items")
    frame = pl.read_parquet(path)
    odd = ["x_lot-number", "x_Lot", 'x_"', hostile(tmp_path), *(f"x_n{n}" for n in range(1000))]
    frame = frame.with_columns(pl.lit("L1").alias(name) for name in odd)
    schema = pl.read_parquet_schema(path)
    frame.write_parquet(path)
    assert set(schema) < set(frame.columns)
    manifest = store.root / "manifests" / f"{store.current_number():08d}.json"
    body = json.loads(manifest.read_text(encoding="utf-8"))
    for entry in body["tables"]["items"]:
        if entry["path"] == path.relative_to(store.root).as_posix():
            entry["size_bytes"] = path.stat().st_size
            entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(body), encoding="utf-8")


def test_a_store_with_odd_columns_still_trains_and_serves(
    online: tuple[Desk, History], arrivals: list[Body], tmp_path: Path
) -> None:
    desk, store = online
    with_odd_columns(store, tmp_path)
    assert len(own_names(store.snapshot())) == MOST_OF_A_STORE
    assert train(store, as_of=AS_OF, seed=2, now=NOW, settings=QUICK, engine=ENGINE).version
    build_profiles(store, as_of=AS_OF, now=NOW, engine=ENGINE)
    later = desk_of(replace(desk.service, profiles=read_profiles(store.root)))
    assert later.post(named(arrivals[0], "x_lot")).json()["fallback"] is None
    assert not (tmp_path / "taken.csv").exists()
