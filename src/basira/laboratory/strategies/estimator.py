"""A strategy made of an estimator with scikit-learn's interface: the most probable items first.

Enters: a name, an estimator. Leaves: a `Strategy`. Never here: a file; a fitted estimator kept from one period to the
next: each is fitted anew on what is known by then, so that an interrupted run goes on as if it had not been.
"""

from __future__ import annotations

from basira.features.catalog.catalog import MODEL_FEATURES
from basira.laboratory.strategies.registry import find_strategy
from basira.laboratory.strategies.scored import Scorer, by_score
from basira.laboratory.worlds.view import Strategy, View
from basira.models.estimators import Estimator, check_estimator, fit_estimator
from basira.schema.errors import NotFoundError, UsageError


def make_strategy(name: str, estimator: Estimator) -> Strategy:
    """Choose the items that ``estimator`` gives the highest probability, see `basira.models.estimators`.

    Below ten results of either class it chooses at random, like every strategy that learns.

    Raises
    ------
    UsageError : no estimator, or the name of a shipped strategy; while it runs: the estimator fails.
    """
    check_estimator(name, estimator)
    try:
        find_strategy(name)
    except NotFoundError:
        pass
    else:
        raise UsageError(
            "estimator {name!r}: expected a name of its own, found a shipped strategy's.",
            hint="Rename.",
            name=name,
        )

    def learn(view: View) -> Scorer:
        fitted = fit_estimator(name, estimator, view.knowledge.training(), numbers=MODEL_FEATURES)
        return lambda v: fitted.predict(v.features())

    return Strategy(name, f"By the probability of {type(estimator).__name__}.", "yours", by_score(learn), True)
