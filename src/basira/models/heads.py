"""Own estimators in the place of heads of the risk model: the probability, the evaded share, the kinds.

Enters: labelled items; estimators in scikit-learn's interface, by head. Leaves: our model with these heads in the place
of its own, which predicts what ours does. Never here: a file. What is read back could run code, so own heads live in
memory alone, score and are evaluated, and are no model of the store.

    head          estimator   what it learns                                          on which items
    probability   classifier  irregular or not; then calibrated on the later items    all that ours learns from
    share         regressor   revenue over potential duties, 0 to 1                   irregular, with a revenue
    kind          classifier  whether irregular by this kind; one copy for each kind  irregular, their kind known

Each sees the columns that `basira.models.estimators` describes, those of our own heads. What is not replaced is ours,
and so is the scale of stakes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import logit

from basira.models.estimators import Estimator, check_estimator, check_weighable, column_frame, failure
from basira.models.risk.calibration import Calibration, fit_calibration
from basira.models.risk.evidence import Part, evidence_of
from basira.models.risk.fit import FEWEST_OF_A_CLASS, ModelOrigin, TrainingItems, fit_risk_model
from basira.models.risk.matrix import Encoding
from basira.models.risk.risk_model import POTENTIAL, Predictions, RiskModel
from basira.models.risk.settings import FitSettings
from basira.schema.errors import ModelError, Phrase, UsageError
from basira.schema.stake import StakeScale

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HEADS = ("probability", "share", "kind")
# A probability of 0 or 1 has no log odds.
_LEAST = 1e-9


class Regressor(Protocol):
    """What scikit-learn calls a regressor; nothing else of it is used."""

    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:  # noqa: N803 - scikit-learn's names
        """Learn from the rows of ``X``, the numbers ``y``, and the weight of each row."""
        ...

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return an array of shape (rows,)."""
        ...


@dataclass(frozen=True)
class FittedHeads:
    """Our model with own heads. In memory only.

    ``model``: ours, fitted on the same items, for what is not replaced. ``probability``, ``share``: fitted copies, None
    where ours stands; ``kinds``: by kind, without those whose results are too few. ``calibration``: of the own
    probability; ``scale``: makes the sums of the own share agree with the revenue recorded.
    """

    model: RiskModel
    probability: Estimator | None = None
    calibration: Calibration = field(default_factory=Calibration)
    share: Regressor | None = None
    scale: float = 1.0
    kinds: Mapping[str, Estimator] = field(default_factory=dict)

    @property
    def as_of(self) -> str:
        """The last day of what it knows, YYYY-MM-DD."""
        return str(self.model.card["as_of"])

    @property
    def version(self) -> str:
        """Our model's version with the heads that are not its own; no model of the store has such a name."""
        replaced = [name for name, head in zip(HEADS, (self.probability, self.share, self.kinds), strict=True) if head]
        return "+".join([self.model.version, *replaced])

    @property
    def stake_scale(self) -> StakeScale | None:
        """Our model's."""
        return self.model.stake_scale

    def predict(self, features: pl.DataFrame) -> Predictions:
        """What our model predicts, by these heads: one entry per row of ``features``, in their order.

        Raises
        ------
        ModelError : a feature is absent. UsageError : a head fails, or returns anything but numbers in their range.
        """
        ours = self.model.predict(features)
        if features.is_empty():
            return ours
        x = column_frame(self.model.encoding, features)
        probability = ours.fraud_probability
        if self.probability is not None:
            probability = self.calibration.apply(_log_odds(_chance("probability", self.probability, x)))
        revenue = ours.revenue_if_fraud
        if self.share is not None:
            share = np.clip(_number("share", self.share, x), 0.0, 1.0)
            revenue = np.maximum(_potential(features), 0.0) * np.clip(share * self.scale, 0.0, 1.0)
        # Ours are the probability of a kind given an irregularity, times our own probability.
        given = {
            kind: np.divide(found, ours.fraud_probability, out=np.zeros(len(found)), where=ours.fraud_probability > 0)
            for kind, found in ours.kind_probabilities.items()
        } | {kind: _chance("kind", head, x) for kind, head in self.kinds.items()}
        kinds = {kind: probability * np.clip(chance, 0.0, 1.0) for kind, chance in sorted(given.items())}
        return Predictions(probability, revenue, probability * revenue, kinds)


