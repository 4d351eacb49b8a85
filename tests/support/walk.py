"""The whole walk, done once by commands on a small simulated world."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.command_line import Outcome, Walk, ran
from tests.support.shared import built_once, simulated

AS_OF, DAY = "2023-10-31", "2023-11-02"


def walk_done_once(places: pytest.TempPathFactory) -> Walk:
    """The walk of this run: tests add models and back-tests to its store, never declarations or results."""
    world = simulated(places, items=6000, seed=3)

    def build(folder: Path) -> None:
        outcomes = {name: asdict(outcome) for name, outcome in _walk(folder / "store", world).items()}
        (folder / "outcomes.json").write_text(json.dumps(outcomes), encoding="utf-8")

    folder = built_once(places, "walk", build)
    outcomes = {n: Outcome(**o) for n, o in json.loads((folder / "outcomes.json").read_text(encoding="utf-8")).items()}
    target = outcomes["target"].json
    return Walk(folder / "store", world, DAY, target["run_id"], target["lines"][0]["declaration_id"], outcomes)


def _walk(store: Path, world: Path) -> dict[str, Outcome]:
    folder = store.parent
    declarations = sorted((world / "declarations").glob("*.parquet"))
    results = sorted((world / "outcomes").glob("*.parquet"))
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
    outcomes["explain"] = ran("explain", target["lines"][0]["declaration_id"], *at)
    outcomes["replay"] = ran("replay", target["run_id"], *at)
    return outcomes
