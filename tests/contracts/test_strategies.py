"""What every strategy of the laboratory keeps to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from basira.laboratory.deep.extra import is_installed
from basira.laboratory.strategies.registry import STRATEGIES, find_strategy
from basira.laboratory.worlds.view import Strategy, View, check_choice
from tests.support.lab_world import first_view, plan_of


def with_its_libraries(strategy: Strategy) -> object:
    """Skipped where the optional extra is not installed; ``-k deep`` runs those that need it."""
    absent = not is_installed(strategy.needs)
    marks = [pytest.mark.skipif(absent, reason="basira[deep] is not installed")] if strategy.needs else []
    return pytest.param(strategy, id=strategy.name + ("-deep" if strategy.needs else ""), marks=marks)


EVERY = [*STRATEGIES, find_strategy("hybrid:risk_profile=0.5+random=0.5")]
EACH = pytest.mark.parametrize("strategy", [with_its_libraries(s) for s in EVERY])


@pytest.fixture(scope="module")
def view(labelled: Path) -> Iterator[View]:
    with first_view(plan_of(labelled)) as found:
        yield found


@pytest.fixture(scope="module")
def blank(labelled: Path) -> Iterator[View]:
    """Nothing was ever inspected."""
    with first_view(plan_of(labelled, starts_on="2020-01-01")) as found:
        yield found


@EACH
def test_it_chooses_exactly_k_items_of_the_period_and_the_same_again(strategy: Strategy, view: View) -> None:
    chosen = strategy.choose(view)
    check_choice(strategy.name, chosen, view)
    assert strategy.choose(view).ids == chosen.ids


@EACH
def test_it_can_take_everything(strategy: Strategy, view: View) -> None:
    everything = replace(view, k=len(view.items))
    check_choice(strategy.name, strategy.choose(everything), everything)


@EACH
def test_a_budget_of_one_is_one_item(strategy: Strategy, view: View) -> None:
    one = replace(view, k=1)
    check_choice(strategy.name, strategy.choose(one), one)


@EACH
def test_without_any_result_it_still_chooses(strategy: Strategy, blank: View) -> None:
    check_choice(strategy.name, strategy.choose(blank), blank)
