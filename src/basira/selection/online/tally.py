"""What an office's declarations of a day were like: how many, when, of what kind, with what scores.

Enters: one arrival after another, or the tallies of past days. Leaves: counts and a sketch of the scores, from which
pacing takes its rates. Never here: a declaration's identity; a decision.

The sketch counts values in bins that grow by 5 %: all that pacing asks of it is how many declarations rank above
a value, and two values within 5 % may share a place in that ranking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Literal

from pydantic import ConfigDict, NonNegativeFloat

from basira.schema.json_values import JsonObject

HOURS = 24
_GROWTH = math.log(1.05)
_LOWEST_BIN = -600  # 1.05 ** -600 is 2e-13: under any amount or probability that matters, and zero goes there too
_LOWEST_VALUE = math.exp(_LOWEST_BIN * _GROWTH)

_PLAIN = ("unscored_count", "scored_count", "expected_revenue_amount", "fraud_probability")

# What pacing must distinguish. "by_right": a step claims it (`selection.steps`); the others as in `selection.ranking`.
Kind = Literal["by_right", "unscored", "eligible", "lane_limited", "exempt", "ineligible"]


def bin_of(value: float) -> int:
    """The bin of a value of 0 or more.

    >>> bin_of(1.0), bin_of(1.06), bin_of(0.0)
    (0, 1, -600)
    """
    return _LOWEST_BIN if value <= _LOWEST_VALUE else math.floor(math.log(value) / _GROWTH)


@dataclass(frozen=True)
class Sketch:
    """How many values fell in each bin; fractions where past days are weighted."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    bins: Mapping[int, NonNegativeFloat] = field(default_factory=dict)

    def add(self, number: int) -> Sketch:
        """With one more value in that bin."""
        return Sketch({**self.bins, number: self.bins.get(number, 0.0) + 1.0})

    def above(self, number: int) -> float:
        """How many values lie in higher bins. Of a sketch that changes at every arrival: a plain sum."""
        return sum(count for other, count in self.bins.items() if other > number)

    def above_of_many(self, number: int) -> float:
        """The same from a table made once. Of a sketch that stays the same all day."""
        table, lowest = self._table
        place = number + 1 - lowest
        return table[min(max(place, 0), len(table) - 1)]

    @cached_property
    def _table(self) -> tuple[Sequence[float], int]:
        """From each bin on, how many values; and the lowest bin."""
        if not self.bins:
            return (0.0,), 0
        lowest, highest = min(self.bins), max(self.bins)
        falling = [self.bins.get(number, 0.0) for number in range(highest, lowest - 1, -1)]
        return tuple(accumulate(falling, initial=0.0))[::-1], lowest


