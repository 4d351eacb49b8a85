"""The designed random control: its levels, and probabilities that are those of the draw."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basira.schema.records import Candidate
from basira.selection import Policy
from basira.selection.batch.allocate import allocate
from basira.selection.batch.design import EVEN, HIGHEST, LOWEST, design_levels, stratum_weights
from tests.support.selection_world import MONDAY, counts, policy

DRAWS = 500


def day(size: int, *, unscored: int = 0) -> list[Candidate]:
    """Declarations of one office, from safe and cheap to risky and dear."""
    found = []
    for n in range(size):
        risk = 0.005 + 0.6 * (n / size) ** 4
        score = (None, None) if n < unscored else (risk, risk * 100.0 * 10 ** (3 * n / size))
        found.append(Candidate(f"d{n:03}", 1, "1", score[0], score[1]))
    return found


def designed(design: str, *, share: float = 0.2, yellow: int = 3) -> Policy:
    control = {"share": share, "lane": "orange", "design": design}
    return policy(capacity=[{"office": "*", "lanes": counts(yellow, 8, 2)}], random_control=control)


@pytest.mark.parametrize("unscored", [0, 6])
@pytest.mark.parametrize("share", [0.2, 0.55])
def test_the_chances_are_those_of_the_draw(unscored: int, share: float) -> None:
    candidates, rules = day(24, unscored=unscored), designed("thirds", share=share)
    chances = [one.inclusion_probability for one in allocate(candidates, rules, day=MONDAY, seed=0).selections]
    times: Counter[str] = Counter()
    for seed in range(DRAWS):
        made = allocate(candidates, rules, day=MONDAY, seed=seed).selections
        # Known before the draw: the same whatever is drawn.
        assert [one.inclusion_probability for one in made] == chances
        times.update(one.declaration_id for one in made if one.lane not in ("green", "blue"))
    seen = np.array([times[one.declaration_id] for one in candidates]) / DRAWS
    spread = np.sqrt(np.array(chances) * (1 - np.array(chances)) / DRAWS)
    assert np.all(np.abs(seen - chances) <= 4.5 * spread + 1e-9)
    assert min(chances) > 0


def test_what_teaches_most_is_drawn_more_often_at_the_same_number_of_controls() -> None:
    candidates = day(40)
    drawn: dict[str, np.ndarray] = {}
    for design in ("plain", "thirds"):
        rules = designed(design, yellow=0)
        made = [allocate(candidates, rules, day=MONDAY, seed=seed).selections for seed in range(150)]
        by = np.array([[one.basis == "random" for one in each] for each in made])
        assert by.sum(axis=1).tolist() == [8] * 150
        drawn[design] = by.mean(axis=0)
    assert drawn["thirds"][-8:].sum() > 1.5 * drawn["plain"][-8:].sum()
    assert drawn["thirds"][:20].min() > 0


def test_a_policy_of_a_plain_control_keeps_its_digest() -> None:
    assert "design" not in designed("plain").canonical
    assert '"design":"thirds"' in designed("thirds").canonical


@given(st.lists(st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1e12))), max_size=30))
def test_every_declaration_has_a_level_and_those_without_a_score_the_even_one(
    scores: list[tuple[float, float] | None],
) -> None:
    levels = design_levels("thirds", scores)
    assert len(levels) == len(scores)
    assert all(LOWEST <= level <= HIGHEST for level in levels)
    assert all(level == EVEN for level, one in zip(levels, scores, strict=True) if one is None)


@given(st.data())
def test_no_stratum_gets_more_draws_than_it_has_declarations(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    levels = data.draw(st.lists(st.integers(LOWEST, HIGHEST), min_size=len(sizes), max_size=len(sizes)))
    most = data.draw(st.integers(0, sum(sizes)))
    weights = stratum_weights(sizes, levels, most=most)
    total = sum((w * n for w, n in zip(weights, sizes, strict=True)), Fraction(0))
    assert all(w > 0 for w in weights)
    assert all(most * w <= total for w in weights)
