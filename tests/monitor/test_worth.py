"""What a source proposed, what was carried out, what it found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from basira.monitor.worth import naive_rate, share_of, worth_of


def test_the_exact_interval_of_a_share() -> None:
    # Clopper and Pearson, 4 of 20: .0573 to .4366.
    one = share_of(4, 20)
    assert one is not None
    assert (one.low, one.high) == pytest.approx((0.0573, 0.4366), abs=1e-4)
    assert share_of(0, 0) is None


def test_amounts_that_are_not_known_are_counted_and_not_summed() -> None:
    known = np.array([True, True, True, False, True])
    irregular = np.array([True, True, False, True, True])
    made = worth_of("model", known, irregular, np.array([100.0, math.nan, 0.0, 900.0, 300.0]))
    assert (made.proposed, made.carried_out, made.found, made.unknown_amounts) == (5, 4, 3, 1)
    assert made.revenue == 400.0
    assert made.per_control is not None
    assert made.per_control.rate == 100.0
    assert made.per_control.low < 100.0 < made.per_control.high


def test_one_finding_has_no_interval_of_revenue() -> None:
    made = worth_of("random", np.ones(9, dtype=bool), np.arange(9) == 0, np.full(9, 50.0))
    assert made.per_control is None


def test_the_naive_rate_is_that_of_everything_inspected() -> None:
    known = np.ones(10, dtype=bool)
    parts = [worth_of("model", known, known, np.zeros(10)), worth_of("random", known, ~known, np.zeros(10))]
    one = naive_rate(parts)
    assert one is not None
    assert one.rate == 0.5
