"""Domains with few results borrow from the whole, and say so."""

from __future__ import annotations

import numpy as np
import pytest

from basira.monitor.domains import THIN, estimate_domains
from basira.monitor.estimate import Sampled, estimate_total


def world(rng: np.random.Generator, rates: dict[str, float], sizes: dict[str, int], chance: float = 0.2):
    labels = [name for name, size in sizes.items() for _ in range(size)]
    n = len(labels)
    values = (rng.random(n) < np.array([rates[one] for one in labels])).astype(float)
    known = rng.random(n) < chance
    return Sampled(np.full(n, chance), known, values, np.full(n, 0.1), np.ones(n)), labels, values


def test_a_large_domain_speaks_for_itself_and_a_thin_one_is_drawn_towards_the_whole() -> None:
    rng = np.random.default_rng(3)
    sizes = {"large": 4_000, "middle": 2_000, "thin": 40}
    sampled, labels, _ = world(rng, {"large": 0.1, "middle": 0.2, "thin": 0.1}, sizes)
    found = {one.label: one for one in estimate_domains(sampled, labels, estimate_total(sampled))}
    assert list(found) == ["large", "middle", "thin"]
    assert [found[name].own_share == 1.0 for name in found] == [True, True, False]
    assert found["thin"].known < THIN
    assert 0 <= found["thin"].own_share < 1


def test_a_domain_without_any_result_is_the_model_s_level_with_an_interval() -> None:
    rng = np.random.default_rng(4)
    sampled, labels, _ = world(rng, {"a": 0.1, "b": 0.12, "c": 0.1}, {"a": 3_000, "b": 3_000, "c": 20})
    known = sampled.is_known & (np.array(labels) != "c")
    without = Sampled(sampled.chance, known, sampled.value, sampled.prior, sampled.stake)
    one = next(d for d in estimate_domains(without, labels, estimate_total(without)) if d.label == "c")
    assert (one.known, one.own_share) == (0, 0.0)
    assert one.estimate is not None
    assert one.estimate.total == pytest.approx(20 * 0.11, rel=0.25)
    assert one.estimate.low < one.estimate.total < one.estimate.high


def test_shrunk_estimates_are_nearer_to_the_truth_than_raw_ones() -> None:
    rng = np.random.default_rng(6)
    raw, shrunk = [], []
    for _ in range(30):
        names = [f"d{n:02}" for n in range(12)]
        rates = {name: float(rng.beta(6, 54)) for name in names}
        sampled, labels, values = world(rng, rates, dict.fromkeys(names, 60))
        array = np.array(labels)
        for one in estimate_domains(sampled, labels, estimate_total(sampled)):
            rows = array == one.label
            own = estimate_total(sampled.select(rows))
            assert one.estimate is not None
            shrunk.append((one.estimate.total - values[rows].sum()) ** 2)
            raw.append((0.0 if own is None else own.total - values[rows].sum()) ** 2)
    assert np.mean(shrunk) < 0.6 * np.mean(raw)


def test_without_a_known_result_anywhere_nothing_is_said() -> None:
    sampled, labels, _ = world(np.random.default_rng(1), {"a": 0.1, "b": 0.1}, {"a": 10, "b": 10}, chance=0.5)
    none = Sampled(sampled.chance, np.zeros(20, dtype=bool), sampled.value, sampled.prior, sampled.stake)
    assert [one.estimate for one in estimate_domains(none, labels, estimate_total(none))] == [None, None]
