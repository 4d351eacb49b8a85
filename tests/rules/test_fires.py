"""A hit acts with a known probability, by a hash that every engine draws alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from basira.rules.fires import acting_probability, draw_firing
from basira.rules.json_form import read_rule
from basira.rules.model import Effect
from tests.rules.test_json_form import content

RULE = read_rule(content())[0]
MANY = [f"D{number}" for number in range(20_000)]


def share(rule_changes: dict[str, object], *, seed: int = 1) -> float:
    rule = replace(RULE, **rule_changes)  # type: ignore[arg-type]
    return sum(draw_firing(rule, one, seed=seed).acts for one in MANY) / len(MANY)


def test_a_mandatory_rule_acts_on_every_hit() -> None:
    mandatory = Effect(lane="orange", is_mandatory=True)
    assert share({"effect": mandatory}) == 1.0
    assert acting_probability(replace(RULE, effect=mandatory), fire_probability=0.5) == 1.0


@pytest.mark.parametrize(("sample", "wanted"), [(1.0, 0.95), (0.3, 0.285)])
def test_the_share_that_acts_is_the_probability_that_is_logged(sample: float, wanted: float) -> None:
    rule = replace(RULE, sample_share=sample)
    assert draw_firing(rule, "D1", seed=1).probability == pytest.approx(wanted)
    # Four standard deviations of 20,000 draws.
    assert share({"sample_share": sample}) == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / 20_000) ** 0.5)


def test_another_seed_and_another_rule_draw_others() -> None:
    def acts(seed: int, rule_id: str) -> list[bool]:
        rule = replace(RULE, rule_id=rule_id, sample_share=0.5)
        return [draw_firing(rule, one, seed=seed).acts for one in MANY[:200]]

    assert acts(1, "a") == acts(1, "a")
    assert acts(1, "a") != acts(2, "a")
    assert acts(1, "a") != acts(1, "b")


def test_a_new_version_of_the_rule_is_no_second_chance() -> None:
    other = replace(RULE, title="Phones, again")
    assert [draw_firing(RULE, one, seed=1) for one in MANY[:200]] == [
        draw_firing(other, one, seed=1) for one in MANY[:200]
    ]


def test_a_share_that_is_no_share_is_rejected() -> None:
    with pytest.raises(ValueError, match="probability"):
        draw_firing(RULE, "D1", seed=1, fire_probability=1.5)
