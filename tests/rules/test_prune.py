"""Pruning: the fewest rules, by brute force on small cases; never less than what is promised."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.rules.prune import prune


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, list[float]]:
    rows, rules = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    hits = np.array(
        draw(st.lists(st.lists(st.booleans(), min_size=rules, max_size=rules), min_size=rows, max_size=rows))
    )
    return hits, draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 20.0]), min_size=rows, max_size=rows))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(case=cases(), keep=st.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_no_fewer_rules_keep_as_much(case: tuple[np.ndarray, list[float]], keep: float) -> None:
    hits, weights = case
    found = prune(hits, weights, keep=keep)
    worth = np.array(weights)
    total = worth[hits.any(axis=1)].sum()

    def kept(rules: tuple[int, ...]) -> float:
        return float(worth[hits[:, list(rules)].any(axis=1)].sum())

    fewest = next(
        count
        for count in range(hits.shape[1] + 1)
        if any(kept(rules) >= keep * total - 1e-9 for rules in combinations(range(hits.shape[1]), count))
    )
    assert kept(found.kept) >= keep * total - 1e-9
    assert len(found.kept) == fewest
    assert found.is_smallest
    assert found.controls <= found.controls_before


def test_a_rule_that_finds_nothing_goes() -> None:
    hits = np.array([[True, False], [True, False], [False, True], [False, True]])
    found = prune(hits, [1.0, 0.0, 0.0, 0.0])
    assert (found.kept, found.share, found.controls, found.controls_before) == ((0,), 1.0, 2, 4)


@pytest.mark.parametrize(("weights", "keep"), [([1.0], 0.0), ([1.0], 1.1), ([1.0, 1.0], 0.9), ([-1.0], 0.9)])
def test_a_share_or_weights_that_cannot_be_are_refused(weights: list[float], keep: float) -> None:
    with pytest.raises(ValueError, match="Expected"):
        prune(np.array([[True]]), weights, keep=keep)
