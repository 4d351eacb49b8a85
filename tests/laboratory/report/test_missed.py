"""What there was to find, and who found how much of which part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from basira.laboratory.report.missed import (
    POSSIBLE,
    band_edges,
    found_shares,
    largest_missed,
    never_caught,
    possible_items,
    with_slices,
)
from basira.laboratory.runs.loop import open_world, run_strategy
from basira.laboratory.runs.many import collect_possible, run_folder
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import find_strategy
from basira.laboratory.worlds.world import Inspected
from tests.support.lab_world import first_view, plan_of


def item(item_id: str, **given: Any) -> dict[str, Any]:
    usual = {
        "strategy": "s", "seed": 1, "period": 0, "item_id": item_id, "kind": "value", "office": "20",
        "importer_id": "I1", "commodity_code": "610910", "customs_value_amount": 100.0, "revenue": 10.0,
        "is_new_importer": False, "is_new_code": False, "is_selected": False, "is_found": False,
    }  # fmt: skip
    return usual | given


def frame(*items: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(items), schema={"strategy": pl.String, "seed": pl.Int64, "period": pl.Int64} | POSSIBLE)


def test_only_irregular_items_are_there_to_find() -> None:
    items = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "office": ["20"] * 3,
            "importer_id": ["I1"] * 3,
            "commodity_code": ["61"] * 3,
            "customs_value_amount": [1.0, 2.0, 3.0],
        }
    )
    newcomers = pl.DataFrame({"item_id": ["a", "b", "c"], "is_new_importer": [True] * 3, "is_new_code": [False] * 3})
    truth = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "is_irregular": [True, True, None],
            "revenue": [5.0, 7.0, 0.0],
            "kind": ["value", None, None],
        }
    )
    found = possible_items(items, newcomers, Inspected(None, truth[:1].drop("kind"), truth), ("a", "c"))
    assert list(found.schema) == list(POSSIBLE)
    assert found.select("item_id", "is_selected", "is_found", "is_new_importer").rows() == [
        ("a", True, True, True),
        ("b", False, False, True),
    ]


def test_a_share_is_found_of_possible_over_all_seeds() -> None:
    shares = found_shares(
        with_slices(
            frame(
                item("a", is_found=True),
                item("b"),
                item("c", kind="origin"),
                item("d", seed=2, is_found=True, revenue=30.0),
                item("e", seed=2, kind="origin"),
            )
        ),
        "kind",
    )
    value = shares.row(by_predicate=pl.col("value") == "value", named=True)
    assert (value["share"], value["possible"], value["revenue_share"]) == (2 / 3, 1.5, 40 / 50)
    assert value["low"] is not None
    origin = shares.row(by_predicate=pl.col("value") == "origin", named=True)
    assert (origin["share"], origin["low"]) == (0.0, None)  # none in both seeds: nothing to take an interval of


def test_bands_are_quarters_and_an_unknown_value_is_its_own() -> None:
    sliced = with_slices(
        frame(*(item(str(v), customs_value_amount=float(v)) for v in range(8)), item("x", customs_value_amount=None))
    )
    assert band_edges(sliced) == (1.75, 3.5, 5.25)
    assert sliced["value_band"].to_list() == ["1", "1", "2", "2", "3", "3", "4", "4", "unknown"]


def test_rare_offices_stand_together() -> None:
    items = [item(f"{n}-{i}", office=str(n)) for n in range(10) for i in range(2 if n < 8 else 1)]
    offices = set(with_slices(frame(*items))["office"])
    assert "other" in offices
    assert offices == {*map(str, range(8)), "other"}


def test_an_importer_is_caught_by_one_finding() -> None:
    (row,) = never_caught(
        frame(
            item("a", is_found=True),
            item("b"),
            item("c", importer_id="I2", kind="origin", revenue=20.0),
            item("d", importer_id=None, revenue=0.0),
        )
    ).to_dicts()
    assert (row["importers"], row["never_caught"], row["kinds_never_found"]) == (3, 2, 1)
    assert row["revenue_never_caught"] == 0.5


def test_the_largest_missed_come_first() -> None:
    others = (item("c", revenue=50.0, is_found=True), item("d", strategy="t", revenue=90.0))
    found = largest_missed(frame(item("a", revenue=1.0), item("b", revenue=9.0), *others), "s", 5)
    assert found["item_id"].to_list() == ["b", "a"]


def test_the_loop_records_what_there_was_to_find(labelled: Path, tmp_path: Path) -> None:
    plan = plan_of(labelled, periods=2)
    run_strategy(plan, find_strategy("price_order"), 1, run_folder(tmp_path, "price_order", 1))
    possible = collect_possible(tmp_path)
    world = open_world(plan, 1)
    truth = pl.concat([world.inspect(()).truth for _ in range(2)])
    assert set(possible["item_id"]) == set(truth.filter(pl.col("is_irregular"))["item_id"])
    assert possible["is_selected"].sum() == possible["is_found"].sum() > 0  # a replay's result is what is recorded
    assert set(possible["period"]) == {0, 1}


def test_the_country_tells_the_kind(tmp_path: Path) -> None:
    plan = Plan("small", rates=(0.5,), items=2500, starts_on="2023-07-02", periods=1)
    run_strategy(plan, find_strategy("random"), 1, run_folder(tmp_path, "random", 1))
    possible = collect_possible(tmp_path)
    assert possible["kind"].null_count() == 0
    assert (possible["is_selected"] | ~possible["is_found"]).all()


def test_new_means_never_declared_before_the_period(labelled: Path) -> None:
    with first_view(plan_of(labelled)) as view:
        earlier = view.knowledge.declared()
        found = view.knowledge._ledger.newcomers(first_day=view.first_day, last_day=view.first_day + 6)  # type: ignore[attr-defined]  # the ledger of the view
    joined = view.items.join(found, on="item_id")
    known = set(earlier["importer_id"])
    assert [i not in known for i in joined["importer_id"]] == joined["is_new_importer"].to_list()
    assert not joined["is_new_code"].any()


@pytest.mark.parametrize("what", [found_shares, None])
def test_nothing_recorded_is_no_rows(tmp_path: Path, what: Any) -> None:
    empty = collect_possible(tmp_path)
    assert empty.is_empty()
    if what is not None:
        assert what(with_slices(empty), "kind").is_empty()
