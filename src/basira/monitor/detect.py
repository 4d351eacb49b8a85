"""Whether something changed, by tests that may be looked at every night.

Enters: values in the order in which they became known, or results with the chances that a model gave. Leaves: changes,
each with the day since when and the day on which it was noticed. Never here: what a value means; a value from the
future.

Two tests, one kind of bet (`basira.schema.betting`):

- Of values: while nothing changes, each is as likely to have any rank among those before it. The rank's share is then
  even between 0 and 1 and independent of those before (Vovk, Gammerman and Shafer 2005, section 7.1); among equal
  values it counts as the least remarkable one, which only loses bets. The bet is that it falls below a cut. No
  distribution is assumed, and a level is compared with what was seen, not with a wish.
- Of results: while a model's chances are right within a factor of the odds, a result is irregular with that chance at
  most (or at least). The bet is on what the model believes too little.

A change may begin on any day. So a new gambler begins with 1 on each day, and what all of them have together is looked
at (Shiryaev and Roberts; Shin, Ramdas and Rinaldo, E-detectors, 2024). While nothing changes, that sum passes a
threshold h after h days in the mean, or later: this bounds false alarms a year, by the day and not by the look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from basira.schema.betting import STAKES, factor
from basira.schema.errors import UsageError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Side = Literal["high", "low"]
SIDES: tuple[Side, Side] = ("high", "low")

# A rank among fewer values says too little to bet on.
FEWEST_VALUES = 20
# Shares below which a rank is bet to fall; a bet for each.
CUTS = (0.02, 0.05, 0.1, 0.2, 0.4)
# How many times the claimed odds the true ones may be; a bet for each.
_TIMES = (1.3, 2.0, 4.0, 8.0)
# Shares are kept so far from 0 and 1 when what was found becomes what is expected.
_FEWEST_ODDS = 200.0
_LIMIT = 1e200


@dataclass(frozen=True)
class Series:
    """Values of one thing that is watched. ``days``: the last day that each value speaks of, ``known``: the day at
    whose end it was known (numbers of days since 1970, both rising). ``scores``: what is compared; ``levels``: the
    same as people read it. ``sides``: which changes count. ``pause``: values after a change that are skipped, because
    their scores still compare with what was before it."""

    name: str
    label: str
    days: Integers
    known: Integers
    scores: Floats
    levels: Floats
    sides: tuple[Side, ...] = SIDES
    pause: int = 0

    def __post_init__(self) -> None:
        columns = (self.days, self.known, self.scores, self.levels)
        if len({len(one) for one in columns}) > 1 or bool((np.diff(self.known) < 0).any()):
            raise UsageError(
                "Expected columns of one length in the order in which values became known, found others.",
                hint="Sort a series by the day on which its values are known.",
            )


@dataclass(frozen=True)
class Change:
    """``since``: the day from which the values speak for a change; ``noticed``: that at whose end the evidence was
    enough. ``evidence``: what the gamblers had together then. ``before``, ``after``: means of the levels."""

    side: Side
    since: int
    noticed: int
    evidence: float
    before: float
    after: float


def find_changes(series: Series, *, as_of: int, threshold: float) -> list[Change]:
    """The changes of a series that were noticed at the end of day ``as_of``, the earliest first.

    ``threshold``: mean days between two false alarms, at least, while ranks are even. After a change the series begins
    anew. What is known later changes nothing of what is found here.
    """
    seen = int(np.searchsorted(series.known, as_of, side="right"))
    found: list[Change] = []
    begin = 0
    while begin < seen:
        change, end = _first_change(series, begin, seen, threshold)
        if change is not None:
            found.append(change)
        begin = end
    return found


def _first_change(series: Series, begin: int, end: int, threshold: float) -> tuple[Change | None, int]:
    """The first change between two positions, and where to go on."""
    sides = np.array([side == "high" for side in series.sides])
    cuts, stakes = np.array(CUTS), np.array(STAKES)
    win = np.array([[factor(cut, stake, is_true=True) for stake in STAKES] for cut in CUTS])
    lose = np.array([[factor(cut, stake, is_true=False) for stake in STAKES] for cut in CUTS])
    together = np.zeros((len(sides), len(cuts), len(stakes)))
    steps: list[Floats] = []
    for at in range(begin, end):
        before = series.scores[begin : at + 1]
        value = series.scores[at]
        if len(before) <= FEWEST_VALUES:
            continue
        ranks = (int((before >= value).sum()), int((before <= value).sum()))
        share = np.where(sides, *ranks) / len(before)
        steps.append(np.log(np.where((share[:, None] < cuts)[:, :, None], win, lose)))
        together = np.minimum((together + 1.0) * np.exp(steps[-1]), _LIMIT)
        evidence = float(together.mean())
        if evidence >= threshold:
            best = np.unravel_index(int(np.argmax(together)), together.shape)
            since = at - len(steps) + 1 + _begin([float(step[best]) for step in steps])
            side = series.sides[int(best[0])]
            levels = series.levels
            return Change(
                side,
                int(series.days[since]),
                int(series.known[at]),
                evidence,
                float(np.mean(levels[begin:since])) if since > begin else float("nan"),
                float(np.mean(levels[since : at + 1])),
            ), at + 1 + series.pause
    return None, end


def _begin(logs: list[float]) -> int:
    """From which step on a bet won the most, to the last one: where the change most likely began."""
    from_here = np.cumsum(np.array(logs)[::-1])[::-1]
    return int(np.argmax(from_here))


@dataclass(frozen=True)
class Results:
    """Results with the chances given before, in the order in which they count. ``known``: the day at whose end each
    counts, rising; ``days``: of the declaration; ``chance``: that it is irregular, 0 to 1, as the model said."""

    name: str
    days: Integers
    known: Integers
    chance: Floats
    is_irregular: Flags


def find_miscalibration(results: Results, *, as_of: int, threshold: float, margin: float) -> list[Change]:
    """Where chances were wrong by more than a factor ``margin`` (at least 1) of the odds, the earliest first.

    "high": more was irregular than the model said. ``before`` is then the share that was expected since the change,
    ``after`` the one that was found. What was found is expected from then on: a model that stays wrong is one alarm.
    """
    seen = int(np.searchsorted(results.known, as_of, side="right"))
    chance = np.clip(results.chance, 1e-6, 1 - 1e-6)
    odds = chance / (1 - chance)
    found: list[Change] = []
    begin, wrong = 0, 1.0
    while begin < seen:
        change, begin = _first_wrong(results, wrong * odds, begin, seen, threshold, margin)
        if change is not None:
            found.append(change)
            wrong *= _odds(change.after, 1.0 / _FEWEST_ODDS) / _odds(change.before, 1.0 / _FEWEST_ODDS)
    return found


def _odds(share: float, least: float) -> float:
    inside = min(max(share, least), 1 - least)
    return inside / (1 - inside)


def _first_wrong(
    results: Results, odds: Floats, begin: int, end: int, threshold: float, margin: float
) -> tuple[Change | None, int]:
    """The first place where ``odds`` were wrong between two positions, and where to go on."""
    part = slice(begin, end)
    expected = odds[part] / (1 + odds[part])
    truths = {"high": results.is_irregular[part], "low": ~results.is_irregular[part]}
    claims = {"high": odds[part] * margin, "low": margin / odds[part]}
    times = np.array(_TIMES)
    logs = []
    for side in SIDES:
        p = (claims[side] / (1 + claims[side]))[:, None]
        # With the stake (q - p) / (1 - p) the factor is the likelihood of q against that of p.
        q = times * p / (1 - p + times * p)
        logs.append(np.log(np.where(truths[side][:, None], q / p, (1 - q) / (1 - p))))
    steps = np.stack(logs, axis=1)  # result, side, alternative
    is_new_day = np.diff(results.known[part], prepend=-1) > 0
    together = np.zeros(steps.shape[1:])
    for at, step in enumerate(steps):
        together = np.minimum((together + float(is_new_day[at])) * np.exp(step), _LIMIT)
        evidence = float(together.mean())
        if evidence >= threshold:
            number, best = (int(one) for one in np.unravel_index(int(np.argmax(together)), together.shape))
            first = _begin([float(one) for one in steps[: at + 1, number, best]])
            since = slice(first, at + 1)
            return Change(
                SIDES[number],
                int(results.days[part][since].min()),
                int(results.known[begin + at]),
                evidence,
                float(expected[since].mean()),
                float(results.is_irregular[part][since].mean()),
            ), begin + at + 1
    return None, end
