"""Suggestions: a planted rule is found, noise gives none, and the later period only rejects."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from basira.rules import model
from basira.rules.suggest import MOST_PARTS, Results, candidate_names, suggest, worth_of
from tests.support.rules_world import VOCABULARY


def results(seed: int, *, planted: bool, count: int = 3000) -> Results:
    """Goods of chapter 85 from China below 5 kg are irregular seven times in ten, all others one in twenty."""
    drawn = np.random.default_rng(seed)
    codes = drawn.choice(["85171300", "61091000", "87032100", "85287200"], count)
    origins = drawn.choice(["CN", "TR", "FR"], count)
    masses = drawn.uniform(0, 10, count)
    is_risky = np.char.startswith(codes, "85") & (origins == "CN") & (masses < 5) if planted else np.zeros(count, bool)
    irregular = drawn.uniform(size=count) < np.where(is_risky, 0.7, 0.05)
    items = pl.DataFrame({
        "declaration_position": np.arange(count, dtype=np.uint32), "commodity_code": codes, "origin_country": origins,
        "net_mass_kg": masses, "importer_id": [f"IMP {number % 9}" for number in range(count)],
        "importer_hit_rate": drawn.uniform(size=count),
    })  # fmt: skip
    return Results(items, irregular.tolist(), [1.0] * count)


def test_a_planted_rule_is_found_and_holds_later() -> None:
    first, *_ = found = suggest(results(1, planted=True), results(2, planted=True), VOCABULARY)
    parts = model.children(model.children(first.condition)[0])
    assert 1 <= len(parts) <= MOST_PARTS
    assert {name for part in parts for name in model.field_names(part)} == {
        "commodity_code", "origin_country", "net_mass_kg",
    }  # fmt: skip
    assert first.later.rate > 0.6
    assert first.later.low > first.later.usual
    assert all(one.later.low > one.later.usual for one in found)


def test_what_held_no_longer_is_not_suggested() -> None:
    assert suggest(results(1, planted=True), results(2, planted=False), VOCABULARY) == []


def test_noise_gives_next_to_nothing() -> None:
    found = [suggest(results(seed, planted=False), results(seed + 100, planted=False), VOCABULARY) for seed in range(4)]
    assert sum(map(len, found)) <= 2


def test_weights_count() -> None:
    """The same results, of which the findings of the planted rule stand for few and the others for many."""
    first = results(1, planted=True)
    heavy = Results(first.items, first.is_irregular, np.where(first.is_irregular, 0.01, 1.0).tolist())
    condition = model.AnyItem(model.StartsWith("commodity_code", ("85",)))
    plain, weighted = (worth_of(condition, one, VOCABULARY) for one in (first, heavy))
    assert (plain.hits, plain.findings) == (weighted.hits, weighted.findings)
    others = plain.hits - plain.findings
    assert weighted.rate == pytest.approx(plain.findings * 0.01 / (plain.findings * 0.01 + others))
    assert suggest(heavy, heavy, VOCABULARY) == []


def test_no_person_and_no_score_is_read() -> None:
    names = [name.name for name in candidate_names(VOCABULARY, [*VOCABULARY.names, "importer_id"])]
    assert "fraud_probability" not in names
    assert "description" not in names
    assert "importer_id" not in names
