"""The night's look on a store: what it counts is what the store and the record hold, up to the evening."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from basira.decisions.records import TargetingRun
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.schema.rows import DecisionRow
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.monitor.assignments import read_controls
from basira.workflows.monitor.facts import read_facts
from basira.workflows.monitor.watch import watch
from basira.workflows.records.decisions import read_decisions
from basira.workflows.stores import operations_of
from tests.support.proof_world import FIRST, LATER, carry_out, truth_of
from tests.support.workflow_world import AS_OF, ENGINE, NOW, World, store_of

DAYS = 3
LAST = FIRST + timedelta(days=DAYS - 1)
BEGIN = AS_OF - timedelta(days=200)


@pytest.fixture(scope="module")
def decided(
    history: History, world: World, tmp_path_factory: pytest.TempPathFactory
) -> tuple[History, dict[str, bool]]:
    """Three days with a decision on each declaration; every second selected one was carried out."""
    folder = tmp_path_factory.mktemp("watched")
    copy = History.open(Path(shutil.copytree(history.root, folder / "store")))
    selected: dict[str, bool] = {}
    for n in range(DAYS):
        day = FIRST + timedelta(days=n)
        selected |= record_day(copy, world.declarations, day)
    chosen = sorted(one for one, is_in in selected.items() if is_in)[::2]
    carry_out(copy, truth_of(world), chosen, folder / "results.parquet", on=LAST)
    return copy, selected


def record_day(history: History, declarations: pl.DataFrame, day: date) -> dict[str, bool]:
    """Record a run that inspects every third declaration of a day; whether each is selected."""
    policy = load_policy(shipped("policies") / "morocco", day)
    inspecting = next(lane.id for lane in policy.lanes if lane.inspects)
    other = next(lane.id for lane in policy.lanes if not lane.inspects)
    declared = declarations.filter(pl.col("declared_at").dt.date() == day)
    ids = declared.unique("declaration_id").sort("declaration_id").select("declaration_id", "office").rows()
    run = TargetingRun(
        run_id=f"t{day:%Y%m%d}-hand",
        created_at=datetime.combine(day, NOW.time()),
        day=day,
        as_of=datetime.combine(day, NOW.time()),
        snapshot=1,
        model_version="m1",
        policy_digest=policy.digest,
        policy_text=policy.canonical,
        seed=1,
        software_version="1",
        options={},
        inputs_digest="0",
        source_digest="",
        candidate_count=len(ids),
    )
    rows: list[DecisionRow] = [
        {
            "decision_id": f"{run.run_id}/{one}/1",
            "run_id": run.run_id,
            "declaration_id": one,
            "declaration_version": 1,
            "office": office,
            "lane": other if at % 3 else inspecting,
            "basis": "none" if at % 3 else "model",
            "detail": "",
            "inclusion_probability": 0.25,
            "rank": None,
            "fraud_probability": 0.05 + 0.01 * (at % 7),
            "expected_revenue": 10.0,
            "assessment": "[]",
            "inputs_digest": "0",
        }
        for at, (one, office) in enumerate(ids)
    ]
    with Operations(operations_of(history)) as operations:
        operations.record_run(run.row(), rows)
    return {one: at % 3 == 0 for at, (one, _) in enumerate(ids)}


def test_the_decisions_are_those_of_the_record(decided: tuple[History, dict[str, bool]]) -> None:
    history, selected = decided
    facts = read_facts(history, operations_of(history), first=BEGIN, as_of=LATER, engine=ENGINE)
    assert dict(facts.decided.select("declaration_id", "is_selected").iter_rows()) == selected
    with Operations(operations_of(history), create=False) as operations:
        wanted = pl.DataFrame(read_decisions(operations, first=FIRST, last=LAST))
    columns = ("office", "basis", "fraud_probability", "model_version", "inclusion_probability")
    both = wanted.sort("declaration_id").select("declaration_id", *columns)
    assert facts.decided.sort("declaration_id").select("declaration_id", *columns).equals(both)
    assert set(facts.decided["day"]) <= {day_of(FIRST) + n for n in range(DAYS)}


def test_counts_are_those_of_the_history(decided: tuple[History, dict[str, bool]], world: World) -> None:
    facts = read_facts(decided[0], operations_of(decided[0]), first=BEGIN, as_of=AS_OF, engine=ENGINE)
    day = pl.col("declared_at").dt.date()
    items = world.declarations.filter((day >= BEGIN) & (day <= AS_OF))
    assert facts.levels["items"].sum() == items.height
    assert facts.levels["declarations"].sum() == items["declaration_id"].n_unique()
    assert facts.levels["missing_origin_country"].sum() == items["origin_country"].null_count()
    chapters = facts.mixes.filter(pl.col("attribute") == "chapter").group_by("value").agg(pl.col("items").sum())
    wanted = items.group_by(pl.col("commodity_code").str.head(2).alias("value")).agg(
        pl.len().cast(pl.Int64).alias("items")
    )
    assert dict(chapters.iter_rows()) == dict(wanted.iter_rows())
    assert set(facts.mixes["attribute"]) == {"chapter", "origin", "procedure", "office", "transport_mode", "preference"}


def test_a_result_of_tomorrow_is_not_known_tonight(decided: tuple[History, dict[str, bool]]) -> None:
    history, _ = decided
    tonight = read_facts(history, operations_of(history), first=BEGIN, as_of=LAST, engine=ENGINE)
    tomorrow = read_facts(history, operations_of(history), first=BEGIN, as_of=LATER, engine=ENGINE)
    known = tonight.decided["known_day"].drop_nulls()
    assert known.is_empty() or known.to_numpy().max() <= day_of(LAST)
    assert tomorrow.decided["known_day"].count() > tonight.decided["known_day"].count()


def test_a_store_without_decisions_is_watched_for_its_trade(history: History, tmp_path: Path) -> None:
    found = watch(history, tmp_path / "none.sqlite", first=BEGIN, as_of=AS_OF, engine=ENGINE)
    assert (found.decided, found.results) == (0, 0)
    assert {one.about for one in found.drift.watches if one.values} <= {"trade", "recording"}
    assert found.declarations > 100


def test_a_period_without_declarations_is_an_error(history: History) -> None:
    before = BEGIN - timedelta(days=4_000)
    with pytest.raises(UsageError, match="found none"):
        watch(history, operations_of(history), first=before, as_of=before, engine=ENGINE)


def test_a_declaration_of_which_only_an_amendment_came_is_counted(world: World, tmp_path: Path) -> None:
    day = pl.col("declared_at").dt.date()
    some = world.declarations.filter((day >= AS_OF - timedelta(days=6)) & (day <= AS_OF))
    amended = some["declaration_id"].min()
    version = pl.when(pl.col("declaration_id") == amended).then(2).otherwise(pl.col("declaration_version"))
    number = version.cast(some.schema["declaration_version"]).alias("declaration_version")
    inspected = world.outcomes.filter(pl.col("declaration_id").is_in(some["declaration_id"].to_list()))
    taken = pl.concat([inspected.head(1).with_columns(declaration_id=pl.lit(amended)), inspected])
    history = store_of(tmp_path, some.with_columns(number), taken.unique("declaration_id", keep="first"))
    facts = read_facts(history, tmp_path / "none.sqlite", first=BEGIN, as_of=AS_OF, engine=ENGINE)
    assert facts.levels["declarations"].sum() == some["declaration_id"].n_unique()
    controls = read_controls(history, first=BEGIN, last=LATER, engine=ENGINE)
    assert amended in set(controls["declaration_id"])
