"""A day decided on Spark is the day decided on DuckDB: the same hash, scores and reasons, for three worlds and two
policies.

Sail is Spark's interface without Java, on this machine: `make test-spark` installs it. SPARK_MASTER names another
Spark.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import StoreError, UsageError
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.history.store import History
from basira.storage.profiles.files import data_path
from basira.workflows.engine import EngineBounds
from basira.workflows.profiles import build_profiles
from basira.workflows.snapshot_engine import open_snapshot
from basira.workflows.targeting.score import score
from basira.workflows.targeting.target import Order, Targeted, target
from basira.workflows.train import train
from tests.support.shared import simulated
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, merged, store_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="basira[spark] is not installed")
DAY = AS_OF + timedelta(days=1)
SPARK = EngineBounds(master=os.environ.get("SPARK_MASTER", "sail"))
WORLDS = (3, 4, 5)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, tuple[History, RiskModel]]:
    found = {}
    for seed in WORLDS:
        made = simulated(tmp_path_factory, items=9000, seed=seed)
        folder = tmp_path_factory.mktemp(f"world-{seed}")
        history = store_of(folder, merged(made / "declarations"), merged(made / "outcomes"))
        found[seed] = history, train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
    return found


def decided(history: History, model: RiskModel, policy: str, engine: EngineBounds) -> Targeted:
    return target(
        history,
        Order(day=DAY, as_of=AS_OF, seed=7, any_office=True),
        model=model,
        policy=load_policy(shipped("policies") / policy, DAY),
        now=NOW,
        engine=engine,
    )


@pytest.mark.parametrize("policy", ["morocco", "example"])
@pytest.mark.parametrize("seed", WORLDS)
def test_the_day_has_one_hash_on_every_engine(
    worlds: Mapping[int, tuple[History, RiskModel]], seed: int, policy: str
) -> None:
    history, model = worlds[seed]
    first, second = (decided(history, model, policy, engine) for engine in (ENGINE, SPARK))
    assert len(first.decisions) > 5
    assert second.day_hash == first.day_hash
    # Scores and reasons too, and the id that is made of the features' digest.
    assert second == first
    assert not list(history.root.glob("spark-*"))


def test_scores_and_profiles_are_the_same_bytes(worlds: Mapping[int, tuple[History, RiskModel]]) -> None:
    history, model = worlds[3]
    tables, built = [], []
    for engine in (ENGINE, SPARK):
        last = DAY + timedelta(days=4)
        tables.append(score(history, first=DAY, last=last, as_of=AS_OF, model=model, engine=engine).table)
        found = build_profiles(history, as_of=AS_OF, now=NOW, engine=engine)
        built.append(data_path(found.folder, found.name).read_bytes())
    assert tables[0].height > 10
    assert tables[1].equals(tables[0])
    assert built[1] == built[0]


def test_a_model_learned_by_spark_is_the_model(worlds: Mapping[int, tuple[History, RiskModel]]) -> None:
    history, model = worlds[4]
    again = train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=SPARK)
    assert again.digest == model.digest


def test_a_file_that_changes_while_spark_reads_decides_nothing(
    worlds: Mapping[int, tuple[History, RiskModel]],
) -> None:
    history, _ = worlds[5]
    snapshot = history.verified_snapshot()
    path = snapshot.files("items")[0]
    content = path.read_bytes()

    def read_and_spoil() -> None:
        with open_snapshot(history, snapshot, SPARK) as con:
            assert con.fetch_rows("select count(*) from items")[0][0] > 0
            path.write_bytes(content[:-9] + b"x" + content[-8:])

    try:
        with pytest.raises(StoreError, match="found another content"):
            read_and_spoil()
    finally:
        path.write_bytes(content)
    assert not list(history.root.glob("spark-*"))


@pytest.mark.parametrize("master", ["sc://127.0.0.1:9", "sc://", "spark://host:7077", "yarn"])
def test_a_master_that_is_none_is_rejected_at_once(
    worlds: Mapping[int, tuple[History, RiskModel]], master: str
) -> None:
    history, model = worlds[3]
    with pytest.raises(UsageError, match="--master: expected"):
        decided(history, model, "example", EngineBounds(master=master))


def test_a_store_whose_path_spark_reads_as_a_pattern_is_rejected(tmp_path: Path) -> None:
    history = History.create(tmp_path / "a[b]")
    with (
        pytest.raises(UsageError, match="path that Spark reads as it stands"),
        open_snapshot(history, history.snapshot(), SPARK),
    ):
        pass
