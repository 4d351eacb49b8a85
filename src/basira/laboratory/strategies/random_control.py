"""The random control: a share of the inspections drawn with a known probability, never left out.

Enters: what the model left, how uncertain and valuable each item is. Leaves: which are drawn, and the probability
of each. Never here: the model.

Every item has at least half the probability that an even draw would give it, so that what is found in it,
divided by that probability, estimates the whole without bias (Horvitz and Thompson 1952). The other half of the
draw goes where it teaches most: in proportion to p (1 - p) and to what is at stake. Drawn systematically over a
random order: exactly the number asked for, exactly the probabilities said (Madow 1949).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# The part of the draw that every item shares alike.
EVEN = 0.5


def inclusion_probabilities(interest: Floats, count: int) -> Floats:
    """Probability of each item to be drawn when ``count`` are: half alike, half in proportion to ``interest`` (>= 0).

    >>> inclusion_probabilities(np.array([0.0, 0.0, 1.0, 3.0]), 2).round(3).tolist()
    [0.25, 0.25, 0.5, 1.0]
    >>> inclusion_probabilities(np.zeros(4), 2).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    n = len(interest)
    if count >= n:
        return np.ones(n)
    total = float(interest.sum())
    size = np.full(n, 1.0) if total <= 0 else EVEN + (1 - EVEN) * n * interest / total
    found = np.zeros(n)
    certain = np.zeros(n, dtype=np.bool_)
    while True:
        # Who would come more than once comes for certain, and the others share what is left.
        free = ~certain
        found[certain] = 1.0
        found[free] = (count - certain.sum()) * size[free] / size[free].sum()
        over = free & (found > 1.0)
        if not over.any():
            break
        certain |= over
    return found


def draw_systematically(probability: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions drawn with these probabilities, as many as they add up to (a whole number)."""
    order = rng.permutation(len(probability))
    reach = np.cumsum(probability[order])
    count = round(float(reach[-1]))
    # The last ends at the whole number itself, not at what floats add up to.
    reach[-1] = count
    at = rng.random() + np.arange(count)
    return np.sort(order[np.searchsorted(reach, at, side="right")]).astype(np.int64)
