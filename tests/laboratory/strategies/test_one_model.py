"""The laboratory's strategy and the product: the same knowledge gives the same probabilities, order and choice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies import ours, weekly_model
from basira.laboratory.strategies.ours import choose_by_model, order_by
from basira.laboratory.strategies.weekly_model import WEEKLY, Judged, judge
from basira.laboratory.worlds.live import CountryWorld
from basira.models.risk.fit import ModelOrigin, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.storage.engine import fetch_frame, open_engine
from basira.workflows.train import training_items
from tests.support.lab_world import first_view

PLAN = Plan("small", rates=(0.1,), items=6000, starts_on="2023-07-02", periods=2)
QUICK = FitSettings(most_rounds=60)


def product(seed: int) -> tuple[list[str], Judged]:
    """What `train` and `score` say of the first period's items: their ids, and their probability and stake."""
    world = CountryWorld(PLAN, seed)
    as_of_day = world.first_day - 1
    with open_engine(threads=1) as con:
        con.register("items", pa.concat_tables([world.opening_items, world.waiting]))
        con.register("outcomes", world.opening_outcomes)
        items = training_items(con, as_of_day=as_of_day, planted_seed=seed)
        con.create_table("asked", f"select * from items where declared_day > {as_of_day}")
        compute_features(con, "asked", as_of_day=as_of_day, into="found")
        features = fetch_frame(con, "select * from found order by declaration_id, item_number")
    model = fit_risk_model(
        items, numbers=MODEL_FEATURES, settings=QUICK, seed=seed, origin=ModelOrigin("2023-07-01", "", 0, "")
    )
    ids = [f"{d}/{n}" for d, n in features.select("declaration_id", "item_number").rows()]
    said = model.predict(features)
    return ids, Judged(said.fraud_probability, said.revenue_if_fraud, model.stake_scale)


def test_the_strategy_is_the_product_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, said = product(3)
    with first_view(PLAN, seed=3) as view:
        judged = judge(view, QUICK)
        assert view.items["item_id"].to_list() == ids
        assert np.array_equal(judged.probability, said.probability)
        assert np.array_equal(judged.stake, said.stake)
        assert judged.scale == said.scale is not None
        assert np.array_equal(order_by(judged, "balanced"), order_by(said, "balanced"))
        monkeypatch.setattr(ours, "judge", lambda view: judge(view, QUICK))
        chosen = choose_by_model("balanced", control=0.0)(view)
        best = [ids[i] for i in np.argsort(-order_by(said, "balanced"), kind="stable")[: view.k]]
    assert set(chosen.ids) == set(best)


def test_the_strategy_fits_as_train_does_by_default() -> None:
    """Only the first weeks without results are the simulation's own."""
    assert FitSettings(fewest_of_a_class=0) == WEEKLY
    assert weekly_model.fit_risk_model is fit_risk_model
