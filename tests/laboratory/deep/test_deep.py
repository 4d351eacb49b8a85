"""What the strategies of the optional extra promise besides the common suite. Names with ``deep`` need it installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from basira.laboratory.deep.date import DatePrediction, fit_date, top_shares
from basira.laboratory.deep.explore import explore, pick_badge, pick_bate, pick_diverse
from basira.laboratory.deep.extra import PYOD, TABNET, TORCH, check_installed, is_installed, seed_torch
from basira.laboratory.runs.many import run_all
from basira.laboratory.strategies.registry import STRATEGIES, find_strategy
from basira.laboratory.worlds.view import View
from basira.schema.errors import UsageError
from tests.support.lab_world import first_view, plan_of

NEEDS_TORCH = pytest.mark.skipif(not is_installed(TORCH), reason="basira[deep] is not installed")
NEEDS_ALL = pytest.mark.skipif(not is_installed((*TABNET, *PYOD)), reason="basira[deep] is not installed")


class NothingKnown:
    """Knowledge that is never asked."""


@pytest.fixture(scope="module")
def view(labelled: Path) -> Iterator[View]:
    with first_view(plan_of(labelled)) as found:
        yield found


def view_of(n: int, k: int, *, seed: int = 1) -> View:
    items = pl.DataFrame({"item_id": [f"{i:03d}/1" for i in range(n)]})
    return View(0, 0, k, seed, items, NothingKnown())  # type: ignore[arg-type]  # not asked here


def prediction(embedding: list[list[float]], probability: list[float], revenue: list[float]) -> DatePrediction:
    return DatePrediction(np.array(probability), np.array(revenue), np.array(embedding))


def test_what_is_not_installed_is_reported_with_the_command() -> None:
    with pytest.raises(UsageError, match=r"'date': expected no_such_library") as raised:
        check_installed("date", ("no_such_library",))
    assert "basira[deep]" in raised.value.hint


def test_a_run_without_its_libraries_is_rejected_before_it_starts(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"hybrid:date=0\.9\+random=0\.1"):
        run_all(plan_of(labelled), ["hybrid:date=0.9+random=0.1"], [1], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_strategies_say_what_they_need() -> None:
    by_name = {s.name: s.needs for s in STRATEGIES}
    assert (by_name["date"], by_name["ecod"], by_name["random"], by_name["xgboost"]) == (TORCH, PYOD, (), ())


def test_diversity_takes_one_of_each_group() -> None:
    groups = [[float(i % 4) * 10, 0.0] for i in range(20)]
    picked = pick_diverse(prediction(groups, [0.5] * 20, [1.0] * 20), view_of(20, 4))
    assert {int(p) % 4 for p in picked} == {0, 1, 2, 3}


def test_badge_leaves_what_the_model_is_sure_of() -> None:
    """A certain item would teach nothing: its gradient is 0, and so is its chance to be drawn after the first."""
    rng = np.random.default_rng(1)
    unsure = rng.normal(size=(5, 2)).tolist()
    found = prediction([*unsure, *rng.normal(size=(45, 2)).tolist()], [0.5] * 5 + [1.0] * 45, [1.0] * 50)
    for seed in range(20):
        picked = pick_badge(found, view_of(50, 6, seed=seed))
        assert set(range(5)) <= set(picked.tolist())


def test_bate_draws_the_valuable_more_often_than_badge() -> None:
    rng = np.random.default_rng(2)
    found = prediction(rng.normal(size=(60, 4)).tolist(), [0.4] * 60, [1e6] * 10 + [1.0] * 50)
    valuable = {
        pick: sum((pick(found, view_of(60, 10, seed=seed)) < 10).sum() for seed in range(60))
        for pick in (pick_badge, pick_bate)
    }
    assert valuable[pick_bate] > 1.5 * valuable[pick_badge]


def test_top_shares_are_of_the_most_possible() -> None:
    score, irregular, revenue = np.arange(100.0), np.zeros(100), np.zeros(100)
    irregular[[99, 3]], revenue[[99, 3]] = 1.0, (10.0, 30.0)
    precision, share = top_shares(score, irregular, revenue)
    assert precision == pytest.approx(np.mean([1, 1 / 2, 1 / 5, 1 / 10]))
    assert share == pytest.approx(np.mean([1 / 3, 1 / 4, 1 / 4, 1 / 4]))


@NEEDS_TORCH
@pytest.mark.parametrize("name", ["date", "autoencoder", "deep_sad"])
def test_deep_nothing_kept_decides(name: str, view: View, labelled: Path) -> None:
    """Another view of the same world shares no kept model with the first."""
    with first_view(plan_of(labelled)) as again:
        assert find_strategy(name).choose(again).ids == find_strategy(name).choose(view).ids


@NEEDS_ALL
@pytest.mark.parametrize("name", ["date", "date_our_features", "tabnet", "autoencoder"])
def test_deep_what_learns_finds_more_than_chance(name: str, view: View) -> None:
    wide = replace(view, k=len(view.items) // 5)
    codes = dict(zip(view.items["item_id"], view.items["commodity_code"], strict=True))
    risky = sum(codes[i] in {"610910", "850440"} for i in find_strategy(name).choose(wide).ids) / wide.k
    assert risky > 0.6  # a quarter of the items are of these codes


@NEEDS_TORCH
def test_deep_date_scores_importers_and_codes_it_never_saw(view: View) -> None:
    nobody, nothing = pl.lit("new").alias("importer_id"), pl.lit(None, pl.String).alias("commodity_code")
    found = fit_date(view).predict(replace(view, items=view.items.with_columns(nobody, nothing)))
    assert np.isfinite(found.probability).all()
    assert np.isfinite(found.revenue).all()


@NEEDS_TORCH
def test_deep_a_closed_gate_draws_at_random(view: View) -> None:
    """No model brings more than all of the revenue."""
    closed, opened = explore(pick_bate, gate=1.0)(view), explore(pick_bate, gate=1e-9)(view)
    assert (closed.notes, opened.notes) == ({"gate": 0.0}, {"gate": 1.0})
    assert closed.inclusion == (view.k / len(view.items),) * view.k
    assert opened.inclusion is None


@NEEDS_TORCH
def test_deep_learning_leaves_the_global_generators_alone() -> None:
    numpy_before = np.random.get_state()[1].copy()
    with seed_torch(5) as torch:
        first = torch.rand(3)
        np.random.rand(3)
    with seed_torch(5) as torch:
        assert bool((first == torch.rand(3)).all())
    assert (np.random.get_state()[1] == numpy_before).all()
