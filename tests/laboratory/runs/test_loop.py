"""The loop: what is chosen, what becomes known, and that an interruption changes nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from basira.features.batch.compute import compute_features
from basira.laboratory.runs.loop import open_world, run_strategy
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import find_strategy
from basira.laboratory.worlds.ledger import Ledger
from basira.laboratory.worlds.live import CountryWorld
from basira.laboratory.worlds.view import Chosen, Strategy, View
from basira.schema.errors import UsageError
from basira.storage.engine import fetch_frame, open_engine
from tests.support.lab_world import first_view, plan_of, rows, write

COUNTRY = Plan("small", rates=(0.1,), items=2500, starts_on="2023-07-02", periods=3)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text()) for p in sorted(folder.glob("period-*.json"))]


def same(records_: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """All but what it cost."""
    return [
        (r["ids"], r["notes"], {k: v for k, v in r["row"].items() if "cpu" not in k and "memory" not in k})
        for r in records_
    ]


def test_each_period_inspects_the_whole_part_of_rows_times_rate(labelled: Path, tmp_path: Path) -> None:
    run_strategy(plan_of(labelled, rates=(0.29, 0.1)), find_strategy("random"), 1, tmp_path)
    found = [r["row"] for r in records(tmp_path)]
    assert [r["selected"] for r in found] == [
        int(r["rows"] * (29 if n == 0 else 10)) // 100 for n, r in enumerate(found)
    ]
    assert len(found) == 5


@pytest.fixture(scope="module")
def basira_run(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two periods of our own strategy, which take seconds; a test that changes them takes a copy."""
    folder = tmp_path_factory.mktemp("basira") / "run"
    run_strategy(plan_of(labelled, periods=2), find_strategy("basira"), 1, folder)
    return folder


@pytest.mark.parametrize("name", ["basira", "adaptive"])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    name: str, basira_run: Path, labelled: Path, tmp_path: Path
) -> None:
    plan, strategy = plan_of(labelled, periods=2), find_strategy(name)
    if name == "basira":
        shutil.copytree(basira_run, tmp_path / name)
    else:
        run_strategy(plan, strategy, 1, tmp_path / name)
    whole = same(records(tmp_path / name))
    (tmp_path / name / "period-0001.json").unlink()
    run_strategy(plan, strategy, 1, tmp_path / name)
    assert same(records(tmp_path / name)) == whole


def test_an_interrupted_run_goes_on_in_the_country(tmp_path: Path) -> None:
    strategy = find_strategy("xgboost_random")
    run_strategy(COUNTRY, strategy, 1, tmp_path)
    whole = same(records(tmp_path))
    (tmp_path / "period-0002.json").unlink()
    run_strategy(COUNTRY, strategy, 1, tmp_path)
    assert same(records(tmp_path)) == whole


def test_a_finished_run_is_not_run_again(labelled: Path, tmp_path: Path) -> None:
    def never(view: View) -> Chosen:
        raise AssertionError("chosen again")

    run_strategy(plan_of(labelled, periods=2), find_strategy("random"), 1, tmp_path)
    assert run_strategy(plan_of(labelled, periods=2), Strategy("random", "", "", never), 1, tmp_path) == 2


def test_the_results_of_what_was_not_chosen_change_nothing(basira_run: Path, tmp_path: Path) -> None:
    """The whole loop, not one function, is shown to be blind: flip every label that no inspection revealed."""
    chosen = {i.split("/")[0] for r in records(basira_run) for i in r["ids"]}
    opposite = {n: dict.fromkeys(("Fraud", "Critical Fraud"), str(1 - int(n))) for n in "01"}
    flipped = [
        r if r["Declaration ID"] in chosen or r["Date"] < "2020-02-26" else r | opposite[r["Fraud"]] for r in rows()
    ]
    other = plan_of(write(tmp_path / "labelled.csv", flipped), periods=2)
    run_strategy(other, find_strategy("basira"), 1, tmp_path / "after")
    assert [r["ids"] for r in records(tmp_path / "after")] == [r["ids"] for r in records(basira_run)]


def test_only_results_known_the_day_before_are_seen(labelled: Path) -> None:
    with first_view(plan_of(labelled)) as view:
        known = view.knowledge.labelled()
    assert known["known_day"].max() < view.first_day
    assert not set(known["item_id"]) & set(view.items["item_id"])


@pytest.mark.parametrize(("delay", "known_in"), [(0, 1), (8, 3)])
def test_results_come_after_their_delay(labelled: Path, tmp_path: Path, delay: int, known_in: int) -> None:
    seen: list[int] = []

    def choose(view: View) -> Chosen:
        past = {i for p in view.past for i in p.selected}
        seen.append(len(past & set(view.knowledge.labelled()["item_id"])))
        return find_strategy("random").choose(view)

    run_strategy(plan_of(labelled, delay_days=delay), Strategy("watch", "", "", choose), 1, tmp_path)
    assert next(n for n, count in enumerate(seen) if count) == known_in


