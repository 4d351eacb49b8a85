"""The slots of an office at one moment: open now, and free for the model over the rest of the day.

Enters: the slots used, the day so far, the expected rest of the day, the policy. Leaves: an `Outlook`. Never here: a
slot above the capacity that the arrivals so far justify: a capacity that is a share of the day grows with the
arrivals, and a slot is open only once it is certain to exist.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from basira.selection.online.tally import Tally
from basira.selection.policy.model import Policy

# Where slots appear with the arrivals, pacing keeps about this many open: with fewer it asks for a higher rank, so
# that a declaration of great value seldom finds the lane closed. They are given out towards the end of the day.
_STOCK = 3.0
_NOTHING = 1e-6  # fewer slots than this are none: a difference of rounded numbers


@dataclass(frozen=True)
class Outlook:
    """Places by lane number; 0 for lanes without capacity.

    ``open_now``: slots that exist at this moment. ``kept_now``: how many of them the model leaves to those with a
    prior right. ``free``: slots of the rest of the day beyond what the prior rights are expected to need.
    ``fallback_free``: the same before the fallback's own need, in its lane and the less intensive ones.
    """

    open_now: tuple[int, ...]
    kept_now: tuple[int, ...]
    free: tuple[float, ...]
    fallback_free: float

    def open_to_model(self, lane: int) -> bool:
        """Whether the model may take a slot of this lane now."""
        return self.open_now[lane] > self.kept_now[lane]

    def open_lane(self, heaviest: int) -> int | None:
        """The most intensive lane up to ``heaviest`` with a slot, for one with a prior right; None without any."""
        return next((lane for lane in range(heaviest, -1, -1) if self.open_now[lane] > 0), None)


@dataclass(frozen=True)
class Arrivals:
    """What is known of an office's arrivals at this moment. ``today`` counts the declaration that is being decided.

    ``unscored_rate``: share of them without a score, 0 to 1. ``rest``: declarations expected after it. ``advance``:
    declarations taken as certain.
    """

    today: Tally
    recent: Tally
    unscored_rate: float
    rest: float
    advance: float


def assured_count(*, arrived: float, advance: float) -> int:
    """The declarations on which a capacity that is a share of the day is taken at this moment."""
    return round(max(arrived, advance))


def look_out(
    policy: Policy,
    *,
    office: str,
    day: date,
    used: Mapping[str, int],
    beyond: Mapping[str, int],
    arrivals: Arrivals,
) -> Outlook:
    """The outlook after the arrival of the declaration that is being decided.

    ``used``, ``beyond``: slots taken and inspections beyond capacity, by lane id. The model makes up for the latter;
    the list, the random control and the fallback keep their slots.
    """
    today, rest = arrivals.today, arrivals.rest
    now = assured_count(arrived=today.count, advance=arrivals.advance)
    end = max(now, round(today.count + rest))
    lanes = range(len(policy.lanes))
    open_now, left, growth = [0] * len(lanes), [0.0] * len(lanes), [0] * len(lanes)
    for number, lane in enumerate(policy.lanes):
        if lane.inspects:
            taken = used.get(lane.id, 0)
            exists = policy.capacity_of(office, lane.id, day=day, day_total=now)
            at_the_end = policy.capacity_of(office, lane.id, day=day, day_total=end)
            open_now[number] = max(0, exists - taken)
            left[number] = float(max(0, at_the_end - taken))
            growth[number] = at_the_end - exists
    by_right = _expect_by_right(policy, today=today, recent=arrivals.recent, rest=rest)
    deviations = policy.online.reserve_deviations
    before_fallback = _after_reserve(left, _reserve(by_right, deviations))
    fallback = policy.intensity[policy.fallback.lane]
    if policy.lanes[fallback].inspects:
        by_right[fallback] += rest * arrivals.unscored_rate
    reserve = _reserve(by_right, deviations)
    over = [beyond.get(lane.id, 0) for lane in policy.lanes]
    kept = [
        # Where slots appear with the arrivals, one is enough: the next ones come before the next who need them.
        over[number] + (min(1, math.floor(amount + 0.5)) if growth[number] else math.floor(amount + 0.5))
        for number, amount in enumerate(reserve)
    ]
    for_model = [max(0.0, places - taken) for places, taken in zip(left, over, strict=True)]
    free = [
        min(places, max(0, open_now[number] - kept[number]) * max(1.0, growth[number] / _STOCK))
        if growth[number]
        else places
        for number, places in enumerate(_after_reserve(for_model, reserve))
    ]
    return Outlook(tuple(open_now), tuple(kept), tuple(free), sum(before_fallback[: fallback + 1]))


def _expect_by_right(policy: Policy, *, today: Tally, recent: Tally, rest: float) -> list[float]:
    """Declarations of the rest of the day that the list and the random control will put in each lane."""
    seen = today.count + recent.count
    expected = [0.0] * len(policy.lanes)
    for tally in (today, recent):
        for lane, count in tally.mandatory.items():
            expected[lane] += rest * count / seen
    control = policy.random_control
    pool = rest * (1 - (today.mandatory_count + recent.mandatory_count) / seen)
    expected[policy.intensity[control.lane]] += control.share * pool
    return expected


def _reserve(expected: Sequence[float], deviations: float) -> list[float]:
    """What is kept for so many expected: a count that varies like a Poisson one."""
    return [amount + deviations * math.sqrt(amount) for amount in expected]


def _after_reserve(left: Sequence[float], reserve: Sequence[float]) -> list[float]:
    """Places beyond the reserve; what a lane can't keep is kept in the next less intensive one, where it would go."""
    free, spilled = [0.0] * len(left), 0.0
    for lane in range(len(left) - 1, -1, -1):
        balance = left[lane] - reserve[lane] - spilled
        spilled = max(0.0, -balance)
        free[lane] = balance if balance > _NOTHING else 0.0
    return free
