"""The short form of benchmarks/serve_faults.py: killed under load, PostgreSQL away; and faults of clock and files."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from serve_faults import Trial, kill_process, stop_postgres
from serve_ground import Ground, Postgres

from basira.schema.errors import StoreError
from basira.serving.service import ServiceSettings, open_service
from basira.storage.history.store import History
from basira.storage.model_store import Models
from tests.support.api_world import Desk, write_policy

Body = dict[str, Any]


@pytest.fixture
def ground(history: History, arrivals: list[Body], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A store whose profiles may be as old as they are."""
    monkeypatch.setenv("BASIRA_MOST_PROFILE_DAYS", "99999")
    monkeypatch.setenv("BASIRA_RATE_ADDRESS", "0")
    shutil.copytree(history.root, tmp_path / "store")
    write_policy(tmp_path / "policy")
    named = ("declaration_id", "declared_at")
    return Ground(tmp_path, tuple({n: v for n, v in body.items() if n not in named} for body in arrivals))


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("PostgreSQL absent: no server to stop (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="basira-pg-", dir="/tmp"))
    folder.chmod(0o755)
    made = Postgres(folder / "pg")
    made.start()
    yield made
    made.stop("immediate")
    shutil.rmtree(folder)


def require(trial: Trial) -> None:
    assert trial.violations == [], dict(zip(trial.cells, trial.cells.values(), strict=True))
    assert int(str(trial.cells["acknowledged"])) > 10


@pytest.mark.slow
def test_killed_at_any_instant_nothing_acknowledged_is_lost_or_doubled(ground: Ground) -> None:
    database = f"sqlite:///{ground.folder / 'killed.sqlite'}"
    require(kill_process(ground, "sqlite", database, kills=3, draw=random.Random(1)))


@pytest.mark.slow
@pytest.mark.postgresql
def test_without_postgresql_it_says_so_and_comes_back(ground: Ground, postgres: Postgres) -> None:
    require(stop_postgres(ground, postgres, stops=2))


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_jumps_back_decides_on(desk: Desk, arrivals: list[Body], back: timedelta) -> None:
    first = desk.post(arrivals[0]).json()
    desk.clock[0] -= back
    token = desk.key("declarations:write")
    # A declaration that is far ahead of the clock would be rejected.
    body = {**arrivals[1], "declared_at": desk.clock[0].isoformat()}
    answer = desk.client.post("/api/v1/declarations", json=body, headers={"X-API-Key": token})
    assert answer.status_code == (200 if back < timedelta(days=399) else answer.status_code)
    assert answer.status_code in (200, 503)
    desk.clock[0] += back
    assert desk.post(arrivals[0]).json()["decision_id"] == first["decision_id"]
    assert desk.post(arrivals[2]).status_code == 200


def test_a_damaged_model_is_done_without_and_reported(history: History, tmp_path: Path) -> None:
    store = Path(shutil.copytree(history.root, tmp_path / "store"))
    folder = Models(store).folder(Models(store).cards()[0]["version"])
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    from tests.support.api_world import TODAY

    service = open_service(ServiceSettings(store, write_policy(tmp_path / "policy")), today=TODAY)
    try:
        assert service.model is None
        assert service.model_fault
    finally:
        service.close()


def test_a_seed_that_is_no_number_ends_the_start(history: History, tmp_path: Path) -> None:
    store = Path(shutil.copytree(history.root, tmp_path / "store"))
    (store / "online-seed").unlink(missing_ok=True)
    (store / "online-seed").write_text("tomorrow")
    from tests.support.api_world import TODAY

    with pytest.raises(StoreError, match="online-seed"):
        open_service(ServiceSettings(store, write_policy(tmp_path / "policy")), today=TODAY)
