"""Ways of learning on one day, tried in seconds: what the following weeks hold, found in the first 5 and 10 %.

    .venv/bin/python benchmarks/lab_offline.py [--scenarios drift,cold-start] [--seeds 11,12] [--weeks 16]
        [--items 80000] [--after 8]

A world runs under its legacy selectivity up to the first period, and for ``--after`` weeks more with `basira`
choosing 10 %. Each way learns once, from what is known then, and ranks the items of each following week, in which
nothing is inspected. Counted is what is truly irregular and truly evaded in the first 5 and 10 %. Prints ratios to
the published trees on our features: geometric means over worlds and seeds, and their standard error. For trying a
way before it goes through the loop (docs/explanation/targeting-research.md); the loop is what counts. Simulated data.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies import comparators as ours_comparators
from basira.laboratory.strategies.ceiling import tell
from basira.laboratory.strategies.ours import order_by
from basira.laboratory.strategies.registry import find_strategy
from basira.laboratory.strategies.scored import learn_xgboost_our_features
from basira.laboratory.strategies.weekly_model import judge
from basira.laboratory.worlds.ledger import KnownAt, Ledger
from basira.laboratory.worlds.live import CountryWorld
from basira.laboratory.worlds.view import Knowledge, View
from basira.models.risk.fit import TrainingItems
from basira.storage.engine import open_engine

Floats = NDArray[np.float64]
RATES = (0.05, 0.1)


@dataclass(frozen=True)
class Snapshot:
    """What was known the day before the first week, and the items of all following weeks."""

    known: Knowledge
    trained: TrainingItems
    planted: TrainingItems
    later: pl.DataFrame

    def labelled(self) -> pl.DataFrame:
        return self.known.labelled()

    def declared(self) -> pl.DataFrame:
        return self.known.declared()

    def training(self) -> TrainingItems:
        return self.trained

    def training_with_planted(self) -> TrainingItems:
        return self.planted

    def features(self) -> pl.DataFrame:
        return self.later


WAYS: dict[str, Callable[[View], Floats]] = {
    "xgboost_our_features": lambda v: learn_xgboost_our_features(v)(v),
    "xgboost_our_features_revenue": lambda v: ours_comparators.learn_revenue(v)(v),
    "basira, by probability": lambda v: judge(v).probability,
    "basira": lambda v: order_by(judge(v), "balanced"),
    "basira_revenue": lambda v: order_by(judge(v), "revenue"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", default="drift,cold-start,new-fraud,morocco-like")
    parser.add_argument("--seeds", default="11,12,13")
    parser.add_argument("--weeks", type=int, default=16)
    parser.add_argument("--items", type=int, default=80_000)
    parser.add_argument("--after", type=int, default=0)
    given = parser.parse_args()
    found: dict[str, list[Floats]] = {}
    cpu: dict[str, list[float]] = {}
    for scenario in given.scenarios.split(","):
        for seed in map(int, given.seeds.split(",")):
            view, told, weeks, truth = _snapshot(scenario, seed, given.items, given.weeks, given.after)
            known = view.knowledge.training()
            print(
                f"{scenario} {seed}: {len(known.is_irregular)} results, {known.is_irregular.sum()} irregular",
                flush=True,
            )
            for name, way in (*WAYS.items(), ("with every true label", WAYS["basira"])):
                started = time.process_time()
                score = way(told if name.startswith("with every") else view)
                cpu.setdefault(name, []).append(time.process_time() - started)
                found.setdefault(name, []).append(_found(score, weeks, truth))
    base = np.log(np.array(found["xgboost_our_features"]))
    print("| way | found 5 % | revenue 5 % | found 10 % | revenue 10 % | CPU s |\n|---|---|---|---|---|---|")
    for name, values in found.items():
        logs = np.log(np.maximum(np.array(values), 1e-9)) - base
        error = logs.std(axis=0, ddof=1) / len(logs) ** 0.5 if len(logs) > 1 else np.zeros(4)
        cells = (f"{np.exp(m):.2f} ± {e:.2f}" for m, e in zip(logs.mean(axis=0), error, strict=True))
        print(f"| {name} | {' | '.join(cells)} | {np.mean(cpu[name]):.2f} |")


def _snapshot(
    scenario: str, seed: int, items: int, weeks: int, after: int
) -> tuple[View, View, NDArray[np.int64], pl.DataFrame]:
    """The view of the day before the first week, the same for the ceiling, each later item's week, and its truth."""
    world = CountryWorld(Plan(scenario, rates=(0.1,), items=items, periods=weeks + after), seed)
    with open_engine(threads=1) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis="recorded")
        ledger.add(world.opening_items, world.opening_outcomes)
        first: KnownAt | None = None
        later, of_week, truth = [], [], []
        period = 0
        while not world.is_over:
            ledger.add(world.waiting)
            known = ledger.at(first_day=world.first_day, last_day=world.last_day)
            if period < after:
                now = ledger.items(first_day=world.first_day, last_day=world.last_day)
                chosen = find_strategy("basira").choose(View(period, world.first_day, len(now) // 10, seed, now, known))
                ledger.add(outcomes=world.inspect(chosen.ids).known)
                period += 1
                continue
            if first is None:
                first, first_day = known, world.first_day
                trained, planted = known.training(), known.training_with_planted()
                known.labelled()
                told = tell(known, world, "oracle").training()
            later.append(known.features())
            of_week.append(np.full(len(later[-1]), len(later), dtype=np.int64))
            result = world.inspect(())
            ledger.add(outcomes=result.known)
            truth.append(result.truth)
    assert first is not None
    features = pl.concat(later, how="vertical_relaxed")
    ids = features.select("item_id")
    right = ids.join(pl.concat(truth), on="item_id", how="left", maintain_order="left")
    view = View(0, first_day, 1, seed, ids, Snapshot(first, trained, planted, features))
    return view, View(0, first_day, 1, seed, ids, Snapshot(first, told, told, features)), np.concatenate(of_week), right


def _found(score: Floats, weeks: NDArray[np.int64], truth: pl.DataFrame) -> Floats:
    """Findings and revenue in the first 5 %, then in the first 10 % of each week, summed."""
    irregular, evaded = truth["is_irregular"].to_numpy().astype(float), truth["revenue"].to_numpy()
    sums = np.zeros((len(RATES), 2))
    for week in np.unique(weeks):
        rows = np.flatnonzero(weeks == week)
        order = rows[np.argsort(-score[rows], kind="stable")]
        for n, rate in enumerate(RATES):
            taken = order[: int(len(rows) * rate)]
            sums[n] += irregular[taken].sum(), evaded[taken].sum()
    return sums.ravel()


if __name__ == "__main__":
    main()
