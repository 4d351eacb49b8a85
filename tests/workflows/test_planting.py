"""Planted copies: described as the original would have been, unseen by every other item, blind to what came later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.feedback.labels import label_items
from basira.models.risk.planted import CHANGED, FIRST_COPY, PlantedItems
from basira.schema.days import day_of
from basira.storage.engine import fetch_frame, fetch_value, open_engine
from basira.storage.history.store import History, register
from basira.workflows.planting import KEY, plant_frauds
from basira.workflows.train import training_items
from tests.support.workflow_world import AS_OF, World, store_of
from tests.workflows.test_leakage import later_changed, later_removed

DAY = day_of(AS_OF)
NAMES = KEY.split(", ")


def planted_of(history: History) -> PlantedItems:
    with open_engine(reads=history.snapshot().all_files(), threads=1) as con:
        register(con, history.snapshot())
        found = training_items(con, as_of_day=DAY, planted_seed=1).planted
    assert found is not None
    return found


@pytest.fixture
def planted_engine(history: History) -> Iterator[Engine]:
    """The history with planted frauds."""
    with open_engine(reads=history.snapshot().all_files(), threads=1) as con:
        register(con, history.snapshot())
        label_items(con, as_of_day=DAY)
        assert plant_frauds(con, as_of_day=DAY, seed=1, count=400) > 300
        yield con


def described(con: Engine, wanted: str, items: str = "items") -> pl.DataFrame:
    compute_features(con, wanted, as_of_day=DAY, into="found", items=items)
    return fetch_frame(con, "select * from found").sort(NAMES)


def test_copies_change_no_feature_of_any_other_item(planted_engine: Engine) -> None:
    con = planted_engine
    con.create_table("wanted", f"select {KEY} from items where declared_day between {DAY - 40} and {DAY + 10}")
    con.create_table("all_asked", f"select {KEY} from wanted union select {KEY} from planted")
    alone = described(con, "wanted")
    beside = described(con, "all_asked", "items_and_copies").filter(pl.col("declaration_version") < FIRST_COPY)
    assert len(alone) > 500
    assert alone.equals(beside)


def test_a_copy_is_described_as_its_original_would_have_been(planted_engine: Engine) -> None:
    """The original itself declares the copy's figures, one copy at a time: the same features to the last bit."""
    con = planted_engine
    copies = described(con, "planted", "items_and_copies")
    values = fetch_frame(con, "select * from planted_copies")
    chosen = copies.filter(pl.col("declaration_version") < FIRST_COPY + 4).sample(4, seed=2)
    assert chosen["declaration_version"].n_unique() > 1
    whole = fetch_frame(con, "select * from items")
    for row in chosen.select(NAMES).rows():
        declared = values.filter(pl.col("declaration_id") == row[0], pl.col("declaration_version") == row[1])
        declared = declared.with_columns(declaration_version=pl.lit(1, pl.Int32)).select(whole.columns)
        others = whole.filter((pl.col("declaration_id") != row[0]) | (pl.col("declaration_version") != 1))
        changed = pl.concat([others, declared], how="vertical_relaxed")
        con.register("changed_items", pa.table(changed))
        con.create_table(
            "one",
            f"select {KEY} from changed_items"
            " where declaration_id = $id and item_number = $item and declaration_version = 1",
            {"id": row[0], "item": row[2]},
        )
        found = described(con, "one", "changed_items").drop(NAMES)
        expected = copies.filter(
            pl.all_horizontal(pl.col(name) == value for name, value in zip(NAMES, row, strict=True))
        ).drop(NAMES)
        assert found.equals(expected), row


def test_only_the_chosen_item_of_a_copied_declaration_is_changed(planted_engine: Engine) -> None:
    con = planted_engine
    beside = (
        "planted_copies c join items i on i.declaration_id = c.declaration_id and i.item_number = c.item_number"
        " and i.declaration_version = 1"
    )
    differs = " or ".join(f"c.{n} is distinct from i.{n}" for n in CHANGED)
    same = " and ".join(f"p.{n} = c.{n}" for n in NAMES)
    unplanted = f"not exists (select 1 from planted p where {same} and p.planted_kind <> '')"
    assert fetch_value(con, f"select count(*) from {beside} where {unplanted}") > 100
    assert fetch_value(con, f"select count(*) from {beside} where ({differs}) and {unplanted}") == 0
    assert fetch_value(con, f"select count(*) from {beside} where ({differs})") > 300


def test_nothing_known_to_be_irregular_is_copied(planted_engine: Engine) -> None:
    query = "select count(*) from planted p join label l using (declaration_id, item_number)"
    assert fetch_value(planted_engine, f"{query} where p.planted_kind <> '' and l.is_irregular") == 0
    assert fetch_value(planted_engine, f"{query} where p.planted_kind = ''") == 0  # what is beside them has no result
    assert fetch_value(planted_engine, query) > 0


@pytest.mark.parametrize("alter", [later_removed, later_changed])
def test_what_came_later_changes_no_copy(alter: Any, world: World, history: History, tmp_path: Any) -> None:
    before, after = planted_of(history), planted_of(store_of(tmp_path, *alter(world)))
    assert before.is_copy.sum() > 300
    assert before.declared_day.max() <= DAY
    assert before.features.equals(after.features)
    assert np.array_equal(before.kind, after.kind)
    assert np.array_equal(before.evaded, after.evaded, equal_nan=True)


def test_the_order_in_which_rows_came_changes_no_copy(world: World, history: History, tmp_path: Any) -> None:
    shuffled = store_of(
        tmp_path,
        world.declarations.sample(fraction=1, shuffle=True, seed=5),
        world.outcomes.sample(fraction=1, shuffle=True, seed=6),
    )
    assert planted_of(history).features.equals(planted_of(shuffled).features)


def test_results_learned_from_are_the_same_with_and_without(history: History) -> None:
    with open_engine(reads=history.snapshot().all_files(), threads=1) as con:
        register(con, history.snapshot())
        with_them = training_items(con, as_of_day=DAY, planted_seed=1)
        without = training_items(con, as_of_day=DAY)
        left = {name for (name,) in con.fetch_rows("select table_name from information_schema.tables")}
    assert with_them.features.equals(without.features)
    assert without.planted is None
    assert not left & {"planted", "planted_copies", "planted_change", "items_and_copies", "learned"}
