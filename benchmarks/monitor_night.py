"""What a night of the monitor costs: the CPU seconds of `monitor drift` and of `monitor integrity` on a store.

Makes a world of `--items` items, takes it into a store, records a decision on each declaration (every twelfth
selected), then looks. A second look is what a night costs with the files in the system's cache.

    python benchmarks/monitor_night.py --items 300000
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from basira.country import load_scenario, make_world
from basira.decisions.records import TargetingRun
from basira.ingest.mapping.model import load_mapping
from basira.schema.rows import DecisionRow
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.engine import EngineBounds
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.monitor.assignments import KINDS, encode, pairs_of, read_controls
from basira.workflows.monitor.watch import watch
from basira.workflows.stores import operations_of


def record(history: History, declared: pl.DataFrame) -> int:
    """A run for each day with a decision on each declaration; how many."""
    count = 0
    with Operations(operations_of(history)) as operations:
        for (day,), part in sorted(declared.group_by("day"), key=lambda pair: str(pair[0])):
            policy = load_policy(shipped("policies") / "morocco", day)
            inspecting = next(lane.id for lane in policy.lanes if lane.inspects)
            other = next(lane.id for lane in policy.lanes if not lane.inspects)
            at = datetime.combine(day, datetime.min.time())
            name = f"t{day:%Y%m%d}-bench"
            run = TargetingRun(
                run_id=name,
                created_at=at,
                day=at.date(),
                as_of=at,
                snapshot=1,
                model_version="m",
                policy_digest=policy.digest,
                policy_text=policy.canonical,
                seed=1,
                software_version="1",
                options={},
                inputs_digest="0",
                source_digest="",
                candidate_count=part.height,
            )
            rows: list[DecisionRow] = [
                {
                    "decision_id": f"{name}/{one}/1",
                    "run_id": name,
                    "declaration_id": one,
                    "declaration_version": 1,
                    "office": office,
                    "lane": other if n % 12 else inspecting,
                    "basis": "none" if n % 12 else "random" if n % 48 else "model",
                    "detail": "",
                    "inclusion_probability": 0.1,
                    "rank": None,
                    "fraud_probability": 0.01 + 0.001 * (n % 97),
                    "expected_revenue": 10.0,
                    "assessment": "[]",
                    "inputs_digest": "0",
                }
                for n, (one, office) in enumerate(part.select("declaration_id", "office").rows())
            ]
            operations.record_run(run.row(), rows)
            count += len(rows)
    return count


def main() -> None:
    """Make the store, look twice, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=300_000)
    given = parser.parse_args()
    scenario = load_scenario("drift", changes={"items": given.items})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_world(scenario, seed=1, out=folder / "w")
        history, now = History.create(folder / "store"), datetime(scenario.ends_on.year + 1, 1, 1)
        declarations, outcomes = (
            sorted((folder / "w/declarations").glob("*")),
            sorted((folder / "w/outcomes").glob("*")),
        )
        ingest_files(history, declarations, load_mapping("basira"), received_at=now)
        record_feedback(history, outcomes, load_mapping("basira-outcomes"), received_at=now)
        declared = pl.read_parquet(declarations).unique("declaration_id").sort("declaration_id")
        decided = record(history, declared.with_columns(pl.col("declared_at").dt.date().alias("day")))
        first, last, place = scenario.starts_on, scenario.ends_on, operations_of(history)
        seconds: dict[str, list[float]] = {"drift": [], "integrity": []}
        for _ in range(2):
            began = time.process_time()
            watch(history, place, first=first, as_of=last, engine=EngineBounds())
            seconds["drift"].append(round(time.process_time() - began, 2))
            began = time.process_time()
            controls = read_controls(history, first=last - timedelta(days=364), last=last, engine=EngineBounds())
            for kind in KINDS:
                pairs_of(encode(controls, kind), kind=kind)
            seconds["integrity"].append(round(time.process_time() - began, 2))
    print(json.dumps({"items": given.items, "decided": decided, "controls": controls.height, "cpu_seconds": seconds}))


if __name__ == "__main__":
    main()
