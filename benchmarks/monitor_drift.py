"""How soon the monitor notices a change, and how often it is wrong, in simulated worlds.

Each world of eighteen months: half a year teaches a model (boosted trees on what an honest inspection would have
found, and on what it would have found of the same trader in the months before), the year after it is watched, every
evening. Each day the first 6 % in the model's order are inspected and 2 % at random; a result is what an honest
inspection finds, comes after the simulator's delays, and 7 % never come. The monitor sees what it sees in a store: the
same SQL counts the declarations, the same code the results.

- same: `drift` without its waves of fraud and its changes of rates; seasons, growth, spells of fraud remain.
- drift, new-fraud: as shipped; what begins within the watched year is a change (waves at their first day).
- silent-office, slow-results, no-origin: `same` with a fault of recording from a day on: the largest office but one
  sends no more results; all results take 2.5 times as long; a third of origins are left out.
- new-prices: `same` with half of the codes declared by 30 % more a kg from a day on, honestly: a change of trade.

    python benchmarks/monitor_drift.py [--worlds same drift ...] [--seeds 1 2 3] [--items 300000]

Prints a JSON object for each world and seed (changes with the days until they were noticed by a watch of the right
kind; all alarms by kind and watch; what the alarms said together then), and the sums by world at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before the booster is loaded

import lightgbm
import numpy as np
import polars as pl

from basira.country import load_scenario, make_world
from basira.monitor.drift import Alarm, Facts, read_together, watch_drift
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.days import date_of, day_of
from basira.storage.engine import open_engine
from basira.workflows.monitor.facts import count_items, join_results

LEARNED_DAYS = 181
TOP_SHARE, CONTROL_SHARE, UNRECORDED = 0.06, 0.02, 0.07
DELAYS = {False: 3.0, True: 18.0}
SPREAD = 0.9
FAULT_AFTER = 200  # days of the watched year
FAULTS = ("silent-office", "slow-results", "no-origin", "new-prices")
WORLDS = ("same", "drift", "new-fraud", *FAULTS)
Watched = tuple[tuple[str, str, str], ...]  # watch, label ("" any), side ("" both)
KIND_OF = {
    **{"undervaluation": "value", "misclassification": "classification", "false_origin": "origin"},
    "quantity": "quantity",
}
FAULTY: dict[str, tuple[str, Watched]] = {
    "silent-office": ("recording", (("results_by_office", "", "low"), ("results_soon", "", "low"))),
    "slow-results": ("recording", (("results_by_office", "", "low"), ("results_soon", "", "low"))),
    "no-origin": ("recording", (("missing", "origin_country", "high"),)),
    "new-prices": ("trade", (("price", "", "high"),)),
}


@dataclass(frozen=True)
class Event:
    """A change that is known to begin on a day. ``about``: the kind of alarm that is right; ``watches``: those that may
    have noticed it."""

    name: str
    about: str
    day: int
    watches: Watched

    def is_noticed_by(self, alarm: Alarm) -> bool:
        """Whether the alarm is of this change: of its watch, after it, and said to have begun about then."""
        named = any(
            alarm.watch == watch and label in ("", alarm.label) and side in ("", alarm.change.side)
            for watch, label, side in self.watches
        )
        return named and alarm.change.noticed >= self.day and alarm.change.since >= self.day - 45


def fraud_watches(scheme: str) -> Watched:
    """Those that a wave of a scheme may move: its kind among findings, and more findings than before or expected."""
    more = ("hits_random", "hits_soon", "calibration_random", "calibration_model")
    return (("kind", KIND_OF[scheme], "high"), *((name, "", "high") for name in more))


def make(name: str, items: int, seed: int) -> tuple[pl.DataFrame, list[Event], int]:
    """The items of a world with their truth, what changes in it, and the first day watched."""
    shipped = "drift" if name == "same" or name in FAULTS else name
    changes: dict[str, object] = {"items": items}
    if name == "same" or name in FAULTS:
        changes |= {"waves": [], "rate_changes": []}
    scenario = load_scenario(shipped, changes=changes)
    with tempfile.TemporaryDirectory() as folder:
        make_world(scenario, seed=seed, out=Path(folder) / "w")
        declared = pl.read_parquet(Path(folder) / "w/declarations/*.parquet")
        truth = pl.read_parquet(Path(folder) / "w/truth/*.parquet").drop("declared_at")
    table = declared.join(truth, on=("declaration_id", "item_number")).with_columns(
        pl.col("declared_at").dt.date().to_physical().alias("declared_day"), pl.lit(1).alias("declaration_version")
    )
    begin = day_of(scenario.starts_on) + LEARNED_DAYS
    events = [Event(one.name, "fraud", day_of(one.starts_on), fraud_watches(one.scheme)) for one in scenario.waves]
    events += [
        Event(f"rates {'/'.join(one.chapters)}", "trade", day_of(one.on), (("other_rate", "", ""),))
        for one in scenario.rate_changes
    ]
    if name in FAULTS:
        events = [Event(name, FAULTY[name][0], begin + FAULT_AFTER, FAULTY[name][1])]
    return table, [one for one in events if one.day > begin + 45], begin


def recent_hits(wide: pl.DataFrame, entity: str) -> pl.DataFrame:
    """Of an entity in a month of thirty days: the share with a finding in the four before the last one."""
    counts = wide.group_by(entity, "month").agg(pl.col("is_detectable").sum().alias("hits"), pl.len().alias("all"))
    parts = [counts.with_columns(pl.col("month") + back) for back in (2, 3, 4, 5)]
    before = pl.concat(parts).group_by(entity, "month").agg(pl.col("hits").sum(), pl.col("all").sum())
    return before.select(entity, "month", (pl.col("hits") / (pl.col("all") + 20)).alias(f"{entity}_hits"))


def score(table: pl.DataFrame, begin: int) -> pl.DataFrame:
    """One row a declaration: what it is, whether an inspection finds something, the model's probability."""
    first = table.filter(pl.col("declared_day") < begin)
    price = (pl.col("customs_value_amount") / pl.col("net_mass_kg")).log()
    usual = first.group_by("commodity_code").agg(price.median().alias("usual"))
    wide = table.with_columns(price.alias("price"), (pl.col("declared_day") // 30).alias("month"))
    wide = wide.join(usual, on="commodity_code", how="left")
    for entity in ("importer_id", "declarant_id", "commodity_code", "origin_country"):
        wide = wide.join(recent_hits(wide, entity), on=(entity, "month"), how="left")
    features = {
        "cheap": (pl.col("price") - pl.col("usual")).min(),
        "importer": pl.col("importer_id_hits").max(),
        "agent": pl.col("declarant_id_hits").max(),
        "code": pl.col("commodity_code_hits").max(),
        "origin": pl.col("origin_country_hits").max(),
        "duty": pl.col("duty_rate").max(),
        "value": pl.col("customs_value_amount").sum().log(),
        "prefers": pl.col("preference").is_not_null().any().cast(pl.Int8),
        "items": pl.len(),
    }
    one = (
        wide.group_by("declaration_id")
        .agg(
            pl.col("declared_day").first().cast(pl.Int32).alias("day"),
            pl.col("office").first(),
            pl.col("is_detectable").any().alias("truth"),
            *(
                (pl.col("is_detectable") & (pl.col("kind") == kind)).any().alias(f"kind_{kind}")
                for kind in IRREGULARITY_KINDS
            ),
            *(expression.alias(name) for name, expression in features.items()),
        )
        .sort("day", "declaration_id")
    )
    x, y = one.select(list(features)).to_numpy().astype(float), one["truth"].to_numpy()
    day = one["day"].to_numpy()
    learn, check = (day >= begin - 90) & (day < begin - 30), (day >= begin - 30) & (day < begin)
    model = lightgbm.LGBMClassifier(
        n_estimators=120, num_leaves=15, learning_rate=0.06, min_child_samples=60, n_jobs=1, verbose=-1
    )
    chance = np.asarray(model.fit(x[learn], y[learn]).predict_proba(x))[:, 1]
    # The level is set on days that taught nothing.
    odds = chance / (1 - chance)
    low, high = 0.05, 20.0
    for _ in range(40):
        middle = (low * high) ** 0.5
        mean = (middle * odds[check] / (1 + middle * odds[check])).mean()
        low, high = (middle, high) if mean < y[check].mean() else (low, middle)
    chance = low * odds / (1 + low * odds)
    return one.drop(list(features)).with_columns(pl.Series("fraud_probability", chance)).filter(pl.col("day") >= begin)


def carry_out(scored: pl.DataFrame, name: str, fault: int, rng: np.random.Generator) -> pl.DataFrame:
    """Select each day, inspect, let the results come."""
    n = scored.height
    rank = scored.select((pl.col("fraud_probability").rank(descending=True) / pl.len()).over("day")).to_series()
    top = rank.to_numpy() <= TOP_SHARE
    drawn = ~top & (rng.random(n) < CONTROL_SHARE)
    selected = top | drawn
    truth, day = scored["truth"].to_numpy(), scored["day"].to_numpy()
    delay = np.where(truth, DELAYS[True], DELAYS[False]) * np.exp(SPREAD * rng.normal(size=n))
    comes = selected & (rng.random(n) >= UNRECORDED)
    if name == "slow-results":
        delay = np.where(day >= fault, 2.5 * delay, delay)
    if name == "silent-office":
        office = scored["office"].value_counts(sort=True)["office"][1]
        comes &= ~((scored["office"] == office).to_numpy() & (day >= fault))
    known = pl.Series((day + 1 + delay).astype(np.int32))
    decided = scored.drop("truth", *(f"kind_{kind}" for kind in IRREGULARITY_KINDS)).with_columns(
        pl.Series("basis", np.where(top, "model", np.where(drawn, "random", "none"))),
        pl.Series("is_selected", selected),
        pl.lit("m").alias("model_version"),
    )
    results = scored.select(
        "declaration_id",
        known.alias("row_day"),
        known.alias("known_day"),
        pl.when("truth").then(known).alias("irregular_day"),
        *(f"kind_{kind}" for kind in IRREGULARITY_KINDS),
    ).filter(pl.Series(comes))
    return join_results(decided, results)


def spoil(table: pl.DataFrame, name: str, fault: int, rng: np.random.Generator) -> pl.DataFrame:
    """What a fault of recording, or a change of trade, makes of the declarations."""
    later = pl.col("declared_day") >= fault
    if name == "no-origin":
        lost = later & pl.Series(rng.random(table.height) < 1 / 3)
        return table.with_columns(pl.when(lost).then(None).otherwise("origin_country").alias("origin_country"))
    if name == "new-prices":
        codes = table["commodity_code"].unique().sort()
        dear = codes.filter(pl.Series(rng.random(len(codes)) < 0.5)).to_list()
        raised = later & pl.col("commodity_code").is_in(dear)
        value = pl.when(raised).then(pl.col("customs_value_amount") * 1.3).otherwise("customs_value_amount")
        return table.with_columns(value.alias("customs_value_amount"))
    return table


@dataclass(frozen=True)
class Noticed:
    """``days``: until the first alarm of the change, None: none. ``reading``: what all alarms said together then."""

    change: str
    days: int | None
    by: str
    reading: str


@dataclass(frozen=True)
class Outcome:
    """``quiet_days``: watched before anything changed; ``false``: alarms in them, by kind and watch."""

    world: str
    seed: int
    quiet_days: int
    false: dict[str, int]
    noticed: tuple[Noticed, ...]
    alarms: tuple[str, ...]
    watches: int
    cpu_seconds: float


def run(name: str, items: int, seed: int) -> Outcome:
    """One world, watched to its end."""
    rng = np.random.default_rng([seed, *name.encode()])
    table, events, begin = make(name, items, seed)
    table = spoil(table, name, begin + FAULT_AFTER, rng)
    decided = carry_out(score(table, begin), name, begin + FAULT_AFTER, rng)
    last = int(decided["day"].to_numpy().max())
    with open_engine(threads=1) as con:
        con.register("items", table.to_arrow())
        mixes, levels = count_items(con, {"first": begin, "last": last})
    began = time.process_time()
    drift = watch_drift(Facts(mixes, levels, decided), as_of=last)
    seconds = time.process_time() - began
    alarms = sorted((one for watch in drift.watches for one in watch.alarms), key=lambda one: one.change.noticed)
    changed = min((event.day for event in events), default=last)
    false = Counter(f"{one.about} {one.watch} {one.label}".strip() for one in alarms if one.change.noticed < changed)
    return Outcome(
        world=name,
        seed=seed,
        quiet_days=changed - begin,
        false=dict(false),
        noticed=tuple(_notice(event, alarms) for event in events),
        alarms=tuple(_line(one) for one in alarms),
        watches=len(drift.watches),
        cpu_seconds=round(seconds, 2),
    )


def _notice(event: Event, alarms: list[Alarm]) -> Noticed:
    first = next((one for one in alarms if event.is_noticed_by(one)), None)
    if first is None:
        return Noticed(event.name, None, "", "")
    at = first.change.noticed
    reading = read_together(one.about for one in alarms if at - 60 < one.change.noticed <= at)
    return Noticed(event.name, at - event.day, f"{first.watch} {first.label}".strip(), reading)


def _line(alarm: Alarm) -> str:
    change = alarm.change
    days = f"{date_of(change.since)}>{date_of(change.noticed)}"
    return f"{alarm.about} {alarm.watch} {alarm.label} {change.side} {days} {change.before:.3f}>{change.after:.3f}"


def sum_up(name: str, found: list[Outcome]) -> dict[str, object]:
    """The outcomes of a world's seeds together."""
    days = sum(one.quiet_days for one in found)
    false: Counter[str] = Counter()
    for one in found:
        for key, count in one.false.items():
            false[key.split()[0]] += count
    noticed = [one for outcome in found for one in outcome.noticed]
    return {
        "world": name,
        "seeds": len(found),
        "quiet_days": days,
        "false_alarms_a_year": {
            key: round(365 * n / days, 2) for key, n in (false + Counter(all=false.total())).items()
        },
        "noticed": f"{sum(one.days is not None for one in noticed)} of {len(noticed)}",
        "days": {one.change: [other.days for other in noticed if other.change == one.change] for one in noticed},
        "readings": dict(Counter(one.reading for one in noticed)),
    }


def main() -> None:
    """Run the worlds; sums at the end of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--items", type=int, default=300_000)
    given = parser.parse_args()
    for name in given.worlds:
        found = []
        for seed in given.seeds:
            found.append(run(name, given.items, seed))
            print(json.dumps(asdict(found[-1])), flush=True)
        print(json.dumps(sum_up(name, found)), flush=True)


if __name__ == "__main__":
    main()
