"""Fitting: same in, same out; time respected; too little rejected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from basira.models.risk import trees
from basira.models.risk.fit import TrainingItems, fit_risk_model
from basira.models.risk.settings import FitSettings
from basira.schema.errors import ModelError
from tests.support.models_items import NUMBERS, ORIGIN, QUICK, chance, fit, make_items, texts


def rows_of(items: TrainingItems, order: np.ndarray) -> TrainingItems:
    return TrainingItems(
        features=items.features[order],
        declared_day=items.declared_day[order],
        is_irregular=items.is_irregular[order],
        revenue=items.revenue[order],
        kinds={k: v[order] for k, v in items.kinds.items()},
        weight=items.weight[order],
    )


def test_the_same_items_and_seed_give_the_same_version_and_bytes(items, model):
    again = fit(items)
    assert again.version == model.version
    assert texts(again) == texts(model)


def test_the_version_is_of_the_content_not_of_when_and_where_it_was_made(items, model):
    origin = replace(ORIGIN, created_at="2030-01-01T00:00:00", snapshot=99)
    assert fit(items, origin=origin).version == model.version


@pytest.mark.parametrize("what", ["seed", "settings", "labels", "as_of"])
def test_anything_else_gives_another_version(what, items, model):
    other = {
        "seed": lambda: fit(items, seed=2),
        "settings": lambda: fit(items, settings=replace(QUICK, learning_rate=0.06)),
        "labels": lambda: fit(replace(items, is_irregular=np.roll(items.is_irregular, 1))),
        "as_of": lambda: fit(items, origin=replace(ORIGIN, as_of="2022-12-30")),
    }[what]()
    assert other.version != model.version


def test_the_order_of_the_rows_does_not_change_the_model(items, model):
    shuffled = rows_of(items, np.random.default_rng(9).permutation(len(items.is_irregular)))
    assert texts(fit(shuffled)) == texts(model)


def test_a_feature_that_never_varies_is_left_out(model):
    assert set(model.encoding.numbers) == set(NUMBERS) - {"constant"}


def test_columns_that_came_in_another_order_change_nothing(items, model):
    names = items.features.columns
    with_two = items.features.with_columns(
        category_x_b=items.features["category_office"], category_x_a=items.features["category_office"]
    )
    one = fit(replace(items, features=with_two))
    other = fit(replace(items, features=with_two.select(*reversed(with_two.columns))))
    assert texts(one) == texts(other)
    assert names == items.features.columns


@pytest.mark.parametrize("irregular", [0, 9])
def test_too_few_of_a_class_is_rejected_with_their_numbers(irregular):
    items = make_items(200)
    y = np.zeros(200, bool)
    y[:irregular] = True
    for labels, said in ((y, f"found {irregular} and"), (~y, f"and {irregular}")):
        with pytest.raises(ModelError, match=said) as caught:
            fit(replace(items, is_irregular=labels))
        assert "basira feedback" in caught.value.hint


def test_features_without_any_difference_are_rejected(items):
    with pytest.raises(ModelError, match="vary"):
        fit_risk_model(
            replace(items, features=items.features.select("declaration_id", "constant")),
            numbers=("constant",),
            settings=QUICK,
            seed=1,
            origin=ORIGIN,
        )


def seen_split(monkeypatch: pytest.MonkeyPatch, items: TrainingItems) -> tuple[np.ndarray, np.ndarray]:
    """The days (kept as a feature) on which rounds were fitted, and those on which they were chosen."""
    kept = {}
    real = trees.fit_until_late

    def keep(early, late, fitting, **rest):
        kept["early"], kept["late"] = early[0], late[0]
        return real(early, late, fitting, **rest)

    monkeypatch.setattr(trees, "fit_until_late", keep)
    days = items.features.with_columns(day=items.declared_day)
    model = fit_risk_model(
        replace(items, features=days), numbers=("day", "signal"), settings=QUICK, seed=1, origin=ORIGIN
    )
    position = model.encoding.names.index("day")
    return kept["early"][:, position], kept["late"][:, position]


def test_rounds_and_calibration_are_chosen_on_later_days_than_were_fitted(monkeypatch, items):
    shuffled = rows_of(items, np.random.default_rng(3).permutation(len(items.is_irregular)))
    early, late = seen_split(monkeypatch, shuffled)
    assert early.max() < late.min()
    assert 0.15 < len(late) / (len(late) + len(early)) < 0.25


def test_the_rows_named_as_later_are_the_ones_chosen_on(monkeypatch, items):
    is_late = items.declared_day >= 200
    early, late = seen_split(monkeypatch, replace(items, is_late=is_late))
    assert (early.max(), late.min()) == (199, 200)


def test_with_one_class_only_among_the_later_rows_it_still_fits_and_says_so(items):
    y = items.is_irregular & (items.declared_day < 250)
    found = fit(replace(items, is_irregular=y))
    assert "auc" not in found.card["later_items"]
    assert found.calibration.slope == 1.0


def test_all_items_of_one_day_are_no_obstacle(items):
    found = fit(replace(items, declared_day=np.full(len(items.declared_day), 7)))
    assert "auc" not in found.card["later_items"]


def test_the_card_says_on_what_it_was_fitted(items, model):
    training = model.card["training"]
    assert training["rows"] == len(items.is_irregular)
    assert training["irregular"] == items.is_irregular.sum()
    assert (training["first_day"], training["last_day"]) == (items.declared_day.min(), items.declared_day.max())
    assert model.card["settings"] == QUICK.to_json()
    assert model.card["importance"]
    assert max(model.card["importance"], key=model.card["importance"].get) == "signal"
    assert (
        model.card["later_items"]["auc_low"] < model.card["later_items"]["auc"] < model.card["later_items"]["auc_high"]
    )


def test_the_card_holds_what_was_found_against_what_was_expected(items, model):
    held = model.card["held"]
    assert 0.5 < held["rows"] / len(items.is_irregular) < 0.65  # all later parts
    assert held["irregular"] > 2 * model.card["later_items"]["irregular"]
    assert held["is_weighed_to_all_items"] is False
    assert held["slope"][0] == pytest.approx(model.calibration.slope)
    assert held["amount"]["slope"][0] == model.share.amount.slope <= 0
    whole = held["found_over_expected"]["all"]
    for what in ("probability", "revenue"):
        assert whole[what]["low"] < whole[what]["value"] < whole[what]["high"]
    assert whole["probability"]["value"] == pytest.approx(1, abs=0.05)
    tenths = [held["found_over_expected"]["by_probability"][str(n)]["probability"] for n in range(1, 11)]
    assert sum(one["found"] for one in tenths) == whole["probability"]["found"] == held["irregular"]


def test_the_lane_is_on_the_card_and_changes_no_prediction(items, model, later):
    lane = np.where(np.arange(len(items.is_irregular)) % 2 == 0, "PAPERS", "VISIT")
    with_lanes = fit(replace(items, lane=lane))
    assert "detection" not in model.card["held"]
    assert set(with_lanes.card["held"]["detection"]) == {"PAPERS", "VISIT"}
    assert "lane" not in " ".join(with_lanes.encoding.names)
    before, after = model.predict(later.features), with_lanes.predict(later.features)
    assert np.array_equal(before.expected_revenue, after.expected_revenue)


def test_the_later_rows_that_are_given_are_the_only_ones_held(items):
    found = fit(replace(items, is_late=items.declared_day >= 200))
    assert found.card["held"]["rows"] == (items.declared_day >= 200).sum()


# More than half of 8,000 items calibrates, some 700 of them irregular: the mean probability is known to about 4 %.
CLOSE = 0.15


def test_a_weight_counts_as_that_many_items(later):
    # Irregular items that count one third: the odds are a third of the planted ones.
    items = make_items(8000, seed=4)
    third = fit(replace(items, weight=np.where(items.is_irregular, 1 / 3, 1.0)))
    planted = chance(later.features["signal"].to_numpy())
    expected = (planted / 3) / (planted / 3 + 1 - planted)
    assert third.predict(later.features).fraud_probability.mean() == pytest.approx(expected.mean(), rel=CLOSE)


@pytest.mark.parametrize("weight", [0.4, 5.0])
def test_calibration_undoes_the_weight_of_irregular_items(weight, later):
    settings = FitSettings(most_rounds=60, bags=(), positive_weight=weight)
    found = fit(make_items(8000, seed=4), settings=settings)
    assert found.predict(later.features).fraud_probability.mean() == pytest.approx(later.is_irregular.mean(), rel=CLOSE)


def test_without_later_results_the_weight_of_irregular_items_is_undone_too(later):
    items = make_items(8000, seed=4)
    settings = FitSettings(most_rounds=60, bags=(), positive_weight=5.0)
    found = fit(replace(items, declared_day=np.full(len(items.declared_day), 7)), settings=settings)
    assert found.predict(later.features).fraud_probability.mean() == pytest.approx(later.is_irregular.mean(), rel=CLOSE)


def test_old_items_count_less_with_a_half_life():
    # The first half of the year teaches the contrary of the second.
    items = make_items(4000, seed=5)
    turned = np.where(items.declared_day < 180, ~items.is_irregular, items.is_irregular)
    recent = fit(replace(items, is_irregular=turned), settings=replace(QUICK, half_life_days=20.0))
    order = recent.predict(items.features).fraud_probability
    assert np.corrcoef(order, items.features["signal"].to_numpy())[0, 1] > 0.5


def test_what_forty_irregular_items_have_in_common_fits_into_a_leaf():
    rng = np.random.default_rng(4)
    items = make_items(12_000, seed=3)
    irregular = rng.random(12_000) < 0.03
    ring = np.zeros(12_000, dtype=bool)
    ring[rng.choice(12_000, 40, replace=False)] = True
    irregular[ring] = True
    marked = replace(
        items, features=items.features.with_columns(signal=np.where(ring, 1.0, 0.0)), is_irregular=irregular
    )
    probability = fit(marked).predict(marked.features).fraud_probability
    assert probability[ring].mean() > 0.7
