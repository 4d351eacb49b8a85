"""The exponent of the balanced order: what it is chosen on, when it is not, and what the card says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from basira.models.risk import fit as fitting
from basira.models.risk.files import CARD, read_model, write_model
from basira.models.risk.fit import version_of
from basira.models.risk.stakes import (
    FEWEST,
    LEAST_KEPT,
    SHARES,
    LaterDeclarations,
    by_declaration,
    choose_stake_scale,
    typical_stake,
)
from basira.schema.errors import ModelError
from basira.schema.stake import DEFAULT_EXPONENT, StakeScale
from tests.support.models_items import fit, make_items


def later_of(rows: int, *, seed: int = 1, honest: bool = True, paid: bool = True) -> LaterDeclarations:
    """Declarations whose results follow their probabilities; unless ``honest``, large stakes are never irregular."""
    rng = np.random.default_rng(seed)
    p, stake = rng.beta(0.5, 8, rows), rng.lognormal(8, 1.5, rows)
    irregular = (rng.random(rows) < p) & (honest | (stake < np.median(stake)))
    revenue = np.where(irregular, stake * rng.uniform(0.5, 1.5, rows), 0.0) * paid
    return LaterDeclarations(p, p * stake, irregular.astype(float), revenue)


def test_with_too_few_results_the_default_stands():
    for later in (None, later_of(100), replace(later_of(40_000), findings=np.zeros(40_000))):
        scale, card = choose_stake_scale(later, 1_000.0, seed=1)
        assert scale == StakeScale(1_000.0, DEFAULT_EXPONENT)
        assert card["basis"] == "default"
    assert np.count_nonzero(later_of(100).findings) < FEWEST


def test_without_anything_at_stake_there_is_no_scale():
    assert typical_stake(np.array([0.0, np.nan, -1.0])) is None
    scale, card = choose_stake_scale(later_of(1_000), None, seed=1)
    assert scale is None
    assert card == {"exponent": None, "typical_amount": None, "basis": "no_stake"}


def test_where_nothing_was_ever_recovered_findings_alone_count():
    scale, card = choose_stake_scale(later_of(5_000, paid=False), 1_000.0, seed=1)
    assert (scale, card["basis"]) == (StakeScale(1_000.0, 0.0), "no_revenue")
    assert "revenue" not in card["later"]["found"]["findings"]
    assert card["later"]["price"]["revenue_kept"] is None


def test_results_that_speak_for_a_larger_exponent_are_followed_within_the_findings_kept():
    later = later_of(60_000)
    scale, card = choose_stake_scale(later, float(np.exp(8)), seed=1)
    curve = card["later"]["curve"]
    at = curve["exponent"].index(scale.exponent)
    assert card["basis"] == "later_results"
    assert scale.exponent > DEFAULT_EXPONENT
    assert curve["findings_kept_low"][at] >= LEAST_KEPT
    assert curve["revenue"][at] > curve["revenue"][curve["exponent"].index(DEFAULT_EXPONENT)]


def test_results_that_speak_against_the_stake_are_followed():
    later = later_of(60_000, honest=False)
    scale, card = choose_stake_scale(later, float(np.exp(8)), seed=1)
    curve = card["later"]["curve"]
    assert card["basis"] == "later_results"
    assert scale.exponent < DEFAULT_EXPONENT
    assert curve["findings_kept_high"][curve["exponent"].index(DEFAULT_EXPONENT)] < LEAST_KEPT
    assert curve["findings_kept_high"][curve["exponent"].index(scale.exponent)] >= LEAST_KEPT


def test_the_currency_changes_no_exponent():
    later = later_of(20_000)
    other = replace(later, expected_revenue=later.expected_revenue * 1024, revenue=later.revenue * 1024)
    one, two = choose_stake_scale(later, 3_000.0, seed=1), choose_stake_scale(other, 3_000.0 * 1024, seed=1)
    assert one[0].exponent == two[0].exponent
    assert one[1]["later"]["found"] == two[1]["later"]["found"]


def test_what_each_order_found_is_a_plain_count():
    later = later_of(1_000)
    _, card = choose_stake_scale(later, 3_000.0, seed=1)
    for order, value in (("findings", later.probability), ("revenue", later.expected_revenue)):
        ranked = np.argsort(-value)
        for place, share in enumerate(SHARES):
            first = ranked[: int(1_000 * share)]
            found = card["later"]["found"][order]
            assert found["findings"]["value"][place] == pytest.approx(
                later.findings[first].sum() / later.findings.sum()
            )
            assert found["revenue"]["value"][place] == pytest.approx(later.revenue[first].sum() / later.revenue.sum())
            assert (
                found["findings"]["low"][place] <= found["findings"]["value"][place] <= found["findings"]["high"][place]
            )


def test_items_are_put_together_as_selection_sees_them():
    ids = np.array(["B", "A", "B"])
    p, stake = np.array([0.5, 0.3, 0.2]), np.array([1_000.0, 10.0, 4_000.0])
    found = by_declaration(ids, p, stake, np.array([0.5, 0.0, 0.5]), np.array([50.0, 0.0, 50.0]))
    assert found.probability.tolist() == pytest.approx([0.3, 0.6])
    assert found.expected_revenue.tolist() == pytest.approx([3.0, 1_300.0])
    assert (found.findings.tolist(), found.revenue.tolist()) == ([0.0, 1.0], [0.0, 100.0])
    assert by_declaration(None, p, stake, p, p).probability.tolist() == pytest.approx(p.tolist())


@pytest.fixture
def captured(monkeypatch) -> list[LaterDeclarations]:
    kept: list[LaterDeclarations] = []

    def keep(later: LaterDeclarations, typical: float, *, seed: int) -> Any:
        kept.append(later)
        return choose_stake_scale(later, typical, seed=seed)

    monkeypatch.setattr(fitting, "choose_stake_scale", keep)
    return kept


def test_a_later_stake_is_not_learned_from_the_revenue_that_it_is_held_against(captured):
    items = make_items()
    late = items.declared_day >= np.quantile(items.declared_day, 0.8)
    fit(items)
    fit(replace(items, revenue=np.where(late, items.revenue * 0.01, items.revenue)))
    before, after = captured
    assert np.array_equal(before.expected_revenue, after.expected_revenue)
    assert np.array_equal(before.probability, after.probability)
    assert after.revenue.sum() < 0.02 * before.revenue.sum()
    # The test can fail: an earlier revenue does change the stakes.
    fit(replace(items, revenue=np.where(late, items.revenue, items.revenue * 0.01)))
    assert not np.array_equal(before.expected_revenue, captured[2].expected_revenue)


def test_the_rows_held_against_are_the_later_ones(captured):
    items = make_items()
    fit(items)
    cut = items.declared_day[int(len(items.declared_day) * 0.8)]
    late = items.declared_day >= cut
    assert len(captured[0].probability) == int(late.sum())
    assert captured[0].findings.sum() == items.is_irregular[late].sum()


def test_the_card_keeps_the_scale_and_an_older_card_has_none(model, tmp_path):
    write_model(model, tmp_path)
    again = read_model(tmp_path)
    assert again.stake_scale == model.stake_scale
    assert again.card["order"] == json.loads(json.dumps(model.card["order"]))
    assert model.card["order"]["typical_amount"] > 0
    card = json.loads((tmp_path / CARD).read_text(encoding="utf-8"))
    del card["order"]
    texts = {name: (tmp_path / name).read_text(encoding="utf-8") for name in card["files"]}
    card["version"] = version_of(card, texts)
    (tmp_path / CARD).write_text(json.dumps(card), encoding="utf-8")
    assert read_model(tmp_path).stake_scale is None


@pytest.mark.parametrize("amount", [0.0, -5.0, float("nan"), "much"])
def test_a_card_with_an_impossible_scale_is_rejected(model, tmp_path, amount):
    write_model(model, tmp_path)
    card = json.loads((tmp_path / CARD).read_text(encoding="utf-8"))
    card["order"]["typical_amount"] = amount
    texts = {name: (tmp_path / name).read_text(encoding="utf-8") for name in card["files"]}
    card["version"] = version_of(card, texts)
    (tmp_path / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError):
        read_model(tmp_path)
