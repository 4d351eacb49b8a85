"""What is known later changes nothing: not the model of a day, not the scores made as of that day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import ModelError
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.workflows.targeting.score import choose_model, score
from basira.workflows.train import train
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK, store_of

FIRST, LAST = AS_OF + timedelta(days=1), AS_OF + timedelta(days=14)
MIDNIGHT = datetime.combine(AS_OF + timedelta(days=1), datetime.min.time())
PERIOD_END = datetime.combine(LAST + timedelta(days=1), datetime.min.time())


def scores(history: History, model: RiskModel | None = None, *, first: date = FIRST, last: date = LAST) -> pl.DataFrame:
    chosen = model or choose_model(history, as_of=AS_OF)
    return score(history, first=first, last=last, as_of=AS_OF, model=chosen, engine=ENGINE).table


def later_removed(world):
    return (
        world.declarations.filter(pl.col("declared_at") < PERIOD_END),
        world.outcomes.filter(pl.col("known_at") < MIDNIGHT),
    )


def later_changed(world):
    """Every later figure and result altered, and one more false result on each item scored."""
    is_later = pl.col("declared_at") >= PERIOD_END
    declarations = world.declarations.with_columns(
        pl.when(is_later)
        .then(pl.col("customs_value_amount") * 7)
        .otherwise("customs_value_amount")
        .alias("customs_value_amount"),
        pl.when(is_later).then(pl.lit("IMP-X")).otherwise("importer_id").alias("importer_id"),
        pl.when(is_later).then(pl.lit("8517130000")).otherwise("commodity_code").alias("commodity_code"),
    )
    unknown = pl.col("known_at") >= MIDNIGHT
    kinds = [c for c in world.outcomes.columns if c.startswith("is_irregular_")]
    outcomes = world.outcomes.with_columns(
        pl.when(unknown).then(~pl.col("is_irregular")).otherwise("is_irregular").alias("is_irregular"),
        pl.when(unknown)
        .then(pl.lit(12345.0))
        .otherwise("additional_revenue_amount")
        .alias("additional_revenue_amount"),
        *(pl.when(unknown).then(None).otherwise(k).alias(k) for k in kinds),
    )
    scored = world.declarations.filter((pl.col("declared_at") >= MIDNIGHT) & (pl.col("declared_at") < PERIOD_END))
    false = scored.select(
        "declaration_id",
        "item_number",
        known_at=pl.lit(datetime(2023, 12, 31, 12)),
        is_inspected=True,
        is_irregular=True,
    ).join(outcomes, on=["declaration_id", "item_number"], how="anti")
    return declarations, pl.concat([outcomes, false.cast({"known_at": outcomes.schema["known_at"]})], how="diagonal")


@pytest.fixture(scope="module", params=[later_removed, later_changed])
def altered(request, world, tmp_path_factory):
    """A store in which what is later differs, and its model of `AS_OF`."""
    other = store_of(tmp_path_factory.mktemp("altered"), *request.param(world))
    return other, train(other, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)


@pytest.fixture(scope="module")
def scored(history, model):
    return scores(history, model)


def test_scores_as_of_a_day_are_bit_for_bit_the_same_whatever_came_later(altered, scored):
    before, after = scored, scores(altered[0])
    assert before.height > 100
    # The version of the model is a column: the two models are the same to the last bit too.
    assert before.equals(after)


def test_the_exponent_of_the_order_is_held_only_against_results_known_by_then(altered, model):
    assert "later" in model.card["order"]
    assert altered[1].card["order"] == model.card["order"]


def test_the_test_above_can_fail_a_revenue_known_by_then_does_change_the_order(world, model, tmp_path):
    known = pl.col("known_at") < MIDNIGHT
    halved = world.outcomes.with_columns(
        pl.when(known & (pl.col("declaration_id").hash(1) % 2 == 0))
        .then(pl.col("additional_revenue_amount") * 9)
        .otherwise("additional_revenue_amount")
        .alias("additional_revenue_amount")
    )
    other = store_of(tmp_path / "known", world.declarations, halved)
    assert (
        train(other, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE).card["order"] != (model.card["order"])
    )


def test_an_earlier_result_does_change_the_scores(world, scored, model, tmp_path):
    known = world.outcomes.filter(pl.col("known_at") < MIDNIGHT)
    other = store_of(tmp_path, world.declarations, known.tail(known.height - 300))
    assert not scored.equals(scores(other, model))


def test_a_model_that_knows_later_results_is_never_chosen_and_rejected_when_named(history, model):
    later = train(history, as_of=AS_OF + timedelta(days=30), seed=1, now=NOW, settings=QUICK, engine=ENGINE)
    assert choose_model(history, as_of=AS_OF).card["as_of"] <= AS_OF.isoformat()
    assert choose_model(history, as_of=AS_OF + timedelta(days=40)).version == later.version
    with pytest.raises(ModelError, match=str(later.card["as_of"])):
        choose_model(history, as_of=AS_OF, version=later.version)


def test_without_a_model_old_enough_scoring_says_what_to_do(history, model):
    with pytest.raises(ModelError) as caught:
        choose_model(history, as_of=date(2023, 1, 2))
    assert "basira train --as-of 2023-01-02" in caught.value.hint


def test_training_again_as_of_the_same_day_gives_the_same_version_and_files(history, model, tmp_path):
    again = train(history, as_of=AS_OF, seed=1, now=NOW + timedelta(days=9), settings=QUICK, engine=ENGINE)
    assert again.version == model.version
    assert [b.model_to_string() for b in again.boosters] == [b.model_to_string() for b in model.boosters]
    assert len([c for c in Models(history.root).cards() if c["version"] == model.version]) == 1


def test_training_learns_only_from_results_known_by_then(world, model):
    known = world.outcomes.filter((pl.col("known_at") < MIDNIGHT) & pl.col("is_irregular").is_not_null())
    of_items = known.filter(pl.col("item_number").is_not_null()).select("declaration_id", "item_number")
    items = world.declarations.select("declaration_id", "item_number").unique()
    of_declarations = items.join(known.filter(pl.col("item_number").is_null()), on="declaration_id", how="semi")
    assert model.card["training"]["rows"] == pl.concat([of_items, of_declarations]).unique().height


def test_the_order_in_which_files_and_rows_came_does_not_change_the_scores(world, scored, model, tmp_path):
    shuffled = store_of(
        tmp_path,
        world.declarations.sample(fraction=1, shuffle=True, seed=5),
        world.outcomes.sample(fraction=1, shuffle=True, seed=6),
    )
    again = train(shuffled, as_of=AS_OF, seed=1, now=NOW, settings=QUICK, engine=ENGINE)
    assert again.version == model.version
    assert scores(shuffled, again).equals(scored)
