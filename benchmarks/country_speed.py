"""How fast and how large is the making of a world?

Command: python benchmarks/country_speed.py SCENARIO [--seed 1] [--items N]

Prints items per CPU-second (drawing, legacy selectivity, inspection and Parquet writing together), the
largest memory of the process, and the size on disk. The world is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from basira.country import load_scenario, make_world


def main() -> None:
    """Measure one world."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--items", type=int)
    arguments = parser.parse_args()
    scenario = load_scenario(arguments.scenario, changes={"items": arguments.items} if arguments.items else {})
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        world = make_world(scenario, seed=arguments.seed, out=Path(folder) / "world")
        used = time.process_time() - begun
        size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
    figures = {
        "scenario": scenario.name,
        "items": world.items,
        "cpu_seconds": round(used, 2),
        "items_per_cpu_second": round(world.items / used),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "disk_mb": round(size / 1e6, 1),
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
