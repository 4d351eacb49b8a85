"""What would have been found at the same capacity, beside what the administration's own circuits found.

Enters: the tested declarations, which of them were inspected and by which lane, their rank in the policy's order.
Leaves: counts and amounts of both, with intervals. Never here: a model; a declaration without a known truth.

Two kinds of tests. Of a simulated country the truth of every declaration is known: then as many declarations as were
inspected at an office on a day are taken there in our order. Of real results only what was inspected is known: then
each lane is held against as many of the inspected declarations, the first in our order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Fewer inspections than this say nothing of a lane.
FEWEST = 30


@dataclass(frozen=True)
class DeclarationOutcomes:
    """Declarations with a known truth, one entry each, in the same order.

    ``queue``: office and day, whose capacity is one; ``is_inspected``: by the administration; ``lane``: by which it
    came to that, None where the source names none; ``is_irregular``: the truth, or of real results what was found;
    ``revenue``: additional duties and taxes, None where no source gives any; ``value``: larger ranks first.
    """

    queue: Sequence[str]
    is_inspected: Flags
    lane: Sequence[str | None]
    is_irregular: Flags
    revenue: Floats | None
    value: Floats


def compare_circuits(tested: DeclarationOutcomes, *, resamples: int, seed: int) -> dict[str, Any] | None:
    """Found by the administration's circuits, and by our order at the same capacity; None where nothing was inspected.

    Returns
    -------
    "declarations", "inspected", "irregular": counts of all; "is_whole": whether the truth of uninspected ones is known.
    "theirs", "ours", "difference" (ours minus theirs): "found" with "found_ci", "revenue" with "revenue_ci", 95 %
    percentile intervals over office days; None where ``is_whole`` is False. "circuits": by lane, those with the most
    inspections first, "lane", "inspected", "found", "revenue", and where ``is_whole`` is False "ours_found" and
    "ours_revenue" of as many inspected declarations in our order, None for a lane with few.
    """
    inspected = int(tested.is_inspected.sum())
    if inspected == 0:
        return None
    is_whole = inspected < len(tested.is_inspected)
    body: dict[str, Any] = {
        "declarations": len(tested.is_inspected),
        "inspected": inspected,
        "irregular": int(tested.is_irregular.sum()),
        "is_whole": is_whole,
        "theirs": None,
        "ours": None,
        "difference": None,
        "circuits": _circuits(tested, is_whole=is_whole),
    }
    return body | _at_capacity(tested, resamples=resamples, seed=seed) if is_whole else body


def take_in_order(value: Floats, queue: Sequence[str], count_of: Flags) -> Flags:
    """As many of each queue as ``count_of`` marks there, those of the largest value; of equals the earlier one.

    >>> value, marks = np.array([1.0, 3.0, 2.0, 9.0]), np.array([True, False, False, False])
    >>> take_in_order(value, ["a", "a", "a", "b"], marks).tolist()
    [False, True, False, False]
    """
    _, groups = np.unique(np.asarray(queue, dtype=object).astype(str), return_inverse=True)
    order = np.lexsort((np.arange(len(value)), -value, groups))
    sizes = np.bincount(groups)
    place = np.arange(len(value)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.bincount(groups, weights=count_of)
    taken = np.zeros(len(value), dtype=bool)
    taken[order] = place < wanted[groups[order]]
    return taken


def _at_capacity(tested: DeclarationOutcomes, *, resamples: int, seed: int) -> dict[str, Any]:
    ours = take_in_order(tested.value, tested.queue, tested.is_inspected)
    _, groups = np.unique(np.asarray(tested.queue, dtype=object).astype(str), return_inverse=True)
    draws = np.random.default_rng(seed).multinomial(
        groups.max() + 1, np.full(groups.max() + 1, 1 / (groups.max() + 1)), size=resamples
    )
    sides: dict[str, dict[str, Any]] = {"theirs": {}, "ours": {}, "difference": {}}
    for name, amounts in (("found", tested.is_irregular.astype(np.float64)), ("revenue", tested.revenue)):
        if amounts is None:
            for one in sides.values():
                one.update({name: None, f"{name}_ci": None})
            continue
        own, other = (
            np.bincount(groups, weights=amounts * chosen, minlength=groups.max() + 1)
            for chosen in (ours, tested.is_inspected)
        )
        for side, by_queue in (("ours", own), ("theirs", other), ("difference", own - other)):
            low, high = np.percentile(draws @ by_queue, (2.5, 97.5))
            sides[side] |= {name: float(by_queue.sum()), f"{name}_ci": [float(low), float(high)]}
    return dict(sides)


def _circuits(tested: DeclarationOutcomes, *, is_whole: bool) -> list[dict[str, Any]]:
    # A lane of a source may be any text; None is that of no lane.
    lanes = sorted({lane for lane, seen in zip(tested.lane, tested.is_inspected, strict=True) if seen}, key=str)
    order = np.argsort(-tested.value, kind="stable")
    found = []
    for lane in lanes:
        own = tested.is_inspected & np.array([one == lane for one in tested.lane])
        count = int(own.sum())
        row: dict[str, Any] = {
            "lane": lane,
            "inspected": count,
            "found": int(tested.is_irregular[own].sum()),
            "revenue": None if tested.revenue is None else float(tested.revenue[own].sum()),
        }
        if not is_whole:
            first, enough = order[:count], count >= FEWEST
            row["ours_found"] = int(tested.is_irregular[first].sum()) if enough else None
            row["ours_revenue"] = float(tested.revenue[first].sum()) if enough and tested.revenue is not None else None
        found.append(row)
    return sorted(found, key=lambda one: -one["inspected"])
