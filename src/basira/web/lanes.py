"""Lanes as pages show them: by colour, shape and text.

Enters: the policy of a day, a language. Leaves: each lane's name and level. Never here: which lane a declaration gets.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from basira.schema.errors import PolicyError
from basira.selection.policy.model import Policy
from basira.serving.service import Service

# The style sheet has a colour and a shape for each: released, papers, goods in part, everything.
MOST_INTENSIVE = 3


@dataclass(frozen=True)
class Lane:
    """``level``: 0, released, to 3, the most intensive. ``label``: in the person's language; the id where the policy
    of the day has no such lane."""

    id: str
    label: str
    level: int


class Lanes:
    """The lanes of a policy, in a language; without a policy each is shown by its id, as the most intensive."""

    def __init__(self, policy: Policy | None, language: str) -> None:
        self.policy = policy
        lanes = policy.lanes if policy else ()
        # By what is examined, so that a check of papers never has the colour of a visit.
        goods = [lane.id for lane in lanes if lane.inspects and lane.examines != "documents"]
        level = {name: MOST_INTENSIVE if name == goods[-1] else MOST_INTENSIVE - 1 for name in goods}
        self.known = {
            lane.id: Lane(lane.id, lane.label.text(language), level.get(lane.id, int(lane.inspects))) for lane in lanes
        }

    def of(self, name: str) -> Lane:
        """A lane by its id."""
        return self.known.get(name) or Lane(name, name, MOST_INTENSIVE)


def lanes_on(service: Service, day: date, language: str) -> Lanes:
    """The lanes of the policy in force on a day."""
    policy = None
    with suppress(PolicyError):
        policy = service.policy(day)
    return Lanes(policy, language)
