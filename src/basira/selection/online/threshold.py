"""The soft threshold: from how a declaration ranks among those still to come, the chance of each lane.

Enters: the expected number of later declarations ranked above it, and the slots free for the model. Leaves: a chance
for every lane. Never here: a draw; the state of the day.

With x = (expected later declarations above) / (slots), the chance of a slot is 1 up to x = 1 - b, 0 from x = 1 + b
on, and falls in a straight line between. Over all ranks it gives out as many slots as there are, whatever b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rank:
    """How many of the declarations still to come are expected to rank above, in the best and worst case of a bin.

    ``open_``: those that may use every lane; ``capped``: those that relief keeps from the heavy lanes.
    """

    open_low: float
    open_high: float
    capped_low: float
    capped_high: float


def lane_chances(
    rank: Rank, free: Sequence[float], *, heaviest_capped: int, is_capped: bool, band: float
) -> list[float]:
    """The chance of each lane, by lane number.

    Parameters
    ----------
    free : slots free for the model, by lane number, from the least to the most intensive; 0 where it has none.
    heaviest_capped : number of the most intensive lane open to authorised operators.
    band : half width of the boundary, in (0, 1].

    As in the batch allocation: one that may use every lane gets a slot while fewer than H of its like, or fewer than
    H + L of all, rank above it; a capped one while those above leave one of the L light slots.
    """
    heavy = sum(free[heaviest_capped + 1 :])
    chances = [0.0] * len(free)
    reached, places = 0.0, 0.0  # the chance of this lane or a heavier one, and their places
    for lane in range(len(free) - 1, -1, -1):
        places += free[lane]
        if free[lane] <= 0 or (is_capped and lane > heaviest_capped):
            continue
        if is_capped:
            low = rank.capped_low + max(0.0, rank.open_low - heavy)
            high = rank.capped_high + max(0.0, rank.open_high - heavy)
            chance = _mean_chance(low, high, places - heavy, band)
        elif lane > heaviest_capped:
            chance = _mean_chance(rank.open_low, rank.open_high, places, band)
        else:
            chance = _mean_chance(rank.open_low + rank.capped_low, rank.open_high + rank.capped_high, places, band)
        chances[lane] = max(0.0, chance - reached)
        reached = max(reached, chance)
    return chances


def _mean_chance(low: float, high: float, places: float, band: float) -> float:
    """Mean chance over the ranks from ``low`` to ``high``: declarations of one bin are not told apart.

    So a mass of equal scores gets its part of the slots, instead of all of them or none.
    """
    begin, end = low / places, high / places
    if end - begin < 1e-9:
        return _chance(begin, band)
    return min(1.0, max(0.0, (_area(end, band) - _area(begin, band)) / (end - begin)))


def _chance(x: float, band: float) -> float:
    return min(1.0, max(0.0, (1 + band - x) / (2 * band)))


def _area(x: float, band: float) -> float:
    """The integral of the chance from 0 to x."""
    if x <= 1 - band:
        return x
    if x >= 1 + band:
        return 1.0
    return x - (x - (1 - band)) ** 2 / (4 * band)
