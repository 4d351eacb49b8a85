"""How fast and in how little memory a CSV file is taken in, with full validation.

Writes a simulated file of ROWS declarations of 22 columns in the layout of the KCS files, takes it in into a
fresh store, and prints rows per CPU-second and the largest resident memory.

    .venv/bin/python benchmarks/ingest_csv.py --rows 1000000
    .venv/bin/python benchmarks/ingest_csv.py --rows 400000 --files 36    # the same rows, a file a month, in one call
    .venv/bin/python benchmarks/ingest_csv.py --rows 144000 --files 36 --turns 5    # beside one file, in turns
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from basira.ingest.mapping.model import load_mapping
from basira.storage.history.store import History
from basira.workflows.intake.ingest import IngestReport, ingest_files

# The rows are spread evenly over three years.
DAYS, MONTHS = 1096, 36
HEADER = (
    "Declaration ID,Date,Office ID,Process Type,Import Type,Import Use,Payment Type,Mode of Transport,Declarant ID,"
    "Importer ID,Seller ID,Courier ID,HS6 Code,Country of Departure,Country of Origin,Tax Rate,Tax Type,"
    "Country of Origin Indicator,Net Mass,Item Price,Fraud,Critical Fraud\n"
)


def write_simulated(path: Path, rows: int, *, seed: int) -> None:
    """A simulated file, in blocks, so that it may be larger than the memory."""
    random = np.random.default_rng(seed)
    countries = np.array(["CN", "DE", "FR", "US", "IT", "ES", "TR", "JP", "KR", "VN"])
    first = datetime(2020, 1, 1)
    with path.open("w", encoding="utf-8") as out:
        out.write(HEADER)
        for start in range(0, rows, 100_000):
            count = min(100_000, rows - start)
            offices, importers = random.integers(10, 60, count), random.integers(0, 40_000, count)
            codes, origins = random.integers(100_000, 999_999, count), random.integers(0, 10, count)
            masses, prices = random.lognormal(4, 2, count).round(1), random.lognormal(12, 2, count).round(2)
            rates, frauds = random.choice([0.0, 2.5, 8.0, 13.0], count), random.random(count) < 0.2
            lines = []
            for i in range(count):
                number = start + i
                day = (first + timedelta(days=number * DAYS // rows)).strftime("%Y-%m-%d")
                country, fraud = countries[origins[i]], int(frauds[i])
                lines.append(
                    f"{10_000_000 + number},{day},{offices[i]},B,11,21,11,10,D{importers[i] % 997:05d},"
                    f"I{importers[i]:06d},S{codes[i] % 9973:05d},,{codes[i] // 2 * 2:06d},{country},{country},"
                    f"{rates[i]},A,Y,{masses[i]},{prices[i]},{fraud},{fraud}\n"
                )
            out.writelines(lines)


def cut(path: Path, files: int) -> list[Path]:
    """The rows of a file in ``files`` of them, in their order, each with months of its own."""
    if files == 1:
        return [path]
    paths = [path.with_name(f"simulated-{number:03d}.csv") for number in range(files)]
    with path.open(encoding="utf-8") as whole, ExitStack() as stack:
        header = next(whole)
        parts = [stack.enter_context(part.open("w", encoding="utf-8")) for part in paths]
        for part in parts:
            part.write(header)
        for line in whole:
            year, month = line.split(",", 2)[1].split("-")[:2]
            parts[((int(year) - 2020) * 12 + int(month) - 1) * files // MONTHS].write(line)
    return paths


def take(paths: list[Path], store: Path) -> tuple[IngestReport, float, float]:
    """Take files in into a new store: the report, seconds of the processor, seconds."""
    history, mapping = History.create(store), load_mapping("kcs")
    wall, cpu = time.perf_counter(), time.process_time()
    report = ingest_files(history, paths, mapping, received_at=datetime(2026, 1, 1))
    return report, time.process_time() - cpu, time.perf_counter() - wall


def compare(path: Path, paths: list[Path], turns: int) -> dict[str, object]:
    """One file and the same rows in many, in turns: CPU seconds of each, and rows per CPU-second of the best two."""
    seconds: dict[str, list[float]] = {"one": [], "many": []}
    rows = 0
    for turn in range(turns + 1):  # the first one loads libraries
        for name, files in (("one", [path]), ("many", paths)):
            store = path.with_name(f"store-{turn}-{name}")
            report, cpu, _ = take(files, store)
            shutil.rmtree(store)
            rows = report.rows
            if turn:
                seconds[name].append(round(cpu, 3))
    one, many = min(seconds["one"]), min(seconds["many"])
    return {
        "rows": rows,
        "files": len(paths),
        "cpu_seconds_one_file": seconds["one"],
        "cpu_seconds_many_files": seconds["many"],
        "rows_per_cpu_second_one_file": round(rows / one),
        "rows_per_cpu_second_many_files": round(rows / many),
        "ratio": round(one / many, 3),
        "ms_a_file_more": round(1_000 * (many - one) / len(paths), 2),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--files", type=int, default=1, help="cut the file by its months into so many, 36 at most")
    options.add_argument("--turns", type=int, default=0, help="compare with one file, so many times each")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simulated.csv"
        write_simulated(path, arguments.rows, seed=arguments.seed)
        paths = cut(path, arguments.files)
        if arguments.turns:
            json.dump(compare(path, paths, arguments.turns), sys.stdout, indent=1)
            sys.stdout.write("\n")
            return
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report, cpu, wall = take(paths, Path(folder) / "store")
        result = {
            "rows": report.rows,
            "accepted": report.accepted,
            "quarantined": report.quarantined,
            "file_mb": round(path.stat().st_size / 1e6, 1),
            "cpu_seconds": round(cpu, 2),
            "wall_seconds": round(wall, 2),
            "rows_per_cpu_second": round(report.rows / cpu),
            "largest_resident_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "resident_before_mb": round(before / 1024),
        }
        json.dump(result, sys.stdout, indent=1)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
