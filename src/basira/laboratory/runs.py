"""Many runs: each strategy and seed in a process of its own with one thread, at most two at once.

Enters: a plan, strategies, seeds, a folder. Leaves: ``plan.json``, the runs' files, and ``results.parquet``
with one row per strategy, seed and period. Never here: what a run does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import filelock
import polars as pl

from basira.laboratory.figures import with_measures
from basira.laboratory.loop import read_opened
from basira.laboratory.plan import Plan
from basira.laboratory.strategies import find_strategy
from basira.render.writing import write_whole
from basira.schema.errors import ALL_ERRORS, BasiraError, StoreError, UsageError

Progress = Callable[[int, int, str], None]

RESULTS = "results.parquet"
_PLAN = "plan.json"
_LOCK = "running.lock"
# One thread each: figures of CPU time compare, and two runs share two cores without getting in each other's way.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}
_LOOK_SECONDS = 0.2
_WHOLE = (
    "seed", "period", "rows", "selected", "answered", "found", "possible_found", "best_found", "truly_irregular",
    "fallback",
)  # fmt: skip
_REAL = (
    "rate", "revenue", "possible_revenue", "best_revenue", "truly_evaded", "choose_cpu_seconds", "fit_cpu_seconds",
    "features_cpu_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class _Running:
    name: str
    seed: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]


def run_folder(out: Path, strategy: str, seed: int) -> Path:
    """Where one run keeps its files."""
    return out / "runs" / strategy.replace(":", "--") / f"seed-{seed}"


def read_plan(out: Path) -> Plan:
    """The plan of a folder of results; NotFound is a StoreError: the folder was not made by the laboratory."""
    try:
        return Plan.from_json((out / _PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        raise StoreError(
            f"Expected the laboratory's plan in {str(out)!r}, found none that can be read.",
            hint="Run `basira lab run --out` with this folder first.",
        ) from None


def run_all(
    plan: Plan, strategies: Sequence[str], seeds: Sequence[int], out: Path, *, jobs: int = 2, memory: str = "2GB",
    progress: Progress | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Run what ``out`` does not hold yet, write ``results.parquet``, and return its rows.

    Strategies and seeds may be added to a folder; another plan may not.

    Raises
    ------
    UsageError : nothing to run, another plan, a wrong answer of a strategy. NotFoundError : an unknown
        strategy. StoreError : the folder is in use or can't be written.
    """
    if not strategies or not seeds:
        raise UsageError("Expected strategies and seeds, found none.", hint="For example --strategies random.")
    if min(seeds) < 0:
        raise UsageError(f"seeds: expected whole numbers from 0, found {min(seeds)}.", hint="For example --seeds 1,2.")
    for name in strategies:
        find_strategy(name)
    _claim(plan, out)
    lock = filelock.FileLock(out / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StoreError(f"Expected {str(out)!r} to be free, found another run.", hint="Wait for it.") from None
    try:
        _run(list(dict.fromkeys((n, s) for s in seeds for n in strategies)), out, jobs, memory, progress or _silent)
    finally:
        lock.release()
    return collect(out)


def collect(out: Path) -> pl.DataFrame:
    """Read every recorded period, write ``results.parquet`` and return its rows, in order."""
    files = sorted((out / "runs").glob("*/*/period-*.json"))
    rows = [json.loads(path.read_text(encoding="utf-8"))["row"] for path in files]
    if not rows:
        raise StoreError(f"Expected recorded periods in {str(out)!r}, found none.", hint="Run `basira lab run` first.")
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame = frame.with_columns(pl.col(*_WHOLE).cast(pl.Int64), pl.col(*_REAL).cast(pl.Float64))
    frame = with_measures(frame).sort("strategy", "seed", "period")
    content = BytesIO()
    frame.write_parquet(content)
    write_whole(out / RESULTS, content.getvalue())
    return frame


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody watches."""


def _claim(plan: Plan, out: Path) -> None:
    # A plan under which nothing was recorded (its scenario had a wrong name) stands in nobody's way.
    if (out / _PLAN).is_file() and any((out / "runs").glob("*/*/period-*.json")):
        if read_plan(out).digest != plan.digest:
            raise UsageError(
                f"Expected {str(out)!r} to hold results of this very plan, found another plan there.",
                hint="Choose another --out: figures of different plans don't compare.",
            )
        return
    if out.exists() and any(out.iterdir()) and not (out / _PLAN).is_file():
        raise UsageError(
            f"--out: expected a new or empty folder, or one of `basira lab run`, found {str(out)!r}.",
            hint="Choose another --out.",
        )
    write_whole(out / _PLAN, (plan.to_json() + "\n").encode())


def _run(wanted: list[tuple[str, int]], out: Path, jobs: int, memory: str, progress: Progress) -> None:
    waiting, running = list(wanted), list[_Running]()
    try:
        while waiting or running:
            while waiting and len(running) < max(1, jobs):
                running.append(_start(*waiting.pop(0), out, memory))
            time.sleep(_LOOK_SECONDS)
            for run in [r for r in running if r.process.poll() is not None]:
                running.remove(run)
                _finish(run, out)
            now = ", ".join(f"{r.name} {r.seed}" for r in running) or "done"
            progress(*_count(wanted, out), now)
    finally:
        for run in running:
            run.process.terminate()
            run.process.wait()
            run.log.close()


def _start(name: str, seed: int, out: Path, memory: str) -> _Running:
    folder = run_folder(out, name, seed)
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / "log.txt").open("wb")
    command = [sys.executable, "-m", "basira.laboratory.run_one", str(out), name, str(seed), memory]
    process = subprocess.Popen(  # noqa: S603 - our own module, its arguments a list
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | _ONE_THREAD
    )
    return _Running(name, seed, process, log)


def _finish(run: _Running, out: Path) -> None:
    run.log.close()
    if run.process.returncode == 0:
        return
    text = (run_folder(out, run.name, run.seed) / "log.txt").read_text(encoding="utf-8", errors="replace")
    last = text.strip().splitlines()[-1] if text.strip() else ""
    try:
        said = json.loads(last)
        raise _error(said["code"])(said["message"], hint=said["hint"])
    except (ValueError, KeyError, TypeError):
        ended = f"{run.name}, seed {run.seed}: ended with {run.process.returncode}."
        raise RuntimeError(f"{ended}\n{text[-4000:]}") from None


def _error(code: str) -> type[BasiraError]:
    return next(e for e in ALL_ERRORS if e.code == code)


def _count(wanted: list[tuple[str, int]], out: Path) -> tuple[int, int]:
    """Periods recorded and periods in all; a run that has not opened its world counts as the longest known."""
    done, totals = 0, []
    for name, seed in wanted:
        folder = run_folder(out, name, seed)
        opened = read_opened(folder)
        totals.append(0 if opened is None else opened["periods"])
        done += sum(1 for _ in folder.glob("period-*.json"))
    longest = max(totals, default=0)
    return done, sum(t or longest for t in totals)
