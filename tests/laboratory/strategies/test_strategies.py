"""What single strategies promise besides the suite that each of them passes (tests/contracts)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from basira.laboratory.strategies import mixed as strategies_mixed
from basira.laboratory.strategies.mixed import ARMS, draw_arm, whole_shares
from basira.laboratory.strategies.registry import STRATEGIES, find_strategy
from basira.laboratory.worlds.view import Chosen, PastPeriod, View, check_choice
from basira.schema.errors import BasiraError, NotFoundError, UsageError
from tests.support.lab_world import first_view, plan_of


@pytest.fixture(scope="module")
def view(labelled: Path) -> Iterator[View]:
    with first_view(plan_of(labelled)) as found:
        yield found


@pytest.fixture(scope="module")
def blank(labelled: Path) -> Iterator[View]:
    """Nothing was ever inspected."""
    with first_view(plan_of(labelled, starts_on="2020-01-01")) as found:
        yield found


@pytest.mark.parametrize("name", ["basira", "xgboost_our_features"])
def test_each_score_belongs_to_its_item(name: str, view: View) -> None:
    """Our features are joined to the items: another order of the items must not give them to others."""
    choose = find_strategy(name).choose
    backwards = replace(view, items=view.items.reverse(), k=1)
    assert choose(backwards).ids == choose(replace(view, k=1)).ids


@pytest.mark.parametrize("name", ["basira", "xgboost", "xgboost_codes", "xgboost_leaves", "logistic_regression"])
def test_what_learns_finds_more_than_chance(name: str, view: View) -> None:
    wide = replace(view, k=len(view.items) // 5)
    codes = dict(zip(view.items["item_id"], view.items["commodity_code"], strict=True))
    risky = sum(codes[i] in {"610910", "850440"} for i in find_strategy(name).choose(wide).ids) / wide.k
    assert risky > 0.6  # a quarter of the items are of these codes


def test_learning_without_results_says_that_it_drew(blank: View) -> None:
    assert find_strategy("xgboost").choose(blank).notes["fallback"] == 1


def test_random_takes_each_item_with_the_probability_it_says(view: View) -> None:
    counts = dict.fromkeys(view.items["item_id"], 0)
    for seed in range(400):
        chosen = find_strategy("random").choose(replace(view, seed=seed))
        for one in chosen.ids:
            counts[one] += 1
    said = view.k / len(view.items)
    assert chosen.inclusion == (said,) * view.k
    spread = (said * (1 - said) / 400) ** 0.5
    assert max(abs(np.array(list(counts.values())) / 400 - said)) < 4.5 * spread


def test_basira_always_keeps_a_random_control_of_known_probability(view: View) -> None:
    chosen = find_strategy("basira").choose(replace(view, k=20))
    drawn = [p for p in chosen.inclusion or () if p < 1]
    assert len(drawn) == 1
    # Half of it is even: no item is ever left out of it.
    assert drawn[0] >= 0.5 / (len(view.items) - 19)


def test_balanced_takes_from_both_orders(view: View) -> None:
    """Its 19 choices by the model hold the first nine of each order."""
    wide = replace(view, k=21)
    balanced = set(find_strategy("basira_balanced").choose(wide).ids)
    for name in ("basira", "basira_revenue"):
        assert set(find_strategy(name).choose(replace(view, k=10)).ids[:9]) <= balanced


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (lambda ids: ids[:-1], "too few"),
        (lambda ids: (*ids, "x/1"), "too many"),
        (lambda ids: (*ids[:-1], ids[0]), "twice"),
        (lambda ids: (*ids[:-1], "99/1"), "'99/1'"),
    ],
)
def test_a_wrong_answer_is_rejected_by_the_strategys_name(ids: object, said: str, view: View) -> None:
    right = find_strategy("random").choose(view).ids
    with pytest.raises(UsageError, match=r"strategy 'mine'.*") as raised:
        check_choice("mine", Chosen(ids(right)), view)  # type: ignore[operator]  # a function of the case
    assert said in raised.value.message


def test_an_impossible_inclusion_probability_is_rejected(view: View) -> None:
    right = find_strategy("random").choose(view)
    with pytest.raises(UsageError, match="inclusion"):
        check_choice("mine", replace(right, inclusion=(0.0,) * view.k), view)


def test_shares_never_lose_or_add_an_inspection() -> None:
    for k in range(1, 60):
        for share in (0.0, 0.05, 0.1, 0.5, 1.0):
            assert sum(whole_shares(k, (1 - share, share))) == k


def test_the_bandit_comes_to_prefer_the_arm_that_found_more(labelled: Path) -> None:
    with first_view(plan_of(labelled)) as view:
        known = view.knowledge.labelled()
    found = tuple(known.filter(pl.col("is_irregular"))["item_id"].head(5))
    missed = tuple(known.filter(~pl.col("is_irregular"))["item_id"].head(5))
    best = len(ARMS) - 1
    past = tuple(
        PastPeriod(p, found if p % 2 else missed, {"arm": float(best if p % 2 else 0), "arm_probability": 0.2})
        for p in range(60)
    )

    class Known:
        def labelled(self) -> pl.DataFrame:
            return known

    arms = [draw_arm(replace(view, past=past, seed=s, knowledge=Known()))[0] for s in range(100)]  # type: ignore[arg-type]
    assert arms.count(best) > 70


def test_more_drift_is_more_exploration(view: View) -> None:
    usual = strategies_mixed.drift(view)
    dearer = view.items.with_columns(pl.col("customs_value_amount") * 50, pl.col("net_mass_kg") * 50)
    assert strategies_mixed.drift(replace(view, items=dearer)) > 2 * usual


@pytest.mark.parametrize(
    ("name", "error"),
    [("nobody", NotFoundError), ("hybrid:random", UsageError), ("hybrid:random=0.5+xgboost=0.6", UsageError)],
)
def test_an_unknown_name_is_rejected(name: str, error: type[BasiraError]) -> None:
    with pytest.raises(error):
        find_strategy(name)


def test_strategy_names_are_different() -> None:
    assert len({s.name for s in STRATEGIES}) == len(STRATEGIES)
