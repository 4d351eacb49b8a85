"""Real evaluation data: the KCS training quarters against the validation quarter, through the workflow."""

from __future__ import annotations

import pytest

from basira.ingest.mapping.model import load_mapping
from basira.models.baselines.baselines import BASELINES
from basira.workflows.evaluation.evaluate import SplitFiles, Terms, evaluate_files
from tests.support.tree import KCS
from tests.support.workflow_world import ENGINE, NOW

FOLDER = KCS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models():
    if not (FOLDER / "train.csv").is_file():
        pytest.skip("shared/datasets/kcs absent")
    split = SplitFiles(load_mapping("kcs"), [FOLDER / "train.csv"], [FOLDER / "valid.csv"])
    found = evaluate_files(split, Terms(resamples=20), now=NOW, engine=ENGINE)
    assert found.metrics["quarantined"] == []
    return found.metrics["models"]


def test_on_all_rows_nearly_every_item_inspected_first_is_irregular(models):
    precision = models["basira"]["slices"]["all"]["precision"]
    assert precision["10"] >= 0.98
    assert precision["5"] >= 0.99


@pytest.mark.parametrize("percent", ["5", "10"])
def test_on_all_rows_no_baseline_is_ahead(percent, models):
    ours = models["basira"]["slices"]["all"]["precision"][percent]
    assert {b.name for b in BASELINES if models[b.name]["slices"]["all"]["precision"][percent] > ours} == set()


def test_on_novel_pairs_it_still_ranks(models):
    novel = models["basira"]["slices"]["novel_pair"]
    assert novel["rows"] == 1295
    assert novel["auc"] >= 0.60


def test_on_novel_pairs_no_baseline_is_ahead_by_more_than_a_hundredth(models):
    ours = models["basira"]["slices"]["novel_pair"]["auc"]
    assert {b.name for b in BASELINES if models[b.name]["slices"]["novel_pair"]["auc"] > ours + 0.01} == set()
