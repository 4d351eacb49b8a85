"""What an office's day will probably be like, from its past days; and how many declarations are still to come.

Enters: tallies of past days with their dates. Leaves: a frozen `DayPlan`, and the expected rest of the day given what
has arrived. Never here: a number that selection relies on for capacity: a wrong forecast costs revenue, never a place.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat

from basira.schema.errors import UsageError
from basira.selection.online.tally import HOURS, Tally, weigh
from basira.selection.policy.model import Policy

# Volumes change over weeks, scores over days (a new model, a new season): each has its own memory.
_VOLUME_HALF_LIFE_DAYS = 14
_SCORE_HALF_LIFE_DAYS = 5
# Weight of a day of another weekday in volume and hours: it counts only where there is nothing else.
_OTHER_WEEKDAY = 0.05
# Share of the day's arrivals that may come at any hour whatever the past: nothing that was never seen is impossible.
_ANY_HOUR = 0.01
_PROFILE_SPREAD = 0.1  # that of a beta distribution of a hundred arrivals
_CLUMPED = 0.1  # arrivals come in clumps: however many, they show less of the volume than a tenth of the forecast does
# Without any past: arrivals from 8 to 18 h, which the first day's own arrivals correct at once.
_OFFICE_HOURS = range(8, 18)


@dataclass(frozen=True)
class DayPlan:
    """What pacing knows when an office's day begins. It stays the same all day.

    ``expected_count``: declarations forecast. ``profile``: share of them in each of the 24 hours, sum 1.
    ``recent``: recent days, weighted and scaled to count as so many declarations of today.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    office: str
    day: date
    policy_digest: str
    expected_count: PositiveFloat
    profile: tuple[NonNegativeFloat, ...]
    recent: Tally = field(default_factory=Tally)

    @cached_property
    def canonical(self) -> str:
        """The plan as canonical JSON."""
        content = {
            "office": self.office,
            "day": self.day.isoformat(),
            "policy_digest": self.policy_digest,
            "expected_count": self.expected_count,
            "profile": list(self.profile),
            "recent": self.recent.content(),
        }
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `canonical`, in hexadecimal; a state names its plan by it."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def plan_day(
    office: str, policy: Policy, *, day: date, past: Sequence[tuple[date, Tally]], expected_count: float | None = None
) -> DayPlan:
    """The plan of an office's day.

    Parameters
    ----------
    past : days before ``day`` with what they were like: `OnlineState.today` at their end. Eight weeks are plenty: a day
        14 days ago weighs half of yesterday, and another weekday a twentieth. A closed day may be left out. Of days in
        another order than the policy's only volume and hours count.
    expected_count : the number of declarations, where the caller knows it (a holiday, an announced ship).

    Raises UsageError when a past day is not before ``day``, or when the expected count is not above 0.
    """
    for on, _ in past:
        if on >= day:
            raise UsageError(
                "Expected past days before {day}, found {on}.",
                hint="Give only days that are over.",
                day=day,
                on=on,
            )
    if expected_count is not None and not 0 < expected_count < float("inf"):
        raise UsageError(
            "Expected a number of declarations above 0, found {expected_count}.",
            hint="Leave expected_count out to take it from the past days.",
            expected_count=expected_count,
        )
    ages = [(day - on).days for on, _ in past]
    tallies = [tally for _, tally in past]
    like_today = [1.0 if on.weekday() == day.weekday() else _OTHER_WEEKDAY for on, _ in past]
    volume = [like * 0.5 ** (age / _VOLUME_HALF_LIFE_DAYS) for like, age in zip(like_today, ages, strict=True)]
    typical = weigh(tallies, volume)
    forecast = typical.count / sum(volume) if past else float(policy.online.new_office_count)
    # Values of another order are no values of this one: an amount ranks above every probability.
    order = order_mark(policy)
    weights = [0.5 ** (age / _SCORE_HALF_LIFE_DAYS) for age in ages]
    recent = within_policy(
        weigh(tallies, [weight * (t.order == order) for t, weight in zip(tallies, weights, strict=True)]), policy
    )
    return DayPlan(
        office=office,
        day=day,
        policy_digest=policy.digest,
        expected_count=max(forecast, 1.0) if expected_count is None else float(expected_count),
        profile=_profile(typical),
        recent=recent if recent.count else Tally(order=order),
    )


def order_mark(policy: Policy) -> Literal["", "balanced"]:
    """What a tally of values under this policy is marked with: see `Tally.order`."""
    return "balanced" if policy.objective.order == "balanced" else ""


def within_policy(recent: Tally, policy: Policy) -> Tally:
    """Recent days, worth no more arrivals than the policy says, and in its lanes: those days may have had more."""
    recent = recent.within(len(policy.lanes))
    if recent.count <= policy.online.history_weight:
        return recent
    return weigh([recent], [policy.online.history_weight / recent.count])


def _profile(typical: Tally) -> tuple[float, ...]:
    if typical.count:
        shares = [count / typical.count for count in typical.by_hour]
    else:
        shares = [(hour in _OFFICE_HOURS) / len(_OFFICE_HOURS) for hour in range(HOURS)]
    return tuple((1 - _ANY_HOUR) * share + _ANY_HOUR / HOURS for share in shares)


def share_still_to_come(plan: DayPlan, moment: datetime) -> float:
    """Share of a usual day's declarations that arrive after ``moment``, by its hours."""
    within = (moment.minute + (moment.second + moment.microsecond / 1e6) / 60) / 60
    return sum(plan.profile[moment.hour + 1 :]) + plan.profile[moment.hour] * (1 - within)


@dataclass(frozen=True)
class Rest:
    """Declarations after a moment: the mean, and a cautious number, one standard deviation of the profile above it."""

    mean: float
    cautious: float


def expected_rest(plan: DayPlan, *, moment: datetime, arrived: float, forecast_weight: float) -> Rest:
    """Declarations expected after ``moment``.

    The forecast is multiplied by (w + arrived) / (w + expected by now): the mean of a gamma distribution of the day's
    volume, worth w arrivals before the day began, after seeing the day's own. A forecast wrong by any factor is
    corrected once some multiples of w should have come.

    The share s of the day still to come varies from day to day as well (a ship, a lorry park): by `_PROFILE_SPREAD`
    times the square root of s (1 - s), as that of a beta distribution does. Pacing ranks against the cautious number: a
    burst late in the day then still finds slots, and what was kept in vain is given out at the end.
    """
    share = share_still_to_come(plan, moment)
    forecast = plan.expected_count
    weight = forecast_weight + _CLUMPED * forecast
    volume = forecast * (weight + arrived) / (weight + forecast * (1 - share))
    return Rest(volume * share, volume * (share + _PROFILE_SPREAD * math.sqrt(share * max(0.0, 1 - share))))
