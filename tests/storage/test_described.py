"""Kept features: found for the days and digest they are of, whole or not at all, gone with an erasure."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from basira.schema.days import day_of
from basira.schema.errors import StoreError
from basira.storage.described import find_features, keep_features, remove_features

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 10)
ROWS = pl.DataFrame(
    {
        "declaration_id": ["A", "A", "B"],
        "declaration_version": [1, 1, 1],
        "item_number": [1, 2, 1],
        "declared_day": [day_of(FIRST), day_of(FIRST), day_of(LAST)],
        "rate": [0.1, None, 0.3],
        "count": [1, 2, 3],
    }
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert keep_features(tmp_path, "d" * 32, FIRST, LAST, ROWS.to_arrow().to_batches(max_chunksize=2)) == 3
    return tmp_path


def test_they_are_found_for_a_part_of_their_days(root: Path) -> None:
    whole = find_features(root, "d" * 32, FIRST, LAST, ["rate"])
    assert whole is not None
    assert whole.to_dicts() == ROWS.select(*whole.columns).to_dicts()
    part = find_features(root, "d" * 32, date(2026, 1, 2), LAST, ["count", "rate"])
    assert part is not None
    assert part["count"].to_list() == [3]


def test_none_of_another_state_days_or_name(root: Path) -> None:
    assert find_features(root, "e" * 32, FIRST, LAST, ["rate"]) is None
    assert find_features(root, "d" * 32, FIRST, date(2026, 1, 11), ["rate"]) is None
    assert find_features(root, "d" * 32, date(2025, 12, 31), LAST, ["rate"]) is None
    assert find_features(root, "d" * 32, FIRST, LAST, ["other"]) is None
    assert find_features(root / "none", "d" * 32, FIRST, LAST, ["rate"]) is None


def test_a_changed_file_is_a_fault(root: Path) -> None:
    (path,) = root.glob("described/*/rate.parquet")
    ROWS.select(rate=pl.lit(0.9)).write_parquet(path)
    with pytest.raises(StoreError, match="another content"):
        find_features(root, "d" * 32, FIRST, LAST, ["rate"])
    assert find_features(root, "d" * 32, FIRST, LAST, ["count"]) is not None


def test_new_ones_take_the_place_of_all_others(root: Path) -> None:
    keep_features(root, "e" * 32, FIRST, LAST, ROWS.to_arrow().to_batches())
    assert [path.name for path in (root / "described").iterdir()] == [f"{'e' * 32}-2026-01-01_2026-01-10"]
    remove_features(root)
    assert not (root / "described").exists()
    remove_features(root)
