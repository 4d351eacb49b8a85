"""Features of N items with the whole default catalog: CPU, memory, growth.

    .venv/bin/python benchmarks/features_scale.py --rows 1000000 [--rows 5000000 ...]

The history is random but shaped like trade (Zipf codes and traders, three years, 8 % inspected, late
results). Each size runs in a process of its own; the baseline in the same run is one pass of plain
aggregates over the same rows. Prints one JSON line per size.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from basira.features.batch.compute import compute_features
from basira.schema.tables import ITEMS, OUTCOMES
from basira.storage.engine import open_engine

FIRST_DAY = 18993  # 2022-01-01
DAYS = 1095


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def write_history(folder: Path, rows: int, seed: int = 1) -> None:
    """Random items and outcomes as two Parquet files."""
    rng = np.random.default_rng(seed)

    def zipf(n: int, size: int) -> np.ndarray:
        weights = 1 / np.arange(1, n + 1) ** 1.05
        return rng.choice(n, size, p=weights / weights.sum())

    declarations = rows // 3 + 1
    header = np.repeat(np.arange(declarations), 3)[:rows]
    day = np.sort(rng.integers(0, DAYS, declarations)).astype("int32")[header] + FIRST_DAY
    importer = zipf(12_000, declarations)[header]
    code = (zipf(1_500, rows) + importer * 7) % 1_500
    codes = np.array([f"{2 + c % 95:02d}{(c * 37) % 10000:04d}{(c * 91) % 10000:04d}" for c in range(1_500)])
    countries = np.array(["CN", "FR", "ES", "TR", "IT", "DE", "US", "IN", "AE", "PT", "PL", "VN"])
    mass = np.round(np.exp(rng.normal(5, 2, rows)), 2)
    value = np.round(mass * np.exp(rng.normal(3 + (code % 9) / 3, 0.6, rows)), 2)
    quantity = np.maximum(1, np.round(mass / np.exp(rng.normal(0.3, 0.5, rows))))
    origin = countries[zipf(12, rows)]
    at = (day.astype("int64") * 86_400 + rng.integers(28_000, 64_000, rows)) * 1_000_000
    number = np.arange(rows) % 3 + 1
    ids = pa.array(header).cast(pa.string())
    names = {
        "declaration_id": ids,
        "declaration_version": pa.array(np.ones(rows, "int32")),
        "declared_at": pa.array(at).cast(pa.timestamp("us")),
        "declared_day": pa.array(day),
        "received_at": pa.array(at).cast(pa.timestamp("us")),
        "source": pa.array(["bench"] * rows),
        "source_row": pa.array(np.arange(rows)),
        "office": pa.array(zipf(20, declarations)[header]).cast(pa.string()),
        "importer_id": pa.array(importer).cast(pa.string()),
        "declarant_id": pa.array((importer * 13) % 900).cast(pa.string()),
        "exporter_id": pa.array((importer * 3 + zipf(4, rows)) % 30_000).cast(pa.string()),
        "dispatch_country": pa.array(origin),
        "origin_country": pa.array(origin),
        "item_number": pa.array(number.astype("int32")),
        "commodity_code": pa.array(codes[code]),
        "description": pa.array(np.char.add("goods of kind ", code.astype(str))),
        "quantity": pa.array(quantity),
        "quantity_unit": pa.array(["KGM"] * rows),
        "net_mass_kg": pa.array(mass),
        "gross_mass_kg": pa.array(mass * 1.1),
        "customs_value_amount": pa.array(value),
        "value_currency": pa.array(["MAD"] * rows),
        "duty_rate": pa.array(np.full(rows, 0.175)),
        "vat_rate": pa.array(np.full(rows, 0.2)),
        "total_tax_amount": pa.array(np.round(value * 0.41, 2)),
    }
    columns = [names.get(f.name, pa.nulls(rows, f.type)) for f in ITEMS]
    table = pa.table(dict(zip(ITEMS.names, columns, strict=True)))
    pq.write_table(table, folder / "items.parquet")
    inspected = np.flatnonzero(rng.random(rows) < 0.08)
    known = at[inspected] + rng.integers(1, 60, inspected.size) * 86_400_000_000
    found = {
        "declaration_id": ids.take(pa.array(inspected)),
        "item_number": pa.array(number[inspected].astype("int32")),
        "known_at": pa.array(known).cast(pa.timestamp("us")),
        "known_day": pa.array((known // 86_400_000_000).astype("int32")),
        "received_at": pa.array(known).cast(pa.timestamp("us")),
        "source": pa.array(["bench"] * inspected.size),
        "source_row": pa.array(np.arange(inspected.size)),
        "is_inspected": pa.array(np.ones(inspected.size, bool)),
        "is_irregular": pa.array(rng.random(inspected.size) < 0.15),
        "additional_revenue_amount": pa.array(np.round(value[inspected] * 0.2, 2)),
    }
    columns = [found.get(f.name, pa.nulls(inspected.size, f.type)) for f in OUTCOMES]
    pq.write_table(pa.table(dict(zip(OUTCOMES.names, columns, strict=True))), folder / "outcomes.parquet")


def run_one(rows: int, memory: str, threads: int, seconds_each: bool, has_expected: bool) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "--write", str(folder), "--rows", str(rows)], check=True)
        files = sorted(folder.glob("*.parquet"))
        con = opened.enter_context(open_engine(reads=files, memory=memory, threads=threads))
        for table in ("items", "outcomes"):
            con.execute(f"create view {table} as select * from read_parquet('{folder / table}.parquet')")
        start = cpu_seconds()
        con.fetch_rows(
            "select importer_id, count(*), sum(customs_value_amount), avg(net_mass_kg) from items group by 1"
        )
        plain = cpu_seconds() - start
        start = cpu_seconds()
        last = [start]

        def progress(done: int, total: int, what: str) -> None:
            if seconds_each:
                print(f"{cpu_seconds() - last[0]:7.2f} until {what} ({done}/{total})", file=sys.stderr)
                last[0] = cpu_seconds()

        count = compute_features(
            con,
            "items",
            as_of_day=FIRST_DAY + DAYS,
            into="features",
            has_expected=has_expected,
            progress=progress,
        )
        cpu = cpu_seconds() - start
        pq.write_table(con.fetch_arrow("select * from features"), folder / "features.parquet")
        print(
            json.dumps(
                {
                    "rows": count,
                    "cpu_seconds": round(cpu, 1),
                    "cpu_seconds_with_parquet": round(cpu_seconds() - start, 1),
                    "cpu_seconds_plain_aggregate": round(plain, 2),
                    "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
                    "duckdb": duckdb.__version__,
                }
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--memory", default="2500MB")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", action="store_true", help="CPU seconds of each step")
    parser.add_argument("--expected", action="store_true", help="with the expected prices that reasons are made of")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--inner", action="store_true")
    arguments = parser.parse_args()
    sizes = arguments.rows or [500_000, 1_500_000, 5_000_000]
    if arguments.write:
        write_history(arguments.write, sizes[0])
    elif arguments.inner:
        run_one(sizes[0], arguments.memory, arguments.threads, arguments.steps, arguments.expected)
    else:
        for rows in sizes:
            command = [sys.executable, __file__, "--inner", "--rows", str(rows), "--memory", arguments.memory]
            command += ["--threads", str(arguments.threads), *(["--steps"] if arguments.steps else [])]
            command += ["--expected"] if arguments.expected else []
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
