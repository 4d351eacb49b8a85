"""The public protocol on KCS, in our loop: 26 weeks from 2020-07-01, 10 % inspected, trained on all before.

    .venv/bin/python benchmarks/lab_kcs.py --data TRAIN.csv --out FOLDER [--strategies random,basira] [--seeds 1]

Prints one line a strategy: precision, share of what 10 % could find at most, revenue (declared duties of
irregular items) in the same form, CPU seconds a week to learn and to choose. By default every strategy whose
libraries are installed. FOLDER keeps the periods: the same command goes on where it stopped.
``--taxed`` keeps only items with a positive duty rate, 427 a week: what the public simulator kept ("about 430
items a week"; it drops items without tax).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from basira.laboratory.deep.extra import is_installed
from basira.laboratory.report.figures import summary
from basira.laboratory.runs.many import Workers, run_all
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import STRATEGIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--strategies", default=",".join(s.name for s in STRATEGIES if is_installed(s.needs)))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--periods", type=int, default=26)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--taxed", action="store_true")
    given = parser.parse_args()
    data = given.data
    if given.taxed:
        data = given.out.with_name(given.out.name + "-taxed.csv")
        frame = pl.read_csv(given.data, infer_schema=False)
        frame.filter(pl.col("Tax Rate").cast(pl.Float64) > 0).write_csv(data)
    plan = Plan(
        "kcs",
        rates=(0.1,),
        data=(str(data.resolve()),),
        mapping="kcs",
        starts_on="2020-07-01",
        periods=given.periods,
    )
    seeds = [int(s) for s in given.seeds.split(",")]
    rows = run_all(plan, given.strategies.split(","), seeds, given.out, workers=Workers(jobs=given.jobs))
    for row in summary(rows).iter_rows(named=True):
        print(
            f"{row['strategy']:22} precision {row['precision']:.3f}  found {row['normalised_found']:.3f}  "
            f"revenue {row['normalised_revenue']:.3f}  CPU s {row['choose_cpu_seconds']:.2f} "
            f"(learning {row['fit_cpu_seconds']:.2f})"
        )


if __name__ == "__main__":
    main()
