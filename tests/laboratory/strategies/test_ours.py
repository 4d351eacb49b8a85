"""Basira's own strategy: the planted cuts, the prior, the order, the random control, the ceiling, and no leak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.runs.loop import run_strategy
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.ceiling import ORACLE, tell
from basira.laboratory.strategies.ours import order_by
from basira.laboratory.strategies.random_control import draw_systematically, inclusion_probabilities
from basira.laboratory.strategies.registry import STRATEGIES, find_strategy
from basira.laboratory.strategies.weekly_model import Judged, judge
from basira.laboratory.worlds.ledger import Ledger
from basira.laboratory.worlds.live import CountryWorld
from basira.laboratory.worlds.view import View
from basira.models.risk.fit import TrainingItems
from basira.models.risk.planted import PlantedItems
from basira.schema.errors import ModelError, UsageError
from basira.schema.stake import StakeScale, balanced_value
from basira.storage.engine import open_engine
from tests.support.lab_world import plan_of

CUT = ("value_per_kg_vs_reference", "value_per_unit_vs_reference", "value_per_kg_vs_code", "item_value_vs_code")
COUNTRY = Plan("small", rates=(0.1,), items=6000, starts_on="2023-07-02", periods=2)


def features(count: int, *, cheap: int = 0) -> pl.DataFrame:
    """Items at their comparables' price, give or take; the first ``cheap`` at half of it."""
    rng = np.random.default_rng(count)
    columns: dict[str, Any] = {n: rng.normal(0, 0.1, count) for n in MODEL_FEATURES}
    price = rng.normal(0, 0.15, count)
    price[:cheap] -= 0.7
    columns |= {n: price + rng.normal(0, 0.1, count) for n in CUT}
    columns |= {"tax_share_declared": np.full(count, 0.3), "potential_duties_amount": np.full(count, 100.0)}
    return pl.DataFrame(columns).with_columns(item_id=pl.Series([f"{i}/1" for i in range(count)]))


class Known:
    """What is known: ``training`` or nothing."""

    def __init__(self, now: pl.DataFrame, training: TrainingItems | None = None) -> None:
        self._now, self._training = now, training

    def features(self) -> pl.DataFrame:
        return self._now

    def training(self) -> TrainingItems:
        if self._training is None:
            raise ModelError("Expected results, found none.", hint="None.")
        return self._training

    def training_with_planted(self) -> TrainingItems:
        """Half of what waits, as it is and cheaper."""
        known = self._training or training(self._now.clear(), np.zeros(0, bool))
        whole = self._now.drop("item_id")
        cut = whole.with_columns(pl.col(c) - 0.7 for c in CUT)
        n = len(whole)
        planted = PlantedItems(
            features=pl.concat([cut, whole]),
            declared_day=np.zeros(2 * n, dtype=np.int64),
            kind=np.repeat(["value", ""], n),
            evaded=np.repeat([50.0, np.nan], n),
        )
        return replace(known, planted=planted)


def view_of(now: pl.DataFrame, training: TrainingItems | None = None, *, k: int = 20) -> View:
    return View(0, 19_500, k, 1, now.select("item_id"), Known(now, training))  # type: ignore[arg-type]  # what is asked of it


def training(of: pl.DataFrame, irregular: np.ndarray[Any, Any], *, revenue: float = 50.0) -> TrainingItems:
    n = len(of)
    return TrainingItems(
        features=of.drop("item_id"),
        declared_day=np.arange(n, dtype=np.int64) // 20,
        is_irregular=irregular,
        revenue=np.where(irregular, revenue, np.nan),
        kinds={},
        weight=np.ones(n),
    )


def test_without_any_result_it_ranks_by_the_prior() -> None:
    chosen = find_strategy("basira").choose(view_of(features(600, cheap=40)))
    assert "fallback" not in chosen.notes
    assert sum(int(i.split("/")[0]) < 40 for i in chosen.ids[:19]) >= 16  # one by chance


def test_what_results_say_goes_beyond_the_prior() -> None:
    """The irregular ones are dear here, and of an origin: nothing that a cut could show."""
    rng = np.random.default_rng(5)
    past, now = features(1500), features(600)
    risky = rng.random(1500) < 0.1
    past = past.with_columns(pl.when(pl.Series(risky)).then(0.4).otherwise(0.05).alias("origin_hit_rate"))
    marked = np.arange(600) < 30
    now = now.with_columns(pl.when(pl.Series(marked)).then(0.4).otherwise(0.05).alias("origin_hit_rate"))
    found = judge(view_of(now, training(past, risky & (rng.random(1500) < 0.8))))
    assert found.probability[marked].mean() > 5 * found.probability[~marked].mean()


def test_where_nothing_was_ever_recovered_the_stake_is_no_reason() -> None:
    past = features(900, cheap=60)
    known = training(past, np.arange(900) < 60, revenue=float("nan"))
    assert judge(view_of(features(300), known)).stake.max() == 0
    learned = judge(view_of(features(300), training(past, np.arange(900) < 60))).stake.max()
    assert learned == pytest.approx(50, abs=10)  # half of the potential was recovered


def test_of_like_probability_the_larger_goes_first_and_findings_still_count() -> None:
    judged = Judged(np.array([0.5, 0.5, 0.05]), np.array([10.0, 1000.0, 2000.0]))
    assert np.argsort(-order_by(judged, "balanced")).tolist() == [1, 0, 2]
    much = Judged(np.array([0.5, 0.05]), np.array([10.0, 10_000.0]), StakeScale(10.0))
    assert np.argsort(-order_by(much, "balanced"))[0] == 0
    assert np.argsort(-order_by(much, "revenue"))[0] == 1


