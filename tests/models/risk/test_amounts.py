"""Amounts held against later results: the largest come down, few results move little, and nothing is raised unseen."""

from __future__ import annotations

import numpy as np
import pytest

from basira.models.risk.amounts import FEWEST_AMOUNTS, AmountCalibration, fit_amounts

ROWS = 6000


def later(seed: int, level: float, slope: float, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probability, revenue if irregular as said, and what was recovered: said x exp(level + slope x log size)."""
    rng = np.random.default_rng(seed)
    probability, said = rng.uniform(0.02, 0.3, rows), np.exp(rng.normal(8, 1.5, rows))
    truly = said * np.exp(level + slope * np.log(said / np.exp(8))) * rng.gamma(2, 0.5, rows)
    return probability, said, np.where(rng.random(rows) < probability, truly, 0.0)


def test_what_is_said_too_high_of_the_largest_comes_down():
    probability, said, recovered = later(1, 0.0, -0.4)
    found = fit_amounts(probability, said, recovered, np.ones(ROWS))
    assert found is not None
    assert found.slope[0] == pytest.approx(-0.4, abs=0.1)
    assert found.slope[1] < -0.2 < 0 <= found.slope[2] + 0.4
    expected = probability * found.calibration.apply(said)
    largest = said > np.quantile(said, 0.9)
    for of in (largest, ~largest):
        assert expected[of].sum() == pytest.approx(recovered[of].sum(), rel=0.15)
    assert (probability * said)[largest].sum() > 1.5 * recovered[largest].sum()


def test_a_level_that_is_off_is_drawn_back_by_what_is_not_known():
    many, few = (
        fit_amounts(*later(2, -0.5, 0.0, rows), np.ones(rows))  # the last rows would be too few alone
        for rows in (20_000, 250)
    )
    assert many is not None
    assert few is not None
    assert many.level[0] == pytest.approx(-0.5, abs=0.08)
    assert abs(few.level[0]) < abs(many.level[0])
    assert few.level[2] - few.level[1] > 2 * (many.level[2] - many.level[1])


def test_the_largest_are_never_raised_by_the_word_of_the_middle_ones():
    found = fit_amounts(*later(3, 0.0, 0.4), np.ones(ROWS))
    assert found is not None
    assert found.slope == (0.0, 0.0, 0.0)


def test_one_enormous_amount_does_not_move_the_others():
    probability, said, recovered = later(4, 0.0, 0.0)
    one = int(np.argmax(recovered))
    struck = recovered.copy()
    struck[one] *= 200
    before, after = (fit_amounts(probability, said, r, np.ones(ROWS)) for r in (recovered, struck))
    assert before is not None
    assert after is not None
    # It alone is as much as all others together; the error that it makes is known, and the level stays near.
    assert struck[one] > recovered.sum()
    assert abs(after.level[0] - before.level[0]) < 0.15


@pytest.mark.parametrize("amounts", [0, FEWEST_AMOUNTS - 1])
def test_of_few_amounts_nothing_is_said(amounts):
    recovered = np.where(np.arange(500) < amounts, 100.0, 0.0)
    assert fit_amounts(np.full(500, 0.1), np.linspace(1, 900, 500), recovered, np.ones(500)) is None


def test_an_irregularity_without_an_amount_is_left_out():
    probability, said, recovered = later(5, 0.0, -0.3)
    unknown = np.arange(ROWS) % 2 == 0
    half = fit_amounts(probability, said, np.where(unknown & (recovered > 0), np.nan, recovered), np.ones(ROWS))
    none = fit_amounts(probability, said, np.where(unknown & (recovered > 0), 0.0, recovered), np.ones(ROWS))
    assert half is not None
    assert none is not None
    assert none.level[0] < half.level[0]


def test_amounts_that_are_all_alike_have_no_size():
    assert fit_amounts(np.full(500, 0.5), np.full(500, 7.0), np.full(500, 3.0), np.ones(500)) is None


def test_no_revenue_stays_none_and_one_that_is_corrected_keeps_its_order():
    said = np.array([0.0, 1e-3, 1.0, 50.0, 1e3, 1e9, 1e12])
    found = AmountCalibration(-0.2, -0.8, 50.0).apply(said)
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    assert np.array_equal(AmountCalibration().apply(said), said)
