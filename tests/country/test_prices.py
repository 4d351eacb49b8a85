"""Prices that are not additive: what each rule does, and that a country without them is what it was."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from basira.country import LiveCountry, load_scenario, scenario_names
from basira.schema.errors import ScenarioError

# SHA-256 of every value of the first 60 days of each scenario (1,000 items, seed 5), from before there were rules.
BEFORE = {
    "cold-start": "f47ce464119b23c6",
    "collusion": "99e44b1a31c64842",
    "drift": "c3fc9711e7a6ccc3",
    "morocco-like": "ea80617b176f6edc",
    "new-fraud": "5a412cb631d5fd62",
    "small": "164a98effd671fb8",
}


def run(name: str, seed: int = 5, **changes: Any) -> tuple[pa.Table, str]:
    """The declarations of a short world, and the digest of all that it gave."""
    scenario = load_scenario(name, changes={"items": 1000, **changes})
    country, parts, digest = LiveCountry(scenario, seed), [], hashlib.sha256()
    while not country.is_over and (country.day - scenario.starts_on).days < 60:
        result = country.step_legacy()
        parts.append(result.declarations)
        for table in (result.declarations, result.outcomes, result.truth):
            digest.update(json.dumps(table.to_pydict(), default=str).encode())
    return pa.concat_tables(parts), digest.hexdigest()[:16]


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_a_country_without_a_rule_is_the_one_it_was_before_there_were_rules(name: str) -> None:
    assert run(name)[1] == BEFORE[name]


@pytest.mark.parametrize("name", sorted(set(scenario_names()) - set(BEFORE)))
def test_a_rule_gives_the_same_world_for_the_same_seed_and_another_for_another(name: str) -> None:
    assert run(name)[1] == run(name)[1] != run(name, seed=6)[1]


def test_a_rule_changes_prices_and_nothing_else_that_is_shipped() -> None:
    rule = {
        "prices": {
            "supplier_by_code": 0.4,
            "contract_share": 0.5,
            "contract_spread": 0.3,
            "premium_share": 0.3,
            "premium": 0.9,
        }
    }
    # Without fraud and error, which look at prices.
    honest = {"conduct.irregular_rate": 0.0, "conduct.negligent_share": 0.0}
    plain, ruled = (run("small", **honest, **more)[0] for more in ({}, rule))
    same = [c for c in plain.column_names if not c.endswith(("_amount", "_share")) and c != "exchange_rate"]
    assert plain.select(same).equals(ruled.select(same))
    value = "customs_value_amount"
    assert plain.column(value) != ruled.column(value)


def departures(**prices: Any) -> tuple[np.ndarray, pl.DataFrame]:
    """The logarithm of what a rule of ``prices`` alone does to each item's value, and the items."""
    honest = {"conduct.irregular_rate": 0.0, "conduct.negligent_share": 0.0, "items": 4000}
    plain, ruled = (pl.DataFrame(run("small", **honest, **more)[0]) for more in ({}, {"prices": prices}))
    ratio = np.log(ruled["customs_value_amount"].to_numpy() / plain["customs_value_amount"].to_numpy())
    return ratio, plain.with_columns(departure=pl.Series(ratio))


def test_a_supplier_has_one_price_of_its_own_for_each_code() -> None:
    ratio, items = departures(supplier_by_code=0.4)
    assert ratio.std() == pytest.approx(0.4, abs=0.06)
    by_pair = (
        items.group_by("exporter_id", "commodity_code")
        .agg(pl.col("departure").std(), pl.len())
        .filter(pl.col("len") > 1)
    )
    # Prices are rounded to a few decimals.
    assert by_pair["departure"].max() < 0.1
    by_supplier = items.group_by("exporter_id").agg(pl.col("departure").std(), pl.len()).filter(pl.col("len") > 9)
    assert by_supplier["departure"].mean() > 0.15


def test_the_better_quality_is_a_part_of_the_consignments_at_one_premium() -> None:
    ratio, _ = departures(premium_share=0.3, premium=0.9)
    better = ratio > 0.45
    assert better.mean() == pytest.approx(0.3, abs=0.03)
    assert np.median(ratio[better]) == pytest.approx(0.9, abs=0.01)
    assert np.median(ratio[~better]) == pytest.approx(0, abs=0.01)


def test_a_contract_keeps_its_price_while_it_lasts() -> None:
    ratio, items = departures(contract_share=1.0, contract_spread=0.3, contract_days=3650)
    assert ratio.std() == pytest.approx(0.3, abs=0.07)
    # One level for all of a relationship's consignments, but for the market's walk of some percent.
    by_tie = (
        items.group_by("importer_id", "exporter_id").agg(pl.col("departure").std(), pl.len()).filter(pl.col("len") > 3)
    )
    assert by_tie["departure"].median() < 0.05


def test_a_season_is_another_for_each_sector_and_origin() -> None:
    ratio, items = departures(origin_season=0.3)
    assert np.abs(ratio).max() < 0.35
    by_origin = items.group_by("origin_country").agg(pl.col("departure").mean(), pl.len()).filter(pl.col("len") > 50)
    assert by_origin["departure"].std() > 0.05


def test_an_impossible_rule_is_rejected_by_name() -> None:
    with pytest.raises(ScenarioError, match=r"prices\.premium_share"):
        load_scenario("small", changes={"prices.premium_share": 1.5})
