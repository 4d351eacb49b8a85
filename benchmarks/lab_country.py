"""The two comparisons on the simulated country, and the ceiling.

    .venv/bin/python benchmarks/lab_country.py --out FOLDER [--scenarios drift,new-fraud] [--seeds 1,2,3]
        [--rates 0.05,0.1] [--strategies ...] [--items 80000] [--periods 8] [--only-read]

Published strategies as published; the same trees on our features; ours, and what its random control costs; a model
with every true label. FOLDER keeps every period, one folder a scenario and rate: the same command goes on where it
stopped, and ``--only-read`` prints what is there. Prints the findings and the revenue as shares of the most that as
many inspections could have found or brought, and the ratio of ``basira`` to each other strategy: the geometric mean
over seeds of ratios within a seed (same world, same weeks), with Student's 95 % interval on the logarithm. Simulated
data.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from basira.laboratory.report.figures import half_width
from basira.laboratory.runs.many import Workers, collect, run_all
from basira.laboratory.runs.plan import Plan

PUBLISHED = ("random", "risk_profile", "xgboost", "xgboost_published", "xgboost_revenue", "xgboost_log_revenue")
ON_OUR_FEATURES = ("xgboost_our_features", "xgboost_our_features_revenue", "xgboost_our_features_log_revenue")
OURS = ("basira", "basira_revenue")
WITHOUT_CONTROL = "basira_no_control"
CEILING = "oracle"
SCENARIOS = "drift,new-fraud,cold-start,morocco-like"
# A week of about 1,200 items in the first three, of about 420 in the last.
ITEMS = {"morocco-like": 100_000}
USUAL_ITEMS = 80_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenarios", default=SCENARIOS)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rates", default="0.05,0.1")
    parser.add_argument(
        "--strategies", default=",".join((*OURS, WITHOUT_CONTROL, *ON_OUR_FEATURES, *PUBLISHED, CEILING))
    )
    parser.add_argument("--items", type=int, default=None)
    parser.add_argument("--periods", type=int, default=8)
    parser.add_argument("--only-read", action="store_true")
    given = parser.parse_args()
    names, rates = given.strategies.split(","), [float(r) for r in given.rates.split(",")]
    seeds = [int(s) for s in given.seeds.split(",")]
    # Seed by seed: what is printed before the end is whole, only wider.
    for seed in [] if given.only_read else seeds:
        for scenario in given.scenarios.split(","):
            for rate in rates:
                items = given.items or ITEMS.get(scenario, USUAL_ITEMS)
                plan = Plan(scenario, rates=(rate,), items=items, periods=given.periods)
                run_all(plan, names, [seed], _folder(given.out, scenario, rate), workers=Workers(jobs=1))
                print(f"done: {scenario}, {rate:g}, seed {seed}", flush=True)
    every = []
    for rate in rates:
        for scenario in given.scenarios.split(","):
            folder = _folder(given.out, scenario, rate)
            if any(folder.glob("runs/*/*/period-*.json")):
                sums = _sums(collect(folder).filter(pl.col("seed").is_in(seeds)), given.periods)
                if sums.is_empty():
                    continue
                every.append(sums.with_columns(pl.format(scenario + " {}", "seed").alias("pair")))
                print(f"\n{scenario}, {rate:.0%} inspected")
                _print(every[-1])
        of_rate = [s for s in every if s["rate"][0] == rate]
        if len(of_rate) > 1:
            print(f"\nall worlds, {rate:.0%} inspected")
            _print(pl.concat(of_rate))


def _folder(out: Path, scenario: str, rate: float) -> Path:
    return out / f"{scenario}-{rate:g}"


def _sums(rows: pl.DataFrame, periods: int) -> pl.DataFrame:
    """One row per strategy and seed whose periods are all there."""
    columns = ("found", "best_found", "revenue", "best_revenue", "selected", "fallback")
    return (
        rows.group_by("strategy", "seed", "scenario", "rate")
        .agg(*(pl.col(c).sum() for c in columns), pl.col("choose_cpu_seconds").mean(), pl.len().alias("periods"))
        .filter(pl.col("periods") == periods)
        .sort("strategy", "seed")
    )


def _print(sums: pl.DataFrame) -> None:
    print("| strategy | found | revenue | CPU s a week | `basira` / it: found | revenue | pairs |")
    print("|---|---|---|---|---|---|---|")
    ours = sums.filter(pl.col("strategy") == "basira")
    for name in _in_order(sums):
        own = sums.filter(pl.col("strategy") == name)
        pairs = ours.join(own, on="pair", suffix="_other").sort("pair")
        ratios = ["" if name == "basira" else _ratio(pairs, what) for what in ("found", "revenue")]
        found = float((own["found"] / own["best_found"]).mean() or 0.0)  # type: ignore[arg-type]  # a mean of numbers
        revenue = float((own["revenue"] / own["best_revenue"]).mean() or 0.0)  # type: ignore[arg-type]  # likewise
        cpu = float(own["choose_cpu_seconds"].mean() or 0.0)  # type: ignore[arg-type]  # likewise
        drawn = int(own["fallback"].sum())
        note = f" ({drawn} weeks drawn)" if drawn else ""
        cells = (f"`{name}`{note}", f"{found:.3f}", f"{revenue:.3f}", f"{cpu:.2f}", *ratios, str(len(pairs)))
        print(f"| {' | '.join(cells)} |")


def _ratio(pairs: pl.DataFrame, what: str) -> str:
    """Geometric mean of ours / theirs over pairs, and its interval; the ratio of means where a share is zero.

    Of shares of what there was to find: a strategy that deters leaves less of it than one that does not.
    """
    above, below = (
        (pairs[f"{what}{end}"] / pairs[f"best_{what}{end}"]).to_numpy().astype(float) for end in ("", "_other")
    )
    if len(pairs) == 0 or above.sum() == 0 or below.sum() == 0:
        return ""
    if min(above.min(), below.min()) <= 0:
        return f"{above.sum() / below.sum():.2f} (of means)"
    logs = np.log(above / below)
    half = half_width(logs)
    middle = np.exp(logs.mean())
    if half is None:
        return f"**{middle:.2f}**"
    return f"**{middle:.2f}** [{np.exp(logs.mean() - half):.2f}, {np.exp(logs.mean() + half):.2f}]"


def _in_order(sums: pl.DataFrame) -> Sequence[str]:
    present = set(sums["strategy"].to_list())
    usual = [n for n in (*OURS, WITHOUT_CONTROL, *ON_OUR_FEATURES, *PUBLISHED, CEILING) if n in present]
    return usual + sorted(present - set(usual))


if __name__ == "__main__":
    main()
