"""A trial of online selection: simulated days at one office, beside the batch allocation that sees the whole day.

Enters: a policy, a seed, days. Leaves: per day, how the capacity was used and the share of the batch's expected revenue
that pacing got. Never here: a real declaration; a clock. Everything is simulated, and says so.

An administration can run its own policy through it before it goes online.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

import numpy as np

from basira.schema.records import Candidate, Selection
from basira.selection.batch.allocate import allocate
from basira.selection.online.decide import decide_online
from basira.selection.online.forecast import plan_day
from basira.selection.online.state import OnlineState, begin_day, capacity_use
from basira.selection.online.tally import Tally
from basira.selection.policy.model import EVERY_OFFICE, Policy

DayKind = Literal["ordinary", "burst", "quiet", "busy", "forecast_times_3", "forecast_third", "early_end"]
KINDS: tuple[DayKind, ...] = (
    "ordinary",
    "burst",
    "ordinary",
    "quiet",
    "ordinary",
    "forecast_times_3",
    "ordinary",
    "busy",
    "ordinary",
    "forecast_third",
    "ordinary",
    "early_end",
)

# Volume of a simulated office from Monday to Sunday, beside that of a mean weekday.
WEEKDAY_VOLUME = (1.1, 1.0, 1.0, 1.0, 0.9, 0.35, 0.15)
_HOUR_WEIGHTS = (0, 0, 0, 0, 0, 0, 0.3, 1, 4, 8, 10, 9, 4, 3, 8, 9, 7, 3, 1, 0.4, 0, 0, 0, 0)


@dataclass(frozen=True)
class Arrival:
    """A simulated declaration at a simulated moment."""

    moment: datetime
    candidate: Candidate


@dataclass(frozen=True)
class TrialDay:
    """One simulated day.

    ``value``: sum of expected revenue times the effectiveness of the lane, online. ``batch_value``: of `allocate` on
    the same day, policy and seed. ``optimum_value``: of `allocate` without any random control: all places to the model.
    Both have the day's capacity as `capacity_use` gives it at the end. ``used``, ``capacity``: places, all inspecting
    lanes together. ``is_kept``: no lane over its capacity, but for those under the list or without a score that were
    taken beyond it. ``is_within_share``: nor over what the policy gives for the declarations that came.
    ``pool_count``: declarations outside the list; ``impossible_count``: those of them with an inclusion probability of
    0, because no place was left. ``stated``: sum of the inclusion probabilities.
    """

    day: date
    kind: DayKind
    count: int
    value: float
    batch_value: float
    optimum_value: float
    used: int
    batch_used: int
    capacity: int
    is_kept: bool
    is_within_share: bool
    random_count: int
    pool_count: int
    impossible_count: int
    stated: float


def simulate_day(
    office: str, *, day: date, kind: DayKind, mean_count: float, seed: int, score_scale: float = 1.0
) -> list[Arrival]:
    """The arrivals of a simulated day, in order: hours of an office, a fraud probability, a heavy-tailed revenue.

    ``mean_count``: declarations of a mean weekday. ``score_scale``: factor on revenue, for scores that drift. One in
    ten is an authorised operator, one in a hundred falls under a list on chapter 93, one in two hundred has no score.
    """
    chance = np.random.default_rng([seed, day.toordinal()])
    factor = {"quiet": 0.3, "busy": 2.5}.get(kind, 1.0)
    mean = mean_count * WEEKDAY_VOLUME[day.weekday()] * factor * chance.lognormal(-0.02, 0.2)
    count = max(1, int(chance.poisson(mean)))
    weights = np.array(_HOUR_WEIGHTS) / sum(_HOUR_WEIGHTS)
    hours = chance.choice(24, size=count, p=weights) + chance.random(count)
    if kind == "burst":  # a third of the day within ten minutes, at any hour of work
        hours[chance.random(count) < 1 / 3] = chance.uniform(8, 17)
        hours += chance.uniform(0, 1 / 6, count)
    if kind == "early_end":
        hours = hours[hours < 13] if (hours < 13).any() else hours[:1]
    hours = np.sort(np.minimum(hours, 23.999))
    probability = chance.beta(0.3, 6, len(hours))
    revenue = chance.lognormal(6, 2, len(hours)) * probability * score_scale
    oea, listed, unscored = (chance.random(len(hours)) < share for share in (0.1, 0.01, 0.005))
    begins = datetime.combine(day, time())
    return [
        Arrival(
            begins + timedelta(hours=float(hour)),
            Candidate(
                f"{day:%y%m%d}-{i:05d}",
                1,
                office,
                None if unscored[i] else float(probability[i]),
                None if unscored[i] else float(revenue[i]),
                bool(oea[i]),
                {"commodity_code": ("9301" if listed[i] else "8517",)},
            ),
        )
        for i, hour in enumerate(hours)
    ]


def run_day(
    arrivals: Sequence[Arrival], state: OnlineState, policy: Policy, *, seed: int
) -> tuple[list[Selection], OnlineState]:
    """Decide a day's declarations one after another."""
    selections = []
    for arrival in arrivals:
        selection, state = decide_online(arrival.candidate, state, policy, moment=arrival.moment, seed=seed)
        selections.append(selection)
    return selections, state


