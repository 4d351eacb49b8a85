"""Results in a file of their own, or in a store, give the same figures as in the declarations' file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from typer.testing import CliRunner

import basira as bs
from basira.cli.program import app
from basira.schema.errors import UsageError
from tests.support.interface_world import Files, rows, write

COSTS = ("choose_cpu_seconds", "fit_cpu_seconds", "features_cpu_seconds", "period_cpu_seconds", "peak_memory_mb")


def command(*arguments: object) -> Any:
    found = CliRunner().invoke(app, [*(str(a) for a in arguments), "--json"])
    return json.loads(found.stdout) if found.exit_code == 0 else found


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    """Training files of the first months, test files of the last."""
    folder = tmp_path_factory.mktemp("parts")
    return write(folder / "past", rows(900, 0, 130, "P", seed=2)), write(
        folder / "later", rows(400, 140, 181, "L", seed=3)
    )


def figures(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: model["slices"] for name, model in metrics["models"].items()}


def evaluate_apart(past: Files, later: Files, results: Sequence[Path], out: Path) -> dict[str, Any]:
    """What `evaluate` gives of declarations and results in files of their own."""
    return command(
        "evaluate",
        "--mapping",
        past.mapping("declarations"),
        "--train",
        past.declarations,
        "--test",
        later.declarations,
        "--outcomes",
        *results,
        "--outcomes-mapping",
        past.mapping("results"),
        "--resamples",
        20,
        "--out",
        out,
    )


@pytest.fixture(scope="module")
def apart(parts: tuple[Files, Files], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `evaluate` gives of the results as they are."""
    past, later = parts
    return evaluate_apart(past, later, [past.results, later.results], tmp_path_factory.mktemp("apart"))


def test_evaluate_takes_results_apart(parts: tuple[Files, Files], apart: dict[str, Any], tmp_path: Path) -> None:
    past, later = parts
    labelled = command(
        "evaluate",
        "--mapping",
        past.mapping("labelled"),
        "--train",
        past.labelled,
        "--test",
        later.labelled,
        "--resamples",
        20,
        "--out",
        tmp_path / "a",
    )
    assert figures(apart) == figures(labelled)
    names = ("as_of", "trained_rows", "tested_rows", "unlabelled_rows", "revenue_basis", "quarantined")
    assert [apart[n] for n in names] == [labelled[n] for n in names]
    assert labelled["tested_rows"] == 400


def test_one_file_of_results_may_speak_of_both(parts: tuple[Files, Files], tmp_path: Path) -> None:
    past, later = parts
    both = tmp_path / "both.csv"
    pl.concat([pl.read_csv(past.results), pl.read_csv(later.results)]).write_csv(both)
    found = evaluate_apart(past, later, [both], tmp_path / "out")
    assert (found["trained_rows"], found["tested_rows"]) == (900, 400)


def test_a_result_of_a_test_declaration_teaches_nothing(
    parts: tuple[Files, Files], apart: dict[str, Any], tmp_path: Path
) -> None:
    """Turned round, the test's results change the test's figures and no model."""
    past, later = parts
    turned = tmp_path / "turned.csv"
    pl.read_csv(later.results).with_columns(illicit=1 - pl.col("illicit")).write_csv(turned)
    other = evaluate_apart(past, later, [past.results, turned], tmp_path / "out")
    assert other["model"] == apart["model"]
    straight, round_about = (f["models"]["basira"]["slices"]["all"]["auc"] for f in (apart, other))
    assert straight == pytest.approx(1 - round_about)


@pytest.mark.parametrize("given", [["--outcomes", "x.csv"], ["--outcomes-mapping", "kcs"]])
def test_results_and_their_mapping_come_together(given: list[str]) -> None:
    found = CliRunner().invoke(
        app, ["evaluate", "--mapping", "kcs", "--train", "a", "--test", "b", "--out", "c", *given]
    )
    assert isinstance(found.exception, UsageError)
    assert "--outcomes and --outcomes-mapping together" in str(found.exception)


def test_the_laboratory_takes_results_apart_and_from_a_store(files: Files, store: bs.Store) -> None:
    def played(*data: Any, **more: Any) -> pl.DataFrame:
        forest = {"mine": RandomForestClassifier(10, random_state=1)}
        found = bs.compare(
            ["price_order"], *data, estimators=forest, start=date(2024, 5, 1), periods=3, jobs=1, **more
        ).rows
        return found.drop(*COSTS, "scenario")

    labelled = played([files.labelled], mapping=files.mapping("labelled"))
    apart = played(
        [files.declarations],
        mapping=files.mapping("declarations"),
        outcomes=[files.results],
        outcomes_mapping=files.mapping("results"),
    )
    assert apart.equals(labelled)
    assert played(store).equals(labelled)
    mine = labelled.filter(pl.col("strategy") == "mine")
    assert (mine["fallback"].sum(), mine["selected"].min() > 0) == (0, True)
    assert mine["found"].sum() > labelled.filter(pl.col("strategy") == "price_order")["found"].sum()


def test_the_lab_command_takes_results_apart(files: Files, tmp_path: Path) -> None:
    common = ("--strategies", "price_order", "--start", "2024-06-01", "--periods", 1, "--jobs", 1)
    found = [
        command("lab", "run", *world, *common, "--out", tmp_path / name)["summary"][0]
        for name, world in (
            ("a", ("--data", files.labelled, "--mapping", files.mapping("labelled"))),
            (
                "b",
                (
                    "--data",
                    files.declarations,
                    "--mapping",
                    files.mapping("declarations"),
                    "--outcomes",
                    files.results,
                    "--outcomes-mapping",
                    files.mapping("results"),
                ),
            ),
        )
    ]
    assert [one["precision"] for one in found] == [found[0]["precision"]] * 2
    assert found[0]["precision"] is not None


def test_what_a_store_takes_in_later_changes_no_run(files: Files, tmp_path: Path) -> None:
    own = bs.open_store(tmp_path / "store", create=True)
    own.ingest(files.declarations, files.mapping("declarations"))
    own.feedback(files.results, files.mapping("results"))
    out = tmp_path / "out"
    run = ("lab", "run", "--store", own.history.root, "--strategies", "price_order", "--periods", 1, "--out", out)
    assert command(*run)["summary"]
    more = write(tmp_path / "more", rows(50, 150, 160, "M", seed=9))
    own.ingest(more.declarations, more.mapping("declarations"))
    again = command(*run)
    assert isinstance(again.exception, UsageError)
    assert "another plan" in str(again.exception)


def test_an_estimator_that_fails_stops_the_comparison(files: Files) -> None:
    class Fails(RandomForestClassifier):  # type: ignore[misc]  # scikit-learn has no types
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803 - scikit-learn's names
            raise ValueError("not today")

    with pytest.raises(UsageError, match="estimator 'mine': fit raised ValueError: not today"):
        bs.compare([], [files.labelled], mapping=files.mapping("labelled"), estimators={"mine": Fails()}, periods=1)
