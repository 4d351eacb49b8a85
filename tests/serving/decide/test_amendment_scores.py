"""An amendment of what the history counts already gets the batch's score: from the day before it, itself excluded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.serving.sync import sync_history
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.profiles import build_profiles, read_previous_days, read_profiles
from basira.workflows.targeting.score import choose_model, score
from tests.support.api_world import ENGINE, TODAY, Desk, at, desk_of

Body = dict[str, Any]
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def next_day(whole: Service, history: History, arrivals: list[Body], tmp_path: Path) -> Iterator[tuple[Desk, History]]:
    """The morning after an online day that was synced, with the new profiles and those of the evening before."""
    store = History.open(shutil.copytree(history.root, tmp_path / "s", ignore=shutil.ignore_patterns("*.sqlite*")))
    service = replace(whole, database=Database(store.root / "operations.sqlite"))
    desk_of(service).post([{**body, "x_sim": "a"} for body in arrivals])
    sync_history(store, service.database, now=at(22))
    build_profiles(store, as_of=TODAY, now=at(23), engine=ENGINE)
    service = replace(service, profiles=read_profiles(store.root), previous_days=read_previous_days(store.root))
    service.refresh_profiles()
    desk = desk_of(service)
    desk.clock[0] = datetime(TOMORROW.year, TOMORROW.month, TOMORROW.day, 9)
    yield desk, store
    service.close()


def amended(arrivals: list[Body]) -> list[Body]:
    return [
        {
            **body,
            "x_sim": "a",
            "items": [{**i, "customs_value_amount": 2 * (i["customs_value_amount"] or 1)} for i in body["items"]],
        }
        for body in arrivals
    ]


def test_its_probability_is_that_of_the_batch(next_day: tuple[Desk, History], arrivals: list[Body]) -> None:
    desk, store = next_day
    found = [one["decision"] for one in desk.post(amended(arrivals)).json()["results"]]
    assert {d["fallback"] for d in found} == {None}
    assert {d["declaration_version"] for d in found} == {2}
    online = {d["declaration_id"]: d["fraud_probability"] for d in found}
    sync_history(store, desk.service.database, now=datetime(TOMORROW.year, TOMORROW.month, TOMORROW.day, 22))
    model = choose_model(store, as_of=TODAY - timedelta(days=1))
    table = score(store, first=TODAY, last=TODAY, as_of=TODAY, model=model, engine=ENGINE).table
    none_irregular: dict[str, float] = {}
    for row in table.sort("declaration_id", "item_number").to_dicts():
        known = none_irregular.get(row["declaration_id"], 1.0)
        none_irregular[row["declaration_id"]] = known * (1.0 - row["fraud_probability"])
    assert online == {name: 1.0 - none for name, none in none_irregular.items()}


def test_its_decision_names_the_profiles_and_comes_out_the_same(
    next_day: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, store = next_day
    found = desk.post(amended(arrivals)[0]).json()
    assert found["versions"]["profiles"].startswith((TODAY - timedelta(days=1)).isoformat())
    report = replay_online(desk.service, store.root, found["office"], TOMORROW)
    assert (report.scores, report.differences, report.is_state_same) == (1, (), True)


def test_beside_a_new_declaration_each_is_described_by_its_own_profiles(
    next_day: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, _ = next_day
    new = {**arrivals[1], "declaration_id": "SIM-NEW", "declared_at": f"{TOMORROW}T08:00:00"}
    desk.service.profiles.profiles()
    both = [one["decision"] for one in desk.post([amended(arrivals)[0], new]).json()["results"]]
    assert [d["versions"]["profiles"][:10] for d in both] == [
        (TODAY - timedelta(days=1)).isoformat(),
        TODAY.isoformat(),
    ]
    assert {d["fallback"] for d in both} == {None}


def test_one_that_arrives_a_day_late_is_scored_by_the_day_before_it(
    next_day: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, _ = next_day
    found = desk.post({**arrivals[0], "declaration_id": "SIM-LATE"}).json()
    assert found["fallback"] is None


def test_when_the_day_before_it_is_no_longer_kept_the_fallback_answers(
    next_day: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, store = next_day
    build_profiles(store, as_of=TODAY, now=at(23), engine=ENGINE, kept=1)
    desk.service.refresh_profiles()
    assert desk.post(amended(arrivals)[0]).json()["fallback"] == "earlier_day"


def test_a_damaged_build_of_an_earlier_night_is_passed_over(
    next_day: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, store = next_day
    previous_days = read_previous_days(store.root)
    eve = (TODAY - timedelta(days=1)).isoformat()
    path = next((store.root / "profiles").glob(f"{eve}-*.lmdb"))
    path.unlink()
    path.write_bytes(b"torn")
    previous_days.refresh()
    damaged = desk_of(replace(desk.service, previous_days=previous_days))
    damaged.clock[0] = desk.clock[0]
    assert damaged.post(amended(arrivals)[0]).json()["fallback"] == "earlier_day"