def check_heads(heads: Mapping[str, object]) -> None:
    """Reject what can take no head's place, before anything is computed.

    Raises
    ------
    UsageError : no head, an unknown one, or what is no classifier or regressor that can weigh its rows.

    >>> check_heads({"amount": object()})
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: heads: expected some of probability, share, kind, found 'amount'.
    """
    unknown = [name for name in heads if name not in HEADS]
    if unknown or not heads:
        found = repr(unknown[0]) if unknown else Phrase("none")
        raise UsageError(
            "heads: expected some of {heads}, found {found}.",
            hint='For example {{"probability": RandomForestClassifier()}}.',
            heads=", ".join(HEADS),
            found=found,
        )
    for name, head in heads.items():
        if name != "share":
            check_estimator(name, head)
            continue
        absent = [f"no {method}" for method in ("fit", "predict") if not callable(getattr(head, method, None))]
        if absent or isinstance(head, type):
            raise UsageError(
                "head 'share': expected a regressor with fit and predict, found {absent}.",
                hint="Give an object as scikit-learn has them, for example HistGradientBoostingRegressor().",
                absent=", ".join(absent) or Phrase("a class"),
            )
        check_weighable(name, head)


def fit_heads(
    heads: Mapping[str, Any],
    items: TrainingItems,
    *,
    numbers: Sequence[str],
    settings: FitSettings,
    seed: int,
    origin: ModelOrigin,
) -> FittedHeads:
    """Fit our model, and a copy of each estimator in the place of its head; those that were given stay as they were.

    Parameters
    ----------
    heads : by `HEADS`. numbers, settings, seed, origin : as `fit_risk_model`.

    Raises
    ------
    UsageError : see `check_heads`; or an estimator fails. ModelError : fewer than 10 items of either class, or, for the
        share, fewer than 10 irregular ones with a revenue.
    """
    check_heads(heads)
    model = fit_risk_model(items, numbers=numbers, settings=settings, seed=seed, origin=origin)
    # What ours learned from and was calibrated on: not the clean results of offices that never find.
    evidence = evidence_of(items, numbers=numbers, settings=settings, seed=seed)
    items = evidence.learned.items
    x = column_frame(model.encoding, items.features)
    probability, calibration = None, Calibration()
    if "probability" in heads:
        calibration = _calibrate(heads["probability"], model.encoding, evidence.judged)
        every = np.ones(len(x), dtype=np.bool_)
        probability = _fit("probability", heads["probability"], x, _labels(items), items.weight, every)
    share, scale = _fit_share(heads["share"], x, items) if "share" in heads else (None, 1.0)
    kinds = _fit_kinds(heads["kind"], x, items) if "kind" in heads else {}
    return FittedHeads(model, probability, calibration, share, scale, kinds)


def _calibrate(estimator: Estimator, encoding: Encoding, judged: Part) -> Calibration:
    """By a copy that saw the earlier rows alone; none where either part has too few of a class."""
    items, is_late = judged.items, judged.is_late
    irregular = items.is_irregular
    if any(min(part.sum(), (~part).sum()) < FEWEST_OF_A_CLASS for part in (irregular[is_late], irregular[~is_late])):
        return Calibration()
    x = column_frame(encoding, items.features)
    earlier = _fit("probability", estimator, x, _labels(items), items.weight, ~is_late)
    said = _chance("probability", earlier, x.filter(pl.Series(is_late)))
    return fit_calibration(_log_odds(said), irregular[is_late], items.weight[is_late])


