"""The published simulator's columns and trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from basira.laboratory.strategies.published import fit_simulator_columns
from basira.laboratory.strategies.registry import find_strategy
from basira.laboratory.worlds.view import View
from tests.support.lab_world import first_view, plan_of


@pytest.fixture(scope="module")
def view(labelled: Path) -> Iterator[View]:
    with first_view(plan_of(labelled)) as found:
        yield found


def test_a_value_seen_once_is_never_risky_beside_one_often_found(view: View) -> None:
    """found / (inspected + 10): one finding of one gives 1/11, thirty of forty 3/5."""
    past = view.items.head(41).with_columns(
        pl.Series("importer_id", ["rare"] + ["often"] * 40),
        pl.Series("is_irregular", [True] + [True] * 30 + [False] * 10),
    )
    (risky,) = [values.to_list() for names, values in fit_simulator_columns(past).risky if names == ("importer_id",)]
    assert risky == ["often"]


def test_the_highest_tenth_and_one_are_risky(view: View) -> None:
    past = view.knowledge.labelled()
    columns = fit_simulator_columns(past)
    sizes = {names: len(values) for names, values in columns.risky}
    assert sizes["importer_id",] == past["importer_id"].n_unique() // 10 + 1
    assert sizes["office",] == 1
    matrix = columns.matrix(view.items)
    assert matrix.shape == (len(view.items), 4 + 4 + 4 + 3 + len(columns.risky))
    assert not (matrix != matrix).any()


def test_the_last_week_is_kept_aside(view: View) -> None:
    """Results of the seven days before the period change nothing."""
    past = view.knowledge.labelled()
    recent = pl.col("declared_day") >= view.first_day - 7

    class Known:
        def labelled(self) -> pl.DataFrame:
            return past.with_columns(
                pl.when(recent).then(~pl.col("is_irregular")).otherwise("is_irregular").alias("is_irregular")
            )

    assert past.filter(recent).height > 0
    for name in ("xgboost_published", "xgboost_leaves_published"):
        choose = find_strategy(name).choose
        assert choose(replace(view, knowledge=Known())).ids == choose(view).ids  # type: ignore[arg-type]  # only labels are read
