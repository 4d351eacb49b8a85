"""How good probabilities were on the later items.

Enters: what was found, and the probability that was said of it. Leaves: figures for the card. Never here: a fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def quality_of(irregular: Bools, probability: Floats) -> dict[str, float]:
    """For the card: ``irregular`` (how many), ``auc`` with its 95 % interval, ``average_precision``, ``brier``,
    ``mean_probability`` and ``rate``. Both classes must be among the rows."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    auc = float(roc_auc_score(irregular, probability))
    positives, negatives = int(irregular.sum()), int((~irregular).sum())
    # Hanley and McNeil (1982): standard error of the area from the area and the two counts.
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    error = 1.96 * float(np.sqrt(max(0.0, spread) / (positives * negatives)))
    return {
        "irregular": positives,
        "auc": auc,
        "auc_low": max(0.0, auc - error),
        "auc_high": min(1.0, auc + error),
        "average_precision": float(average_precision_score(irregular, probability)),
        "brier": float(np.mean((probability - irregular) ** 2)),
        "mean_probability": float(probability.mean()),
        "rate": float(irregular.mean()),
    }
