"""CPU time of recording a simulated day's decisions, verifying the chain, reading and comparing them.

Run: .venv/bin/python benchmarks/selection_record.py [DECISIONS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from basira.decisions import Decision, TargetingRun, compare, decide
from basira.schema.records import Candidate, ItemAssessment, Reason, Reference, Selection
from basira.storage.record.runs import Operations

REASONS = tuple(
    Reason(f"reason_{i}", {"ratio": i / 3, "count": 214, "origin": "CN"}, ("f1", "f2"), i / 7) for i in (1, 2, 3)
)
REFERENCE = Reference(
    "value_per_kg", "MAD/kg", 12.4, 28.1, 32.7, 41.9, 214, "code_origin", "851713", "CN", 365, ("a/1", "b/2")
)


@contextmanager
def timed(what: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    print(f"{what}: {time.process_time() - begun:.2f} CPU-s")


def main(count: int) -> None:
    run = TargetingRun(
        "run-1",
        datetime(2021, 1, 3, 20),
        date(2021, 1, 4),
        datetime(2021, 1, 4),
        1,
        "m-1",
        "d" * 64,
        "{}",
        7,
        "0",
        {},
        "e" * 64,
        "",
        count,
    )
    records = [
        decide(
            "run-1",
            Selection(f"D{i:07d}", 1, f"OFFICE-{i % 30}", "orange", "model", 1.0, i),
            candidate=Candidate(f"D{i:07d}", 1, f"OFFICE-{i % 30}", i / count, i / 3),
            items=[ItemAssessment(1, i / count, i / 7, i / 3, {"value": i / 9}, REASONS, ("value",), (REFERENCE,))],
            inputs_digest="f" * 64,
        )
        for i in range(count)
    ]
    with tempfile.TemporaryDirectory() as folder, Operations(Path(folder) / "operations.sqlite") as operations:
        with timed(f"record {count:,} decisions, with one item, three reasons and a reference each"):
            operations.record_run(run.row(), (record.row() for record in records))
        with timed("verify the chain"):
            assert operations.verify_chain().is_whole
        with timed("read them back as records"):
            back = [Decision.from_row(row) for row in operations.decisions_of("run-1")]
        with timed("compare"):
            compare(records, back).require_same()
        print(f"file: {(Path(folder) / 'operations.sqlite').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 35_000)
