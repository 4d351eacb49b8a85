"""How much each lane finds of what was expected: a control is not a truth.

Enters: what was expected of later items by fits that did not see them, what was found, by which lane. Leaves: ratios
for the card, by lane and kind. Never here: a lane as a feature, a probability changed by it, an item without a result.

Among items of one probability a visit finds what a check of papers does not. So found over expected by lane is how well
each finds, against the mean of all lanes; of a kind it is what was found of it over the probability times its share of
all that was found. What no lane finds is not in it, and cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from basira.models.risk.ratios import ratio_of
from basira.schema.json_values import JsonObject

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Below, of a lane or of a kind, the interval says nothing that anyone could use.
FEWEST_EXPECTED, FEWEST_OF_A_KIND = 5.0, 20


@dataclass(frozen=True)
class DetectionRows:
    """One entry per later item. ``kinds``: found to be irregular by this kind. ``lane``: "" unknown."""

    probability: Floats
    found: Bools
    kinds: Mapping[str, Bools]
    weight: Floats
    lane: NDArray[np.str_]


def detection_by_lane(rows: DetectionRows) -> JsonObject:
    """By lane: "all", and each kind of which `FEWEST_OF_A_KIND` were found, see `Ratio`.

    1 is what all lanes find together. Lanes of which less than `FEWEST_EXPECTED` was expected are left out, and so is
    what has no lane. Where but one lane is left there is nothing to compare, and nothing is said.
    """
    total = float(np.sum(rows.weight * rows.found))
    known = rows.lane != ""
    said = float(np.sum((rows.weight * rows.probability)[known]))
    if total <= 0 or said <= 0:
        return {}
    # The level is that of these rows, whatever the calibration made of it for all items.
    level = float(np.sum((rows.weight * rows.found)[known])) / said
    of_kind = {"all": rows.found} | {
        kind: found for kind, found in sorted(rows.kinds.items()) if int(found[known].sum()) >= FEWEST_OF_A_KIND
    }
    card: JsonObject = {}
    for lane in sorted(set(rows.lane[known])):
        at = rows.lane == lane
        if float(np.sum((rows.weight * rows.probability)[at])) * level < FEWEST_EXPECTED:
            continue
        card[str(lane)] = {}
        for kind, found in of_kind.items():
            share = float(np.sum((rows.weight * found)[known])) / float(np.sum((rows.weight * rows.found)[known]))
            expected = rows.probability[at] * level * share
            card[str(lane)][kind] = asdict(ratio_of(found[at].astype(np.float64), expected, rows.weight[at]))
    return card if len(card) > 1 else {}
