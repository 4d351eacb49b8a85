"""How often the intervals of `basira proof` cover the truth, and how wrong the naive figure is.

Three simulated trades (a good model, a weak one, rare fraud; amounts with heavy tails), each with a plain random
control and with the mixture of thirds. In every repetition controls of the same trade are drawn anew: the first 6 % in
the model's order, and the random control of 2 % beside it; a fifth is not carried out; results come late, those of
irregular declarations later; half-way another model takes over. The estimators are those of the product, with its
weights for late results and its shares carried out. Draws are independent here; the product draws fixed sizes, which
vary less.

    python benchmarks/proof_coverage.py --repetitions 500
    python benchmarks/proof_coverage.py --repetitions 100 --every-week

--every-week: the estimate to date is looked at each week, with the interval for every day and with that for one look;
a repetition is covered when all weeks are.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from basira.models.risk.delay import delay_weights
from basira.monitor.estimate import ESTIMATORS, Estimator, Sampled, estimate_total, level_for_every_day
from basira.monitor.response import response_chances

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Mean of the logit of fraud, its spread, the model's noise: before and after the replacement.
WORLDS = {"good": (-3.0, 1.6, 0.9, 0.4), "weak": (-3.0, 0.6, 1.8, 1.2), "rare": (-5.0, 1.5, 1.2, 0.7)}
DECLARATIONS, DAYS = 8_000, 90
TOP_SHARE, CONTROL_SHARE, CARRIED_OUT = 0.06, 0.02, 0.8
FLOOR = 0.3
EARLIER = 2_000  # results of before the period
MEAN_DELAY = {True: 20.0, False: 6.0}


@dataclass(frozen=True)
class Trade:
    """Declarations of a period: the truth, and what the models of the two halves gave."""

    day: NDArray[np.int64]
    is_irregular: Flags
    amount: Floats
    prior: Floats
    tax: Floats
    inclusion: Floats
    is_top: Flags


def make_trade(name: str, design: str, rng: np.random.Generator) -> Trade:
    """One trade with its chances of inspection."""
    middle, spread, before, after = WORLDS[name]
    logit = middle + spread * rng.normal(size=DECLARATIONS)
    irregular = rng.random(DECLARATIONS) < 1 / (1 + np.exp(-logit))
    day = np.sort(rng.integers(0, DAYS, DECLARATIONS))
    noise = np.where(day < DAYS // 2, before, after)
    prior = 1 / (1 + np.exp(-(logit + noise * rng.normal(size=DECLARATIONS))))
    prior = np.clip(prior * irregular.mean() / prior.mean(), 1e-4, 0.99)
    tax = np.exp(rng.normal(8, 1.3, size=DECLARATIONS))
    amount = np.where(irregular, tax * np.exp(rng.normal(-0.5, 0.8, size=DECLARATIONS)), 0.0)
    wanted = np.ones(DECLARATIONS)
    if design == "thirds":
        root = np.sqrt(prior)
        mixed = sum(part / part.mean() for part in (np.ones(DECLARATIONS), root, tax * root)) / 3
        wanted = FLOOR + (1 - FLOOR) * mixed
    inclusion = np.minimum(1.0, CONTROL_SHARE * wanted)
    is_top = np.zeros(DECLARATIONS, dtype=bool)
    is_top[np.argsort(-prior)[: int(TOP_SHARE * DECLARATIONS)]] = True
    inclusion[is_top] = 1.0
    return Trade(day, irregular, amount, prior, tax, inclusion, is_top)


def draw(trade: Trade, rng: np.random.Generator) -> tuple[Floats, Flags, Flags]:
    """One period as it might have gone: chances, whose result is known, who was selected."""
    drawn = _draw_results(trade, rng)
    return (*_known_at(trade, drawn, DAYS), drawn.selected)


@dataclass(frozen=True)
class Drawn:
    """Who was selected, which of these were carried out, and after how many days a result comes."""

    selected: Flags
    done: Flags
    delay: NDArray[np.int64]
    delay_before: NDArray[np.int64]


def _draw_results(trade: Trade, rng: np.random.Generator) -> Drawn:
    selected = rng.random(DECLARATIONS) < trade.inclusion
    done = selected & (rng.random(DECLARATIONS) < CARRIED_OUT)
    mean = np.where(trade.is_irregular, MEAN_DELAY[True], MEAN_DELAY[False])
    delay = np.floor(rng.exponential(mean)).astype(np.int64)
    # As the product does: delays are learned from the earlier history too, all of whose results are in.
    before = np.floor(rng.exponential(np.where(_EARLIER, MEAN_DELAY[True], MEAN_DELAY[False]))).astype(np.int64)
    return Drawn(selected, done, delay, before)


_EARLIER = np.arange(EARLIER) % 4 == 0


def _known_at(trade: Trade, drawn: Drawn, day: int) -> tuple[Floats, Flags]:
    """Chances and known results at the end of a day; rows of later days have neither."""
    age = day - trade.day
    known = drawn.done & (drawn.delay <= age)
    late = np.ones(DECLARATIONS)
    late[known] = delay_weights(
        np.concatenate([np.full(EARLIER, 365), age[known]]),
        np.concatenate([drawn.delay_before, drawn.delay[known]]),
        np.concatenate([_EARLIER, trade.is_irregular[known]]),
    )[EARLIER:]
    source, there = np.where(trade.is_top, 1, 0), trade.day < day
    chance = np.ones(DECLARATIONS)
    chance[there] = response_chances(
        trade.inclusion[there], source[there], drawn.selected[there], known[there], late=late[there]
    ).chance
    return chance, known


def cover_weeks(name: str, design: str, *, repetitions: int, seed: int) -> list[dict[str, object]]:
    """How often every week's interval covers the total to date, from the third week on."""
    trade = make_trade(name, design, np.random.default_rng([seed, *name.encode()]))
    rng = np.random.default_rng([seed, *design.encode()])
    values = {"rate": trade.is_irregular.astype(np.float64), "gap": trade.amount}
    stakes = {"rate": np.ones(DECLARATIONS), "gap": trade.tax * 0.6}
    missed: dict[tuple[str, str], int] = dict.fromkeys(((m, w) for m in values for w in ("always", "once")), 0)
    widths: dict[str, list[float]] = {measure: [] for measure in values}
    for _ in range(repetitions):
        drawn = _draw_results(trade, rng)
        ever: set[tuple[str, str]] = set()
        for day in range(21, DAYS + 1, 7):
            chance, known = _known_at(trade, drawn, day)
            there = trade.day < day
            for measure, value in values.items():
                whole = Sampled(chance, known, value, trade.prior, stakes[measure]).select(there)
                truth = float(value[there].sum())
                for which, level in (("always", level_for_every_day(day / 365)), ("once", 0.95)):
                    one = estimate_total(whole, level=level)
                    if one is None or not one.low <= truth <= one.high:
                        ever.add((measure, which))
                    if one is not None and which == "always" and day > DAYS - 7:
                        widths[measure].append((one.high - one.low) / truth)
        for key in ever:
            missed[key] += 1
    return [
        {
            "world": name,
            "design": design,
            "measure": measure,
            "interval": which,
            "covered_every_week": round(1 - count / repetitions, 3),
            "width_at_the_end": round(float(np.mean(widths[measure])), 2) if which == "always" else None,
        }
        for (measure, which), count in missed.items()
    ]


