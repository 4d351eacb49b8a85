"""A recorded day comes out the same, from nothing but its record and the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from basira.decisions import Decision, TargetingRun, compare, decide, digest
from basira.schema.records import Candidate
from basira.schema.shipped import shipped
from basira.selection import Policy, load_policy, restore_policy
from basira.selection.batch.allocate import allocate
from basira.storage.record.runs import Operations

DAY = date(2021, 1, 4)
CANDIDATES = [
    Candidate(
        f"D{i:03d}", 1, "AB"[i % 2], None if i % 20 == 0 else i / 101, None if i % 20 == 0 else i * 7.3, i % 5 == 0
    )
    for i in range(100)
]


def decide_all(run_id: str, candidates: Sequence[Candidate], policy: Policy, seed: int) -> list[Decision]:
    selections = allocate(candidates, policy, day=DAY, seed=seed).selections
    return [
        decide(run_id, selection, candidate=candidate, items=(), inputs_digest=digest(candidate))
        for selection, candidate in zip(selections, candidates, strict=True)
    ]


def recorded(place: Path, seed: int) -> None:
    policy = load_policy(shipped("policies") / "morocco", DAY)
    run = TargetingRun(
        run_id="run-1",
        created_at=datetime(2021, 1, 3),
        day=DAY,
        as_of=datetime(2021, 1, 4),
        snapshot=1,
        model_version="m-1",
        policy_digest=policy.digest,
        policy_text=policy.canonical,
        seed=seed,
        software_version="0",
        options={},
        inputs_digest=digest(CANDIDATES),
        source_digest="",
        candidate_count=len(CANDIDATES),
    )
    with Operations(place) as operations:
        operations.record_run(run.row(), (one.row() for one in decide_all("run-1", CANDIDATES, policy, seed)))


def test_a_recorded_day_comes_out_the_same(tmp_path):
    recorded(tmp_path / "operations.sqlite", seed=11)
    with Operations(tmp_path / "operations.sqlite", create=False) as operations:
        run = TargetingRun.from_row(operations.get_run("run-1"))
        before = [Decision.from_row(row) for row in operations.decisions_of("run-1")]
    policy = restore_policy(run.policy_text)
    assert policy.digest == run.policy_digest
    report = compare(before, decide_all("replay", CANDIDATES[::-1], policy, run.seed))
    assert report.is_same
    assert report.checked == 100


def test_another_seed_comes_out_otherwise(tmp_path):
    recorded(tmp_path / "operations.sqlite", seed=11)
    with Operations(tmp_path / "operations.sqlite", create=False) as operations:
        before = [Decision.from_row(row) for row in operations.decisions_of("run-1")]
        policy = restore_policy(operations.get_run("run-1")["policy_text"])
    differences = compare(before, decide_all("replay", CANDIDATES, policy, 12)).differences
    assert {one.field for one in differences} <= {"lane", "basis", "detail"}
    assert differences
