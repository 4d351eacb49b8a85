"""Later parts: each is asked about by a fit that saw earlier days alone."""

from __future__ import annotations

import numpy as np

from basira.models.risk.forecasts import STARTS, forecast_later


def test_each_part_is_foretold_from_the_days_before_it_and_no_row_twice():
    day = np.repeat(np.arange(100), 5)
    irregular = np.arange(len(day)) % 7 == 0
    seen: list[tuple[int, int, int]] = []

    def predict(early: np.ndarray, late: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append((int(day[early].max()), int(day[late].min()), int(day[late].max())))
        return day[late] * 1.0, day[late] * 2.0

    found = forecast_later(day, irregular, predict, fewest=10)
    assert [(a + 1, b) for a, b, _ in seen] == [(b, b) for _, b, _ in seen]
    assert [b for _, b, _ in seen] == [int(100 * start) for start in STARTS]
    assert [c + 1 for *_, c in seen] == [*(b for _, b, _ in seen[1:]), 100]
    assert np.array_equal(found.rows, day >= 40)
    assert np.array_equal(found.raw, day[found.rows])
    assert np.array_equal(found.revenue, 2.0 * day[found.rows])


def test_a_part_before_which_little_is_known_is_left_out():
    day, irregular = np.arange(100), np.arange(100) >= 50  # the first irregular one on day 50

    def predict(early: np.ndarray, late: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(int(late.sum())), np.zeros(int(late.sum()))

    assert np.flatnonzero(forecast_later(day, irregular, predict, fewest=10).rows)[0] == 70
    assert not forecast_later(day, irregular, predict, fewest=80).rows.any()


def test_days_are_never_divided_and_one_day_has_no_later_part():
    def predict(early: np.ndarray, late: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(int(late.sum())), np.zeros(int(late.sum()))

    day = np.concatenate([np.zeros(30, int), np.ones(70, int)])  # three of four parts would begin within day 1
    irregular = np.arange(100) % 2 == 0
    assert np.flatnonzero(forecast_later(day, irregular, predict, fewest=5).rows)[0] == 30
    assert not forecast_later(np.full(100, 7), irregular, predict, fewest=5).rows.any()
    assert len(forecast_later(day[:0], irregular[:0], predict, fewest=5).raw) == 0
