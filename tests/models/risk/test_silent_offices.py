"""An office that never records an irregularity says nothing; one with low risk, or with few results, still does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from basira.models.risk.fit import TrainingItems
from basira.models.risk.silent_offices import FEWEST_EXPECTED, OFFICE
from tests.support.models_items import chance, fit, make_items

ROWS = 2400


def clean_office(name: str, *, rows: int = ROWS, is_calm: bool = False) -> TrainingItems:
    """The items of one office without a finding: what was irregular there is recorded as clean. ``is_calm``: an office
    of risk so low that hardly any was irregular."""
    items = make_items(rows)
    own = (items.features[OFFICE] == name).to_numpy()
    if is_calm:
        signal = np.where(own, -2.0, items.features["signal"].to_numpy()).astype(np.float32)
        items = replace(items, features=items.features.with_columns(signal=signal))
    return replace(
        items,
        is_irregular=items.is_irregular & ~own,
        revenue=np.where(own, np.nan, items.revenue),
        kinds={kind: np.where(own, 0.0, found) for kind, found in items.kinds.items()},
    )


def asked(office: str) -> TrainingItems:
    items = make_items(2000, seed=5, first_day=400)
    return replace(items, features=items.features.with_columns(category_office=np.full(2000, office)))


def test_the_clean_results_of_an_office_that_never_finds_are_left_out():
    items = clean_office("B")
    model = fit(items)
    own = (items.features[OFFICE] == "B").to_numpy()
    assert set(model.card["silent_offices"]) == {"B"}
    said = model.card["silent_offices"]["B"]
    assert said["results"] == own.sum()
    assert said["expected"] == pytest.approx(chance(items.features["signal"].to_numpy()[own]).sum(), rel=0.15)
    assert model.card["training"]["rows"] == (~own).sum()
    later = asked("B")
    probability = model.predict(later.features).fraud_probability
    # As risky as elsewhere, where the office's own results would say that nothing ever is.
    assert probability.mean() == pytest.approx(later.is_irregular.mean(), rel=0.15)


def test_an_office_with_one_finding_speaks():
    items = clean_office("B")
    one = int(np.flatnonzero((items.features[OFFICE] == "B").to_numpy())[7])
    irregular = items.is_irregular.copy()
    irregular[one] = True
    assert "silent_offices" not in fit(replace(items, is_irregular=irregular)).card


def test_an_office_of_low_risk_is_not_silent():
    items = clean_office("B", is_calm=True)
    model = fit(items)
    assert "silent_offices" not in model.card
    assert model.card["training"]["rows"] == ROWS


def test_few_results_without_a_finding_are_no_silence():
    items = clean_office("B")
    own = np.flatnonzero((items.features[OFFICE] == "B").to_numpy())
    office = items.features[OFFICE].to_numpy().copy()
    office[own[int(FEWEST_EXPECTED) :]] = "A"
    features = items.features.with_columns(category_office=office)
    assert "silent_offices" not in fit(replace(items, features=features)).card


def test_an_unknown_office_and_items_without_one_are_never_silent():
    items = clean_office("B")
    unknown = pl.when(pl.col(OFFICE) != "B").then(pl.col(OFFICE)).alias(OFFICE)
    assert "silent_offices" not in fit(replace(items, features=items.features.with_columns(unknown))).card
    assert "silent_offices" not in fit(replace(items, features=items.features.drop(OFFICE))).card
