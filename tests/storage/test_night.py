"""Reports of a night: read as they were written, or not at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from basira.schema.errors import StoreError
from basira.storage.night import FOLDER, KeptStep, find_evenings, find_steps, keep_step, read_report

EVENING = date(2024, 3, 31)
STEP = KeptStep("done", "f" * 8, "2024-04-01T00:20:00", 1.5)


def test_a_report_is_read_as_it_was_written_and_by_its_owner_alone(tmp_path: Path) -> None:
    keep_step(tmp_path, EVENING, "drift", STEP, b'{"a": 1}')
    keep_step(tmp_path, EVENING, "proof", KeptStep("nothing", "g", "2024-04-01T00:20:01", 0.1, code="usage"))
    assert read_report(tmp_path, EVENING, "drift") == b'{"a": 1}'
    assert read_report(tmp_path, EVENING, "proof") is None
    assert {name: one.state for name, one in find_steps(tmp_path, EVENING).items()} == {
        "drift": "done",
        "proof": "nothing",
    }
    files = list((tmp_path / FOLDER / "2024-03-31").iterdir())
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_a_report_of_another_content_is_not_read(tmp_path: Path) -> None:
    keep_step(tmp_path, EVENING, "drift", STEP, b"{}")
    (tmp_path / FOLDER / "2024-03-31" / "drift.json").write_bytes(b'{"a": 1}')
    with pytest.raises(StoreError, match="another content"):
        read_report(tmp_path, EVENING, "drift")


def test_steps_that_are_something_else_are_an_error_and_not_an_empty_night(tmp_path: Path) -> None:
    keep_step(tmp_path, EVENING, "drift", STEP, b"{}")
    for text in ("[]", "{", '{"drift": {"state": "done"}}'):
        (tmp_path / FOLDER / "2024-03-31" / "steps.json").write_text(text)
        with pytest.raises(StoreError):
            find_steps(tmp_path, EVENING)


def test_evenings_are_the_latest_first_and_other_folders_are_none(tmp_path: Path) -> None:
    for day in (date(2024, 1, 2), EVENING, date(2023, 12, 31)):
        keep_step(tmp_path, day, "drift", STEP, b"{}")
    (tmp_path / FOLDER / "2024-99-99").mkdir()
    assert find_evenings(tmp_path) == [EVENING, date(2024, 1, 2), date(2023, 12, 31)]
    assert find_evenings(tmp_path / "other") == []
