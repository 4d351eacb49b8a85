"""Builds that are killed, starved of disk or raced: what serves goes on serving, and the next build succeeds."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from basira.schema.errors import StoreError
from basira.storage.profiles.files import BUILDING, read_pointer
from basira.storage.profiles.publish import Description, publish_profiles
from basira.storage.profiles.reader import ProfileReader

BUILDER = Path(__file__).with_name("builder.py")
ROWS = 20_000
STORE_ERROR = 5


def start(folder: Path, *options: str, rows: int = ROWS) -> subprocess.Popen[str]:
    command = [sys.executable, str(BUILDER), str(folder), str(rows), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def build(folder: Path, *options: str, rows: int = ROWS) -> tuple[int, str]:
    process = start(folder, *options, rows=rows)
    out, err = process.communicate(timeout=60)
    assert err == ""
    return process.returncode, out.strip()


def served(folder: Path) -> tuple[int, str | None]:
    """Day of the profiles that a new worker would use, after reading some records, and its alarm."""
    reader = ProfileReader(folder, catalog="catalog")
    profiles = reader.profiles()
    keys = [n.to_bytes(16, "big") for n in range(0, profiles.metadata.counts["importer"], 997)]
    assert profiles.find(keys) == keys
    return profiles.as_of_day, reader.alarm


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob(f"{BUILDING}*"))


def test_killed_at_any_moment_the_old_profiles_serve_and_the_next_build_succeeds(tmp_path: Path) -> None:
    assert build(tmp_path, "--day", "100")[0] == 0
    rng = random.Random(4)
    interrupted = 0
    day = 100
    for n in range(1, 9):
        process = start(tmp_path, "--day", str(100 + n), "--slow", "0.3")
        # Killed anywhere between its first write and its last.
        until = time.monotonic() + 20
        while not leftovers(tmp_path) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.45))
        process.kill()
        process.communicate()
        current, alarm = served(tmp_path)
        assert alarm is None
        assert current in (day, 100 + n)
        interrupted += current == day
        day = current
    assert interrupted >= 3
    assert build(tmp_path, "--day", "200")[0] == 0
    assert served(tmp_path) == (200, None)
    assert leftovers(tmp_path) == []


def test_several_processes_read_while_builds_come_in(tmp_path: Path) -> None:
    assert build(tmp_path, "--day", "100")[0] == 0
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for day in range(101, 105):
        assert build(tmp_path, "--day", str(day))[0] == 0
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert err == ""
        days = [int(day) for day in out.split()]
        assert days == sorted(days)
        assert days[-1] == 104


# Reads until the last build serves; prints each day that served.
READER = """
import sys, time
from pathlib import Path
from basira.storage.profiles.reader import ProfileReader
reader, days = ProfileReader(Path(sys.argv[1]), catalog="catalog"), []
until = time.monotonic() + 40
while (not days or days[-1] != 104) and time.monotonic() < until:
    profiles = reader.profiles()
    assert profiles.find([bytes(16), b"none"]) == [bytes(16), None]
    assert reader.alarm is None, reader.alarm
    if not days or days[-1] != profiles.as_of_day:
        days.append(profiles.as_of_day)
    reader.refresh()
print(*days)
"""


def test_a_full_disk_is_reported_and_the_old_profiles_serve(tmp_path: Path) -> None:
    assert build(tmp_path, "--day", "100")[0] == 0
    for limit in (100, 8_192, 300_000, 900_000):
        code, words = build(tmp_path, "--day", "101", "--limit", str(limit))
        assert code == STORE_ERROR
        assert "disk is full" in words
        assert served(tmp_path) == (100, None)
        assert leftovers(tmp_path) == []


def test_of_two_builds_at_once_the_second_waits_for_the_first(tmp_path: Path) -> None:
    first = start(tmp_path, "--day", "100", "--slow", "1")
    while not leftovers(tmp_path) and first.poll() is None:
        time.sleep(0.005)
    second = start(tmp_path, "--day", "101")
    assert first.wait(timeout=60) == second.wait(timeout=60) == 0
    for process in (first, second):
        process.communicate()
    assert served(tmp_path) == (101, None)
    assert leftovers(tmp_path) == []


def test_a_build_that_may_not_wait_says_so_and_changes_nothing(tmp_path: Path) -> None:
    first = start(tmp_path, "--day", "100", "--slow", "2")
    while not leftovers(tmp_path) and first.poll() is None:
        time.sleep(0.005)
    code, words = build(tmp_path, "--day", "101", "--wait", "0.1")
    assert code == STORE_ERROR
    assert "another build" in words
    assert first.wait(timeout=60) == 0
    first.communicate()
    assert served(tmp_path) == (100, None)


@pytest.mark.parametrize("keys", [[b"b", b"a"], [b"a", b"a"]])
def test_keys_out_of_order_are_rejected(tmp_path: Path, keys: list[bytes]) -> None:
    description = Description(100, 1, "catalog", (), True, {})
    with pytest.raises(StoreError, match="ascending"):
        publish_profiles(tmp_path, [("x", keys, keys)], description=description, built_at=datetime(2026, 1, 1))
    assert read_pointer(tmp_path) is None
