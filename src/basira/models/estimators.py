"""An estimator that is not ours, on the same items and the same columns as ours: scikit-learn's interface.

Enters: training items, features, an object with ``fit(X, y, sample_weight)`` and ``predict_proba(X)``. Leaves: a
fitted copy of it that predicts from features. Never here: a file. An estimator lives in memory alone, and is neither
read from disk nor written to it: what is read back could run code.

What an estimator sees:

    X              a Polars frame, one row an item, float32. Numbers by their names in the catalog; NaN where unknown.
                   Then the categories (``category_...``): the rank of the code by frequency among the training items,
                   0 the most frequent; NaN where the code is missing, rare or new. What does not vary among the
                   training items is left out.
    y              1 for an irregular item, 0 for a regular one (int64)
    sample_weight  how much the item counts (float64): by the late results that it stands for, as for our own model
                   (docs/decisions/0009); a finding on a declaration of n items counts 1/n for each
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.risk.evidence import evidence_of
from basira.models.risk.fit import FEWEST_OF_A_CLASS, TrainingItems
from basira.models.risk.matrix import Encoding, choose_encoding
from basira.models.risk.settings import FitSettings
from basira.schema.errors import ModelError, UsageError

Floats = NDArray[np.float64]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


class Estimator(Protocol):
    """What scikit-learn calls a classifier; nothing else of it is used.

    An estimator that can't take NaN needs a step that fills it, for example scikit-learn's ``SimpleImputer``.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:  # noqa: N803 - scikit-learn's names
        """Learn from the rows of ``X``, the 0/1 labels ``y``, and the weight of each row."""
        ...

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Return an array of shape (rows, 2): the probability of 0 and of 1."""
        ...


@dataclass(frozen=True)
class FittedEstimator:
    """A fitted copy of an estimator and the columns that it was fitted on. In memory only.

    ``name``: as it was given. ``estimator``: the fitted copy. ``rows``, ``irregular``: items that it learned from.
    """

    name: str
    estimator: Estimator
    encoding: Encoding
    rows: int
    irregular: int

    def predict(self, features: pl.DataFrame) -> Floats:
        """Probability of an irregularity, one per row of ``features``, in their order.

        Parameters
        ----------
        features
            A frame with the catalog's columns, such as ``Store.features`` returns.

        Returns
        -------
        numpy.ndarray
            From 0 to 1, float64, shape (rows,). As the estimator says it: not calibrated.

        Raises
        ------
        ModelError
            A feature is absent.
        UsageError
            The estimator fails, or returns anything but probabilities.
        """
        if features.is_empty():
            return np.empty(0)
        x = column_frame(self.encoding, features)
        try:
            found = np.asarray(self.estimator.predict_proba(x), dtype=np.float64)
        except Exception as error:
            raise failure(self.name, "predict_proba", error) from error
        if found.shape != (len(x), 2):
            raise UsageError(
                "estimator {value!r}: expected predict_proba to return shape ({x_count}, 2), found {shape}.",
                hint="Return the probability of 0 and of 1 for each row.",
                value=self.name,
                x_count=len(x),
                shape=found.shape,
            )
        # Both classes are always there to learn from, and the columns are in their order.
        probability = found[:, 1]
        if not np.all((probability >= 0) & (probability <= 1)):
            raise UsageError(
                "estimator {value!r}: expected probabilities from 0 to 1, found others, or NaN.",
                hint="Correct predict_proba.",
                value=self.name,
            )
        return probability


def check_estimator(name: str, estimator: object, *, taken: Collection[str] = ()) -> None:
    """Reject what can't be fitted and asked, before anything is computed. ``taken``: names in use.

    Raises
    ------
    UsageError : an impossible or repeated name, a class instead of an object, ``fit`` or ``predict_proba`` absent, a
        ``fit`` that takes no ``sample_weight``.

    >>> check_estimator("mine", object())
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: estimator 'mine': expected fit and predict_proba, found no fit, no predict_proba.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("basira"):
        raise UsageError(
            "estimator: expected a name of letters, digits and _ that does not begin with 'basira', found {name!r}.",
            hint='For example {{"forest": RandomForestClassifier()}}.',
            name=name,
        )
    if name in taken:
        raise UsageError(
            "estimator {name!r}: expected a name of its own, found one that is taken.",
            hint="Taken: {taken}.",
            name=name,
            taken=", ".join(taken),
        )
    if isinstance(estimator, type):
        raise UsageError(
            "estimator {name!r}: expected an object, found the class {name_2}.",
            hint="Make one: {name_2}().",
            name=name,
            name_2=estimator.__name__,
        )
    absent = [f"no {method}" for method in ("fit", "predict_proba") if not callable(getattr(estimator, method, None))]
    if absent:
        raise UsageError(
            "estimator {name!r}: expected fit and predict_proba, found {absent}.",
            hint="Give a classifier as scikit-learn has them; its CalibratedClassifierCV adds predict_proba.",
            name=name,
            absent=", ".join(absent),
        )
    check_weighable(name, estimator)


