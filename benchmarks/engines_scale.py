"""Features of N items on each engine: CPU, memory, and whether every row is the same.

    .venv-spark/bin/python benchmarks/engines_scale.py --rows 20000 [--rows 200000 ...]

The history is that of `features_scale.py`. Each engine runs in a process of its own, with the workers that it starts;
DuckDB is the baseline. The rows are compared by a hash over all of them, in one order: equal hashes are equal to the
last bit. Needs basira[spark]. Prints one JSON line per size and engine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
from features_scale import DAYS, FIRST_DAY, write_history

from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.schema.tables import ITEM_KEY
from basira.storage.engine import open_engine

ENGINES = ("duckdb", "sail")


def cpu_seconds() -> float:
    """Of this process and of those it started that have ended."""
    found = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def hash_of(rows: pa.Table) -> str:
    """One hash over all rows in the order of their items: every column's values, nulls included."""
    ordered = rows.sort_by([(name, "ascending") for name in ITEM_KEY])
    digest = sha256()
    for name in sorted(ordered.column_names):
        digest.update(name.encode())
        for value in ordered[name].to_pylist():
            digest.update(repr(value).encode() + b"\n")
    return digest.hexdigest()


@contextmanager
def opened(name: str, files: list[Path], folder: Path, memory: str) -> Iterator[Engine]:
    if name == "duckdb":
        with open_engine(reads=files, memory=memory, threads=1) as duckdb:
            for path in files:
                duckdb.execute(f"create view {path.stem} as select * from {duckdb.files([path])}")
            yield duckdb
        return
    from basira.engines.spark import SparkEngine, open_local_session

    with open_local_session() as session:
        spark = SparkEngine(session, folder / "tables")
        for path in files:
            spark.create_table(path.stem, f"select * from {spark.files([path])}")
        yield spark


def run_one(name: str, folder: Path, memory: str) -> None:
    files = sorted(folder.glob("*.parquet"))
    begun, wall = cpu_seconds(), time.monotonic()
    with opened(name, files, folder, memory) as con:
        count = compute_features(con, "items", as_of_day=FIRST_DAY + DAYS, into="features", has_expected=False)
        cpu, wall = cpu_seconds() - begun, time.monotonic() - wall
        found = hash_of(con.fetch_arrow("select * from features"))
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    figures = {"cpu_seconds": round(cpu, 1), "wall_seconds": round(wall, 1), "peak_memory_gb": round(peak / 1e6, 2)}
    print(json.dumps({"rows": count, "engine": name, **figures, "hash": found}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--memory", default="2500MB", help="of DuckDB")
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--inner", type=Path, help="the folder of a history")
    arguments = parser.parse_args()
    engines = arguments.engine or list(ENGINES)
    if arguments.inner:
        run_one(engines[0], arguments.inner, arguments.memory)
        return
    for rows in arguments.rows or [20_000]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_history(folder, rows)
            for engine in engines:
                command = [sys.executable, "-W", "ignore", __file__, "--inner", str(folder), "--engine", engine]
                subprocess.run([*command, "--memory", arguments.memory], check=True)


if __name__ == "__main__":
    main()
