"""Online selection on 60 simulated days, beside the batch allocation; and the time of one decision.

Run: .venv/bin/python benchmarks/online_selection.py [DAYS] [DECLARATIONS_A_DAY]

Days: ordinary, with a burst, quiet, busy, with a forecast three times too high or too low, ending at 13 h; scores that
drift and double half-way. Everything is simulated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import date

import numpy as np

from basira.laboratory.online_trial import WEEKDAY_VOLUME, Trial, TrialDay, run_day, run_trial, simulate_day
from basira.schema.shipped import shipped
from basira.selection import Policy, load_policy
from basira.selection.online.decide import decide_online
from basira.selection.online.forecast import plan_day
from basira.selection.online.state import begin_day, read_state
from basira.selection.online.tally import Tally

MONDAY = date(2021, 3, 1)
SEED = 11


def with_counts(policy: Policy, mean_count: float) -> Policy:
    """The policy with fixed teams: the capacity of a mean day of that weekday, whatever arrives."""

    def entry(volume: float, *weekdays: str) -> dict[str, object]:
        count = round(mean_count * volume)
        lanes = {
            lane.id: {"count": policy.capacity_of("A", lane.id, day=MONDAY, day_total=count)}
            for lane in policy.lanes
            if lane.inspects
        }
        return {"office": "*", "weekdays": weekdays, "lanes": lanes}

    saturday, sunday = WEEKDAY_VOLUME[5:]
    capacity = [entry(1.0), entry(saturday, "saturday"), entry(sunday, "sunday")]
    return Policy.model_validate(policy.model_dump() | {"capacity": capacity})


def report(name: str, days: Sequence[TrialDay]) -> None:
    share = np.array([day.value / day.optimum_value for day in days if day.optimum_value > 0])
    of_batch = np.array([day.value / day.batch_value for day in days if day.batch_value > 0])
    used, batch_used = (sum(getattr(day, name) for day in days) for name in ("used", "batch_used"))
    spread = ", ".join(f"{q:.0%} {np.quantile(share, q):.3f}" for q in (0, 0.05, 0.25, 0.5, 0.75, 1))
    print(f"{name}: {len(days)} days, {sum(day.count for day in days):,} declarations")
    print(f"  capacity kept on {sum(day.is_kept for day in days)} of {len(days)} days")
    print(f"  within what the policy gives for the declarations that came: {sum(d.is_within_share for d in days)}")
    print(f"  places used {used:,}, by the batch {batch_used:,}: {used / batch_used:.3f}")
    print(f"  revenue, share of the optimum without random control: mean {share.mean():.3f}; quantiles {spread}")
    print(
        f"  revenue, share of the batch under the same policy: mean {of_batch.mean():.3f}; "
        f"median {np.median(of_batch):.3f}, 5 % {np.quantile(of_batch, 0.05):.3f}, lowest {of_batch.min():.3f}"
    )
    print(f"  all days together: {sum(d.value for d in days) / sum(d.optimum_value for d in days):.3f}")
    drawn, pool = sum(day.random_count for day in days), sum(day.pool_count for day in days)
    print(f"  random control: {drawn} of {pool:,} = {drawn / pool:.4f}")
    print(
        f"  impossible to inspect, no place being left: {sum(day.impossible_count for day in days) / pool:.4f} of them"
    )
    print(f"  inspected {used:,}; sum of stated probabilities {sum(day.stated for day in days):,.1f}")
    for kind in dict.fromkeys(day.kind for day in days):
        chosen = [day for day in days if day.kind == kind]
        mean = np.mean([day.value / day.batch_value for day in chosen if day.batch_value > 0])
        use = sum(day.used for day in chosen) / max(1, sum(day.batch_used for day in chosen))
        print(f"    {kind:17} {len(chosen):3} days: revenue {mean:.3f}, places used {use:.3f}")


def speed(policy: Policy, mean_count: float) -> None:
    past: list[tuple[date, Tally]] = []
    for number in range(1, 15):
        day = date.fromordinal(MONDAY.toordinal() - 15 + number)
        arrivals = simulate_day("A", day=day, kind="ordinary", mean_count=mean_count, seed=SEED)
        plan = plan_day("A", policy, day=day, past=past)
        past.append((day, run_day(arrivals, begin_day(plan), policy, seed=SEED)[1].today))
    arrivals = simulate_day("A", day=MONDAY, kind="ordinary", mean_count=mean_count, seed=SEED)
    state = begin_day(plan_day("A", policy, day=MONDAY, past=past))
    decide, write, read = [], [], []
    for arrival in arrivals:
        begun = time.perf_counter_ns()
        _, after = decide_online(arrival.candidate, state, policy, moment=arrival.moment, seed=SEED)
        decided = time.perf_counter_ns()
        text = after.to_json()
        written = time.perf_counter_ns()
        state = read_state(text, state.plan)
        decide.append(decided - begun)
        write.append(written - decided)
        read.append(time.perf_counter_ns() - written)
    for what, spent in (("decide", decide), ("write the state", write), ("read the state", read)):
        middle, high = np.quantile(spent, [0.5, 0.99]) / 1000
        print(f"  {what}: median {middle:.0f} µs, 99 % {high:.0f} µs")
    print(f"  state at the end of a day of {len(arrivals):,}: {len(text):,} bytes")


def main(days: int, mean_count: float) -> None:
    for name in ("morocco", "example"):
        policy = load_policy(shipped("policies") / name, MONDAY)
        for form, rules in (("shares of the day", policy), ("fixed counts", with_counts(policy, mean_count))):
            results = run_trial(rules, Trial(office="A", first=MONDAY, days=days, mean_count=mean_count, seed=SEED))
            report(f"policies/{name}, capacity as {form}", results)
    print("time of one decision")
    speed(load_policy(shipped("policies") / "morocco", MONDAY), 1000)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, float(sys.argv[2]) if len(sys.argv) > 2 else 400)
