"""Changes are noticed, seldom where there are none, and never by what is known later."""

from __future__ import annotations

import numpy as np
import pytest

from basira.monitor.detect import Results, Series, find_changes, find_miscalibration
from basira.schema.betting import STAKES, factor, most_wealth
from basira.schema.errors import UsageError


def series(values: np.ndarray, *, name: str = "s", lag: int = 0) -> Series:
    days = np.arange(len(values))
    return Series(name, "", days, days + lag, values, values)


def results(chance: np.ndarray, irregular: np.ndarray, *, a_day: int = 5) -> Results:
    days = np.arange(len(chance)) // a_day
    return Results("r", days, days + 45, chance, irregular)


@pytest.mark.parametrize("usual", [0.02, 0.3, 0.9])
def test_a_bet_at_fair_odds_gains_nothing_in_the_mean(usual: float) -> None:
    for stake in STAKES:
        mean = usual * factor(usual, stake, is_true=True) + (1 - usual) * factor(usual, stake, is_true=False)
        assert mean == pytest.approx(1.0)


def test_wealth_counts_at_its_highest() -> None:
    assert most_wealth([True] * 8 + [False] * 50, 0.5) == most_wealth([True] * 8, 0.5) > 20


def test_false_alarms_are_as_rare_as_is_asked_whatever_the_distribution() -> None:
    """Of 120 series of 300 days with heavy tails, at one false alarm in 100 days: at most 3 each in the mean."""
    rng = np.random.default_rng(5)
    days, threshold = 300, 100.0
    alarms = [
        len(find_changes(series(rng.standard_cauchy(days), name=f"s{n}"), as_of=days, threshold=threshold))
        for n in range(120)
    ]
    assert 0 < np.mean(alarms) <= days / threshold


def test_equal_values_are_no_change() -> None:
    assert find_changes(series(np.zeros(400)), as_of=400, threshold=1_000.0) == []


@pytest.mark.parametrize(("shift", "side"), [(3.0, "high"), (-3.0, "low")])
def test_a_jump_is_noticed_within_weeks_with_the_day_it_began(shift: float, side: str) -> None:
    values = np.random.default_rng(2).normal(size=300)
    values[200:] += shift
    first = find_changes(series(values), as_of=300, threshold=10_000.0)[0]
    assert first.side == side
    assert 200 < first.noticed < 220
    assert abs(first.since - 200) <= 3
    assert first.after - first.before == pytest.approx(shift, abs=0.7)


def test_what_is_known_later_changes_no_alarm_of_an_earlier_evening() -> None:
    values = np.random.default_rng(4).normal(size=400)
    values[120:] += 2.5
    values[260:] -= 5.0
    whole = find_changes(series(values, lag=10), as_of=10_000, threshold=500.0)
    assert len(whole) >= 2
    for evening in range(100, 411, 30):
        then = find_changes(series(values[: max(0, evening - 9)], lag=10), as_of=evening, threshold=500.0)
        assert then == [one for one in whole if one.noticed <= evening]
        assert then == find_changes(series(values, lag=10), as_of=evening, threshold=500.0)


def test_a_side_that_does_not_count_gives_no_alarm() -> None:
    values = np.random.default_rng(2).normal(size=300)
    values[200:] -= 3.0
    days = np.arange(300)
    assert find_changes(Series("s", "", days, days, values, values, ("high",)), as_of=300, threshold=1e4) == []


def test_values_must_come_in_the_order_in_which_they_are_known() -> None:
    with pytest.raises(UsageError, match="order"):
        Series("s", "", np.arange(2), np.array([5, 4]), np.zeros(2), np.zeros(2))


def test_a_model_that_is_right_within_the_margin_is_left_alone() -> None:
    rng = np.random.default_rng(6)
    chance = rng.beta(1, 6, size=4_000)
    odds = 1.4 * chance / (1 - chance)
    alarms = sum(
        len(find_miscalibration(results(chance, rng.random(4_000) < p), as_of=9_999, threshold=2_000.0, margin=1.5))
        for p in (chance, odds / (1 + odds))
    )
    assert alarms == 0


@pytest.mark.parametrize(("times", "side"), [(3.0, "high"), (1 / 3, "low")])
def test_a_model_that_becomes_wrong_is_one_alarm_and_not_one_a_week(times: float, side: str) -> None:
    rng = np.random.default_rng(8)
    chance = rng.beta(2, 8, size=5_000)
    odds = np.where(np.arange(5_000) < 1_000, 1.0, times) * chance / (1 - chance)
    irregular = rng.random(5_000) < odds / (1 + odds)
    found = find_miscalibration(results(chance, irregular), as_of=9_999, threshold=5_000.0, margin=1.5)
    assert len(found) == 1
    assert found[0].side == side
    # Five results a day, known 45 days later; the model is wrong from day 200 on.
    assert 245 < found[0].noticed < 300
    assert abs(found[0].since - 200) < 25