@dataclass(frozen=True)
class Tally:
    """Declarations of one office, counted. All fields are sums, so that tallies can be weighted and added.

    ``by_hour``: 24 counts of arrivals. ``mandatory``: by number of the lane that was claimed by right.
    ``scored_count``, ``expected_revenue_amount``, ``fraud_probability``: number and sums over all scored ones, for the
    blended objective.
    ``open_scores``, ``capped_scores``: values of what is eligible, and of what is limited to some lanes.
    ``order``: "balanced" where these are values of the balanced order, "mixed" where the order changed on the way, ""
    for any other: values of two orders say nothing of each other's rank.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    by_hour: tuple[NonNegativeFloat, ...] = (0.0,) * HOURS
    mandatory: Mapping[int, NonNegativeFloat] = field(default_factory=dict)
    unscored_count: NonNegativeFloat = 0.0
    scored_count: NonNegativeFloat = 0.0
    expected_revenue_amount: NonNegativeFloat = 0.0
    fraud_probability: NonNegativeFloat = 0.0
    open_scores: Sketch = field(default_factory=Sketch)
    capped_scores: Sketch = field(default_factory=Sketch)
    order: Literal["", "balanced", "mixed"] = ""

    @cached_property
    def count(self) -> float:
        """Declarations in all."""
        return math.fsum(self.by_hour)

    @cached_property
    def mandatory_count(self) -> float:
        """Declarations claimed by right."""
        return math.fsum(self.mandatory.values())

    def content(self) -> JsonObject:
        """The counts as JSON holds them."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "by_hour": list(self.by_hour),
            "mandatory": dict(self.mandatory),
            "open_scores": {"bins": dict(self.open_scores.bins)},
            "capped_scores": {"bins": dict(self.capped_scores.bins)},
            # Left out where it says nothing, so that plans recorded before there was one keep their digest.
            **({"order": self.order} if self.order else {}),
        }

    def within(self, lanes: int) -> Tally:
        """The same for a policy of so many lanes: what a heavier lane was asked for counts for the heaviest one."""
        if all(lane < lanes for lane in self.mandatory):
            return self
        asked: dict[int, float] = {}
        for lane, count in self.mandatory.items():
            asked[min(lane, lanes - 1)] = asked.get(min(lane, lanes - 1), 0.0) + count
        return replace(self, mandatory=asked)

    def add(
        self, kind: Kind, *, hour: int, lane: int = 0, number: int = 0, score: tuple[float, float] | None = None
    ) -> Tally:
        """With one more declaration.

        ``lane``: that is claimed, when by right. ``number``: bin of the value, when eligible or lane-limited.
        ``score``: expected revenue and fraud probability, or None.
        """
        by_hour = (*self.by_hour[:hour], self.by_hour[hour] + 1.0, *self.by_hour[hour + 1 :])
        revenue, probability = score or (0.0, 0.0)
        after = replace(
            self,
            by_hour=by_hour,
            scored_count=self.scored_count + (score is not None),
            expected_revenue_amount=self.expected_revenue_amount + revenue,
            fraud_probability=self.fraud_probability + probability,
        )
        if kind == "by_right":
            return replace(after, mandatory={**self.mandatory, lane: self.mandatory.get(lane, 0.0) + 1.0})
        if kind == "unscored":
            return replace(after, unscored_count=self.unscored_count + 1.0)
        if kind == "eligible":
            return replace(after, open_scores=self.open_scores.add(number))
        if kind == "lane_limited":
            return replace(after, capped_scores=self.capped_scores.add(number))
        return after


def weigh(tallies: Sequence[Tally], weights: Sequence[float]) -> Tally:
    """The weighted sum of tallies; an empty one when there are none. Its order is theirs, where they share one."""
    pairs = [(tally, weight) for tally, weight in zip(tallies, weights, strict=True) if weight > 0]

    def bins(parts: Sequence[tuple[Mapping[int, float], float]]) -> dict[int, float]:
        total: dict[int, float] = {}
        for counts, weight in parts:
            for number, count in counts.items():
                total[number] = total.get(number, 0.0) + weight * count
        return dict(sorted(total.items()))

    orders = {tally.order for tally, _ in pairs}
    return Tally(
        order=orders.pop() if len(orders) == 1 else "mixed" if orders else "",
        by_hour=tuple(math.fsum(weight * tally.by_hour[hour] for tally, weight in pairs) for hour in range(HOURS)),
        mandatory=bins([(tally.mandatory, weight) for tally, weight in pairs]),
        unscored_count=math.fsum(weight * tally.unscored_count for tally, weight in pairs),
        scored_count=math.fsum(weight * tally.scored_count for tally, weight in pairs),
        expected_revenue_amount=math.fsum(weight * tally.expected_revenue_amount for tally, weight in pairs),
        fraud_probability=math.fsum(weight * tally.fraud_probability for tally, weight in pairs),
        open_scores=Sketch(bins([(tally.open_scores.bins, weight) for tally, weight in pairs])),
        capped_scores=Sketch(bins([(tally.capped_scores.bins, weight) for tally, weight in pairs])),
    )
