"""Evidence about a rule: seldom wrong however often it is looked at, and decisive where the rule is worth nothing."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from basira.rules.evidence import DECISIVE, Evidence, KnownResult, weigh

DAY = date(2026, 1, 5)


def drawn(count: int, rate: float, draw: random.Random, *, office: str = "A") -> list[KnownResult]:
    return [
        KnownResult(office, DAY + timedelta(days=number // 3), draw.random() < rate, str(number))
        for number in range(count)
    ]


def weighed(hit_rate: float, control_rate: float, seed: int, *, count: int = 600) -> Evidence:
    draw = random.Random(seed)
    return weigh(drawn(count, hit_rate, draw), drawn(count, control_rate, draw))


def test_a_rule_at_the_least_odds_is_seldom_proposed_for_retirement() -> None:
    """Odds of .2 / .8 are twice those of 1/9: the bound of one in twenty holds over the rule's whole life."""
    wrong = sum(weighed(0.2, 1 / 9, seed).advice == "retire" for seed in range(300))
    assert wrong <= 300 * 0.05


def test_a_rule_that_finds_no_more_is_seldom_kept_by_the_evidence() -> None:
    wrong = sum(weighed(0.1, 0.1, seed).in_favour >= DECISIVE for seed in range(300))
    assert wrong <= 300 * 0.05


def test_a_rule_below_the_random_control_is_proposed_and_a_good_one_is_kept() -> None:
    assert sum(weighed(0.05, 0.2, seed).advice == "retire" for seed in range(50)) >= 48
    assert sum(weighed(0.5, 0.1, seed).advice == "keep" for seed in range(50)) >= 48


def test_pairs_are_of_one_office() -> None:
    draw = random.Random(1)
    found = weigh(drawn(50, 1.0, draw), drawn(50, 0.0, draw, office="B"))
    assert (found.pairs, found.against, found.in_favour, found.advice) == (0, 1.0, 1.0, "unknown")
    mixed = weigh(drawn(50, 1.0, draw), [*drawn(7, 0.0, draw), *drawn(9, 0.0, draw, office="B")])
    assert (mixed.pairs, mixed.differing, mixed.better) == (7, 7, 7)


def test_the_order_of_the_results_given_does_not_matter() -> None:
    draw = random.Random(4)
    hits, controls = drawn(80, 0.3, draw), drawn(80, 0.2, draw)
    assert weigh(hits, controls) == weigh(hits[::-1], controls[::-1])


def test_odds_below_one_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        weigh([], [], least_odds=0.5)
