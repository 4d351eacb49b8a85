"""The score file: its columns, its rows, its periods."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.schema.stake import balanced_values
from basira.storage.engine import open_engine
from basira.storage.history.store import register
from basira.workflows.targeting.score import items_declared, score, write_scores
from tests.support.workflow_world import AS_OF, ENGINE, store_of, take

FIRST, LAST = AS_OF + timedelta(days=1), AS_OF + timedelta(days=7)


@pytest.fixture(scope="module")
def table(history, model) -> pl.DataFrame:
    return score(history, first=FIRST, last=LAST, as_of=AS_OF, model=model, engine=ENGINE).table


def test_the_columns_are_exactly_those_of_the_contract(table, model):
    assert table.columns == [
        "declaration_id",
        "item_number",
        "fraud_probability",
        "revenue_if_fraud",
        "expected_revenue",
        "model_version",
        *(f"probability_{kind}" for kind in model.kinds),
        "declaration_version",
        "balanced_value",
    ]
    assert set(model.kinds) >= {"value"}


def test_the_value_of_the_balanced_order_is_the_card_s(table, model):
    assert table["balanced_value"].to_list() == balanced_values(
        table["fraud_probability"], table["expected_revenue"], model.stake_scale
    )


def test_one_row_an_item_of_the_period_and_no_other(table, world):
    declared = world.declarations.filter(pl.col("declared_at").dt.date().is_between(FIRST, LAST))
    keys = ["declaration_id", "item_number"]
    assert (
        table.select(keys).sort(keys).rows()
        == declared.select(keys).cast({"item_number": pl.Int32}).unique().sort(keys).rows()
    )


def test_every_figure_is_finite_and_agrees_with_the_others(table, model):
    numbers = table.select(pl.col(pl.Float64))
    assert numbers.select(pl.all_horizontal(pl.all().is_finite()).all()).item()
    assert table["fraud_probability"].is_between(0, 1).all()
    assert np.allclose(table["expected_revenue"], table["fraud_probability"] * table["revenue_if_fraud"])
    for kind in model.kinds:
        assert (table[f"probability_{kind}"] <= table["fraud_probability"]).all()


def test_as_of_may_be_earlier_than_the_period(history, model, table):
    earlier = AS_OF - timedelta(days=20)
    found = score(history, first=FIRST, last=LAST, as_of=earlier, model=model, engine=ENGINE).table
    assert found.height == table.height
    assert not found["fraud_probability"].equals(table["fraud_probability"])


def test_an_amended_declaration_is_scored_once_on_its_latest_version(world, model, tmp_path):
    before = world.declarations.filter(pl.col("declared_at").dt.date() <= LAST)
    amended = before.filter(pl.col("declared_at").dt.date() == FIRST)["declaration_id"].unique().sort()[:3].to_list()
    rows = before.filter(pl.col("declaration_id").is_in(amended))
    second = rows.with_columns(
        declaration_version=pl.lit(2, pl.Int32),
        declared_at=pl.col("declared_at") + timedelta(days=1),
        customs_value_amount=pl.col("customs_value_amount") * 3,
    )
    history = store_of(tmp_path, before)
    take(history, second, tmp_path / "amendments.parquet")
    found = score(history, first=FIRST, last=LAST, as_of=AS_OF, model=model, engine=ENGINE).table
    ours = found.filter(pl.col("declaration_id").is_in(amended))
    assert ours.height == rows.height
    assert ours["declaration_version"].to_list() == [2] * rows.height
    first_day = score(history, first=FIRST, last=FIRST, as_of=AS_OF, model=model, engine=ENGINE).table
    # Of the day before the amendment, the version that stood then.
    assert set(first_day["declaration_version"]) == {1}


def test_a_declaration_moved_to_another_office_is_no_longer_the_first_offices(world, tmp_path):
    day = world.declarations.filter(pl.col("declared_at").dt.date() == FIRST)
    moved = day["declaration_id"].sort()[0]
    was = day.filter(pl.col("declaration_id") == moved)
    history = store_of(tmp_path, day)
    amendment = was.with_columns(declaration_version=pl.lit(2, pl.Int32), office=pl.lit("OTHER"))
    take(history, amendment, tmp_path / "moved.parquet")
    with open_engine(reads=history.snapshot().all_files(), memory="500MB", threads=1) as con:
        register(con, history.snapshot())
        items_declared(con, FIRST, FIRST, into="old", office=was["office"][0])
        items_declared(con, FIRST, FIRST, into="new", office="OTHER")
        assert con.fetch_rows("select * from old where declaration_id = $moved", {"moved": moved}) == []
        assert {row[1] for row in con.fetch_rows("select * from new")} == {2}


def test_an_impossible_or_empty_period_says_so(history, model):
    with pytest.raises(UsageError, match="ends"):
        score(history, first=LAST, last=FIRST, as_of=AS_OF, model=model, engine=ENGINE)
    with pytest.raises(UsageError, match="found none"):
        score(
            history,
            first=FIRST.replace(year=2030),
            last=LAST.replace(year=2030),
            as_of=AS_OF,
            model=model,
            engine=ENGINE,
        )


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv"])
def test_the_file_holds_the_table(name, table, tmp_path):
    write_scores(table, tmp_path / "new" / name)
    read = pl.read_parquet if name.endswith("parquet") else pl.read_csv
    found = read(tmp_path / "new" / name)
    assert found.columns == table.columns
    assert found["fraud_probability"].equals(table["fraud_probability"])


def test_another_ending_is_rejected_and_nothing_written(table, tmp_path):
    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        write_scores(table, tmp_path / "scores.xls")
    assert list(tmp_path.iterdir()) == []


def test_a_day_number_counts_from_1970():
    assert day_of(AS_OF) == 19661
