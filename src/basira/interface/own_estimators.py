"""Own estimators in scikit-learn's interface, fitted on a store.

Enters: a store's history, estimators, a day. Leaves: fitted copies in memory. Never here: a file; a choice of our own
model's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from basira.models.risk.settings import FitSettings
from basira.schema.days import check_day
from basira.storage.history.store import History
from basira.workflows.engine import EngineBounds
from basira.workflows.train import train_estimator, train_heads

if TYPE_CHECKING:
    from basira.models.estimators import Estimator, FittedEstimator
    from basira.models.heads import FittedHeads, Regressor


class OwnEstimators:
    """What a `Store` does with estimators that are not ours."""

    history: History
    engine: EngineBounds

    def train_estimator(self, estimator: Estimator, *, as_of: date, name: str = "estimator") -> FittedEstimator:
        """Fit a copy of your own estimator on what Basira's model would learn from. Nothing is saved.

        Parameters
        ----------
        estimator
            An object with ``fit(X, y, sample_weight)`` and ``predict_proba(X)``, as scikit-learn's classifiers have.
            ``X`` is a Polars frame, float32: the catalog's numbers, NaN where unknown; then the categories as the rank
            of their code by frequency, NaN where missing, rare or new. ``y``: 1 irregular, 0 regular.
            ``sample_weight``: how much each item counts, by the late results that it stands for. It is copied; what you
            gave stays as it was, and neither touches the disk.
        as_of
            Last day whose facts may be used.
        name
            For its errors.

        Returns
        -------
        FittedEstimator
            ``predict(frame)`` gives a probability for each row of a frame of `features`; ``estimator`` is the fitted
            copy, ``encoding.names`` the columns that it saw.

        Raises
        ------
        UsageError
            No such methods, a class instead of an object, a ``fit`` without ``sample_weight``; or it fails.
        ModelError, StoreError
            As `train`.

        Examples
        --------
        >>> from sklearn.ensemble import RandomForestClassifier
        >>> forest = store.train_estimator(RandomForestClassifier(20), as_of=date(2024, 5, 31))  # doctest: +SKIP
        >>> frame = store.features(date(2024, 6, 1), date(2024, 6, 30), as_of=date(2024, 5, 31))  # doctest: +SKIP
        >>> len(forest.predict(frame)) == len(frame)  # doctest: +SKIP
        True
        >>> store.train_estimator(object(), as_of=date(2024, 5, 31))  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: estimator 'estimator': expected fit and predict_proba, found no fit, no predict_proba.
        """  # noqa: E501 - an error is one line
        day = check_day(as_of, name="as_of")
        return train_estimator(self.history, estimator, as_of=day, name=name, engine=self.engine)

    def train_heads(
        self,
        heads: Mapping[str, Estimator | Regressor],
        *,
        as_of: date,
        seed: int = 1,
        half_life_days: float | None = None,
        positive_weight: float = 1.0,
    ) -> FittedHeads:
        """Fit Basira's model with your own estimators in the place of some of its heads. Nothing is saved.

        Parameters
        ----------
        heads
            Estimators by head. ``"probability"``: a classifier of irregular or not, calibrated on the later items.
            ``"share"``: a regressor of the share of the potential duties that an irregular item evades, 0 to 1, with
            ``fit(X, y, sample_weight)`` and ``predict(X)``. ``"kind"``: a classifier, copied for each kind of
            irregularity with ten results for and against it. Columns as `train_estimator`; each is copied.
        as_of, seed, half_life_days, positive_weight
            As `train`, for the heads that stay Basira's.

        Returns
        -------
        FittedHeads
            ``predict(frame)`` gives what Basira's model gives: probability, revenue if irregular, expected revenue and
            the probability of each kind. `score` takes it as ``model``. What is recorded or served needs a model of the
            store, whose reasons are of its own trees.

        Raises
        ------
        UsageError
            An unknown head, what is no classifier or regressor, a ``fit`` without ``sample_weight``; or it fails.
        ModelError, StoreError
            As `train`; ModelError also for a share with fewer than ten revenues to learn from.

        Examples
        --------
        >>> from sklearn.ensemble import HistGradientBoostingClassifier
        >>> mine = {"probability": HistGradientBoostingClassifier(max_iter=20)}
        >>> own = store.train_heads(mine, as_of=date(2024, 5, 31))  # doctest: +SKIP
        >>> scores = store.score(
        ...     date(2024, 6, 1), date(2024, 6, 30), as_of=date(2024, 5, 31), model=own
        ... )  # doctest: +SKIP
        >>> store.train_heads({"amount": mine["probability"]}, as_of=date(2024, 5, 31))  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: heads: expected some of probability, share, kind, found 'amount'.
        """
        return train_heads(
            self.history,
            heads,
            as_of=check_day(as_of, name="as_of"),
            seed=seed,
            now=datetime.now().replace(microsecond=0),
            settings=FitSettings(half_life_days=half_life_days, positive_weight=positive_weight),
            engine=self.engine,
        )
