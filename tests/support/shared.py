"""What takes seconds to build is built once a run, whichever of its workers asks first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from basira.country import load_scenario, make_world


def built_once(places: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` filled. Every worker of the run reads it: a test that changes it takes a copy."""
    own = places.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = run / f"shared-{name}"
    with FileLock(run / f"shared-{name}.lock"):
        if not (folder / "is-whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "fsync", lambda _: None)  # power cuts are tests/storage's business
                build(folder)
            (folder / "is-whole").touch()
    return folder


def simulated(places: pytest.TempPathFactory, *, items: int, seed: int) -> Path:
    """A small world of 2023: a third inspected, one in seven irregular. Enough to learn from, quick to make."""
    changes = {"items": items, "administration.inspection_rate": 0.35, "conduct.irregular_rate": 0.15}

    def build(folder: Path) -> None:
        make_world(load_scenario("small", changes=changes), seed=seed, out=folder / "world")

    return built_once(places, f"world-{items}-{seed}", build) / "world"
