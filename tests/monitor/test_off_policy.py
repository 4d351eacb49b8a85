"""What another would have found: right in the mean, and refused where the results don't speak for it."""

from __future__ import annotations

import numpy as np
import pytest

from basira.monitor.estimate import Sampled
from basira.monitor.off_policy import gain_of, value_of
from basira.schema.errors import UsageError

N = 4_000


def trade(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, prior; chances of inspection now (a poor order beside a control of one in ten), and by a good model."""
    risk = np.clip(rng.beta(0.6, 5, N), 1e-3, 0.95)
    irregular = (rng.random(N) < risk).astype(float)
    now = np.where(rng.random(N) < 0.1, 1.0, 0.1)
    other = np.where(risk > np.quantile(risk, 0.9), 1.0, 0.1)
    return irregular, risk, now, other


def test_the_three_estimators_find_what_the_other_would_have_found() -> None:
    rng = np.random.default_rng(2)
    irregular, prior, now, other = trade(rng)
    truth, made, covered = float((other * irregular).sum()), [], 0
    for _ in range(200):
        known = rng.random(N) < now
        one = value_of(Sampled(now, known, irregular, prior, np.ones(N)), other)
        estimates = (one.inverse, one.self_normalised, one.doubly_robust)
        assert all(e is not None for e in estimates)
        made.append([0.0 if e is None else e.total for e in estimates])
        covered += one.doubly_robust is not None and one.doubly_robust.low <= truth <= one.doubly_robust.high
    assert np.mean(made, axis=0) == pytest.approx([truth] * 3, rel=0.03)
    assert covered / 200 >= 0.93


def test_the_gain_is_shown_when_there_is_one_and_not_between_equals() -> None:
    rng = np.random.default_rng(3)
    irregular, prior, now, other = trade(rng)
    truth = float(((other - now) * irregular).sum())
    shown, covered = 0, 0
    for _ in range(200):
        sampled = Sampled(now, rng.random(N) < now, irregular, prior, np.ones(N))
        gain = gain_of(sampled, now, other)
        assert gain is not None
        shown += gain.low > 0
        covered += gain.low <= truth <= gain.high
    assert shown / 200 > 0.95
    assert covered / 200 >= 0.9
    same = gain_of(sampled, now, now)
    assert same is not None
    assert (same.total, same.low, same.high) == (0.0, 0.0, 0.0)


def test_it_is_refused_where_no_control_could_reach() -> None:
    rng = np.random.default_rng(4)
    irregular, prior, now, other = trade(rng)
    known = rng.random(N) < now
    one = value_of(Sampled(now, known, irregular, prior, np.ones(N)), other, unreachable=100.0)
    assert "had no chance of inspection" in str(one.support.refusal)
    assert (one.inverse, one.self_normalised, one.doubly_robust) == (None, None, None)


def test_it_is_refused_where_a_few_results_decide() -> None:
    chance = np.full(200, 0.5)
    chance[0] = 0.001
    wanted = np.full(200, 0.02)
    wanted[0] = 1.0
    known = np.ones(200, dtype=bool)
    one = value_of(Sampled(chance, known, np.zeros(200), np.full(200, 0.1), np.ones(200)), wanted)
    assert "fewer than 30" in str(one.support.refusal)
    nothing = value_of(Sampled(chance, known, np.zeros(200), np.full(200, 0.1), np.ones(200)), np.zeros(200))
    assert "inspected nothing" in str(nothing.support.refusal)


@pytest.mark.parametrize("wrong", [np.full(N, 1.1), np.full(N, -0.1), np.full(N, np.nan), np.zeros(3)])
def test_wrong_chances_are_rejected(wrong: np.ndarray) -> None:
    rng = np.random.default_rng(4)
    irregular, prior, now, _ = trade(rng)
    with pytest.raises(UsageError):
        value_of(Sampled(now, np.ones(N, dtype=bool), irregular, prior, np.ones(N)), wrong)
