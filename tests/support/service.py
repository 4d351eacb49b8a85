"""One small simulated world for the API; a new record for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from argon2 import PasswordHasher

from basira.serving.service import SEED_FILE, Service, ServiceSettings, open_service
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
from tests.support.postgres import BOTH, Server
from tests.support.shared import built_once, simulated


@pytest.fixture(scope="session")
def service_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 simulated items of 2023."""
    return simulated(tmp_path_factory, items=4000, seed=5)


@pytest.fixture(scope="session")
def declarations(service_world: Path) -> pl.DataFrame:
    return merged(service_world / "declarations")


@pytest.fixture(scope="session")
def history(service_world: Path, declarations: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The world up to `AS_OF`, with a model and profiles of that evening."""

    def build(folder: Path) -> None:
        until = declarations.filter(pl.col("declared_at").dt.date() <= AS_OF)
        results = merged(service_world / "outcomes")
        known = results.join(until.select("declaration_id").unique(), on="declaration_id", how="semi")
        history = store_of(folder, until, known)
        train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
        build_profiles(history, as_of=AS_OF, now=NOW, engine=ENGINE)

    built = built_once(tmp_path_factory, "service-store", build)
    return History.open(shutil.copytree(built / "store", tmp_path_factory.mktemp("service") / "store"))


@pytest.fixture(scope="session")
def whole(history: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on the store's own record; tests take it with another one."""
    policies = write_policy(tmp_path_factory.mktemp("rules") / "policy")
    # A store's seed is new each time: with it, what is drawn at random would be another declaration in each run.
    (history.root / SEED_FILE).write_text("11\n", encoding="ascii")
    service = open_service(ServiceSettings(history.root, policies, language="en"), today=TODAY)
    yield service
    service.close()


@pytest.fixture(scope="session")
def arrivals(declarations: pl.DataFrame) -> list[dict[str, Any]]:
    """The declarations of the day after."""
    found = bodies(declarations, TODAY)
    assert len(found) >= 5
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is recorded is tried on both databases (`both_databases`); what HTTP makes of it, on one."""
    if "service" in metafunc.fixturenames:
        on_both = metafunc.definition.get_closest_marker("both_databases") is not None
        metafunc.parametrize("service", BOTH if on_both else ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def blank_template(postgresql: Server) -> str:
    """The name of an empty record on PostgreSQL, to make others of."""
    postgresql.execute("CREATE DATABASE blank TEMPLATE template0")
    Database(postgresql.url("blank")).close()
    return "blank"


@pytest.fixture
def service(request: pytest.FixtureRequest, whole: Service, prepared_file: Path, tmp_path: Path) -> Iterator[Service]:
    """The service on an empty record of its own."""
    if request.param == "sqlite":
        made = replace(whole, database=Database(shutil.copy(prepared_file, tmp_path / "operations.sqlite")))
        yield made
        made.close()
        return
    server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("blank_template")
    with server.database(template) as url:
        made = replace(whole, database=Database(url))
        yield made
        made.close()


@pytest.fixture
def blank(whole: Service, prepared_file: Path, tmp_path: Path) -> Iterator[Service]:
    """The service on an empty record, for what needs neither PostgreSQL nor a decision."""
    made = replace(whole, database=Database(shutil.copy(prepared_file, tmp_path / "operations.sqlite")))
    yield made
    made.close()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 at its cheapest; what the service uses is tested with the users."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("basira.storage.accounts.users.new_hasher", lambda: cheap)
    monkeypatch.setattr("basira.storage.accounts.sessions.default_hasher", lambda: cheap)


@pytest.fixture
def desk(service: Service) -> Desk:
    return desk_of(service)
