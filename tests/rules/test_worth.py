"""The corrected hit rate covers the truth where the plain one does not; where nothing is known, it is unknown."""

from __future__ import annotations

import random

import pytest

from basira.rules.worth import HitRate, Inspected, estimate_hit_rate


def repetition(draw: random.Random) -> tuple[HitRate, float, float]:
    """2,000 hits, of which an old selection preferred the irregular ones; the estimate, the truth, the plain share."""
    hits = [(draw.random() < (0.3 if risky else 0.05), risky) for risky in (n % 4 == 0 for n in range(2000))]
    inspected = [
        Inspected(is_irregular, chance)
        for is_irregular, risky in hits
        if draw.random() < (chance := 0.6 if risky else 0.1)
    ]
    truth = sum(is_irregular for is_irregular, _ in hits) / len(hits)
    plain = sum(one.is_finding for one in inspected) / len(inspected)
    return estimate_hit_rate(len(hits), inspected), truth, plain


def test_the_interval_covers_the_truth_and_the_plain_share_does_not() -> None:
    draw = random.Random(1)
    found = [repetition(draw) for _ in range(500)]
    covered = sum(estimate.low <= truth <= estimate.high for estimate, truth, _ in found) / len(found)
    assert 0.93 <= covered <= 0.98
    assert sum(estimate.low <= plain <= estimate.high for estimate, _, plain in found) / len(found) == 0
    bias = sum((estimate.rate or 0.0) - truth for estimate, truth, _ in found) / len(found)
    assert abs(bias) < 0.003
    # By this much the plain share is too high: twice the truth.
    assert sum(plain - truth for _, truth, plain in found) / len(found) > 0.08


@pytest.mark.parametrize(
    ("inspected", "reason"),
    [
        ([], "none_inspected"),
        ([Inspected(True, 0.5)] * 29, "few_inspected"),
        ([Inspected(True, 0.5)] * 40 + [Inspected(False, None)], "no_probability"),
    ],
)
def test_what_is_not_known_is_unknown_with_bounds(inspected: list[Inspected], reason: str) -> None:
    found = estimate_hit_rate(100, inspected)
    findings = sum(one.is_finding for one in inspected)
    assert (found.rate, found.reason) == (None, reason)
    assert (found.low, found.high) == (findings / 100, (findings + 100 - len(inspected)) / 100)


def test_a_census_is_exact() -> None:
    found = estimate_hit_rate(2, [Inspected(True, None), Inspected(False, None)])
    assert (found.rate, found.low, found.high, found.reason) == (0.5, 0.5, 0.5, "")


def test_no_hits_have_no_rate() -> None:
    assert estimate_hit_rate(0, []).rate is None


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.1, float("nan")])
def test_a_probability_that_is_none_of_a_draw_is_rejected(probability: float) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        estimate_hit_rate(10, [Inspected(True, probability)])


def test_more_inspected_than_hits_are_rejected() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        estimate_hit_rate(1, [Inspected(True, 1.0)] * 2)
