"""A day's seed is drawn once and kept, its owner's alone."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from basira.schema.errors import StoreError
from basira.storage.draw_seeds import FOLDER, seed_of_day

DAY = date(2024, 1, 22)


def test_a_day_keeps_its_seed_and_another_has_its_own(tmp_path):
    first = seed_of_day(tmp_path, DAY)
    assert 0 <= first < 2**31
    assert seed_of_day(tmp_path, DAY) == first
    assert len({seed_of_day(tmp_path, DAY + timedelta(days=n)) for n in range(8)}) == 8


def test_a_demonstration_names_the_first_seed_and_replaces_none(tmp_path):
    assert [seed_of_day(tmp_path, DAY, first=seed) for seed in (5, 6)] == [5, 5]
    assert seed_of_day(tmp_path, DAY) == 5


def test_only_the_owner_may_read_it(tmp_path):
    seed_of_day(tmp_path, DAY)
    for path in (tmp_path / FOLDER, *(tmp_path / FOLDER).iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_those_who_ask_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: seed_of_day(tmp_path, DAY), range(32)))) == 1
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["2024-01-22.seed"]


@pytest.mark.parametrize("text", ["", "seven", "-1", "99999999999", "1.5", "٣", "\xff"])
def test_a_file_that_holds_something_else_is_reported(tmp_path, text):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "2024-01-22.seed").write_text(text, encoding="utf-8")
    with pytest.raises(StoreError):
        seed_of_day(tmp_path, DAY)
