"""The published strategies on a static split of KCS: learn from one file, rank the next quarter.

    .venv/bin/python benchmarks/lab_static.py --train TRAIN.csv --test VALID.csv

Prints precision in the first 10 % for the strategies that learn from declared columns: what the laboratory's
re-implementations are held against before they enter a loop.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import polars as pl

from basira.laboratory.ledger import Ledger
from basira.laboratory.plan import Plan
from basira.laboratory.replay import ReplayWorld
from basira.laboratory.strategies import find_strategy
from basira.laboratory.view import View
from basira.storage.engine import open_engine

STRATEGIES = ("xgboost", "xgboost_codes", "xgboost_leaves", "logistic_regression", "risk_profile")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    given = parser.parse_args()
    first = str(pl.read_csv(given.test, columns=["Date"])["Date"].min())
    plan = Plan(
        "kcs", rates=(0.1,), data=(str(given.train), str(given.test)), mapping="kcs", starts_on=first, periods=1,
        period_days=365,
    )  # fmt: skip
    world = ReplayWorld(plan)
    with tempfile.TemporaryDirectory() as folder, open_engine(threads=1, scratch=Path(folder)) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis=world.revenue_basis)
        ledger.add(world.opening_items, world.opening_outcomes)
        ledger.add(world.waiting)
        days = {"first_day": world.first_day, "last_day": world.last_day}
        items = ledger.items(**days)
        view = View(0, world.first_day, len(items) // 10, 1, items, ledger.at(**days))
        chosen = {name: find_strategy(name).choose(view).ids for name in STRATEGIES}
    truth = world.inspect(()).truth
    for name, ids in chosen.items():
        found = truth.filter(pl.col("item_id").is_in(list(ids)))["is_irregular"]
        print(f"{name:22} {len(items):,} items, precision in the first 10 %: {found.mean():.3f}")


if __name__ == "__main__":
    main()
