"""Pruning: the fewest rules, by brute force on small cases; never less than what is promised."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.rules.prune import expect_findings, prune


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


def results_of(seed: int, *, rates: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rules that each hit a tenth, and the truth of each declaration: the highest rate of the rules that hit it."""
    draw = np.random.default_rng(seed)
    hits = draw.uniform(size=(rows, len(rates))) < 0.1
    return hits, draw.uniform(size=rows) < np.where(hits, rates, 0.0).max(axis=1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_expected_findings_are_kept_later_where_those_made_are_not(seed: int) -> None:
    """Twelve rules worth nearly the same, one declaration in eight inspected: what is promised holds in later days."""
    rates = np.full(12, 0.1)
    hits, truth = results_of(seed, rates=rates, rows=900)
    is_inspected = np.random.default_rng(seed + 10).uniform(size=900) < 0.125
    results = [bool(one) if seen else None for one, seen in zip(truth, is_inspected, strict=True)]
    later, truth_later = results_of(seed + 20, rates=rates, rows=900)

    def kept_later(weights: np.ndarray) -> float:
        kept = later[:, list(prune(hits, weights.tolist(), keep=0.95).kept)].any(axis=1)
        return float(truth_later[kept].sum() / truth_later[later.any(axis=1)].sum())

    assert kept_later(np.array([float(bool(one)) for one in results])) < 0.85
    assert kept_later(expect_findings(hits, results, [1.0] * 900)) > 0.93


def test_a_rule_that_finds_less_for_certain_is_expected_to() -> None:
    hits = np.repeat(np.eye(2, dtype=bool), 500, axis=0)
    results = [number % 2 == 0 for number in range(500)] + [number % 50 == 0 for number in range(500)]
    first, last = expect_findings(hits, results, [1.0] * 1000)[[0, -1]]
    assert (round(first, 2), round(last, 2)) == (0.5, 0.02)


def test_nothing_inspected_or_hit_is_no_finding() -> None:
    hits = np.array([[True], [False]])
    assert expect_findings(hits, [None, True], [1.0, 1.0]).tolist() == [0.0, 0.0]
    assert expect_findings(hits, [True, True], [1.0, 1.0]).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="Expected one result"):
        expect_findings(hits, [True], [1.0, 1.0])
