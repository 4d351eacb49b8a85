"""Sixty simulated days with bursts, quiet and busy days, early ends, wrong forecasts and drifting scores."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from basira.laboratory.online_trial import Trial, TrialDay, run_day, run_trial, simulate_day
from basira.schema.shipped import shipped
from basira.selection import Policy, load_policy
from basira.selection.online.forecast import plan_day
from basira.selection.online.state import begin_day, capacity_use

MONDAY = date(2021, 3, 1)


def morocco(**online: float) -> Policy:
    rules = load_policy(shipped("policies") / "morocco", MONDAY)
    # What is compared is revenue, so revenue ranks.
    return Policy.model_validate(rules.model_dump() | {"online": online, "objective": {"order": "revenue"}})


def with_teams() -> Policy:
    """The shipped policy with fixed slots: those of a weekday of 400, a Saturday of 140, a Sunday of 60."""

    def entry(orange: int, partial: int, full: int, *weekdays: str) -> dict[str, object]:
        count = {"orange": orange, "rouge_partiel": partial, "rouge_integral": full}
        return {"office": "*", "weekdays": weekdays, "lanes": {lane: {"count": n} for lane, n in count.items()}}

    capacity = [entry(32, 20, 8), entry(11, 7, 3, "saturday"), entry(5, 3, 1, "sunday")]
    return Policy.model_validate(morocco().model_dump() | {"capacity": capacity})


@pytest.fixture(scope="module")
def fixed() -> list[TrialDay]:
    return run_trial(with_teams(), Trial(office="A", first=MONDAY, days=60, mean_count=400, seed=11))


@pytest.fixture(scope="module")
def shares() -> list[TrialDay]:
    return run_trial(morocco(advance=0.0), Trial(office="A", first=MONDAY, days=60, mean_count=150, seed=12))


def test_capacity_is_kept_every_day(fixed, shares):
    assert all(day.is_kept and day.is_within_share for day in (*fixed, *shares))


def test_the_revenue_is_nine_tenths_of_the_offline_optimum(fixed):
    assert np.mean([day.value / day.batch_value for day in fixed]) >= 0.90


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("ordinary", 0.92),
        ("burst", 0.85),
        ("quiet", 0.90),
        ("forecast_times_3", 0.70),
        ("forecast_third", 0.85),
        ("busy", 0.80),
        ("early_end", 0.85),
    ],
)
def test_no_kind_of_day_breaks_it(fixed, kind, least):
    assert np.mean([day.value / day.batch_value for day in fixed if day.kind == kind]) >= least


@pytest.mark.parametrize(("kind", "least"), [("ordinary", 0.95), ("burst", 0.93), ("busy", 0.97)])
def test_the_slots_are_used(fixed, kind, least):
    days = [day for day in fixed if day.kind == kind]
    assert sum(day.used for day in days) >= least * sum(day.batch_used for day in days)


def test_the_random_control_keeps_its_share(fixed, shares):
    for days in (fixed, shares):
        pool = sum(day.pool_count for day in days)
        # Four times what steering leaves: less than a declaration and a half a day.
        assert sum(day.random_count for day in days) == pytest.approx(0.01 * pool, abs=4 * 1.5 * 60**0.5)


def test_the_stated_probabilities_add_up_to_the_inspections(fixed, shares):
    for days in (fixed, shares):
        used = sum(day.used for day in days)
        assert sum(day.stated for day in days) == pytest.approx(used, abs=4 * used**0.5)


def test_a_day_is_the_same_again_and_another_seed_another():
    rules = morocco()
    arrivals = simulate_day("A", day=MONDAY, kind="burst", mean_count=200, seed=3)
    plan = plan_day("A", rules, day=MONDAY, past=[])
    one, other, third = (run_day(arrivals, begin_day(plan), rules, seed=seed) for seed in (1, 1, 2))
    assert one == other
    assert one[1].to_json() == other[1].to_json()
    assert one[0] != third[0]


def test_an_advance_opens_no_slot_beyond_the_share_when_the_forecast_is_three_times_too_high():
    rules = morocco(advance=0.33)
    arrivals = simulate_day("A", day=MONDAY, kind="ordinary", mean_count=300, seed=5)
    plan = plan_day("A", rules, day=MONDAY, past=[], expected_count=3.0 * len(arrivals))
    _, state = run_day(arrivals, begin_day(plan), rules, seed=5)
    for row in capacity_use(state, rules):
        assert row.used <= rules.capacity_of("A", row.lane, day=MONDAY, day_total=len(arrivals))
