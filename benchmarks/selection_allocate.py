"""CPU time of `allocate` on a simulated day: 100,000 declarations, 30 offices, the shipped policies.

Run: .venv/bin/python benchmarks/selection_allocate.py [DECLARATIONS] [OFFICES]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import date

import numpy as np

from basira.schema.records import Candidate
from basira.schema.shipped import shipped
from basira.selection import load_policy
from basira.selection.batch.allocate import allocate

MONDAY = date(2021, 1, 4)


def simulated_day(declarations: int, offices: int, *, seed: int = 1) -> list[Candidate]:
    """A simulated day: one declaration in a hundred without a score, one in ten by an authorised operator."""
    chance = np.random.default_rng(seed)
    office = chance.integers(offices, size=declarations)
    code = chance.integers(10**9, 10**10, size=declarations)
    probability, revenue = chance.beta(0.3, 6, declarations), chance.lognormal(6, 2, declarations)
    unscored, oea = chance.random(declarations) < 0.01, chance.random(declarations) < 0.1
    return [
        Candidate(
            f"D{i:07d}",
            1,
            f"OFFICE-{office[i]:02d}",
            None if unscored[i] else float(probability[i]),
            None if unscored[i] else float(revenue[i] * probability[i]),
            bool(oea[i]),
            {"commodity_code": (str(code[i]),)},
        )
        for i in range(declarations)
    ]


def main(declarations: int, offices: int) -> None:
    candidates = simulated_day(declarations, offices)
    for name in ("morocco", "example"):
        policy = load_policy(shipped("policies") / name, MONDAY)
        begun = time.process_time()
        allocation = allocate(candidates, policy, day=MONDAY, seed=7)
        spent = time.process_time() - begun
        inspected = sum(policy.lane(s.lane).inspects for s in allocation.selections)
        stated = sum(s.inclusion_probability for s in allocation.selections)
        print(f"{name}: {declarations:,} declarations, {offices} offices: {spent:.2f} CPU-s")
        print(f"  inspected {inspected:,}; sum of inclusion probabilities {stated:,.6f}")
        print(" ", dict(sorted(Counter((s.lane, s.basis) for s in allocation.selections).items())))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 30)
