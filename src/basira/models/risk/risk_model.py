"""The risk model: three heads on one feature list, and what it predicts.

Enters: features. Leaves: per item the calibrated probability of an irregularity, the revenue it
would bring, their product, and the probability of each kind. Never here: fitting (see `fit`), files
(see `files`), or a probability for a feature list the model does not know.

    revenue_if_fraud = evaded share of the potential duties (predicted) x potential duties (a feature), as later results
                       correct it by size; at most the potential duties
    expected_revenue = fraud_probability x revenue_if_fraud
    probability of a kind = fraud_probability x P(kind | irregular)

A share is predicted, not an amount: amounts are heavy-tailed and positives few, and a regression of
the amount learns the few largest consignments by heart (measured: docs/explanation/model.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.risk.amounts import AmountCalibration
from basira.models.risk.calibration import Calibration
from basira.models.risk.matrix import Encoding
from basira.schema.stake import StakeScale

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
# Mean raw score of some boosters, one per row.
RawScores = Callable[[Sequence[Any], Matrix], Floats]

POTENTIAL = "potential_duties_amount"


@dataclass(frozen=True)
class KindHead:
    """P(kind | irregular): trees where labels allow, else the plain share."""

    share: float
    booster: lgb.Booster | None


@dataclass(frozen=True)
class ShareHead:
    """Evaded share of the potential duties, given irregularity. ``scale`` makes the sums agree.

    ``is_assumed``: no revenue was ever recorded, and the whole potential is taken to be at stake. ``amount``: by which
    later results corrected the revenue.
    """

    mean: float
    scale: float
    booster: lgb.Booster | None
    is_assumed: bool = False
    amount: AmountCalibration = field(default_factory=AmountCalibration)

    def revenue(self, x: Matrix, potential: Floats, raw_of: RawScores) -> Floats:
        """Revenue if irregular of each row: an amount, at most its ``potential`` duties (0 where unknown)."""
        share = np.full(len(x), self.mean)
        if self.booster is not None:
            share = np.clip(raw_of([self.booster], x), 0.0, 1.0)
        most = np.maximum(potential, 0.0)
        found: Floats = np.minimum(self.amount.apply(most * np.clip(share * self.scale, 0.0, 1.0)), most)
        return found


@dataclass(frozen=True)
class Predictions:
    """One entry per item, in the order of the features given."""

    fraud_probability: Floats
    revenue_if_fraud: Floats
    expected_revenue: Floats
    kind_probabilities: Mapping[str, Floats]


@dataclass(frozen=True)
class RiskModel:
    """A fitted model. ``card`` says what it is, on what it was fitted and how good it was.

    ``digest``: SHA-256 of the file of its card, which holds those of its trees; "" of one that was not read from files.
    ``stake_scale``: by which the balanced order weighs stakes; None where no item had anything at stake, and of models
    that were fitted before there was that order.
    """

    version: str
    encoding: Encoding
    boosters: tuple[lgb.Booster, ...]
    calibration: Calibration
    share: ShareHead
    kinds: Mapping[str, KindHead]
    card: Mapping[str, Any]
    digest: str = ""
    stake_scale: StakeScale | None = None

    def predict(self, features: pl.DataFrame) -> Predictions:
        """Predict every row of ``features``; raises ModelError when a feature is absent.

        An item without a customs value has no potential duties: its revenue is 0, its probability is kept.
        """
        from basira.models.risk.trees import predict_raw

        if features.is_empty():
            none = np.empty(0)
            return Predictions(none, none, none, dict.fromkeys(self.kinds, none))
        potential = features[POTENTIAL].fill_null(0.0).fill_nan(0.0).cast(pl.Float64).to_numpy()
        return self._predict_rows(self.encoding.matrix(features), potential, predict_raw)

    def predict_rows(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Predictions, Matrix]:
        """The same for plain rows with these ``names``, None for null, and the matrix that `contributions_of` takes."""
        from basira.models.risk.trees_quick import predict_few

        x = self.encoding.matrix_of_rows(names, rows)
        at = names.index(POTENTIAL)
        potential = [0.0 if row[at] is None or math.isnan(row[at]) else float(row[at]) for row in rows]
        return self._predict_rows(x, np.array(potential, dtype=np.float64), predict_few), x

    def _predict_rows(self, x: Matrix, potential: Floats, raw_of: RawScores) -> Predictions:
        """``potential``: the rows' potential duties, 0 where unknown."""
        probability = self.calibration.apply(raw_of(self.boosters, x))
        revenue = self.share.revenue(x, potential, raw_of)
        kinds = {}
        for kind, head in self.kinds.items():
            given = np.full(len(x), head.share)
            if head.booster is not None:
                given = Calibration().apply(raw_of([head.booster], x))
            kinds[kind] = probability * given
        return Predictions(probability, revenue, probability * revenue, kinds)

    def contributions(self, features: pl.DataFrame) -> Floats:
        """Exact contributions in calibrated log-odds: rows x features, in the encoding's order."""
        if features.is_empty():
            return np.empty((0, len(self.encoding.names)))
        return self.contributions_of(self.encoding.matrix(features))

    def contributions_of(self, x: Matrix) -> Floats:
        """The same for rows in the encoding's order."""
        from basira.models.risk.trees import contributions

        return self.calibration.slope * contributions(self.boosters, x)[:, :-1]
