"""One small simulated world, taken into a store and learned from once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from basira.models.risk.risk_model import RiskModel
from basira.storage.history.store import History
from basira.workflows.train import train
from tests.support.shared import built_once, simulated
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, World, merged, store_of


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Power cuts are tests/storage's business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """6,000 simulated items of 2023."""
    folder = simulated(tmp_path_factory, items=6000, seed=3)
    return World(merged(folder / "declarations"), merged(folder / "outcomes"), folder / "truth", folder)


@pytest.fixture(scope="session")
def history(world: World, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The whole world in one store. Tests add runs and models to it, never declarations or results."""

    def build(folder: Path) -> None:
        store_of(folder, world.declarations, world.outcomes)

    built = built_once(tmp_path_factory, "workflows-store", build)
    return History.open(shutil.copytree(built / "store", tmp_path_factory.mktemp("whole") / "store"))


@pytest.fixture(scope="session")
def model(history: History) -> RiskModel:
    """A quick model of what was known at `AS_OF`."""
    return train(history, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
