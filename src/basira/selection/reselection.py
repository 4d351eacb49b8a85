"""Which lane an officer may give in the place of the one that a selection gave.

Enters: the lane in force, the lane asked for, the controls that the declaration is under, the policy. Leaves: why the
lane may not be given, or None. Never here: who the officer is, a record, a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from basira.selection.policy.model import Policy

# The bases that no officer lowers unless the policy allows it: mandatory rules and random controls.
Control = Literal["mandatory", "random"]
CONTROLS: tuple[Control, ...] = ("mandatory", "random")

# "policy": the policy lets no officer lower a lane. "role": this officer may not, another role may. A control: no
# officer may go below its assigned lane.
Obstacle = Literal["policy", "role", "mandatory", "random"]


def lanes_to_give(policy: Policy) -> tuple[str, ...]:
    """The lanes that an officer may name."""
    return policy.reselection.lanes or tuple(policy.intensity)


def find_obstacle(
    lane: str, *, current: str, controls: Mapping[Control, Sequence[str]], policy: Policy, may_lower: Callable[[], bool]
) -> Obstacle | None:
    """Why the lane may not be given in the place of ``current``; None when it may.

    ``controls``: the lanes that each control asked for, of every version of the declaration. ``may_lower``: whether the
    officer's role may give a less intensive lane. What an officer raised may be undone, down to the lane that the
    selection gave. A lane that the policy no longer has counts as the most intensive.
    """

    def is_under(other: str) -> bool:
        return policy.intensity[lane] < policy.intensity.get(other, len(policy.lanes))

    rules = policy.reselection
    if not is_under(current):
        return None
    if not rules.may_lower:
        return "policy"
    # Before the basis is checked: an officer who may not lower does not learn that a control was drawn at random.
    if not may_lower():
        return "role"
    may_be_lowered = {"mandatory": rules.may_lower_mandatory, "random": rules.may_lower_random}
    for control in CONTROLS:
        if not may_be_lowered[control] and any(is_under(given) for given in controls.get(control, ())):
            return control
    return None
