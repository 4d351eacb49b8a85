"""Days as values: put together until they say something, compared with the weeks before."""

from __future__ import annotations

import numpy as np

from basira.monitor.detect import find_changes
from basira.monitor.streams import RECENT, level_series, log_counts, mix_series, share_series


def test_days_are_put_together_until_they_hold_enough_and_the_rest_waits() -> None:
    days = np.array([10, 11, 13, 14])
    one = share_series("s", days, (np.array([1, 2, 3, 0]), np.array([8, 12, 30, 5])), lag=45, least=20)
    assert one.days.tolist() == [11, 13]
    assert one.known.tolist() == [56, 58]
    assert one.levels.tolist() == [3 / 20, 3 / 30]


def test_a_day_is_compared_with_days_before_it_alone() -> None:
    rng = np.random.default_rng(1)
    levels, days = rng.normal(size=90), np.arange(90)
    whole = level_series("s", days, levels, least=0.1)
    part = level_series("s", days[:60], levels[:60], least=0.1)
    assert whole.scores[: len(part.scores)].tolist() == part.scores.tolist()
    counts = rng.integers(20, 80, size=(90, 4))
    whole, part = mix_series("m", days, counts)[0], mix_series("m", days[:60], counts[:60])[0]
    assert whole.scores[: len(part.scores)].tolist() == part.scores.tolist()


def test_a_season_is_no_change_and_a_jump_is_one_alarm() -> None:
    rng = np.random.default_rng(3)
    days = np.arange(500)
    weekday = np.array([1.0, 1.1, 1.1, 1.0, 1.0, 0.4, 0.1])[days % 7]
    season = 1 + 0.1 * np.sin(2 * np.pi * days / 365)
    usual = level_series("v", days, log_counts(rng.poisson(300 * weekday * season)), least=0.2, cycle=7)
    assert find_changes(usual, as_of=500, threshold=10_000.0) == []
    jump = np.where(days < 300, 1.0, 1.8)
    moved = level_series("v", days, log_counts(rng.poisson(300 * weekday * season * jump)), least=0.2, cycle=7)
    (found,) = find_changes(moved, as_of=500, threshold=10_000.0)
    assert found.side == "high"
    assert 300 < found.noticed < 320


def test_a_composition_names_what_departed() -> None:
    rng = np.random.default_rng(4)
    counts = rng.multinomial(300, [0.5, 0.3, 0.2], size=200)
    counts[150:] = rng.multinomial(300, [0.35, 0.3, 0.35], size=50)
    series, departs = mix_series("m", np.arange(200), counts)
    (found,) = find_changes(series, as_of=200, threshold=10_000.0)
    assert 150 < found.noticed < 165
    after = departs[(series.days >= 150) & (series.days < 155)].mean(axis=0)
    assert after[0] < -0.1
    assert after[2] > 0.1
    assert abs(after[1]) < 0.05


def test_little_or_nothing_gives_no_value() -> None:
    empty = np.zeros(0, np.int64)
    assert len(share_series("s", empty, (empty, empty)).scores) == 0
    assert len(level_series("s", np.arange(5), np.full(5, np.nan), least=0.1).scores) == 0
    assert len(mix_series("m", np.arange(RECENT), np.full((RECENT, 1), 500))[0].scores) == 0