@dataclass(frozen=True)
class Trial:
    """Days to simulate at an office: so many from ``first`` on, with ``mean_count`` declarations on an ordinary one.
    ``kinds``: of days, in turn. ``warm_up``: ordinary days before the first one counted. ``daily_drift``: growth of the
    scores a day; half-way they also double, as when a new model takes over."""

    office: str
    first: date
    days: int
    mean_count: float
    seed: int
    kinds: Sequence[DayKind] = KINDS
    warm_up: int = 14
    daily_drift: float = 0.02


def run_trial(policy: Policy, trial: Trial) -> list[TrialDay]:
    """Simulated days one after another, each planned from those before it."""
    office, seed = trial.office, trial.seed
    past: list[tuple[date, Tally]] = []
    results = []
    for number in range(-trial.warm_up, trial.days):
        day = trial.first + timedelta(days=number)
        kind: DayKind = "ordinary" if number < 0 else trial.kinds[number % len(trial.kinds)]
        scale = math.exp(trial.daily_drift * number) * (2.0 if number >= trial.days // 2 else 1.0)
        arrivals = simulate_day(office, day=day, kind=kind, mean_count=trial.mean_count, seed=seed, score_scale=scale)
        plan = plan_day(office, policy, day=day, past=past[-56:])
        if kind in ("forecast_times_3", "forecast_third"):
            wrong = plan.expected_count * (3.0 if kind == "forecast_times_3" else 1 / 3)
            plan = plan_day(office, policy, day=day, past=past[-56:], expected_count=wrong)
        selections, state = run_day(arrivals, begin_day(plan), policy, seed=seed)
        past.append((day, state.today))
        if number >= 0:
            results.append(_compare(policy, state, kind=kind, arrivals=arrivals, selections=selections, seed=seed))
    return results


def _compare(
    policy: Policy,
    state: OnlineState,
    *,
    kind: DayKind,
    arrivals: Sequence[Arrival],
    selections: Sequence[Selection],
    seed: int,
) -> TrialDay:
    day, office = state.plan.day, state.plan.office
    candidates = [arrival.candidate for arrival in arrivals]
    rows, beyond = capacity_use(state, policy), state.beyond
    same_places = {
        "capacity": [{"office": EVERY_OFFICE, "lanes": {row.lane: {"count": row.capacity} for row in rows}}],
        "random_control": policy.random_control.model_dump(),
    }
    no_control = same_places | {"random_control": policy.random_control.model_dump() | {"share": 0.0, "minimum": 0}}
    content = policy.model_dump()
    batch = allocate(candidates, Policy.model_validate(content | same_places), day=day, seed=seed)
    best = allocate(candidates, Policy.model_validate(content | no_control), day=day, seed=seed)
    used = Counter(selection.lane for selection in selections)
    return TrialDay(
        day=day,
        kind=kind,
        count=len(candidates),
        value=_value(policy, candidates, selections),
        batch_value=_value(policy, candidates, batch.selections),
        optimum_value=_value(policy, candidates, best.selections),
        used=sum(row.used for row in rows),
        batch_used=sum(row.used for row in batch.capacity),
        capacity=sum(row.capacity for row in rows),
        is_kept=all(used[row.lane] == row.used <= row.capacity + beyond.get(row.lane, 0) for row in rows),
        is_within_share=all(
            row.used - beyond.get(row.lane, 0)
            <= policy.capacity_of(office, row.lane, day=day, day_total=len(candidates))
            for row in rows
        ),
        random_count=sum(selection.basis == "random" for selection in selections),
        pool_count=sum(selection.basis != "mandatory" for selection in selections),
        impossible_count=sum(s.basis != "mandatory" and s.inclusion_probability == 0 for s in selections),
        stated=sum(selection.inclusion_probability for selection in selections),
    )


def _value(policy: Policy, candidates: Sequence[Candidate], selections: Sequence[Selection]) -> float:
    return math.fsum(
        (candidate.expected_revenue or 0.0) * policy.lane(selection.lane).effectiveness
        for candidate, selection in zip(candidates, selections, strict=True)
    )
