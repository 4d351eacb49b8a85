"""The whole back-test of one rule, as a person runs it: reading, features, judging, everything beside it.

    .venv/bin/python benchmarks/rules_backtest.py --folder FOLDER [--items 300000 900000 3000000] [--repeat 3]
        [--world WORLD] [--prepare] [--profile]

FOLDER keeps the stores. A simulated year of 300,000 items (or WORLD, which holds one) is taken in as often as it takes
to reach the number of items, under new numbers and other operators. Three rules are recorded and tested over the whole
period, each run a process of its own: one that reads declared values alone, one that reads a feature of the catalog,
and one with a list. --prepare: the features of the period are computed and kept before (`basira rules prepare`), and
what that takes is printed; without it whatever is kept is removed. Prints wall and CPU seconds of each (median), and
the largest memory; --profile prints the costliest functions of one run.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import polars as pl
import pyarrow.parquet as pq

from basira.country import load_scenario, make_world
from basira.ingest.mapping.model import load_mapping
from basira.rules.json_form import write_condition
from basira.rules.lists.model import Entry, ListHeader
from basira.rules.text import parse_condition
from basira.schema.access import Grant
from basira.schema.shipped import shipped
from basira.schema.tables import SIMULATED_KEY
from basira.selection.policy.load import load_policy
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.storage.described import remove_features
from basira.storage.history.store import History
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.rules.full_test import FullTestOrder, run_full_test
from basira.workflows.rules.life import read_rule_text, write_version
from basira.workflows.rules.lists import add_to_list, create_list, known_vocabulary
from basira.workflows.rules.period import PeriodDays, prepare_features
from basira.workflows.stores import operations_of

BASE_ITEMS = 300_000
NAMED = ("declaration_id", "importer_id", "exporter_id", "declarant_id")
RULES = {
    "declared": "commodity_code starts with '87' and net_mass_kg > 1000 kg",
    "feature": "commodity_code starts with '87' and importer_hit_rate_365d > 10 %",
    "listed": "origin_country in list 'watched' and customs_value_amount > 100000",
}
WRITTEN = datetime(2020, 1, 1, 9)


def make_store(folder: Path, world: Path, items: int) -> Path:
    """A store with so many items of one simulated year."""
    store, mark = folder / f"store-{items}", folder / f"made-{items}"
    if mark.is_file():
        return store
    history, now = History.create(store), datetime(2030, 1, 1)
    for copy in range(-(-items // BASE_ITEMS)):
        for kind, mapping in (("declarations", "basira"), ("outcomes", "basira-outcomes")):
            paths = [_copied(path, folder / "copy" / kind, copy) for path in sorted((world / kind).glob("*.parquet"))]
            if kind == "declarations":
                ingest_files(history, paths, load_mapping(mapping), received_at=now)
            else:
                record_feedback(history, paths, load_mapping(mapping), received_at=now)
            for path in paths:
                path.unlink()
    with Database(operations_of(history)) as database:
        with database.write() as connection:
            create_user(connection, NewUser("amina", "amina", [Grant("analyst")]), actor="benchmark", now=WRITTEN)
        header = ListHeader("watched", "origins", "Watched", "Benchmark")
        create_list(database, header, login="amina", now=WRITTEN)
        entries = [Entry(code, WRITTEN.date(), None, "Benchmark", "Benchmark") for code in ("CN", "TR", "VN")]
        add_to_list(database, "watched", entries, login="amina", now=WRITTEN)
        vocabulary = known_vocabulary(database)
        for rule_id, text in RULES.items():
            content = {
                "rule_id": rule_id,
                "title": rule_id,
                "reason": "A benchmark.",
                "condition": write_condition(parse_condition(text, vocabulary)),
                "effect": {"lane": "orange"},
                "starts_on": WRITTEN.date().isoformat(),
                "expires_on": (WRITTEN.date() + timedelta(days=300)).isoformat(),
            }
            write_version(database, read_rule_text(json.dumps(content), vocabulary), login="amina", now=WRITTEN)
    mark.touch()
    return store


def _copied(path: Path, folder: Path, copy: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frame = pl.read_parquet(path)
    frame = frame.with_columns(pl.format(f"C{copy}-{{}}", name).alias(name) for name in NAMED if name in frame.columns)
    out = folder / path.name
    pq.write_table(frame.to_arrow().replace_schema_metadata({SIMULATED_KEY: b"true"}), out)
    return out


def days_of(store: Path) -> PeriodDays:
    history = History.open(store)
    days = [pl.read_parquet(path, columns=["declared_at"])["declared_at"] for path in history.snapshot().files("items")]
    first = min(one.min() for one in days).date()  # type: ignore[type-var, union-attr]
    last = max(one.max() for one in days).date()  # type: ignore[type-var, union-attr]
    return PeriodDays(first, last, last + timedelta(days=400))


def run_once(store: Path, rule_id: str, days: PeriodDays, *, profile: bool) -> None:
    """One back-test in this process; prints one line of JSON."""
    history = History.open(store)
    folder = shipped("policies") / "morocco"
    policy = load_policy(folder, date(2026, 1, 1))
    begun, spent = time.perf_counter(), time.process_time()
    profiler = cProfile.Profile() if profile else None
    if profiler is not None:
        profiler.enable()
    with Database(operations_of(history)) as database:
        order = FullTestOrder(rule_id, days, WRITTEN)
        found = run_full_test(history, database, order, lambda _day: policy)
    if profiler is not None:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(22)
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - begun,
                "cpu": time.process_time() - spent,
                "mb": _largest_memory(),
                "declarations": found.test.declarations,
                "hits": found.test.hits,
            }
        )
    )


def _largest_memory() -> float:
    """Of this process alone, in megabytes: what the system's other counter says begins with that of its parent."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def show_preparation(store: Path, days: PeriodDays) -> None:
    begun, spent = time.perf_counter(), time.process_time()
    items = prepare_features(History.open(store), days.first, days.last)
    size = sum(path.stat().st_size for path in store.glob("described/*/*"))
    print(
        f"{items:>9,} items prepared: wall {time.perf_counter() - begun:.1f} s, "
        f"CPU {time.process_time() - spent:.1f} s, {size / 2**20:,.0f} MB kept",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--items", type=int, nargs="+", default=[300_000, 900_000, 3_000_000])
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=list(RULES))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        store, rule_id, *days = given.one
        run_once(Path(store), rule_id, PeriodDays(*map(date.fromisoformat, days)), profile=given.profile)
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    world = given.world or given.folder / "world"
    if not world.is_dir():
        make_world(load_scenario("drift", changes={"items": BASE_ITEMS}), seed=1, out=world)
    for items in given.items:
        store = make_store(given.folder, world, items)
        days = days_of(store)
        period = [one.isoformat() for one in (days.first, days.last, days.as_of)]
        remove_features(store)
        if given.prepare:
            show_preparation(store, days)
        for rule_id in given.rules:
            runs = []
            for _ in range(given.repeat):
                command = [
                    sys.executable,
                    __file__,
                    "--folder",
                    str(given.folder),
                    "--one",
                    str(store),
                    rule_id,
                    *period,
                ]
                made = subprocess.run([*command, *(["--profile"] if given.profile else [])], check=True,
                                      capture_output=True, text=True)  # fmt: skip
                *shown, last = made.stdout.strip().splitlines()
                print(*shown, sep="\n", end="\n" if shown else "")
                runs.append(json.loads(last))
            middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            print(f"{items:>9,} items, {rule_id:<9} wall {middle['wall']:6.2f} s, CPU {middle['cpu']:6.2f} s, "
                  f"{middle['mb']:,.0f} MB, {middle['hits']:,.0f} hits of {middle['declarations']:,.0f}",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
