"""Whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from basira.render.writing import write_whole
from basira.schema.errors import StoreError


def test_folder_is_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b.html", b"x")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.html"]


def test_failure_keeps_what_stood_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_whole(tmp_path / "b.html", b"before")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="No space left"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1
