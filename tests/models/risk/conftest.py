"""One fitted model for the tests that only read it."""

from __future__ import annotations

import pytest

from basira.models.risk.fit import TrainingItems
from basira.models.risk.risk_model import RiskModel
from tests.support.models_items import fit, make_items


@pytest.fixture(scope="session")
def items() -> TrainingItems:
    return make_items()


@pytest.fixture(scope="session")
def model(items: TrainingItems) -> RiskModel:
    return fit(items)


@pytest.fixture(scope="session")
def later() -> TrainingItems:
    """Items of the next year, from the same source."""
    return make_items(4000, seed=2, first_day=365)
