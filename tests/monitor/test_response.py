"""Missing results: weighed within their source, and bounded whatever they hide."""

from __future__ import annotations

import numpy as np
import pytest

from basira.monitor.response import bounds_of_missing, response_chances


def test_a_source_that_is_carried_out_less_counts_more() -> None:
    """Of the model's selections half are carried out, of random ones all: the estimate must not lean to the random."""
    inclusion = np.full(200, 0.5)
    source = np.repeat([0, 1], 100)
    selected = np.ones(200, dtype=bool)
    known = np.concatenate([np.ones(100, dtype=bool), np.arange(100) < 50])
    found = response_chances(inclusion, source, selected, known, late=np.ones(200))
    assert found.shares.tolist() == [1.0, 0.5]
    assert (found.chance[0], found.chance[-1]) == (0.5, 0.25)


def test_a_source_with_few_results_takes_the_share_of_all() -> None:
    selected = np.ones(110, dtype=bool)
    known = np.arange(110) < 50
    source = np.repeat([0, 1], [100, 10])
    found = response_chances(np.ones(110), source, selected, known, late=np.ones(110))
    assert found.shares == pytest.approx([0.5, 50 / 110])


def test_a_late_result_stands_for_those_still_on_their_way() -> None:
    selected = np.ones(100, dtype=bool)
    known = np.arange(100) < 40
    late = np.where(np.arange(100) < 20, 2.0, 1.0)
    found = response_chances(np.ones(100), np.zeros(100, dtype=np.int64), selected, known, late=late)
    # 20 x 2 + 20 results of 100: 60 % will be known; each late one counts twice.
    assert found.shares.tolist() == [0.6]
    assert (found.chance[0], found.chance[30], found.chance[99]) == (0.3, 0.6, 0.6)
    assert float((1 / found.chance[known]).sum()) == pytest.approx(100)


def test_nothing_known_divides_nothing_by_zero() -> None:
    found = response_chances(
        np.array([0.5]), np.array([0]), np.array([True]), np.array([False]), late=np.array([np.nan])
    )
    assert 0 < found.chance[0] <= 1


def test_the_bounds_hold_whatever_is_missing() -> None:
    inclusion = np.array([0.5, 0.25, 1.0, 0.1])
    selected = np.array([True, True, True, False])
    known = np.array([True, False, True, False])
    irregular = np.array([True, True, False, True])
    assert bounds_of_missing(inclusion, selected, known, irregular) == (2.0, 6.0)
