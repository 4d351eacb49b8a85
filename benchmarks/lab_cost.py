"""What a simulated week costs: against the public simulator at equal size, and as the world grows.

    .venv/bin/python benchmarks/lab_cost.py --data TRAIN.csv --out FOLDER [--strategies xgboost,basira] [--periods 6]
    .venv/bin/python benchmarks/lab_cost.py --scenario small --items 20000,60000,200000 --out FOLDER

Equal size: only items with a positive duty rate, 427 a week on KCS, which is what the public simulator kept
("about 430 items"; it drops items without tax). There a week of its boosted trees took 1.9 CPU seconds, of its DATE
52; the ratio says how many times less ours took. Medians over periods but the first, which also computes the
features of all earlier results; one thread; memory: the run's process at its highest. FOLDER keeps the periods.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from basira.laboratory.runs.many import Workers, run_all
from basira.laboratory.runs.plan import Plan

STRATEGIES = "random,xgboost,xgboost_published,xgboost_leaves_published,xgboost_our_features,basira"
PUBLISHED_TREES, PUBLISHED_DATE = 1.9, 52.0


def show(rows: pl.DataFrame, *, has_ratio: bool) -> None:
    costs = (
        rows.filter(pl.col("period") > 0)
        .group_by("strategy")
        .agg(
            pl.col(
                "rows", "choose_cpu_seconds", "fit_cpu_seconds", "features_cpu_seconds", "period_cpu_seconds"
            ).median(),
            pl.col("peak_memory_mb").max(),
        )
    )
    for row in costs.sort("period_cpu_seconds").iter_rows(named=True):
        ratio = ""
        if has_ratio:
            published, name = (PUBLISHED_DATE, "DATE") if "date" in row["strategy"] else (PUBLISHED_TREES, "trees")
            ratio = f"  {published / max(row['period_cpu_seconds'], 1e-3):6.1f} x less than the published {name}"
            if "date" not in row["strategy"]:
                ratio += f", {PUBLISHED_DATE / max(row['period_cpu_seconds'], 1e-3):7.1f} x less than DATE"
        print(
            f"  {row['strategy']:26} {row['rows']:6.0f} items  whole week {row['period_cpu_seconds']:6.2f} CPU s"
            f" (choosing {row['choose_cpu_seconds']:.2f}: learning {row['fit_cpu_seconds']:.2f}, features"
            f" {row['features_cpu_seconds']:.2f})  {row['peak_memory_mb']:5,} MB{ratio}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--scenario", default="")
    parser.add_argument("--items", default="20000,60000,200000")
    parser.add_argument("--start", default="2023-09-03")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--periods", type=int, default=6)
    given = parser.parse_args()
    names = given.strategies.split(",")
    if given.scenario:
        for items in (int(n) for n in given.items.split(",")):
            plan = Plan(given.scenario, rates=(0.05,), items=items, starts_on=given.start, periods=given.periods)
            rows = run_all(plan, names, [1], given.out / str(items), workers=Workers(jobs=1))
            print(f"{given.scenario}, {items:,} items", flush=True)
            show(rows.filter(pl.col("strategy").is_in(names)), has_ratio=False)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    data = given.out / "taxed.csv"
    frame = pl.read_csv(given.data, infer_schema=False)
    frame.filter(pl.col("Tax Rate").cast(pl.Float64) > 0).write_csv(data)
    plan = Plan(
        "kcs-taxed",
        rates=(0.1,),
        data=(str(data.resolve()),),
        mapping="kcs",
        starts_on="2020-07-01",
        periods=given.periods,
    )
    rows = run_all(plan, names, [1], given.out / "taxed", workers=Workers(jobs=1))
    print("KCS, items with a positive duty rate", flush=True)
    show(rows.filter(pl.col("strategy").is_in(names)), has_ratio=True)


if __name__ == "__main__":
    main()
