"""What a comparison will take, and what the command says of its groups and of bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from basira.cli.lab import app
from basira.laboratory.runs.loop import run_strategy
from basira.laboratory.runs.many import collect, run_all, run_folder
from basira.laboratory.runs.plan import Plan, parse_rates
from basira.laboratory.runs.prospect import jobs_within, look_ahead, memory_bytes
from basira.laboratory.strategies.registry import OURS, PUBLISHED, find_strategy
from basira.laboratory.worlds.view import Chosen, Strategy, View, top
from basira.schema.errors import BasiraError, UsageError
from tests.support.lab_world import plan_of, rows, write


def heaviest(view: View) -> Chosen:
    return Chosen(top(view.items["net_mass_kg"].to_numpy(), view))


def test_a_look_ahead_runs_one_period_of_each_and_keeps_it(labelled: Path, tmp_path: Path) -> None:
    plan = plan_of(labelled, periods=3)
    ahead = look_ahead(plan, ["random", "price_order"], [1, 2], tmp_path, jobs=2)
    assert (ahead.runs, ahead.periods, ahead.done, ahead.left) == (4, 3, 2, 10)
    assert ahead.seconds == ahead.cpu_seconds / 2 > 0
    assert ahead.rows > 0
    assert ahead.peak_memory_mb > 50
    assert len(collect(tmp_path)) == 2
    assert len(run_all(plan, ["random", "price_order"], [1, 2], tmp_path)) == 12
    assert look_ahead(plan, ["random"], [1], tmp_path).left == 0


def test_stopped_early_it_goes_on_as_if_it_had_not(labelled: Path, tmp_path: Path) -> None:
    plan = plan_of(labelled, periods=3)
    assert run_strategy(plan, find_strategy("adaptive"), 1, tmp_path / "a", at_most=1) == 1
    assert run_strategy(plan, find_strategy("adaptive"), 1, tmp_path / "a") == 3
    run_strategy(plan, find_strategy("adaptive"), 1, tmp_path / "b")
    ids = [[json.loads(p.read_text())["ids"] for p in sorted((tmp_path / f).glob("period-*.json"))] for f in "ab"]
    assert ids[0] == ids[1]


def test_a_strategy_of_ones_own_runs_beside_the_named(labelled: Path, tmp_path: Path) -> None:
    found = run_all(plan_of(labelled, periods=1), ["random", Strategy("mine", "", "", heaviest)], [1, 2], tmp_path)
    assert found.select("strategy", "seed").rows() == [("mine", 1), ("mine", 2), ("random", 1), ("random", 2)]


def test_fewer_at_once_when_memory_is_short() -> None:
    assert jobs_within(8, memory="1GB", available=7 * 10**9) == 4
    assert jobs_within(1, memory="1GB", available=7 * 10**9) == 1
    with pytest.raises(UsageError, match="to fit in"):
        jobs_within(2, memory="2GB", available=10**9)


@pytest.mark.parametrize("text", ["", "2", "much", "2XB", "-1GB"])
def test_a_size_of_memory_has_a_unit(text: str) -> None:
    if text == "2":
        assert memory_bytes(text) == 2
        return
    with pytest.raises(UsageError, match="--memory"):
        memory_bytes(text)


def test_rates_may_go_down_in_steps() -> None:
    assert parse_rates("0.5,0.3:0.1:3") == (0.5, 0.3, 0.2, 0.1)
    plan = Plan("small", rates=parse_rates("0.3:0.1:3"))
    assert [plan.rate(p) for p in range(5)] == [0.3, 0.2, 0.1, 0.1, 0.1]


@pytest.mark.parametrize("text", ["", "a", "0.1,", "0.3:0.1", "0.3:0.1:1", "0.3:0.1:2:2", "0.3:0.1:x"])
def test_a_schedule_that_cant_be_read_is_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="--rate"):
        parse_rates(text)


@pytest.mark.parametrize("days", [1, 3])
def test_periods_may_be_days(labelled: Path, tmp_path: Path, days: int) -> None:
    plan = plan_of(labelled, period_days=days, periods=4, rates=(0.2,))
    run_strategy(plan, find_strategy("xgboost"), 1, run_folder(tmp_path, "xgboost", 1))
    found = collect(tmp_path)
    starts = found["first_on"].str.to_date()
    assert starts.diff().drop_nulls().dt.total_days().to_list() == [days] * 3
    assert (found["last_on"].str.to_date() - starts).dt.total_days().to_list() == [days - 1] * 4
    assert (found["selected"] > 0).all()


def test_the_country_runs_by_days(tmp_path: Path) -> None:
    plan = Plan("small", rates=(0.5,), items=2500, starts_on="2023-07-05", periods=3, period_days=1)
    run_strategy(plan, find_strategy("random"), 1, run_folder(tmp_path, "random", 1))
    assert collect(tmp_path)["first_on"].to_list() == ["2023-07-05", "2023-07-06", "2023-07-07"]


def test_groups_are_ours_and_the_published_on_their_own_columns() -> None:
    assert {"basira", "basira_revenue"} <= set(OURS)
    assert {"random", "xgboost", "xgboost_published"} <= set(PUBLISHED)
    assert not set(OURS) & set(PUBLISHED)
    assert not any(find_strategy(n).uses_features for n in PUBLISHED)


def command(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command_previews_and_goes_on(labelled: Path, tmp_path: Path) -> None:
    what = ("run", "--data", labelled, "--mapping", "kcs", "--strategies", "random", "--periods", 2, "--out", tmp_path)
    ahead = json.loads(command(*what, "--preview", "--json").stdout)
    assert (ahead["periods"], ahead["left"]) == (2, 1)
    assert "CPU time" in command(*what, "--preview").output
    again = command(*what)
    assert again.exit_code == 0
    assert "already: 1." in again.output
    assert len(pl.read_parquet(tmp_path / "results.parquet")) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--rate", "0"), "over 0"),
        (("--rate", "1.5"), "up to 1"),
        (("--seeds", "1,a"), "--seeds"),
        (("--seeds", "-1"), "seeds"),
        (("--strategies", ""), "found none"),
        (("--strategies", "nobody"), "nobody"),
        (("--periods", "0"), "periods"),
        (("--period-days", "0"), "period_days"),
        (("--initial-labels", "2"), "initial_labels"),
        (("--start", "2031-01-01"), "starts_on"),
        (("--memory", "much"), "--memory"),
        (("--memory", "900TB"), "to fit in"),
    ],
)
def test_bad_input_is_reported(labelled: Path, tmp_path: Path, wrong: tuple[str, str], said: str) -> None:
    usual = {"--strategies": "random", "--periods": "1"} | dict([wrong])
    given = [part for pair in usual.items() for part in pair]
    found = command("run", "--data", labelled, "--mapping", "kcs", "--out", tmp_path / "out", *given)
    assert isinstance(found.exception, BasiraError)
    assert said in found.exception.message


def test_a_world_without_results_is_reported_by_the_command(tmp_path: Path) -> None:
    none = [{**r, "Fraud": "", "Critical Fraud": ""} for r in rows(count=50)]
    data = write(tmp_path / "none.csv", none)
    found = command("run", "--data", data, "--mapping", "kcs", "--strategies", "random", "--out", tmp_path / "out")
    assert isinstance(found.exception, UsageError)
    assert "nothing could be learned" in found.exception.message


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda ids, k: ids[: k - 1], "too few"),
        (lambda ids, k: ids[: k + 1], "too many"),
        (lambda ids, k: (*ids[: k - 1], ids[0]), "twice"),
        (lambda ids, k: (*ids[: k - 1], "99/1"), "'99/1'"),
    ],
)
def test_a_run_stops_at_a_wrong_answer_and_records_nothing(
    labelled: Path, tmp_path: Path, wrong: Any, said: str
) -> None:
    bad = Strategy("bad", "", "", lambda view: Chosen(tuple(wrong(tuple(view.items["item_id"]), view.k))))
    with pytest.raises(UsageError, match="'bad'") as raised:
        run_all(plan_of(labelled, periods=1), [bad], [1], tmp_path)
    assert said in raised.value.message
    assert not list(tmp_path.glob("runs/*/*/period-*.json"))


def test_another_rate_is_another_plan(labelled: Path, tmp_path: Path) -> None:
    plan = plan_of(labelled, periods=1)
    run_all(plan, ["random"], [1], tmp_path)
    with pytest.raises(UsageError, match="another plan"):
        run_all(replace(plan, rates=parse_rates("0.3:0.1:2")), ["random"], [1], tmp_path)
