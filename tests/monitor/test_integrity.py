"""Pairs against an assignment by chance: exact, held in number, and found where they were planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from basira.monitor.integrity import FEWEST_CONTROLS, Controls, can_stand_out, count_distribution, find_pairs
from basira.schema.errors import UsageError

INSPECTORS, PARTIES = 8, 40


def world(seed: int, *, days: int = 150, a_day: int = 8) -> Controls:
    """Controls of one office, assigned by chance; one in five finds something."""
    rng = np.random.default_rng(seed)
    n = days * a_day
    known = rng.random(n) < 0.95
    return Controls(
        stratum=np.repeat(np.arange(days), a_day),
        inspector=rng.integers(0, INSPECTORS, size=n),
        party=rng.integers(0, PARTIES, size=n),
        is_known=known,
        is_found=known & (rng.random(n) < 0.2),
    )


def steer(controls: Controls, inspector: int, party: int, *, looks_away: bool) -> Controls:
    """Most of a party's controls go to one inspector, who finds nothing there if he looks away."""
    theirs = controls.party == party
    to = theirs & (np.random.default_rng(9).random(len(theirs)) < 0.7)
    moved = np.where(to, inspector, controls.inspector)
    mine = theirs & (moved == inspector)
    found = np.where(theirs, np.arange(len(theirs)) % 2 == 0, controls.is_found) & controls.is_known
    return replace(controls, inspector=moved, is_found=found & ~(mine & looks_away))


def test_the_distribution_is_that_of_replayed_assignments() -> None:
    """9,999 replays of the assignment on the same roster, for the pair whose count is looked at."""
    controls = world(3, days=40, a_day=6)
    rng = np.random.default_rng(1)
    inspector, party = 2, int(np.bincount(controls.party).argmax())
    strata = np.unique(controls.stratum[controls.party == party])
    draws, replayed = [], np.zeros(9_999, dtype=int)
    for stratum in strata.tolist():
        here = controls.stratum == stratum
        mine, theirs = controls.inspector[here] == inspector, controls.party[here] == party
        draws.append((int(here.sum()), int(mine.sum()), int(theirs.sum())))
        shuffled = rng.permuted(np.tile(mine, (9_999, 1)), axis=1)
        replayed += (shuffled & theirs).sum(axis=1)
    chances = count_distribution(draws)
    assert chances.sum() == pytest.approx(1.0)
    counted = np.bincount(replayed, minlength=len(chances)) / 9_999
    assert counted[: len(chances)] == pytest.approx(chances, abs=0.015)


def test_draws_of_several_are_hypergeometric() -> None:
    # Four of ten are the inspector's, three of ten the party's: 35, 105, 63 - 21 = 36 and 4 of 120 ways ... by hand.
    assert count_distribution([(10, 4, 3)]) == pytest.approx([20 / 120, 60 / 120, 36 / 120, 4 / 120])


@pytest.mark.parametrize("seed", range(6))
def test_where_chance_assigned_nobody_is_to_be_looked_at(seed: int) -> None:
    found = find_pairs(world(seed))
    assert found.tested > 100
    assert found.standing == ()


def test_a_pair_that_is_steered_and_finds_nothing_is_found_and_no_other() -> None:
    found = find_pairs(steer(world(1), 3, 7, looks_away=True))
    (one,) = found.standing
    assert (one.inspector, one.party) == (3, 7)
    assert one.count > 3 * one.expected
    assert 1 < one.effect < one.count / one.expected
    assert one.found == 0 < one.others_found
    assert one.p <= one.adjusted <= 0.05


def test_findings_are_evidence_beside_the_count() -> None:
    away = find_pairs(steer(world(2), 3, 7, looks_away=True)).standing
    honest = find_pairs(steer(world(2), 3, 7, looks_away=False)).standing
    assert away[0].p < honest[0].p


def test_what_was_counted_does_not_choose_what_is_tested() -> None:
    """Another assignment on the same roster: the same pairs are tested."""
    controls = world(5)
    other = controls.inspector.copy()
    rng = np.random.default_rng(2)
    for stratum in np.unique(controls.stratum):
        here = np.flatnonzero(controls.stratum == stratum)
        other[here] = other[rng.permutation(here)]
    assert find_pairs(controls).tested == find_pairs(replace(controls, inspector=other)).tested


def test_little_is_not_tested() -> None:
    assert not can_stand_out([(1, 1, 1)] * 99)
    n = FEWEST_CONTROLS - 1
    few = Controls(np.arange(n), np.zeros(n, int), np.zeros(n, int), np.ones(n, bool), np.zeros(n, bool))
    assert (find_pairs(few).tested, find_pairs(few).controls) == (0, n)


def test_columns_are_of_one_length() -> None:
    with pytest.raises(UsageError, match="one length"):
        Controls(np.zeros(2, int), np.zeros(3, int), np.zeros(3, int), np.ones(3, bool), np.ones(3, bool))
