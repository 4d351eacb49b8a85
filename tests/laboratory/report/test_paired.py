"""One strategy against another: same world, same seed."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from basira.laboratory.report.paired import paired_differences


def row(strategy: str, seed: int, period: int, found: int) -> dict[str, Any]:
    return {"strategy": strategy, "seed": seed, "period": period, "found": found, "best_found": 10, "answered": 10}


def test_what_all_seeds_share_is_not_in_the_interval() -> None:
    """The seeds differ by far more than the strategies: only a paired interval sees who is ahead."""
    found = {1: 1, 2: 5, 3: 8}
    rows = pl.DataFrame([row(s, seed, 0, n + (s == "a")) for seed, n in found.items() for s in "ab"])
    (one,) = paired_differences(rows, "a", ["normalised_found"])
    assert (one.strategy, one.over, one.verdict) == ("b", "seeds", "ahead")
    assert one.interval == pytest.approx((0.1, 0.1))
    assert (one.ours, one.theirs) == pytest.approx((17 / 30, 14 / 30))


def test_one_seed_takes_the_interval_over_periods() -> None:
    rows = pl.DataFrame([row(s, 1, p, (p % 3) + (2 if s == "a" else 0)) for p in range(12) for s in "ab"])
    (one,) = paired_differences(rows, "b", ["precision"])
    assert (one.over, one.verdict) == ("periods", "behind")
    assert one.interval is not None
    assert one.interval[0] <= one.difference <= one.interval[1]


def test_noise_is_level() -> None:
    rows = pl.DataFrame(
        [row(s, seed, 0, 5 + (1 if (s == "a") == (seed % 2 == 0) else 0)) for seed in (1, 2, 3, 4) for s in "ab"]
    )
    (one,) = paired_differences(rows, "a", ["normalised_found"])
    assert (one.difference, one.verdict) == (pytest.approx(0.0), "level")


def test_only_common_seeds_are_compared() -> None:
    rows = pl.DataFrame([row("a", 1, 0, 5), row("a", 2, 0, 9), row("b", 1, 0, 5), row("c", 7, 0, 1)])
    (one,) = paired_differences(rows, "a", ["normalised_found"])
    assert (one.strategy, one.difference, one.interval, one.verdict) == ("b", 0.0, None, "level")
