"""Inspected items weighed to stand for all: a choice on what the features show is undone, and bounded."""

from __future__ import annotations

import numpy as np
import pytest

from basira.models.risk.population import FEWEST, HEAVIEST, population_weights
from basira.models.risk.settings import FitSettings
from basira.models.risk.trees import Fitting

FITTING = Fitting(("chosen_by", "other"), [], FitSettings(), 1)


def made(rows: int, chance: np.ndarray, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    is_chosen = rng.random(rows) < chance
    return x[is_chosen], x[~is_chosen]


def test_weighed_results_have_the_mean_of_all_items():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 2)).astype(np.float32)
    labelled, free = made(20_000, 1 / (1 + np.exp(2 - x[:, 0])), x, rng)
    days = [rng.integers(0, 300, len(part)) for part in (labelled, free[:3000])]
    weights = population_weights(labelled, days[0], free[:3000], days[1], FITTING)
    assert weights.mean() == pytest.approx(1)
    assert weights.max() / weights.min() <= HEAVIEST**2 + 1e-9
    plain, weighed = labelled[:, 0].mean(), np.average(labelled[:, 0], weights=weights)
    assert plain > 0.6
    # Bounded weights leave some of the difference, less than a third of it here.
    assert abs(weighed - free[:, 0].mean()) < (plain - free[:, 0].mean()) / 3
    # What nobody chose by is left as it was.
    assert abs(np.average(labelled[:, 1], weights=weights) - labelled[:, 1].mean()) < 0.05


def test_where_nobody_chose_each_counts_about_one():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6000, 2)).astype(np.float32)
    weights = population_weights(x[:3000], np.arange(3000) % 300, x[3000:], np.arange(3000) % 300, FITTING)
    assert weights.sum() ** 2 / (weights**2).sum() > 0.85 * len(weights)


@pytest.mark.parametrize(("labelled", "free"), [(FEWEST - 1, 500), (500, FEWEST - 1), (500, 0)])
def test_of_few_nothing_is_known(labelled, free):
    x = np.zeros((labelled + free, 2), np.float32)
    day = np.arange(labelled + free)
    weights = population_weights(x[:labelled], day[:labelled], x[labelled:], day[labelled:], FITTING)
    assert (weights == 1).all()
