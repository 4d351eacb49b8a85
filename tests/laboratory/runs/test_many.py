"""Many runs in processes of their own, the table, the page, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from basira.cli.lab import app
from basira.laboratory.report.page import report_html
from basira.laboratory.runs.many import collect, read_plan, run_all
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import STRATEGIES
from basira.schema.errors import NotFoundError, ScenarioError, StoreError, UsageError
from tests.support.lab_world import plan_of


@pytest.fixture(scope="module")
def results(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan, pl.DataFrame]:
    out = tmp_path_factory.mktemp("results") / "out"
    plan = plan_of(labelled, periods=2)
    return out, plan, run_all(plan, ["random", "hybrid:price_order=0.5+random=0.5"], [1, 2], out)


def test_there_is_one_row_per_strategy_seed_and_period(results: tuple[Path, Plan, pl.DataFrame]) -> None:
    out, _, rows = results
    assert len(rows) == len(rows.unique(["strategy", "seed", "period"])) == 2 * 2 * 2
    assert pl.read_parquet(out / "results.parquet").equals(rows)


def test_progress_counts_periods_to_the_end(labelled: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run_all(plan_of(labelled, periods=2), ["random"], [1], tmp_path, progress=lambda d, t, _: seen.append((d, t)))
    assert seen[-1] == (2, 2)


def test_seeds_may_be_added(results: tuple[Path, Plan, pl.DataFrame], tmp_path: Path) -> None:
    out, plan, rows = results
    before = sorted(p.stat().st_mtime_ns for p in out.glob("runs/*/*/period-*.json"))
    more = run_all(plan, ["random"], [1, 3], out)
    assert set(more["seed"]) == {1, 2, 3}
    assert set(before) <= {p.stat().st_mtime_ns for p in out.glob("runs/*/*/period-*.json")}
    assert len(more) == len(rows) + 2


def test_another_plan_is_rejected(results: tuple[Path, Plan, pl.DataFrame]) -> None:
    out, plan, _ = results
    with pytest.raises(UsageError, match="another plan"):
        run_all(replace(plan, rates=(0.2,)), ["random"], [1], out)


def test_a_folder_of_something_else_is_rejected(labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="empty folder"):
        run_all(plan_of(labelled), ["random"], [1], tmp_path)


def test_an_error_of_a_run_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="atlantis"):
        run_all(Plan("atlantis", rates=(0.1,)), ["random"], [1], tmp_path)


def test_a_plan_that_recorded_nothing_is_not_in_the_way(labelled: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError):
        run_all(Plan("atlantis", rates=(0.1,)), ["random"], [1], tmp_path)
    assert len(run_all(plan_of(labelled, periods=1), ["random"], [1], tmp_path)) == 1


def test_an_unknown_strategy_is_rejected_before_anything_is_made(labelled: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        run_all(plan_of(labelled), ["nobody"], [1], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_results_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        read_plan(tmp_path)
    with pytest.raises(StoreError):
        collect(tmp_path)


def test_the_page_shows_each_strategy(results: tuple[Path, Plan, pl.DataFrame]) -> None:
    _, plan, rows = results
    page = report_html(rows, plan)
    assert page.count("<svg") == 6
    assert "hybrid:price_order=0.5+random=0.5" in page


def command(*arguments: object) -> Any:
    found = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_command_runs_and_reports(labelled: Path, tmp_path: Path) -> None:
    shown = command(
        "run",
        "--data",
        labelled,
        "--mapping",
        "kcs",
        "--strategies",
        "random,price_order",
        "--periods",
        1,
        "--rate",
        "0.2",
        "--out",
        tmp_path / "out",
    )
    assert "price_order" in shown
    found = json.loads(command("report", tmp_path / "out", "--out", tmp_path / "page.html", "--json"))
    assert {row["strategy"] for row in found["summary"]} == {"random", "price_order"}
    assert (tmp_path / "page.html").is_file()


def test_the_command_lists_every_strategy() -> None:
    assert [s["name"] for s in json.loads(command("strategies", "--json"))] == [s.name for s in STRATEGIES]


@pytest.mark.parametrize("arguments", [(), ("--scenario", "small", "--data", "x.csv", "--mapping", "kcs")])
def test_the_command_wants_one_world(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one of scenario, data"):
        command("run", *arguments, "--strategies", "random", "--out", tmp_path / "out")


def test_an_interruption_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("basira.laboratory.runs.many.run_all", interrupted)
    found = CliRunner().invoke(app, ["run", "--scenario", "small", "--strategies", "random", "--out", str(tmp_path)])
    assert found.exit_code == 130
    assert "goes on from there" in found.output
    assert "Nothing was written" not in found.output
