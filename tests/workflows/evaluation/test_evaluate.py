"""The contract of an evaluation, and what its test labels may not touch."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from basira.evaluate.assemble import assemble_evaluation
from basira.ingest.mapping.model import parse_mapping
from basira.models.baselines.baselines import BASELINES
from basira.schema.errors import UsageError
from basira.workflows.evaluation import evaluate as evaluation
from basira.workflows.evaluation.evaluate import Evaluation, SplitFiles, Terms, backtest, evaluate_files
from basira.workflows.evaluation.truth import evaluate_against_truth
from tests.support.workflow_world import ENGINE, NOW, QUICK

MAPPING = parse_mapping(
    """
version = 1
name = "labelled"
[source]
date_formats = ["%Y-%m-%d"]
[fields]
declaration_id = "id"
declared_at = "date"
importer_id = "importer"
declarant_id = "declarant"
office = "office"
commodity_code = "code"
origin_country = "origin"
net_mass_kg = "mass"
customs_value_amount = "value"
[outcome]
known_after_days = 0
is_irregular = "illicit"
""",
    name="labelled",
)

CODES = ["851713", "610910", "870899", "392690", "847130"]


def rows(count: int, first_day: int, prefix: str, seed: int) -> pl.DataFrame:
    """Random declarations; the cheap ones per kg are irregular more often, one in three repeats an earlier pair."""
    rng = np.random.default_rng(seed)
    mass = np.where(rng.random(count) < 0.3, 100.0, np.round(rng.uniform(10, 500, count), 1))
    low = rng.random(count) < 0.2
    value = np.round(mass * np.exp(rng.normal(3, 0.2, count) - 1.0 * low), 2)
    illicit = rng.random(count) < np.where(low, 0.7, 0.05)
    day = np.datetime64("2022-01-01") + first_day + np.sort(rng.integers(0, 60, count))
    return pl.DataFrame(
        {
            "id": [f"{prefix}{i}" for i in range(count)],
            "date": [str(d) for d in day],
            "importer": [f"I{n}" for n in rng.integers(0, 40, count)],
            "declarant": [f"T{n}" for n in rng.integers(0, 8, count)],
            "office": [f"O{n}" for n in rng.integers(0, 2, count)],
            "code": [CODES[n] for n in rng.integers(0, 5, count)],
            "origin": [("CN", "FR", "TR")[n] for n in rng.integers(0, 3, count)],
            "mass": mass,
            "value": value,
            "illicit": illicit.astype(int),
        }
    )


TRAIN, VALID, TEST = rows(1200, 0, "A", 1), rows(300, 60, "B", 2), rows(400, 90, "C", 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("files")
    for name, frame in (("train", TRAIN), ("valid", VALID), ("test", TEST)):
        frame.write_csv(place / f"{name}.csv")
    # In two halves: the same rows in two files.
    TRAIN.head(600).write_csv(place / "train1.csv")
    TRAIN.tail(600).write_csv(place / "train2.csv")
    return place


def run(folder, train=("train",), test=("test",), valid=()) -> Evaluation:
    paths = [[folder / f"{n}.csv" for n in names] for names in (train, test, valid)]
    return evaluate_files(SplitFiles(MAPPING, *paths), Terms(resamples=30, settings=QUICK), now=NOW, engine=ENGINE)


Scores = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def measured(folder) -> tuple[Evaluation, Scores]:
    """The files as they are, evaluated once; and the score of every model for each row of the test."""
    kept: Scores = {}

    def keep(rows, given, **rest):
        kept.update({name: np.asarray(c.score) for name, c in given.items()})
        return assemble_evaluation(rows, given, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "assemble_evaluation", keep)
        return run(folder), kept


@pytest.fixture(scope="module")
def found(measured) -> Evaluation:
    return measured[0]


@pytest.fixture(scope="module")
def scores(measured) -> Scores:
    return measured[1]


class GivenError(Exception):
    """Carries what would have been scored out of a run."""


def contenders(monkeypatch: pytest.MonkeyPatch, folder, **options: Any) -> Scores:
    """The scores of every model in a run, before anything is measured with them."""
    kept: Scores = {}

    def keep(rows, given, **rest):
        kept.update({name: np.asarray(c.score) for name, c in given.items()})
        raise GivenError

    monkeypatch.setattr(evaluation, "assemble_evaluation", keep)
    with pytest.raises(GivenError):
        run(folder, **options)
    return kept


def test_every_model_has_every_figure_on_every_slice(found):
    metrics = json.loads(json.dumps(found.metrics, allow_nan=False))
    assert isinstance(metrics["dataset"], str)
    assert list(metrics["models"]) == ["basira", "basira_findings", "basira_revenue", *(b.name for b in BASELINES)]
    slices = set(metrics["models"]["basira"]["slices"])
    assert slices >= {"all", "seen_pair", "novel_pair"}
    keys = {"precision", "recall", "revenue", "auc", "average_precision", "brier"}
    for model in metrics["models"].values():
        assert set(model) == {"slices", "fit_cpu_seconds", "score_cpu_seconds"}
        assert set(model["slices"]) == slices
        for figures in model["slices"].values():
            assert set(figures) == {"rows", "positives"} | keys | {f"{k}_ci" for k in keys}
            for name in ("precision", "recall", "revenue"):
                assert list(figures[name]) == ["1", "2", "5", "10", "20"]


def test_the_slices_count_the_rows_of_the_test_files(found):
    slices = found.metrics["models"]["basira"]["slices"]
    pairs = set(TRAIN.select("code", "mass").rows())
    seen = [pair in pairs for pair in TEST.select("code", "mass").rows()]
    assert slices["all"]["rows"] == TEST.height
    assert slices["all"]["positives"] == TEST["illicit"].sum()
    assert (slices["seen_pair"]["rows"], slices["novel_pair"]["rows"]) == (sum(seen), TEST.height - sum(seen))


def test_the_planted_irregularity_is_found(found):
    figures = found.metrics["models"]["basira"]["slices"]["all"]
    assert figures["auc"] > 0.75
    assert figures["precision"]["10"] > 2 * figures["positives"] / figures["rows"]


def test_the_test_labels_change_no_score(monkeypatch, folder, scores, tmp_path):
    (tmp_path / "train.csv").write_bytes((folder / "train.csv").read_bytes())
    rng = np.random.default_rng(0)
    shuffled = TEST.with_columns(illicit=pl.Series(rng.permutation(TEST["illicit"].to_numpy())))
    assert not shuffled["illicit"].equals(TEST["illicit"])
    shuffled.write_csv(tmp_path / "test.csv")
    after = contenders(monkeypatch, tmp_path)
    assert set(scores) == set(after)
    for name in scores:
        assert np.array_equal(scores[name], after[name], equal_nan=True), name


def test_the_test_rows_change_no_score_of_another(monkeypatch, folder, scores, tmp_path):
    (tmp_path / "train.csv").write_bytes((folder / "train.csv").read_bytes())
    TEST.head(150).write_csv(tmp_path / "test.csv")
    some = contenders(monkeypatch, tmp_path)
    # Rows come in order of day and number; the first rows of the file are its first days.
    day = TEST.with_row_index().sort("date", "id")["index"].to_numpy()
    part = TEST.head(150).with_row_index().sort("date", "id")["index"].to_numpy()
    whole = dict(zip(day.tolist(), scores["basira"].tolist(), strict=True))
    assert [whole[i] for i in part.tolist()] == some["basira"].tolist()


def test_files_may_be_given_in_parts(monkeypatch, folder, scores):
    parts = contenders(monkeypatch, folder, train=("train1", "train2"))
    assert np.array_equal(scores["basira"], parts["basira"])


def test_validation_rows_choose_and_are_learned_from_in_the_end(folder):
    metrics = run(folder, valid=("valid",)).metrics
    assert metrics["trained_rows"] == TRAIN.height + VALID.height
    assert metrics["model"]["later_items"]["rows"] == VALID.height
    assert metrics["model"]["later_items"]["irregular"] == VALID["illicit"].sum()


def test_the_same_file_on_both_sides_is_rejected(folder):
    with pytest.raises(UsageError, match="same file"):
        run(folder, test=("train",))


def test_numbers_that_start_again_are_tested_as_the_test_file_declares_them(folder, tmp_path):
    (tmp_path / "train.csv").write_bytes((folder / "train.csv").read_bytes())
    again = TEST.with_columns(id=pl.Series([f"A{i}" for i in range(TEST.height)]))
    again.write_csv(tmp_path / "test.csv")
    metrics = run(tmp_path).metrics
    assert metrics["tested_rows"] == TEST.height
    assert metrics["models"]["basira"]["slices"]["all"]["positives"] == TEST["illicit"].sum()
    assert metrics["declared_before"] == TEST.height
    assert metrics["trained_rows"] == TRAIN.height


def test_rejected_rows_are_counted_and_the_rest_is_tested(folder, tmp_path):
    (tmp_path / "train.csv").write_bytes((folder / "train.csv").read_bytes())
    TEST.with_columns(date=pl.when(pl.col("id") == "C7").then(pl.lit("#N/A")).otherwise("date")).write_csv(
        tmp_path / "test.csv"
    )
    metrics = run(tmp_path).metrics
    assert [(q["part"], q["rows"]) for q in metrics["quarantined"]] == [("test", 1)]
    assert metrics["tested_rows"] == TEST.height - 1


def test_rows_without_a_result_are_left_out_and_counted(folder, tmp_path):
    (tmp_path / "train.csv").write_bytes((folder / "train.csv").read_bytes())
    blank = TEST.with_columns(illicit=pl.when(pl.int_range(pl.len()) < 40).then(None).otherwise("illicit"))
    blank.write_csv(tmp_path / "test.csv")
    metrics = run(tmp_path).metrics
    assert (metrics["tested_rows"], metrics["unlabelled_rows"]) == (TEST.height - 40, 40)


def test_the_same_seed_gives_the_same_figures(folder, found):
    again = run(folder).metrics
    for metrics in (again, json.loads(json.dumps(found.metrics))):
        for model in metrics["models"].values():
            model.pop("fit_cpu_seconds")
            model.pop("score_cpu_seconds")
    copy = json.loads(json.dumps(found.metrics))
    for model in copy["models"].values():
        model.pop("fit_cpu_seconds")
        model.pop("score_cpu_seconds")
    assert again == copy


def test_a_backtest_tests_on_later_days_than_it_learned_from(history):
    as_of = datetime(2023, 12, 1).date()
    metrics = backtest(history, Terms(resamples=20, settings=QUICK), as_of=as_of, engine=ENGINE).metrics
    assert metrics["as_of"] < metrics["first_test_day"] <= as_of.isoformat()
    assert metrics["tested_rows"] > 50


def test_against_the_simulated_truth_every_later_item_is_tested_and_the_model_ranks(history, world):
    as_of, last = datetime(2023, 10, 31).date(), datetime(2023, 12, 31).date()
    metrics = evaluate_against_truth(
        history, world.truth, Terms(resamples=20, settings=QUICK), as_of=as_of, last=last, engine=ENGINE
    ).metrics
    declared = world.declarations["declared_at"].dt.date()
    assert metrics["tested_rows"] == world.declarations.filter((declared > as_of) & (declared <= last)).height
    ours = metrics["models"]["basira"]["slices"]["all"]
    assert ours["auc"] > 0.65
    assert ours["precision"]["5"] > 2 * ours["positives"] / ours["rows"]
