"""Profiles whose file is altered while it is open: read through, it would give wrong figures or end the process."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from basira.schema.errors import StoreError
from basira.storage.profiles.files import Manifest, data_path, manifest_path
from basira.storage.profiles.publish import Description, publish_profiles
from basira.storage.profiles.reader import ProfileReader

KEY = b"\x01key"


def publish(folder: Path, day: int) -> Manifest:
    description = Description(day, 7, "c", (), True, {"basira": "test"})
    keys = [KEY, *(b"\x02" + n.to_bytes(8, "big") for n in range(2_000))]
    return publish_profiles(
        folder,
        [("word", keys, [str(day).encode()] * len(keys))],
        description=description,
        built_at=datetime(2026, 1, 1),
    )


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0xFF]))


def test_flipped_in_place_the_older_build_serves(tmp_path: Path) -> None:
    publish(tmp_path, 100)
    newest = publish(tmp_path, 101)
    reader = ProfileReader(tmp_path, catalog="c")
    assert reader.profiles().as_of_day == 101
    flip(data_path(tmp_path, newest.name))
    assert reader.refresh().alarm
    assert reader.profiles().find([KEY]) == [b"100"]


def test_cut_short_in_place_with_no_other_there_are_none(tmp_path: Path) -> None:
    newest = publish(tmp_path, 101)
    reader = ProfileReader(tmp_path, catalog="c")
    reader.profiles()
    path = data_path(tmp_path, newest.name)
    whole = path.read_bytes()
    os.truncate(path, 4096)
    assert reader.refresh().alarm
    with pytest.raises(StoreError):
        reader.profiles()
    path.write_bytes(whole)
    assert reader.refresh().alarm is None
    assert reader.profiles().find([KEY]) == [b"101"]


def test_removed_with_everything_the_open_one_serves_on_with_an_alarm(tmp_path: Path) -> None:
    newest = publish(tmp_path, 101)
    reader = ProfileReader(tmp_path, catalog="c")
    reader.profiles()
    for path in (data_path(tmp_path, newest.name), manifest_path(tmp_path, newest.name), tmp_path / "CURRENT"):
        path.unlink()
    assert reader.refresh().alarm
    assert reader.profiles().find([KEY]) == [b"101"]


def test_a_lost_manifest_leaves_the_open_one_as_it_is(tmp_path: Path) -> None:
    newest = publish(tmp_path, 101)
    reader = ProfileReader(tmp_path, catalog="c")
    reader.profiles()
    manifest_path(tmp_path, newest.name).unlink()
    (tmp_path / "CURRENT").write_text("")
    assert reader.refresh().alarm
    assert reader.profiles().find([KEY]) == [b"101"]
