"""The worth of a design is what repeated draws show: as many plain controls as have the same error."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from basira.schema.records import Candidate
from basira.schema.shipped import shipped
from basira.selection.batch.allocate import allocate
from basira.selection.policy.load import load_policy
from basira.workflows.targeting.designs import DESIGNS, DesignSums, with_design

DAY = date(2024, 6, 12)


def candidates(count: int = 3000) -> list[Candidate]:
    """Heavy tails, as amounts have them; one office."""
    random = np.random.default_rng(5)
    probability = random.beta(0.5, 12.0, count).clip(1e-4, 0.9)
    stake = random.lognormal(8.0, 1.2, count)
    return [
        Candidate(f"d{n:05d}", 1, "CASA", float(p), float(p * s))
        for n, (p, s) in enumerate(zip(probability, stake, strict=True))
    ]


def test_thirds_are_worth_more_for_the_gap_and_about_as_much_for_the_rate() -> None:
    policy = load_policy(shipped("policies") / "morocco", DAY)
    listed = candidates()
    worth = {}
    for design in DESIGNS:
        sums = DesignSums()
        given = allocate(listed, with_design(policy, design), day=DAY, seed=1).selections
        sums.add(listed, given)
        worth[design] = (sums.worth(design), given)
    plain, thirds = worth["plain"][0], worth["thirds"][0]
    assert plain.controls == pytest.approx(thirds.controls, rel=0.15)
    # A plain draw is worth itself.
    assert plain.rate == pytest.approx(plain.controls, rel=0.05)
    assert plain.gap == pytest.approx(plain.controls, rel=0.05)
    assert thirds.gap is not None
    assert plain.gap is not None
    assert thirds.gap > 1.3 * plain.gap
    for design in DESIGNS:
        shown, given = worth[design]
        assert shown.gap == pytest.approx(worth_by_drawing(listed, given), rel=0.15)


def worth_by_drawing(listed, given) -> float:
    """Draw who is inspected and what differs from the expected, thousands of times: the error of the total, and the
    plain draw that has it."""
    random = np.random.default_rng(7)
    q = np.array([one.inclusion_probability for one in given])
    p = np.array([one.fraud_probability for one in listed])
    stake = np.array([one.expected_revenue for one in listed]) / p
    left = (q > 0) & (q < 1) & np.array([one.basis in ("random", "none") for one in given])
    q, p, stake = q[left], p[left], stake[left]
    errors, variances = [], []
    spread = np.sqrt(p * (1 - p)) * stake
    for _ in range(4000):
        # Of the same variance as what is found, without its tail: a few thousand draws show a mean square.
        residual = random.normal(0.0, spread)
        errors.append(float(((random.random(len(q)) < q) * residual / q).sum() - residual.sum()))
        variances.append(float((residual**2).sum()))
    return len(q) / (np.mean(np.square(errors)) / np.mean(variances) + 1)


def test_without_a_chance_or_a_score_nothing_is_taught() -> None:
    sums = DesignSums()
    assert sums.worth("plain").rate is None
    policy = load_policy(shipped("policies") / "morocco", DAY)
    unscored = [Candidate("d", 1, "CASA", None, None)]
    sums.add(unscored, allocate(unscored, policy, day=DAY, seed=1).selections)
    assert (sums.declarations, sums.worth("plain").gap) == (0, None)


def test_a_policy_with_another_design_differs_in_that_alone() -> None:
    policy = load_policy(shipped("policies") / "morocco", DAY)
    other = with_design(policy, "thirds" if policy.random_control.design == "plain" else "plain")
    assert other.random_control.design != policy.random_control.design
    assert with_design(other, policy.random_control.design).canonical == policy.canonical
    assert with_design(policy, policy.random_control.design) is policy