def cover(name: str, design: str, *, repetitions: int, seed: int) -> list[dict[str, object]]:
    """Coverage of each estimator in one trade."""
    trade = make_trade(name, design, np.random.default_rng([seed, *name.encode()]))
    rng = np.random.default_rng([seed, *design.encode()])
    truth = {"rate": float(trade.is_irregular.sum()), "gap": float(trade.amount.sum())}
    values = {"rate": trade.is_irregular.astype(np.float64), "gap": trade.amount}
    stakes = {"rate": np.ones(DECLARATIONS), "gap": trade.tax * 0.6}
    tally: dict[tuple[str, Estimator], list[tuple[bool, bool, float, bool, float]]] = {}
    naive: list[float] = []
    for _ in range(repetitions):
        chance, known, _ = draw(trade, rng)
        naive.append(float(trade.is_irregular[known].mean()))
        for measure, total in truth.items():
            sampled = Sampled(chance, known, values[measure], trade.prior, stakes[measure])
            for estimator in ESTIMATORS:
                one = estimate_total(sampled, estimator)
                if one is not None:
                    plain = abs(one.total - total) <= 1.959964 * one.error
                    row = (total < one.low, total > one.high, (one.high - one.low) / total, plain, one.total / total)
                    tally.setdefault((measure, estimator), []).append(row)
    rate = truth["rate"] / DECLARATIONS
    return [
        {
            "world": name,
            "design": design,
            "measure": measure,
            "estimator": estimator,
            "covered": round(1 - float(np.mean([a or b for a, b, *_ in rows])), 3),
            "below": round(float(np.mean([a for a, *_ in rows])), 3),
            "above": round(float(np.mean([b for _, b, *_ in rows])), 3),
            "normal_covered": round(float(np.mean([p for *_, p, _ in rows])), 3),
            "width": round(float(np.mean([w for _, _, w, *_ in rows])), 2),
            "mean_ratio": round(float(np.mean([r for *_, r in rows])), 3),
            "naive_rate_ratio": round(float(np.mean(naive)) / rate, 2),
        }
        for (measure, estimator), rows in tally.items()
    ]


def main() -> None:
    """Run all worlds and designs; print one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-week", action="store_true")
    given = parser.parse_args()
    begun = time.process_time()
    for name in WORLDS:
        for design in ("plain", "thirds"):
            for row in (cover_weeks if given.every_week else cover)(
                name, design, repetitions=given.repetitions, seed=given.seed
            ):
                print(json.dumps(row), flush=True)
    print(json.dumps({"cpu_seconds": round(time.process_time() - begun, 1)}))


if __name__ == "__main__":
    main()
