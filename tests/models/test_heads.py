"""Own estimators in the place of each head: what they see, what comes of them, and what is rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from basira.models.heads import FittedHeads, check_heads, fit_heads
from basira.models.risk.fit import TrainingItems
from basira.models.risk.risk_model import POTENTIAL
from basira.schema.errors import ModelError, UsageError
from tests.support.models_items import NUMBERS, ORIGIN, QUICK, fit, make_items


class Recorder:
    """A classifier and regressor in one: remembers what it was fitted on, and says a constant."""

    fitted: list[tuple[Any, np.ndarray, np.ndarray]]

    def __init__(self, constant: float) -> None:
        self.constant, self.fitted = constant, []

    def fit(self, X, y, sample_weight):  # noqa: N803 - scikit-learn's names
        self.fitted.append((X, y, sample_weight))
        return self

    def predict_proba(self, X):  # noqa: N803
        return np.column_stack([np.full(len(X), 1 - self.constant), np.full(len(X), self.constant)])

    def predict(self, X):  # noqa: N803
        return np.full(len(X), self.constant)


class Keeping(Recorder):
    """One whose copies share the memory of what they saw."""

    def __deepcopy__(self, memo):
        return self


@pytest.fixture(scope="module")
def items() -> TrainingItems:
    return make_items(3000)


@pytest.fixture(scope="module")
def ours(items):
    return fit(items)


def heads(items: TrainingItems, **given: Any) -> FittedHeads:
    return fit_heads(given, items, numbers=NUMBERS, settings=QUICK, seed=1, origin=ORIGIN)


def test_the_probability_is_calibrated_on_later_items_and_carries_through(items, ours):
    own = Keeping(0.3)
    made = heads(items, probability=own)
    said, before = made.predict(items.features), ours.predict(items.features)
    # A constant is calibrated to the rate of the later items, whatever it says.
    late = items.declared_day >= items.declared_day[int(len(items.declared_day) * 0.8)]
    assert said.fraud_probability[0] == pytest.approx(items.is_irregular[late].mean(), abs=0.02)
    assert np.array_equal(said.revenue_if_fraud, before.revenue_if_fraud)
    assert np.array_equal(said.expected_revenue, said.fraud_probability * said.revenue_if_fraud)
    given = before.kind_probabilities["value"] / before.fraud_probability
    assert said.kind_probabilities["value"] == pytest.approx(said.fraud_probability * given)
    # First on the earlier rows, then on all; with the weights of the labels.
    assert [len(x) for x, _, _ in own.fitted] == [int((~late).sum()), len(late)]
    x, y, weight = own.fitted[1]
    assert x.columns == list(ours.encoding.names)
    assert (int(y.sum()), weight.tolist()) == (int(items.is_irregular.sum()), items.weight.tolist())


def test_the_share_learns_from_irregular_items_alone_and_its_sums_agree(items, ours):
    own = Keeping(0.4)
    made = heads(items, share=own)
    ((x, y, weight),) = own.fitted
    irregular = items.is_irregular
    potential = items.features[POTENTIAL].to_numpy()
    assert len(x) == irregular.sum()
    assert y == pytest.approx(items.revenue[irregular] / potential[irregular])
    assert weight == pytest.approx(np.sqrt(potential[irregular]))
    said = made.predict(items.features)
    assert said.revenue_if_fraud[irregular].sum() == pytest.approx(items.revenue[irregular].sum(), rel=1e-6)
    assert np.array_equal(said.fraud_probability, ours.predict(items.features).fraud_probability)


def test_the_kind_is_one_copy_a_kind_on_irregular_items(items, ours):
    own = Keeping(0.9)
    made = heads(items, kind=own)
    assert [len(x) for x, _, _ in own.fitted] == [int(items.is_irregular.sum())] * len(items.kinds)
    assert {int(y.sum()) for _, y, _ in own.fitted} == {int(np.nansum(f)) for f in items.kinds.values()}
    said, before = made.predict(items.features), ours.predict(items.features)
    for kind in items.kinds:
        assert said.kind_probabilities[kind] == pytest.approx(before.fraud_probability * 0.9)
    assert list(said.kind_probabilities) == list(before.kind_probabilities)


def test_all_heads_at_once_of_a_library_and_the_given_ones_stay_as_they_were(items, ours):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    given = {
        "probability": HistGradientBoostingClassifier(max_iter=30, random_state=1),
        "share": HistGradientBoostingRegressor(max_iter=30, random_state=1),
        "kind": HistGradientBoostingClassifier(max_iter=30, random_state=1),
    }
    made = heads(items, **given)
    later = make_items(3000, seed=2, first_day=365)
    said = made.predict(later.features)
    irregular = later.is_irregular
    assert said.fraud_probability[irregular].mean() > 1.5 * said.fraud_probability[~irregular].mean()
    assert said.fraud_probability.mean() == pytest.approx(irregular.mean(), rel=0.2)
    assert said.expected_revenue.sum() == pytest.approx(ours.predict(later.features).expected_revenue.sum(), rel=0.25)
    value = later.kinds["value"][irregular] == 1
    share = said.kind_probabilities["value"][irregular] / said.fraud_probability[irregular]
    assert share[value].mean() > share[~value].mean() + 0.3
    assert not any(hasattr(one, "classes_") or hasattr(one, "n_iter_") for one in given.values())
    assert made.version.endswith("+probability+share+kind")
    assert made.stake_scale == made.model.stake_scale
    assert len(made.predict(later.features.clear()).fraud_probability) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "found none"),
        ({"amount": Recorder(0.5)}, "found 'amount'"),
        ({"probability": object()}, "no predict_proba"),
        ({"kind": Recorder}, "found the class"),
        ({"share": object()}, "no fit, no predict"),
        ({"share": Recorder}, "found a class"),
    ],
)
def test_what_can_take_no_head_s_place_is_named(given, message):
    with pytest.raises(UsageError, match=message):
        check_heads(given)


def test_a_share_that_can_t_weigh_its_rows_is_rejected():
    class Plain:
        def fit(self, X, y):  # noqa: N803
            return self

        def predict(self, X):  # noqa: N803
            return X

    with pytest.raises(UsageError, match="sample_weight"):
        check_heads({"share": Plain()})


@pytest.mark.parametrize(("head", "constant"), [("probability", 1.5), ("kind", float("nan")), ("share", float("inf"))])
def test_an_answer_that_can_t_be_is_rejected(items, head, constant):
    with pytest.raises(UsageError, match=head):
        heads(items, **{head: Recorder(constant)}).predict(items.features)


def test_a_share_without_revenues_to_learn_from_is_rejected(items):
    from dataclasses import replace

    none = replace(items, revenue=np.full(len(items.revenue), np.nan))
    with pytest.raises(ModelError, match="found 0"):
        heads(none, share=Recorder(0.5))


def test_kinds_of_too_few_results_stay_ours(items, ours):
    from dataclasses import replace

    rare = np.where(items.is_irregular, 0.0, np.nan)
    rare[np.flatnonzero(items.is_irregular)[:5]] = 1.0
    made = heads(replace(items, kinds={**items.kinds, "quantity": rare}), kind=Keeping(0.9))
    assert set(made.kinds) == {"value", "origin"}
    said = made.predict(items.features)
    assert (said.kind_probabilities["quantity"] < 0.2 * said.fraud_probability).all()
