"""Models, profiles, lists and exports name persons: only their owner may read them, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from basira.render.writing import write_whole
from basira.serving.check import ServiceSettings, check_service
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.storage.profiles.publish import Description, publish_profiles
from tests.support.tree import ROOT

POLICY = ROOT / "policies" / "example"


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """The umask of a person at a terminal."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.suffix != ".lock"}


def test_a_model_is_its_owners(tmp_path: Path) -> None:
    Models(tmp_path / "store").save("m1", lambda folder: (folder / "card.json").write_text("{}"))
    assert modes(tmp_path) == {0o600, 0o700}


def test_profiles_are_their_owners(tmp_path: Path) -> None:
    publish_profiles(
        tmp_path / "profiles",
        [("importer", [b"\x01a"], [b"1"])],
        built_at=datetime(2026, 3, 2),
        description=Description(1, 1, "c", (), is_simulated=False, software={}),
    )
    assert modes(tmp_path) == {0o600, 0o700}


@pytest.mark.parametrize("content", [b"a list", [b"a ", b"list"]])
def test_a_list_is_its_owners(tmp_path: Path, content: bytes | list[bytes]) -> None:
    path = write_whole(tmp_path / "lists" / "day.csv", content)
    assert path.read_bytes() == b"a list"
    assert modes(tmp_path) == {0o600, 0o700}


def test_a_check_names_a_store_that_everybody_may_read(tmp_path: Path) -> None:
    root = History.create(tmp_path / "store").root

    def told() -> list[str]:
        return [
            line
            for line in check_service(ServiceSettings(root, POLICY), today=date(2026, 3, 2))
            if line.startswith("store:")
        ]

    (root / "manifests" / "x.json").touch(0o644)
    assert told() == []  # no other user may enter
    root.chmod(0o755)
    (line,) = told()
    assert "chmod -R o= " in line
    (root / "manifests" / "x.json").chmod(0o640)  # a group that was chosen
    assert told() == []
