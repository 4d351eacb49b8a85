"""The static comparison (benchmarks/lab_static.py): what it counts, and which rankings it makes anew."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.lab_world import plan_of
from tests.support.tree import ROOT

STATIC = ROOT / "benchmarks" / "lab_static.py"


@pytest.fixture(scope="module")
def static() -> dict[str, Any]:
    return runpy.run_path(str(STATIC))


def test_shares_of_a_known_order(static: dict[str, Any]) -> None:
    """100 items, the irregular ones the 1st, 2nd, 50th and 100th in order, worth 4, 3, 2 and 1."""
    irregular, revenue = np.zeros(100), np.zeros(100)
    irregular[[0, 1, 49, 99]] = 1
    revenue[[0, 1, 49, 99]] = 4, 3, 2, 1
    of = static["captured"](np.arange(100), irregular, revenue, np.ones(100))
    assert of[:4].tolist() == [0.25, 0.5, 0.5, 0.5]
    assert of[4:8].tolist() == [0.4, 0.7, 0.7, 0.7]
    assert of[8:].tolist() == [1.0, 1.0, 0.4, 0.2]


def test_an_item_drawn_twice_counts_twice(static: dict[str, Any]) -> None:
    irregular, weight = np.zeros(100), np.ones(100)
    irregular[[0, 50]] = 1
    weight[0], weight[1] = 2, 0
    assert static["captured"](np.arange(100), irregular, irregular, weight)[1] == pytest.approx(2 / 3)


def test_only_what_is_asked_for_is_ranked_again(static: dict[str, Any], labelled: Path, tmp_path: Path) -> None:
    plan, run_seed = plan_of(labelled), static["run_seed"]
    first = run_seed(plan, 1, ["price_order", "random"], [], tmp_path)
    kept = next(tmp_path.glob("*.parquet"))
    assert sorted(first["place_random"].to_list()) == list(range(len(first)))
    backwards = first.with_columns(-pl.col("place_price_order", "place_random") + len(first) - 1)
    backwards.write_parquet(kept)
    found = run_seed(plan, 1, ["price_order", "random"], ["random"], tmp_path)
    assert found["place_random"].equals(first["place_random"])
    assert found["place_price_order"].equals(backwards["place_price_order"])


def test_the_truth_of_every_item_is_asked_of_a_scenario_alone(
    static: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--train", "absent.csv", "--test", "absent.csv"]
    monkeypatch.setattr("sys.argv", ["lab_static.py", *files, "--strategies", "basira,every_true_label"])
    with pytest.raises(SystemExit):
        static["main"]()
    assert "every_true_label is for --scenario alone" in capsys.readouterr().err