def _labels(items: TrainingItems) -> NDArray[np.int64]:
    return items.is_irregular.astype(np.int64)


def _fit_share(regressor: Regressor, x: pl.DataFrame, items: TrainingItems) -> tuple[Regressor, float]:
    potential = _potential(items.features)
    usable = items.is_irregular & np.isfinite(items.revenue) & (potential > 0)
    if int(usable.sum()) < FEWEST_OF_A_CLASS:
        raise ModelError(
            "Expected at least {fewest_of_a_class} irregular items with a recorded revenue to learn the evaded "
            "share from, found {usable}.",
            hint="Leave the head out: ours takes the mean share then, or all of the potential without any revenue.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            usable=int(usable.sum()),
        )
    share = np.zeros(len(x))
    share[usable] = np.clip(items.revenue[usable] / potential[usable], 0.0, 1.0)
    # Square root, as of our own head: large consignments matter more, but a few must not be all that is learned.
    fitted: Regressor = _fit("share", regressor, x, share, np.sqrt(np.maximum(potential, 0.0)), usable)
    predicted = np.clip(_number("share", fitted, x.filter(pl.Series(usable))), 0.0, 1.0) * potential[usable]
    return fitted, float(np.clip(items.revenue[usable].sum() / max(predicted.sum(), 1e-9), 0.5, 2.0))


def _fit_kinds(estimator: Estimator, x: pl.DataFrame, items: TrainingItems) -> dict[str, Estimator]:
    made = {}
    for kind, found in sorted(items.kinds.items()):
        known = items.is_irregular & np.isfinite(found)
        of_kind = found[known] == 1
        if min(int(of_kind.sum()), int((~of_kind).sum())) >= FEWEST_OF_A_CLASS:
            made[kind] = _fit("kind", estimator, x, np.nan_to_num(found).astype(np.int64), items.weight, known)
    return made


def _fit(name: str, estimator: Any, x: pl.DataFrame, y: NDArray[Any], weight: Floats, rows: Bools) -> Any:
    own = copy.deepcopy(estimator)
    try:
        own.fit(x.filter(pl.Series(rows)), y[rows], sample_weight=weight[rows])
    except Exception as error:
        raise failure(name, "fit", error) from error
    return own


def _chance(name: str, estimator: Estimator, x: pl.DataFrame) -> Floats:
    try:
        found = np.asarray(estimator.predict_proba(x), dtype=np.float64)
    except Exception as error:
        raise failure(name, "predict_proba", error) from error
    if found.shape != (len(x), 2) or not np.all((found >= 0) & (found <= 1)):
        raise UsageError(
            "head {name!r}: expected predict_proba to return probabilities of shape ({x_count}, 2), found {shape}.",
            hint="Return the probability of 0 and of 1 for each row.",
            name=name,
            x_count=len(x),
            shape=found.shape if found.shape != (len(x), 2) else "others, or NaN",
        )
    chance: Floats = found[:, 1]
    return chance


def _number(name: str, regressor: Regressor, x: pl.DataFrame) -> Floats:
    try:
        found = np.asarray(regressor.predict(x), dtype=np.float64)
    except Exception as error:
        raise failure(name, "predict", error) from error
    if found.shape != (len(x),) or not np.isfinite(found).all():
        raise UsageError(
            "head {name!r}: expected predict to return {x_count} finite numbers, found shape {shape}{value}.",
            hint="Correct predict.",
            name=name,
            x_count=len(x),
            shape=found.shape,
            value=", or NaN among them" if found.shape == (len(x),) else "",
        )
    return found


def _log_odds(chance: Floats) -> Floats:
    return np.asarray(logit(np.clip(chance, _LEAST, 1 - _LEAST)), dtype=np.float64)


def _potential(features: pl.DataFrame) -> Floats:
    return features[POTENTIAL].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
