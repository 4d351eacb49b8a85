"""The whole walk, done once by commands on a small simulated world."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from basira.country import load_scenario, make_world
from tests.support.command_line import Walk, ran

AS_OF, DAY = "2023-10-31", "2023-11-02"


_DONE: dict[Path, Walk] = {}


def walk_done_once(places: pytest.TempPathFactory) -> Walk:
    """The walk of this session; made for the first test file that asks."""
    session = places.getbasetemp()
    if session not in _DONE:
        folder = places.mktemp("walk")
        changes = {"items": 6000, "administration.inspection_rate": 0.35, "conduct.irregular_rate": 0.15}
        make_world(load_scenario("small", changes=changes), seed=3, out=folder / "world")
        # Power cuts are tests/storage's business.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: None)
            _DONE[session] = _walk(folder)
    return _DONE[session]


def _walk(folder: Path) -> Walk:
    store = folder / "store"
    declarations = sorted((folder / "world" / "declarations").glob("*.parquet"))
    results = sorted((folder / "world" / "outcomes").glob("*.parquet"))
    at = ("--store", store, "--json")
    outcomes = {
        "ingest": ran("ingest", *declarations, "--mapping", "basira", *at),
        "feedback": ran("feedback", *results, "--mapping", "basira-outcomes", *at),
        "train": ran("train", "--as-of", AS_OF, *at),
        "score": ran(
            "score", "--from", DAY, "--to", "2023-11-08", "--as-of", AS_OF, "--out", folder / "s.parquet", *at
        ),
        "target": ran(
            "target",
            "--day",
            DAY,
            "--seed",
            5,
            *at,
            *(f"--out={folder / name}" for name in ("l.csv", "l.xlsx", "l.html")),
        ),
    }
    target = outcomes["target"].json
    chosen = target["lines"][0]["declaration_id"]
    outcomes["explain"] = ran("explain", chosen, *at)
    outcomes["replay"] = ran("replay", target["run_id"], *at)
    return Walk(store, folder / "world", DAY, target["run_id"], chosen, outcomes)
