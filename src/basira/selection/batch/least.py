"""The lane that a rule wants is the least of its declaration: the ranking may give a more intensive one.

Enters: a day whose slots are given, and the ranking. Leaves: the lanes that change. Never here: another number of
inspections, a slot more than there was, a declaration that is inspected or released otherwise than before: what is
raised exchanges its slot with the last of those that the model selected, so every inclusion probability stays right.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from basira.selection.places import OfficePlaces


def raise_least(
    lane_of: Mapping[int, int],
    left: OfficePlaces,
    *,
    order: Sequence[int],
    reach: Mapping[int, int],
    by_model: Sequence[int],
    beyond: Sequence[int] = (),
) -> dict[int, int]:
    """The new lanes, by position, after the rules' declarations have been raised; empty where nothing changes.

    Parameters
    ----------
    lane_of : lane number of each position that has a slot.
    left : slots that nothing has taken.
    order : positions by falling value.
    reach : of each position that may be raised, the most intensive lane open to it by its rank.
    by_model : positions that the model selected: they alone move down, each to a lane that inspects.
    beyond : positions without a slot: they have none to exchange, so they are raised only where one is left.

    From the most intensive lane downwards, one that may be raised gets a slot that is left there, or that of the last
    in it by the model that stands behind it. The one that made room is served in the same way in the lanes between,
    and at the end has the slot that the raised one left. So none is left in a lane less intensive than that of one
    selected by the model behind it, as long as it may use that lane.
    """
    rank = {position: place for place, position in enumerate(order)}
    slots = left.copy().left
    lanes = dict(lane_of)
    of_lane: dict[int, list[int]] = {}
    for position in sorted(by_model, key=rank.__getitem__):
        of_lane.setdefault(lanes[position], []).append(position)
    for position in order:
        if position not in reach:
            continue
        old, moved = lanes[position], position
        if position in beyond:
            taken = next((lane for lane in range(reach[position], old, -1) if slots[lane]), None)
            if taken is None:
                continue
            slots[taken] = (slots[taken] or 0) - 1
            lanes[position] = old = taken
        for lane in range(reach[position], old, -1):
            room, there = slots[lane], of_lane.get(lane, [])
            if room:
                slots[lane] = room - 1
                _put(moved, lane, lanes, of_lane, rank, is_raised=moved == position)
                slots[old] = (slots[old] or 0) + 1
                break
            if there and rank[there[-1]] > rank[moved]:
                last = there.pop()
                _put(moved, lane, lanes, of_lane, rank, is_raised=moved == position)
                moved = last
        else:
            if moved != position:
                _put(moved, old, lanes, of_lane, rank, is_raised=False)
    return {position: lane for position, lane in lanes.items() if lane != lane_of[position]}


def _put(
    position: int,
    lane: int,
    lanes: dict[int, int],
    of_lane: dict[int, list[int]],
    rank: Mapping[int, int],
    *,
    is_raised: bool,
) -> None:
    """Write down a new lane. What a rule raised makes room for none, so it does not stand with the model's."""
    lanes[position] = lane
    if not is_raised:
        insort(of_lane.setdefault(lane, []), position, key=rank.__getitem__)
