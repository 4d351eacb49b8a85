"""Targeting a day of N items with reasons for the selected tenth, all included: CPU, memory, where the time goes.

    .venv/bin/python benchmarks/target_day.py [--items 100000] [--history 300000] [--profile] [--keep FOLDER]

A simulated year fills a store; its last items, under new numbers, all declare on one day after it. A model is
trained as of the day before. Then `basira target` runs as a process of its own: start, features, scores, lanes under
the Morocco example policy with its capacities lowered to a tenth in all, reasons in words, references, comparables, the
record of every decision, and the list as CSV and JSON. Prints one JSON line; the baseline in the same run is the time
to read the day's and the history's columns once. --profile lists the costliest functions of the targeting.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import polars as pl
import pyarrow.parquet as pq

from basira.country import load_scenario, make_world
from basira.ingest.mapping.model import load_mapping
from basira.schema.shipped import shipped
from basira.schema.tables import SIMULATED_KEY
from basira.selection.policy.load import load_policy
from basira.storage.engine import open_engine
from basira.storage.history.store import History, register
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.targeting.score import choose_model
from basira.workflows.targeting.target import Order, target
from basira.workflows.train import train

NOW = datetime(2024, 1, 9)
# Sizes of declarations differ: 6 % of them, ranked by the sum over their items, hold about a tenth of the items.
TENTH = {"0.08": "0.03", "0.05": "0.02", "0.02": "0.01"}


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def make_store(folder: Path, *, items: int, history: int) -> tuple[Path, date]:
    """A store with a simulated year and one full day after it, and a model as of the day before."""
    make_world(load_scenario("small", changes={"items": history}), seed=1, out=folder / "world")
    store = History.create(folder / "store")
    declarations = sorted((folder / "world" / "declarations").glob("*.parquet"))
    past = pl.concat([pl.read_parquet(p) for p in declarations])
    eve = past["declared_at"].max().date()  # type: ignore[union-attr]  # a column of timestamps
    day = eve + timedelta(days=1)
    shift = datetime.combine(day, datetime.min.time())
    busy = past.tail(items).with_columns(
        declaration_id="DAY-" + pl.col("declaration_id"),
        declared_at=(pl.lit(shift) + (pl.col("declared_at") - pl.col("declared_at").dt.truncate("1d"))).cast(
            past.schema["declared_at"]
        ),
    )
    pq.write_table(busy.to_arrow().replace_schema_metadata({SIMULATED_KEY: b"true"}), folder / "day.parquet")
    ingest_files(store, [*declarations, folder / "day.parquet"], load_mapping("basira"), received_at=NOW)
    outcomes = sorted((folder / "world" / "outcomes").glob("*.parquet"))
    record_feedback(store, outcomes, load_mapping("basira-outcomes"), received_at=NOW)
    train(store, as_of=eve, seed=1, now=NOW)
    shutil.copytree(shipped("policies") / "morocco", folder / "policy")
    path = folder / "policy" / "policy.toml"
    text = re.sub(r"share = (0\.0[852])\b", lambda m: f"share = {TENTH[m[1]]}", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    return store.root, day


def profile(store: Path, day: date, policy: Path) -> None:
    history, eve = History.open(store), day - timedelta(days=1)
    profiler = cProfile.Profile()
    profiler.enable()
    order = Order(day=day, as_of=eve, seed=1)
    target(history, order, model=choose_model(history, as_of=eve), policy=load_policy(policy, day), now=NOW)
    profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=300_000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keep", type=Path, help="use the store in this folder, made there when it is absent")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        if (folder / "day").is_file():
            store, day = folder / "store", date.fromisoformat((folder / "day").read_text())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            store, day = make_store(folder, items=arguments.items, history=arguments.history)
            (folder / "day").write_text(day.isoformat())
        if arguments.profile:
            profile(store, day, folder / "policy")
            return
        snapshot = History.open(store).snapshot()
        with open_engine(reads=snapshot.all_files()) as con:
            register(con, snapshot)
            started = cpu_seconds()
            columns = ", ".join(f'min("{name}")' for name in con.columns("items"))
            con.fetch_rows(f"select {columns} from items")
            reading = cpu_seconds() - started
        command = [
            str(Path(sys.executable).with_name("basira")),
            "target",
            "--day",
            day.isoformat(),
            "--seed",
            "1",
            "--json",
        ]
        command += ["--store", str(store), "--policy", str(folder / "policy"), "--out", str(folder / "list.csv")]
        started = cpu_seconds(resource.RUSAGE_CHILDREN)
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        cpu = cpu_seconds(resource.RUSAGE_CHILDREN) - started
        listing = json.loads(found.stdout)
        shown = [item for line in listing["lines"] for item in line["items"]]
        print(
            json.dumps(
                {
                    "items": arguments.items,
                    "history_items": arguments.history,
                    "declarations": len(listing["lines"]) + sum(listing["released"].values()),
                    "selected_declarations": len(listing["lines"]),
                    "items_with_evidence": len(shown),
                    "reasons": sum(len(item["assessment"]["reasons"]) for item in shown),
                    "cpu_seconds": round(cpu, 1),
                    "cpu_seconds_reading_once": round(reading, 2),
                    "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, 2),
                }
            )
        )


if __name__ == "__main__":
    main()
