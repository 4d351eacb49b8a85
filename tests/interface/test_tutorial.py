"""The tutorial runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.tree import ROOT

TUTORIAL = ROOT / "docs" / "tutorial" / "python.md"


def test_the_tutorial_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert len(blocks) == 8
    names: dict[str, Any] = {"__name__": "tutorial"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{TUTORIAL.name}, block {number}", "exec"), names)  # noqa: S102 - our own page
    shown = capsys.readouterr().out
    assert "1200 taken in, 0 in quarantine" in shown
    assert "start: expected a datetime.date, found str: '2024-06-01'." in shown
    assert set(names["comparison"].rows["strategy"]) == {"random", "xgboost", "forest"}
