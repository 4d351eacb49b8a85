"""Results that come late: what is known of recent items is not a fair sample of them.

Enters: how old each known result's item is, how long its result took, and what it was. Leaves: a weight
per result. Never here: items without a result.

An irregularity takes longer to establish than a clean inspection, so among the items of the last weeks
the clean results arrive first, and a model that takes them as they are learns that risk has just fallen.
Each known result is weighted by the inverse of the probability that such a result would be known at its
item's age: 1 / F(age | irregular or not), with F the share of delays no longer than that age among
items old enough for nearly all results to be in. (Inverse probability of observation, as for selection.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

# Items this old count as settled; half of the history when it is shorter than twice that.
SETTLED_DAYS = 180
# With fewer settled results of a class its delays are not known well enough to correct for.
FEWEST_SETTLED = 30
# No result speaks for more than five: a single early finding must not carry a whole week.
HEAVIEST = 5.0


def delay_weights(age_days: Days, delay_days: Days, is_irregular: NDArray[np.bool_]) -> Floats:
    """Weights of known results, shape (n,), between 1 and 5.

    Parameters
    ----------
    age_days : days from declaration to `as_of`. delay_days : days from declaration to the result.

    >>> age = np.array([400] * 100 + [5]); delay = np.array([0, 10] * 50 + [2]); bad = np.ones(101, bool)
    >>> float(delay_weights(age, delay, bad)[-1])
    2.0
    """
    weights = np.ones(len(age_days))
    if len(age_days) == 0:
        return weights
    settled = age_days >= min(SETTLED_DAYS, int(age_days.max()) // 2)
    for of_class in (is_irregular, ~is_irregular):
        delays = np.sort(delay_days[settled & of_class])
        if len(delays) < FEWEST_SETTLED:
            continue
        known = np.searchsorted(delays, age_days[of_class], side="right") / len(delays)
        weights[of_class] = 1 / np.maximum(known, 1 / HEAVIEST)
    return weights
