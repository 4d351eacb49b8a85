"""Online profiles: build time and size, look-up and features per declaration, against SQLite by primary key.

    .venv/bin/python benchmarks/online_profiles.py --rows 1000000 [--declarations 2000] [--memory 2GB]

The history is the one of `features_scale.py`. New declarations of three items are drawn from it (other
identifiers, the day after `as_of`), so most keys are known. The same records are then put in an SQLite table
(`key` blob primary key, without rowid) and the same keys fetched from it, one statement a key and one
statement a declaration. Feast's online store is not measured: too heavy to add for one comparison; its
SQLite store makes this kind of query, and more around it. Prints JSON lines.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from basira.features.online.build import find_extras, profile_entries
from basira.features.online.lookup import OnlineFeatures, online_features, prepare_online
from basira.features.online.plan import catalog_digest
from basira.schema.tables import ITEMS
from basira.storage.engine import open_engine
from basira.storage.profiles.publish import Description, publish_profiles
from basira.storage.profiles.reader import LoadedProfiles, ProfileReader

AS_OF_DAY = 18993 + 1095 - 1  # the last day of the history of features_scale.py
TOMORROW = datetime(2024, 12, 31, 10)  # the day after


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Recorder:
    """Passes look-ups on, and keeps the keys of each declaration."""

    def __init__(self, profiles: LoadedProfiles) -> None:
        self.as_of_day, self.catalog, self.extras = profiles.as_of_day, profiles.catalog, profiles.extras
        self._profiles = profiles
        self.asked: list[list[bytes]] = []

    def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self.asked.append(list(keys))
        return self._profiles.find(keys)


def timed(call: Callable[[Any], object], arguments: Sequence[Any]) -> dict[str, float]:
    """Milliseconds per call: elapsed (median, p99) and CPU of the process (mean, p99)."""
    walls, cpus = [], []
    gc.collect()
    for argument in arguments:
        wall, cpu = time.perf_counter(), time.process_time()
        call(argument)
        cpus.append((time.process_time() - cpu) * 1e3)
        walls.append((time.perf_counter() - wall) * 1e3)

    def percentile(values: list[float], share: float) -> float:
        return round(sorted(values)[int(len(values) * share)], 4)

    return {
        "median_ms": percentile(walls, 0.5),
        "p99_ms": percentile(walls, 0.99),
        "cpu_mean_ms": round(statistics.mean(cpus), 4),
        "cpu_p99_ms": percentile(cpus, 0.99),
    }


def new_declarations(items: Path, count: int) -> list[list[dict[str, Any]]]:
    rows = pl.read_parquet(items).sample(count * 3, seed=7).sort("declaration_id").to_dicts()
    header = [n for n in ITEMS.names[: ITEMS.names.index("item_number")] if not n.startswith("declar")]
    found = []
    for n in range(count):
        first, *others = rows[n * 3 : n * 3 + 3]
        shared = {name: first[name] for name in (*header, "declarant_id")}
        own = {"declaration_id": f"new-{n}", "declared_at": TOMORROW, "declared_day": AS_OF_DAY + 1}
        found.append([{**row, **shared, **own, "item_number": k + 1} for k, row in enumerate((first, *others))])
    return found


def run(rows: int, declarations: int, memory: str, folder: Path) -> None:
    scale = Path(__file__).with_name("features_scale.py")
    subprocess.run([sys.executable, str(scale), "--write", str(folder), "--rows", str(rows)], check=True)
    files = [folder / f"{table}.parquet" for table in ("items", "outcomes")]
    with open_engine(reads=files, memory=memory, threads=1) as con:
        for table in ("items", "outcomes"):
            con.execute(f"create view {table} as select * from read_parquet('{folder / table}.parquet')")
        description = Description(AS_OF_DAY, 1, catalog_digest(), find_extras(con), True, {"basira": "benchmark"})
        wall, cpu = time.perf_counter(), cpu_seconds()
        manifest = publish_profiles(
            folder / "profiles", profile_entries(con, as_of_day=AS_OF_DAY), description=description, built_at=TOMORROW
        )
        wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "build": {
                    "rows": rows,
                    "records": sum(manifest.metadata.counts.values()),
                    "wall_s": round(wall, 1),
                    "cpu_s": round(cpu, 1),
                    "file_mb": round(manifest.size / 1e6, 1),
                    "peak_mb": round(peak),
                },
            }
        )
    )
    reader = ProfileReader(folder / "profiles", catalog=catalog_digest())
    start = time.perf_counter()
    profiles = reader.profiles()
    opened = time.perf_counter() - start
    start = time.perf_counter()
    prepare_online(profiles.extras)
    print(json.dumps({"open_and_verify_s": round(opened, 2), "prepare_s": round(time.perf_counter() - start, 2)}))
    wanted = new_declarations(folder / "items.parquet", declarations)
    recorder = Recorder(profiles)
    for items in wanted:
        assert isinstance(online_features(items, recorder), OnlineFeatures)
    keys = recorder.asked
    known = sum(record is not None for asked in keys for record in profiles.find(asked))

    def as_frame(items: list[dict[str, Any]]) -> object:
        answer = online_features(items, profiles)
        assert isinstance(answer, OnlineFeatures)
        return answer.frame()

    lmdb_find = timed(profiles.find, keys)
    print(
        json.dumps(
            {
                "declaration": {
                    "items": 3,
                    "keys": round(sum(map(len, keys)) / len(keys), 1),
                    "known_share": round(known / sum(map(len, keys)), 3),
                    "look_up": lmdb_find,
                    "features": timed(lambda d: online_features(d, profiles), wanted),
                    "features_as_frame": timed(as_frame, wanted),
                },
            }
        )
    )
    compare_with_sqlite(folder, profiles, keys, lmdb_find)


def compare_with_sqlite(
    folder: Path, profiles: LoadedProfiles, keys: list[list[bytes]], lmdb_find: dict[str, float]
) -> None:
    """Every record of the profile file in one table, and the same keys fetched from it."""
    con = sqlite3.connect(folder / "profiles.sqlite")
    con.execute("create table profile (key blob primary key, record blob) without rowid")
    con.executemany("insert into profile values (?, ?)", profiles.records())
    con.commit()

    def one_by_one(asked: list[bytes]) -> list[bytes | None]:
        found = []
        for key in asked:
            row = con.execute("select record from profile where key = ?", (key,)).fetchone()
            found.append(row[0] if row else None)
        return found

    def together(asked: list[bytes]) -> list[bytes | None]:
        marks = ",".join("?" * len(asked))
        found = dict(con.execute(f"select key, record from profile where key in ({marks})", asked).fetchall())
        return [found.get(key) for key in asked]

    assert one_by_one(keys[0]) == together(keys[0]) == profiles.find(keys[0])
    results = {"one_by_one": timed(one_by_one, keys), "one_statement": timed(together, keys)}
    ratios = {name: round(r["median_ms"] / lmdb_find["median_ms"], 1) for name, r in results.items()}
    size = (folder / "profiles.sqlite").stat().st_size / 1e6
    print(json.dumps({"sqlite": results, "sqlite_over_lmdb_median": ratios, "sqlite_mb": round(size, 1)}))
    con.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--declarations", type=int, default=2_000)
    parser.add_argument("--memory", default="2GB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(options.rows, options.declarations, options.memory, Path(name))