def check_weighable(name: str, estimator: object) -> None:
    """Reject an estimator whose ``fit`` takes no ``sample_weight``. Raises UsageError."""
    if not _takes_weight(estimator.fit):  # type: ignore[attr-defined]  # checked by the caller
        raise UsageError(
            "estimator {name!r}: expected a fit that takes sample_weight, found one that does not.",
            hint="Results that come late are weighted: choose an estimator that can weigh its rows.",
            name=name,
        )


def fit_estimator(name: str, estimator: Estimator, items: TrainingItems, *, numbers: Sequence[str]) -> FittedEstimator:
    """Fit a copy of ``estimator`` on what our model learns from: not on the clean results of offices that never find
    (`basira.models.risk.evidence`). The one that was given stays as it was.

    Parameters
    ----------
    numbers : numeric features that may be used, in catalog order; the ``category_...`` columns come after them.

    Raises
    ------
    UsageError : see `check_estimator`; or the estimator fails. ModelError : fewer than 10 items of either class.
    """
    check_estimator(name, estimator)
    items = evidence_of(items, numbers=numbers, settings=FitSettings(), seed=0).learned.items
    irregular = int(items.is_irregular.sum())
    if min(irregular, len(items.is_irregular) - irregular) < FEWEST_OF_A_CLASS:
        raise ModelError(
            "Expected at least {fewest_of_a_class} irregular and {fewest_of_a_class} compliant inspected items, "
            "found {irregular} and {is_irregular_count}.",
            hint="Ingest more inspection results, or choose a later day.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            irregular=irregular,
            is_irregular_count=len(items.is_irregular) - irregular,
        )
    categories = sorted(c for c in items.features.columns if c.startswith("category_"))
    encoding = choose_encoding(items.features, numbers, categories)
    own = copy.deepcopy(estimator)
    x, y = column_frame(encoding, items.features), items.is_irregular.astype(np.int64)
    try:
        own.fit(x, y, sample_weight=items.weight)
    except Exception as error:
        raise failure(name, "fit", error) from error
    return FittedEstimator(name, own, encoding, len(y), irregular)


def column_frame(encoding: Encoding, features: pl.DataFrame) -> pl.DataFrame:
    """What an estimator sees, see the module. Raises ModelError when a feature is absent."""
    return pl.DataFrame(encoding.matrix(features), schema=list(encoding.names), orient="row")


def _takes_weight(fit: Any) -> bool:
    try:
        parameters = inspect.signature(fit).parameters
    except (TypeError, ValueError):  # built in: it says nothing of itself, and is asked when it is fitted
        return True
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def failure(name: str, method: str, error: Exception) -> UsageError:
    """The error for an estimator whose method raised one."""
    return UsageError(
        "estimator {name!r}: {method} raised {name_2}: {error}",
        hint="Correct the estimator. X holds NaN where a value is unknown: SimpleImputer fills it.",
        name=name,
        method=method,
        name_2=type(error).__name__,
        error=error,
    )
