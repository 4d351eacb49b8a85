"""The slots of one office and day, lane by lane, as they fill up.

Enters: the lanes of a policy and their capacity. Leaves: the lane that a declaration gets. Never here: who
deserves a place.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class OfficePlaces:
    """Places left by lane, in order of intensity; None where a lane needs no capacity.

    The one mutable thing of selection; it lives inside one office's allocation.
    """

    left: list[int | None]

    def copy(self) -> OfficePlaces:
        """The same slots, to try something on."""
        return OfficePlaces(list(self.left))

    def take(self, heaviest: int) -> int:
        """A slot in lane ``heaviest`` or the next less intensive one that has room; the lane's number.

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
        """Inspecting slots left in the lanes ``lightest`` to ``heaviest``."""
        return sum(room for room in self.left[lightest : heaviest + 1] if room is not None)
