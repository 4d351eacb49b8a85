"""An office that never records an irregularity says nothing; one with low risk, or with few results, still does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from basira.models.estimators import fit_estimator
from basira.models.heads import fit_heads
from basira.models.risk.evidence import Evidence, evidence_of
from basira.models.risk.fit import TrainingItems
from basira.models.risk.silent_offices import FEWEST_EXPECTED, OFFICE
from tests.support.models_items import NUMBERS, ORIGIN, QUICK, chance, fit, make_items

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


def kept(items: TrainingItems, numbers: tuple[str, ...] = NUMBERS) -> Evidence:
    return evidence_of(items, numbers=numbers, settings=QUICK, seed=1)


def test_the_offices_own_past_does_not_say_what_was_expected_of_it():
    """Beside an office that finds next to nothing, the past of the silent one would say that it is another such."""
    items = clean_office("B")
    calm = (items.features[OFFICE] == "C").to_numpy()
    few = calm & (np.cumsum(calm & items.is_irregular) % 20 != 0)
    rate = np.select([calm, (items.features[OFFICE] == "B").to_numpy()], [0.01, 0.005], 0.2)
    features = items.features.with_columns(office_hit_rate=pl.Series(rate + 0.001 * np.sin(np.arange(ROWS))))
    items = replace(items, features=features, is_irregular=items.is_irregular & ~few)
    assert set(kept(items, (*NUMBERS, "office_hit_rate")).silent) == {"B"}


def by_time(early: str, late: str) -> TrainingItems:
    """Office B's items have the findings of ``early`` and ``late``: "none" or "all" of what was irregular there."""
    items, clean = make_items(ROWS), clean_office("B")
    is_late = items.declared_day >= items.declared_day[int(ROWS * 0.8)]
    has_findings = np.where(is_late, late == "all", early == "all")
    return replace(
        items,
        is_irregular=np.where(has_findings, items.is_irregular, clean.is_irregular),
        revenue=np.where(has_findings, items.revenue, clean.revenue),
        kinds={kind: np.where(has_findings, items.kinds[kind], clean.kinds[kind]) for kind in items.kinds},
    )


def test_an_office_that_is_silent_by_later_results_alone_is_judged():
    """It had too few results before the later items, and many without a finding since."""
    items = clean_office("B")
    is_late = items.declared_day >= items.declared_day[int(ROWS * 0.8)]
    own = (items.features[OFFICE] == "B").to_numpy()
    office = np.where(is_late, "B", np.where(own, "A", items.features[OFFICE].to_numpy()))
    office[np.flatnonzero(is_late)[::4]] = "A"
    items = replace(
        items,
        features=items.features.with_columns(category_office=office),
        is_irregular=make_items(ROWS).is_irregular & (office != "B"),
    )
    found = kept(items)
    assert set(found.silent) == {"B"}
    assert found.learned.items.features[OFFICE].unique().sort().to_list() == ["A", "C"]
    assert found.judged.is_late.sum() == is_late.sum()
    model = fit(items)
    assert model.card["later_items"]["rows"] == is_late.sum()
    assert model.card["training"]["rows"] == (office != "B").sum()


def test_an_office_that_speaks_at_last_is_learned_from_and_was_left_out_of_what_is_judged():
    items = by_time(early="none", late="all")
    found = kept(items)
    assert found.silent == {}
    assert len(found.learned.items.declared_day) == ROWS
    assert set(found.judged.items.features[OFFICE]) == {"A", "C"}
    model = fit(items)
    assert model.card["later_items"]["rows"] == found.judged.is_late.sum() < found.learned.is_late.sum()
    assert model.card["training"]["rows"] == ROWS


def test_where_the_others_record_findings_alone_nothing_is_left_out():
    """Else the error would say that there is no clean result where there are hundreds."""
    items = clean_office("B")
    own = (items.features[OFFICE] == "B").to_numpy()
    model = fit(take_findings(items, own))
    assert "silent_offices" not in model.card
    assert model.card["training"]["rows"] == (own | items.is_irregular).sum()


def take_findings(items: TrainingItems, own: np.ndarray) -> TrainingItems:
    at = own | items.is_irregular
    return TrainingItems(
        features=items.features.filter(pl.Series(at)),
        declared_day=items.declared_day[at],
        is_irregular=items.is_irregular[at],
        revenue=items.revenue[at],
        kinds={kind: found[at] for kind, found in items.kinds.items()},
        weight=items.weight[at],
    )


class Counting:
    """A classifier that remembers on how many rows each copy was fitted."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __deepcopy__(self, memo):
        return self

    def fit(self, X, y, sample_weight):  # noqa: N803 - scikit-learn's names
        self.rows.append(len(X))
        return self

    def predict_proba(self, X):  # noqa: N803
        return np.full((len(X), 2), 0.5)


def test_own_estimators_learn_what_ours_does():
    items, own = clean_office("B"), Counting()
    speaking = int((items.features[OFFICE] != "B").sum())
    assert fit_estimator("mine", own, items, numbers=NUMBERS).rows == speaking
    fit_heads({"probability": own}, items, numbers=NUMBERS, settings=QUICK, seed=1, origin=ORIGIN)
    assert own.rows == [speaking, int((~kept(items).judged.is_late).sum()), speaking]
