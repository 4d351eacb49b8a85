"""Evidence that a rule finds no more than the random control, which may be looked at on any day.

Enters: results in the order in which they became known, of hits and of the random control. Leaves: two values of
evidence, each with what it says. Never here: a rule's end (a person decides); a test that is valid on one day alone.

A pair is a hit with a result and a random control of the same office with a result. Of two that differ, the hit has the
finding with probability 1/2 if the rule is worth no more than the draw. The value is the wealth of a gambler who bets
against that, mixed over a grid of stakes. It is 1 at first; if what is bet against is so, it exceeds 20 with
probability 1/20 at most, however often it is looked at (`basira.schema.betting`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from basira.schema.betting import most_wealth

# 1 / 0.05: a false proposal, for the whole of a rule's life, at most one in twenty.
DECISIVE = 20.0
# A rule is worth its controls when it finds at least so many times the odds of the random control.
_LEAST_ODDS = 2.0

Advice = Literal["retire", "keep", "unknown"]


@dataclass(frozen=True)
class KnownResult:
    """A result of a hit or of a random control. ``day``: on which it became known, by which pairs are made: what
    is known later stands later, so that a second look adds to the first one. ``name``: breaks ties."""

    office: str
    day: date
    is_finding: bool
    name: str = ""


@dataclass(frozen=True)
class Evidence:
    """``pairs``: hits and random controls of one office; ``differing``: pairs with one finding; ``better``: of these,
    those in which the hit has it. ``against``: evidence that the rule is worth too little; ``in_favour``: that it is
    worth more than the random control; both 1 at first. ``advice``: "unknown" while neither has reached 20."""

    pairs: int
    differing: int
    better: int
    against: float
    in_favour: float
    advice: Advice


def weigh(hits: Iterable[KnownResult], controls: Iterable[KnownResult], *, least_odds: float = _LEAST_ODDS) -> Evidence:
    """The evidence of a rule's results beside the random control of the same offices, in the order of days.

    ``least_odds``: how many times the odds of the random control a rule must find, at least 1. A result without a
    partner says nothing. Raises ValueError for lower odds.

    >>> weigh([], []).advice
    'unknown'
    """
    if not least_odds >= 1:
        raise ValueError(f"Expected odds of at least 1, found {least_odds}.")
    differences = _pair(hits, controls)
    outcomes = [one for one in differences if one is not None]
    worst = least_odds / (1.0 + least_odds)
    against = most_wealth([not one for one in outcomes], 1.0 - worst)
    in_favour = most_wealth(outcomes, 0.5)
    advice: Advice = "retire" if against >= DECISIVE else "keep" if in_favour >= DECISIVE else "unknown"
    return Evidence(len(differences), len(outcomes), sum(outcomes), against, in_favour, advice)


def _pair(hits: Iterable[KnownResult], controls: Iterable[KnownResult]) -> list[bool | None]:
    """Of each pair whether the hit has the finding; None when both have one, or neither."""
    waiting: dict[str, tuple[deque[bool], deque[bool]]] = {}
    found: list[bool | None] = []
    named = [(one, 0) for one in hits] + [(one, 1) for one in controls]
    for one, side in sorted(named, key=lambda pair: (pair[0].day, pair[0].office, pair[1], pair[0].name)):
        sides = waiting.setdefault(one.office, (deque(), deque()))
        sides[side].append(one.is_finding)
        if sides[0] and sides[1]:
            hit, control = sides[0].popleft(), sides[1].popleft()
            found.append(hit if hit != control else None)
    return found
