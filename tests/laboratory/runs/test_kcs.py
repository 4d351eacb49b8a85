"""The public protocol on the public data, two of its weeks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from basira.laboratory.runs.loop import run_strategy
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import find_strategy
from tests.support.tree import KCS

TRAIN = KCS / "train.csv"


@pytest.mark.slow
def test_basira_finds_what_repeats_and_the_published_trees_beat_chance(tmp_path: Path) -> None:
    if not TRAIN.is_file():
        pytest.skip("KCS data absent")
    plan = Plan("kcs", rates=(0.1,), data=(str(TRAIN),), mapping="kcs", starts_on="2020-07-01", periods=2)
    precision = {}
    for name in ("basira", "xgboost", "random"):
        run_strategy(plan, find_strategy(name), 1, tmp_path / name)
        rows = [json.loads(p.read_text())["row"] for p in (tmp_path / name).glob("period-*.json")]
        precision[name] = sum(r["found"] for r in rows) / sum(r["selected"] for r in rows)
    assert precision["basira"] > 0.88
    assert precision["basira"] > precision["xgboost"] > precision["random"]
