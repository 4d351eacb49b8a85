"""One small simulated world, taken into a store and learned from once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from basira.country import load_scenario, make_world
from basira.models.risk.risk_model import RiskModel
from basira.storage.history.store import History
from basira.workflows.train import train
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, World, merged, store_of


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Power cuts are tests/storage's business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """6,000 simulated items of 2023, a third inspected, one in seven irregular: enough to learn from, quick to make."""
    folder = tmp_path_factory.mktemp("simulated") / "world"
    changes = {"items": 6000, "administration.inspection_rate": 0.35, "conduct.irregular_rate": 0.15}
    make_world(load_scenario("small", changes=changes), seed=3, out=folder)
    return World(merged(folder / "declarations"), merged(folder / "outcomes"), folder / "truth", folder)


@pytest.fixture(scope="session")
def history(world: World, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The whole world in one store. Tests add runs and models to it, never declarations or results."""
    return store_of(tmp_path_factory.mktemp("whole"), world.declarations, world.outcomes)


@pytest.fixture(scope="session")
def model(history: History) -> RiskModel:
    """A quick model of what was known at `AS_OF`."""
    return train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