def test_one_may_begin_with_few_results(labelled: Path, tmp_path: Path) -> None:
    counts: list[int] = []

    def choose(view: View) -> Chosen:
        counts.append(len(view.knowledge.labelled()))
        return find_strategy("random").choose(view)

    for share in (1.0, 0.2):
        plan = plan_of(labelled, periods=1, initial_labels=share)
        run_strategy(plan, Strategy("watch", "", "", choose), 1, tmp_path / str(share))
    assert 0.1 * counts[0] < counts[1] < 0.3 * counts[0]


def test_unknown_stays_unknown(tmp_path: Path) -> None:
    half = [{**r, "Fraud": "", "Critical Fraud": ""} if n % 2 else r for n, r in enumerate(rows())]
    plan = plan_of(write(tmp_path / "half.csv", half), rates=(1.0,), periods=1)
    run_strategy(plan, find_strategy("random"), 1, tmp_path / "run")
    (row,) = [r["row"] for r in records(tmp_path / "run")]
    assert row["selected"] == row["rows"]
    assert row["answered"] == pytest.approx(row["rows"] / 2, abs=1)


def test_a_period_without_items_is_recorded_and_passed(labelled: Path, tmp_path: Path) -> None:
    gap = [r for r in rows() if not "2020-03-04" <= r["Date"] <= "2020-03-10"]
    run_strategy(plan_of(write(tmp_path / "gap.csv", gap)), find_strategy("xgboost"), 1, tmp_path / "run")
    found = records(tmp_path / "run")
    assert [r["row"]["rows"] == 0 for r in found] == [False, True, False, False, False]
    assert found[1]["notes"] == {"nothing_to_choose": 1.0}


def test_data_without_results_are_rejected(tmp_path: Path) -> None:
    none = [{**r, "Fraud": "", "Critical Fraud": ""} for r in rows(count=50)]
    with pytest.raises(UsageError, match="nothing could be learned"):
        open_world(plan_of(write(tmp_path / "none.csv", none)), 1)


def test_a_start_outside_the_data_is_rejected(labelled: Path) -> None:
    with pytest.raises(UsageError, match="starts_on"):
        open_world(plan_of(labelled, starts_on="2021-01-01"), 1)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.01])
def test_an_impossible_rate_is_rejected(rate: float) -> None:
    with pytest.raises(UsageError, match="rate"):
        Plan("small", rates=(0.1, rate))


def test_a_wrong_strategy_stops_the_run_by_its_name(labelled: Path, tmp_path: Path) -> None:
    lazy = Strategy("lazy", "", "", lambda view: Chosen(()))
    with pytest.raises(UsageError, match="'lazy'"):
        run_strategy(plan_of(labelled), lazy, 1, tmp_path)


def test_features_kept_week_by_week_are_those_of_one_run_on_each_day_before(labelled: Path) -> None:
    world = open_world(plan_of(labelled, rates=(0.5,)), 1)
    with open_engine(threads=1) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis=world.revenue_basis)
        ledger.add(world.opening_items, world.opening_outcomes)
        for _ in range(2):
            ledger.add(world.waiting)
            days = {"first_day": world.first_day, "last_day": world.last_day}
            kept = ledger.at(**days).features().sort("item_id")
            con.execute(
                "create or replace temp table direct as select declaration_id, declaration_version, item_number"
                f" from items where declared_day between {world.first_day} and {world.last_day}"
            )
            compute_features(con, "direct", as_of_day=world.first_day - 1, into="plain")
            plain = fetch_frame(con, "select *, declaration_id || '/' || item_number as item_id from plain")
            assert kept.equals(plain.select(kept.columns).sort("item_id"))
            ledger.add(outcomes=world.inspect(kept["item_id"].to_list()[::2]).known)


def test_the_country_tells_the_truth_beside_what_was_found(tmp_path: Path) -> None:
    everything = replace(COUNTRY, rates=(1.0,))
    run_strategy(everything, find_strategy("random"), 1, tmp_path)
    found = [r["row"] for r in records(tmp_path)]
    assert sum(row["truly_irregular"] for row in found) > 0
    for row in found:
        assert row["truly_irregular"] == row["possible_found"]
        assert row["found"] <= row["answered"] <= row["selected"] == row["rows"]
        assert row["truly_evaded"] == pytest.approx(row["best_revenue"])


def test_the_countrys_results_come_late() -> None:
    world = CountryWorld(COUNTRY, seed=1)
    ids = [
        f"{d}/{n}"
        for d, n in zip(
            world.waiting["declaration_id"].to_pylist(), world.waiting["item_number"].to_pylist(), strict=True
        )
    ]
    found = world.inspect(ids)
    known = pl.DataFrame(pl.from_arrow(found.known))["declaration_id"]
    of_this_period = known.is_in([i.split("/")[0] for i in ids]).sum()
    assert 0 < of_this_period < len(found.results)
