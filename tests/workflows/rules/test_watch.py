"""What live rules were worth: unbiased beside their own control group, and unknown where nothing can be said."""

from __future__ import annotations

import random
from datetime import date

import pytest

from basira.workflows.rules.watch import Hit, Result, gain_of, worth_of

DAY = date(2026, 3, 2)


def draw_hits(count: int, seed: int, *, fire_probability: float = 0.8, irregular: float = 0.4) -> list[Hit]:
    """Hits of which all that acted are inspected, and one in four of those let go."""
    draw = random.Random(seed)
    hits = []
    for _ in range(count):
        acted = draw.random() < fire_probability
        is_control = acted or draw.random() < 0.25
        is_irregular = draw.random() < irregular
        result = Result(is_irregular, 1000.0 * is_irregular) if is_control else None
        hits.append(Hit(acted, fire_probability, 1.0 if acted else 0.25, is_control, DAY, result))
    return hits


def test_the_gain_covers_the_truth() -> None:
    """Acting finds .4 a hit, letting go a quarter of that: the truth is .3. Of 200 repetitions some 190 cover it."""
    gains = [gain_of(draw_hits(400, seed)) for seed in range(200)]
    covered = sum(one is not None and one.low <= 0.3 <= one.high for one in gains)
    assert 180 <= covered <= 198
    mean = sum(one.findings for one in gains if one is not None) / len(gains)
    assert mean == pytest.approx(0.3, abs=0.01)


def test_a_mandatory_rule_and_too_few_hits_have_no_gain() -> None:
    assert gain_of(draw_hits(29, 1)) is None
    assert gain_of(draw_hits(100, 1, fire_probability=1.0)) is None
    assert gain_of([one for one in draw_hits(100, 1) if one.acted]) is None


def test_the_figures_of_a_rule_are_counted_and_its_rate_is_corrected() -> None:
    hits = draw_hits(600, 3)
    worth = worth_of("phones", 2, "Phones", hits)
    assert (worth.hits, worth.acted + worth.let_go) == (600, 600)
    assert worth.controls == sum(one.acted for one in hits)
    assert worth.rate.rate is not None
    assert worth.rate.low < 0.4 < worth.rate.high
    assert worth.revenue == pytest.approx(400, abs=60)
    assert worth.last_hit_on == DAY


def test_without_a_result_nothing_is_made_up() -> None:
    hits = [Hit(number % 5 > 0, 0.8, 1.0, True, DAY, None) for number in range(100)]
    worth = worth_of("phones", 1, "Phones", hits)
    assert (worth.rate.rate, worth.rate.reason, worth.revenue) == (None, "none_inspected", None)
    assert worth.gain is None