def test_the_order_is_the_product_s_to_the_bit() -> None:
    rng = np.random.default_rng(4)
    judged = Judged(rng.random(500), rng.lognormal(8, 2, 500), StakeScale(2_500.0, 0.3))
    values = order_by(judged, "balanced")
    for p, stake, value in zip(judged.probability, judged.stake, values, strict=True):
        assert value == balanced_value(float(p), float(p * stake), StakeScale(2_500.0, 0.3))
    # Without a scale of the model's own, the typical stake is the items' median, and the exponent the default.
    median = float(np.median(judged.stake))
    plain = order_by(replace(judged, scale=None), "balanced")
    assert plain[0] == balanced_value(
        float(judged.probability[0]), float(judged.probability[0] * judged.stake[0]), StakeScale(median)
    )
    # Nothing was ever recovered: findings alone.
    nothing = Judged(judged.probability, np.zeros(500))
    assert np.array_equal(order_by(nothing, "balanced"), judged.probability)


def test_inclusion_probabilities_add_up_and_leave_no_item_out() -> None:
    rng = np.random.default_rng(5)
    for count in (1, 7, 40, 99, 100):
        found = inclusion_probabilities(rng.exponential(1.0, 100) ** 3, count)
        assert found.sum() == pytest.approx(count)
        assert found.min() >= 0.5 * count / 100 - 1e-12
        assert found.max() <= 1


def test_the_control_is_drawn_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    said = inclusion_probabilities(rng.exponential(1.0, 30), 6)
    counts = np.zeros(30)
    for seed in range(4000):
        drawn = draw_systematically(said, np.random.default_rng(seed))
        assert len(set(drawn.tolist())) == 6
        counts[drawn] += 1
    assert np.abs(counts / 4000 - said).max() < 4.5 * 0.5 / 4000**0.5


def test_the_control_estimates_the_whole_without_bias() -> None:
    """Horvitz and Thompson: what was drawn, each divided by its probability."""
    rng = np.random.default_rng(5)
    truth = rng.random(200) < 0.3
    said = inclusion_probabilities(rng.exponential(1.0, 200), 20)
    guess = []
    for seed in range(3000):
        drawn = draw_systematically(said, np.random.default_rng(seed))
        guess.append(float(np.sum(truth[drawn] / said[drawn])))
    assert np.mean(guess) == pytest.approx(truth.sum(), abs=4.5 * np.std(guess) / 3000**0.5)


def test_the_ceiling_is_in_no_table_and_rejects_recorded_data(labelled: Path, tmp_path: Path) -> None:
    assert "oracle" not in {s.name for s in STRATEGIES}
    assert find_strategy("oracle") is ORACLE
    with pytest.raises(UsageError, match="'oracle'"):
        run_strategy(plan_of(labelled, periods=1), ORACLE, 1, tmp_path)


def test_only_the_ceiling_sees_the_truth(tmp_path: Path) -> None:
    seen: list[set[str]] = []

    def watch(view: View) -> Any:
        seen.append({n for n in dir(view.knowledge) if "truth" in n or "told" in n})
        return find_strategy("random").choose(view)

    run_strategy(replace(COUNTRY, periods=1), replace(find_strategy("random"), choose=watch), 1, tmp_path / "plain")
    run_strategy(replace(COUNTRY, periods=1), replace(ORACLE, choose=watch), 1, tmp_path / "told")
    assert seen == [set(), {"truth"}]


def test_the_ceiling_sees_the_whole_past_and_nothing_of_what_waits() -> None:
    world = CountryWorld(COUNTRY, seed=1)
    with open_engine(threads=1) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis="recorded")
        ledger.add(world.opening_items, world.opening_outcomes)
        ledger.add(world.waiting)
        known = ledger.at(first_day=world.first_day, last_day=world.last_day)
        told = tell(known, world, "oracle")
        items = told.training()
        waiting = set(known.features()["item_id"])
    assert len(items.declared_day) == world.opening_items.num_rows == len(told.truth)
    assert items.declared_day.max() < world.first_day
    assert not waiting & set(told.truth["item_id"])
    assert items.is_irregular.sum() > 2 * pc.sum(world.opening_outcomes["is_irregular"].cast(pa.int64())).as_py()


@pytest.mark.parametrize("name", ["xgboost_our_features_revenue", "xgboost_our_features_log_revenue"])
def test_the_published_orders_on_our_features_differ_from_probability(name: str) -> None:
    past, now = features(900, cheap=60), features(300, cheap=30)
    known = training(past, np.arange(900) < 60)
    amounts = np.where(known.is_irregular, np.exp(3 + 4 * past["net_mass_log"].to_numpy() * 10), np.nan)
    view = view_of(now, replace(known, revenue=amounts))

    class Labelled(Known):
        def labelled(self) -> pl.DataFrame:
            return pl.DataFrame({"is_irregular": known.is_irregular})

    view = replace(view, knowledge=Labelled(now, replace(known, revenue=amounts)))  # type: ignore[arg-type]  # likewise
    assert set(find_strategy(name).choose(view).ids) != set(find_strategy("xgboost_our_features").choose(view).ids)
