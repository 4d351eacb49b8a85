"""Spark's tables in the store: gone after the run, and what a killed run left there is gone after a day."""

from __future__ import annotations

import logging
import os
import shutil
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from basira.engines import spark
from basira.workflows import snapshot_engine
from basira.workflows.engine import EngineBounds

DAY = 86_400


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    """A store whose Spark is none: its engine is the folder of its tables."""
    monkeypatch.setattr(spark, "open_session", lambda master: nullcontext())
    monkeypatch.setattr(spark, "SparkEngine", lambda session, folder: folder)
    monkeypatch.setattr(snapshot_engine, "register", lambda engine, snapshot: None)
    return tmp_path


def opened(store: Path) -> Any:
    history = SimpleNamespace(root=store, verified_snapshot=lambda number: None)
    snapshot = SimpleNamespace(number=1)
    return snapshot_engine.open_snapshot(cast(Any, history), cast(Any, snapshot), EngineBounds(master="sail"))


def leave(store: Path, name: str, *, age: float) -> Path:
    folder = store / name
    (folder / "items").mkdir(parents=True)
    for path in (folder / "items", folder):
        os.utime(path, (time.time() - age,) * 2)
    return folder


def test_what_a_killed_run_left_is_removed_after_a_day_and_nothing_else(store):
    old, recent = leave(store, "spark-old", age=2 * DAY), leave(store, "spark-recent", age=0.5 * DAY)
    # Begun two days ago and still at work.
    at_work = leave(store, "spark-at-work", age=2 * DAY)
    os.utime(at_work / "items")
    others = leave(store, "models", age=9 * DAY)
    with opened(store) as folder:
        assert cast(Path, folder).is_dir()
    assert sorted(store.iterdir()) == sorted([recent, at_work, others])
    assert not old.exists()


def test_a_removal_that_fails_is_said_and_ends_no_run(store, monkeypatch, caplog):
    def refuse(path: Path) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with caplog.at_level(logging.WARNING), opened(store) as folder:
        pass
    assert str(folder) in caplog.text
    assert "not yours" in caplog.text
