"""The tutorial runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.tree import ROOT

TUTORIAL = ROOT / "docs" / "tutorial" / "laboratory.md"


def test_the_tutorial_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert len(blocks) == 8
    names: dict[str, Any] = {"__name__": "tutorial"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{TUTORIAL.name}, block {number}", "exec"), names)  # noqa: S102 - our own page
    assert set(pl.read_parquet("comparison/results.parquet")["strategy"]) == {"random", "xgboost", "cheap_for_its_code"}
    assert 'class="simulated"' in Path("laboratory.html").read_text(encoding="utf-8")
    found = names["summary"](names["found"])
    precision = dict(found.select("strategy", "precision").iter_rows())
    assert precision["cheap_for_its_code"] > precision["random"]
    assert "against random" in capsys.readouterr().out
