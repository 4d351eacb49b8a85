"""The places of one office and day, lane by lane, as they fill up.

Enters: the lanes of a policy and their capacity. Leaves: the lane that a declaration gets. Never here: who
deserves a place.
"""

from __future__ import annotations

from dataclasses import dataclass

# `Selection.detail` of a declaration that must be inspected although no place is left: alone where the fallback answers
# for one without a score, behind the entry's id where the mandatory list does.
BEYOND_CAPACITY = "beyond_capacity"


# Behind the entry's id of a mandatory control in a less intensive lane than its list asks for: that had no place.
LANE_FULL = "lane_full"


def mandatory_detail(entry_id: str, *, is_beyond: bool, is_full: bool) -> str:
    """`Selection.detail` of a mandatory control. ``is_full``: its lane is less intensive than the list's.

    >>> mandatory_detail("arms-93", is_beyond=True, is_full=True)
    'arms-93 beyond_capacity'
    >>> mandatory_detail("arms-93", is_beyond=False, is_full=True)
    'arms-93 lane_full'
    """
    if is_beyond:  # in whatever lane: no place was left in the list's either
        return f"{entry_id} {BEYOND_CAPACITY}"
    return f"{entry_id} {LANE_FULL}" if is_full else entry_id


def is_beyond_capacity(detail: str) -> bool:
    """Whether a selection with this detail takes an inspection beyond its lane's capacity."""
    return detail == BEYOND_CAPACITY or detail.endswith(f" {BEYOND_CAPACITY}")


def is_lane_full(detail: str) -> bool:
    """Whether a mandatory control with this detail got a less intensive lane with a place."""
    return detail.endswith(f" {LANE_FULL}")


@dataclass
class OfficePlaces:
    """Places left by lane, in order of intensity; None where a lane needs no capacity.

    The one mutable thing of selection; it lives inside one office's allocation.
    """

    left: list[int | None]

    def copy(self) -> OfficePlaces:
        """The same places, to try something on."""
        return OfficePlaces(list(self.left))

    def take(self, heaviest: int) -> int:
        """A place in lane ``heaviest`` or the next less intensive one that has room; the lane's number.

        The release lane always has room, so this never fails.
        """
        for lane in range(heaviest, -1, -1):
            room = self.left[lane]
            if room is None:
                return lane
            if room > 0:
                self.left[lane] = room - 1
                return lane
        raise AssertionError("the release lane needs no capacity")

    def take_inspecting(self, heaviest: int) -> int | None:
        """As `take`, among the lanes that inspect; None when none of them has room."""
        for lane in range(heaviest, -1, -1):
            room = self.left[lane]
            if room:
                self.left[lane] = room - 1
                return lane
        return None

    def count(self, heaviest: int, lightest: int = 0) -> int:
        """Inspecting places left in the lanes ``lightest`` to ``heaviest``."""
        return sum(room for room in self.left[lightest : heaviest + 1] if room is not None)
