"""One small simulated world for the API; a new record for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from argon2 import PasswordHasher

from basira.country import load_scenario, make_world
from basira.serving.service import SEED_FILE, Service, open_service
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.profiles import build_profiles
from basira.workflows.train import train
from tests.support.api_world import (
    AS_OF,
    ENGINE,
    NOW,
    QUICK,
    TODAY,
    Desk,
    bodies,
    desk_of,
    merged,
    store_of,
    write_policy,
)


@pytest.fixture(scope="session")
def declarations(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """4,000 simulated items of 2023."""
    folder = tmp_path_factory.mktemp("api-simulated") / "world"
    changes = {"items": 4000, "administration.inspection_rate": 0.35, "conduct.irregular_rate": 0.15}
    make_world(load_scenario("small", changes=changes), seed=5, out=folder)
    # Results beside them, for the model.
    frame = merged(folder / "declarations")
    merged(folder / "outcomes").write_parquet(folder / "results.parquet")
    return frame.with_columns(pl.lit(str(folder)).alias("world"))


@pytest.fixture(scope="session")
def history(declarations: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The world up to `AS_OF`, with a model and profiles of that evening."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        results = pl.read_parquet(Path(declarations["world"][0]) / "results.parquet")
        until = declarations.drop("world").filter(pl.col("declared_at").dt.date() <= AS_OF)
        known = results.join(until.select("declaration_id").unique(), on="declaration_id", how="semi")
        history = store_of(tmp_path_factory.mktemp("api"), until, known)
        train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
        build_profiles(history, as_of=AS_OF, now=NOW, engine=ENGINE)
        return history


@pytest.fixture(scope="session")
def whole(history: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on the store's own record; tests take it with another one."""
    policies = write_policy(tmp_path_factory.mktemp("rules") / "policy")
    # A store's seed is new each time: with it, what is drawn at random would be another declaration in each run.
    (history.root / SEED_FILE).write_text("11\n", encoding="ascii")
    service = open_service(history.root, policies, today=TODAY, language="en")
    yield service
    service.close()


@pytest.fixture(scope="session")
def arrivals(declarations: pl.DataFrame) -> list[dict[str, Any]]:
    """The declarations of the day after."""
    found = bodies(declarations.drop("world"), TODAY)
    assert len(found) >= 5
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is recorded is tried on both databases (`both_databases`); what HTTP makes of it, on one."""
    if "service" in metafunc.fixturenames:
        on_both = metafunc.definition.get_closest_marker("both_databases") is not None
        metafunc.parametrize("service", ["sqlite", "postgresql"] if on_both else ["sqlite"], indirect=True)


@pytest.fixture
def service(request: pytest.FixtureRequest, whole: Service, tmp_path: Path) -> Iterator[Service]:
    """The service on an empty record of its own."""
    if request.param == "sqlite":
        made = replace(whole, database=Database(tmp_path / "operations.sqlite"))
        yield made
        made.close()
        return
    with request.getfixturevalue("postgresql").database() as url:
        made = replace(whole, database=Database(url))
        yield made
        made.close()


@pytest.fixture(scope="session")
def blank_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty record, to copy from: making one takes the time of ten requests."""
    path = tmp_path_factory.mktemp("blank") / "operations.sqlite"
    Database(path).close()
    return path


@pytest.fixture
def blank(whole: Service, blank_record: Path, tmp_path: Path) -> Iterator[Service]:
    """The service on a copy of the empty record, for what needs neither PostgreSQL nor a decision."""
    made = replace(whole, database=Database(shutil.copy(blank_record, tmp_path / "operations.sqlite")))
    yield made
    made.close()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 at its cheapest; what the service uses is tested with the users."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("basira.storage.accounts.users.new_hasher", lambda: cheap)
    monkeypatch.setattr("basira.storage.accounts.sessions._default_hasher", lambda: cheap)


@pytest.fixture
def desk(service: Service) -> Desk:
    return desk_of(service)
