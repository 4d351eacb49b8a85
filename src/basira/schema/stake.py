"""What is at stake in a declaration, and how the balanced order weighs it against its probability.

Enters: a probability, an expected revenue, the scale of the model that gave them. Leaves: the value that ranks. Never
here: which order a policy wants, how an exponent is chosen.

    stake = (expected revenue / probability) / typical amount
    value = probability x (1 + stake) ** a

Expected revenue over probability is the revenue if the declaration is irregular; of a declaration of one item,
`revenue_if_fraud`. It is divided by a typical one, so that the value is the same in every currency. With a = 0 the
value is the probability, and with a = 1 it is the probability plus the expected revenue in typical amounts. A day's
list, the service and the laboratory use one function, over plain floats, so that they agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Where no exponent can be chosen on results (docs/decisions/0018-balanced-order.md).
DEFAULT_EXPONENT = 0.2
# A probability of almost nothing beside a revenue: the quotient stays a number.
_MOST_STAKE = 1e300


@dataclass(frozen=True)
class StakeScale:
    """How a model weighs stakes; on its card.

    ``typical_amount``: revenue if irregular of a typical declaration, above 0, in the history's currency.
    ``exponent``: 0 (findings alone) to 1.
    """

    typical_amount: float
    exponent: float = DEFAULT_EXPONENT

    def __post_init__(self) -> None:
        """Raises ValueError for figures that weigh nothing."""
        if not (0 < self.typical_amount < math.inf and 0 <= self.exponent <= 1):
            raise ValueError(
                f"expected a typical amount above 0 and an exponent from 0 to 1, found {self.typical_amount} and "
                f"{self.exponent}"
            )


def relative_stake(probability: float, expected_revenue: float, typical_amount: float) -> float:
    """Revenue if irregular in typical amounts; 0 where nothing is known to be at stake, as without a declared value.

    >>> relative_stake(0.5, 1000.0, 2000.0), relative_stake(0.5, 0.0, 2000.0), relative_stake(0.0, 0.0, 2000.0)
    (1.0, 0.0, 0.0)
    """
    if probability <= 0 or expected_revenue <= 0:
        return 0.0
    return min(expected_revenue / probability / typical_amount, _MOST_STAKE)


def balanced_value(
    probability: float, expected_revenue: float, scale: StakeScale | None, *, exponent: float | None = None
) -> float:
    """The value that ranks in the balanced order.

    Parameters
    ----------
    probability : 0 to 1, that the declaration is irregular.
    expected_revenue : amount, 0 or more. With 0 nothing is known to be at stake, and the value is the probability.
    scale : of the model that gave the two; None: it has none, and the value is the probability.
    exponent : instead of the scale's own.

    >>> scale = StakeScale(2000.0, 0.5)
    >>> balanced_value(0.5, 3000.0, scale), balanced_value(0.5, 3000.0, scale, exponent=0.0)
    (1.0, 0.5)
    >>> balanced_value(0.5, 3000.0, None), balanced_value(0.5, 0.0, scale)
    (0.5, 0.5)
    """
    if scale is None:
        return probability
    power = scale.exponent if exponent is None else exponent
    return float(probability * (1.0 + relative_stake(probability, expected_revenue, scale.typical_amount)) ** power)


def balanced_values(
    probabilities: Iterable[float],
    expected_revenues: Iterable[float],
    scale: StakeScale | None,
    *,
    exponent: float | None = None,
) -> list[float]:
    """`balanced_value` of each pair, by the same function: arrays would round some powers otherwise.

    >>> balanced_values([0.5, 0.2], [0.0, 0.0], StakeScale(1.0))
    [0.5, 0.2]
    """
    return [
        balanced_value(float(p), float(r), scale, exponent=exponent)
        for p, r in zip(probabilities, expected_revenues, strict=True)
    ]
