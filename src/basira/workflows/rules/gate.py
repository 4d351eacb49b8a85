"""What a rule must reach in its back-test before it can be submitted: the gate of the policy.

Enters: a back-test, a rule, a policy. Leaves: what it would take of each office's slots, and what it does not reach, as
the step of the test records it. Never here: a promise of what a rule would find.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypedDict

from basira.rules.fires import acting_probability
from basira.rules.model import Rule
from basira.selection.policy.model import Policy
from basira.workflows.rules.backtest import BackTest

Obstacle = Literal["capacity", "days", "lane"]


@dataclass(frozen=True)
class Load:
    """The slots that a rule would ask for at one office on one day. ``wanted``: hits, weighed by the probability with
    which they act; ``slots``: of the lane that it wants and the less intensive ones that inspect."""

    office: str
    day: date
    wanted: float
    slots: int

    @property
    def share(self) -> float:
        """Wanted by slots; 1 where there is no slot for what is wanted, 0 where nothing is."""
        if not self.wanted:
            return 0.0
        return min(1.0, self.wanted / self.slots) if self.slots else 1.0


class GateValues(TypedDict):
    """The gate in the step of a back-test. ``obstacles``: what it does not reach; ``office``, ``day``: of the fullest
    day, with its ``wanted`` and ``slots``."""

    policy_digest: str
    obstacles: list[Obstacle]
    most_capacity_share: float
    office: str
    day: str
    wanted: float
    slots: int


def loads_of(rule: Rule, tested: BackTest, policy_on: Callable[[date], Policy]) -> tuple[Load, ...]:
    """What the rule would ask for, by office and day of the test; nothing of a rule that wants no lane.

    ``policy_on``: in force on a day. A lane that it lacks has no slots. Raises PolicyError as ``policy_on``.
    """
    if not rule.effect.lane:
        return ()
    found = []
    for one in tested.office_days:
        policy = policy_on(one.day)
        heaviest = policy.intensity.get(rule.effect.lane, -1)
        slots = sum(
            policy.capacity_of(one.office, lane.id, day=one.day, day_total=one.declarations)
            for lane in policy.lanes[: heaviest + 1]
            if lane.inspects
        )
        acting = acting_probability(rule, fire_probability=policy.rules.fire_probability)
        found.append(Load(one.office, one.day, one.hits * acting, slots))
    return tuple(found)


def gate_of(rule: Rule, tested: BackTest, policy_on: Callable[[date], Policy]) -> GateValues:
    """What the rule reaches under the policy of the last day of its test. Raises PolicyError as ``policy_on``."""
    policy = policy_on(tested.last)
    fullest = max(loads_of(rule, tested, policy_on), key=lambda load: load.share, default=None)
    obstacles: list[Obstacle] = []
    lane = rule.effect.lane
    if lane and not (lane in policy.intensity and policy.lane(lane).inspects):
        obstacles.append("lane")
    if fullest is not None and fullest.share > policy.rules.most_capacity_share:
        obstacles.append("capacity")
    if (tested.last - tested.first).days + 1 < policy.rules.least_test_days:
        obstacles.append("days")
    return {
        "policy_digest": policy.digest,
        "obstacles": obstacles,
        "most_capacity_share": policy.rules.most_capacity_share,
        "office": "" if fullest is None else fullest.office,
        "day": "" if fullest is None else fullest.day.isoformat(),
        "wanted": 0.0 if fullest is None else fullest.wanted,
        "slots": 0 if fullest is None else fullest.slots,
    }
