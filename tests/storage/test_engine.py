"""The scratch connection: bounded, removed afterwards, and interrupted like anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from basira.storage.engine import fetch_value, open_engine


def test_an_interrupted_query_is_a_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_engine(scratch=tmp_path):
        raise RuntimeError("Query interrupted")
    assert not list(tmp_path.iterdir())


def test_another_failure_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="something else"), open_engine(scratch=tmp_path):
        raise RuntimeError("something else")


def test_the_scratch_folder_is_removed(tmp_path: Path) -> None:
    with open_engine(scratch=tmp_path) as con:
        assert fetch_value(con, "select 42") == 42
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
