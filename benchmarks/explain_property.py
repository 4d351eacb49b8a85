"""What must hold of every explanation, over many that are drawn at random; none may fail.

Run: python benchmarks/explain_property.py [EXPLANATIONS] (100,000: some ten minutes). Two explanations are made of each
drawn decision, one for the unit, in three languages, and one for an inspector.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.explained_cases import faults_of, make_case


def main() -> None:
    """Draw, check, report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng, faults, started = np.random.default_rng(2026), Counter[str](), time.process_time()
    for _ in range(count // 2):
        faults.update(fault[:200] for fault in faults_of(make_case(rng)))
    seconds = time.process_time() - started
    print(f"explanations {count // 2 * 2:,}  faults {faults.total():,}  CPU {seconds:.0f} s")
    for fault, times in faults.most_common(20):
        print(f"  {times:,} x {fault}")
    if faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
