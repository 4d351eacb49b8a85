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

from basira.laboratory.deep.extra import check_installed
from basira.laboratory.report.figures import with_measures
from basira.laboratory.report.missed import POSSIBLE
from basira.laboratory.runs.loop import read_opened, run_strategy
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.registry import find_strategy
from basira.laboratory.worlds.view import Strategy
from basira.render.writing import write_whole
from basira.schema.errors import ALL_ERRORS, BasiraError, Phrase, StoreError, UsageError

Progress = Callable[[int, int, str], None]

RESULTS = "results.parquet"
POSSIBLE_ITEMS = "possible.parquet"
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
    "seed",
    "period",
    "rows",
    "selected",
    "answered",
    "found",
    "possible_found",
    "best_found",
    "truly_irregular",
    "fallback",
    "peak_memory_mb",
)
_REAL = (
    "rate",
    "revenue",
    "possible_revenue",
    "best_revenue",
    "truly_evaded",
    "choose_cpu_seconds",
    "fit_cpu_seconds",
    "features_cpu_seconds",
    "period_cpu_seconds",
)


@dataclass(frozen=True)
class _Running:
    name: str
    seed: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]


def run_folder(out: Path, strategy: str, seed: int) -> Path:
    """Where one run keeps its files."""
    return out / "runs" / strategy.replace(":", "--") / f"seed-{seed}"


def strategy_of(folder: str) -> str:
    """The strategy of a folder under ``runs``."""
    return folder.replace("--", ":")


def read_plan(out: Path) -> Plan:
    """The plan of a folder of results; NotFound is a StoreError: the folder was not made by the laboratory."""
    try:
        return Plan.from_json((out / _PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        raise StoreError(
            "Expected the laboratory's plan in {out!r}, found none that can be read.",
            hint="Run `basira lab run --out` with this folder first.",
            out=str(out),
        ) from None


@dataclass(frozen=True)
class Workers:
    """``jobs``: processes at once, one thread each. ``memory``: of each one's query engine; see `jobs_within`."""

    jobs: int = 2
    memory: str = "2GB"


USUAL_WORKERS = Workers()


def run_all(
    plan: Plan,
    strategies: Sequence[str | Strategy],
    seeds: Sequence[int],
    out: Path,
    *,
    workers: Workers = USUAL_WORKERS,
    at_most: int | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Run what ``out`` does not hold yet, write ``results.parquet``, and return its rows.

    Strategies and seeds may be added to a folder; another plan may not.

    Parameters
    ----------
    strategies : names; or strategies of one's own, which run in this process, one after the other, once
        the named ones have run.
    workers : the processes that play the named ones.
    at_most : stop each run after so many of the plan's periods; the same call without it goes on from there.

    Raises
    ------
    UsageError : nothing to run, another plan, a wrong answer of a strategy. NotFoundError : an unknown
        strategy. StoreError : the folder is in use or can't be written.
    """
    if not strategies or not seeds:
        raise UsageError("Expected strategies and seeds, found none.", hint="For example --strategies random.")
    if min(seeds) < 0:
        raise UsageError(
            "seeds: expected whole numbers from 0, found {seeds}.",
            hint="For example --seeds 1,2.",
            seeds=min(seeds),
        )
    own = [s for s in strategies if isinstance(s, Strategy)]
    names = [s for s in strategies if isinstance(s, str)]
    for name in names:
        check_installed(name, find_strategy(name).needs)
    _claim(plan, out)
    lock = filelock.FileLock(out / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StoreError(
            "Expected {out!r} to be free, found another run.",
            hint="Wait for it.",
            out=str(out),
        ) from None
    try:
        wanted = list(dict.fromkeys((n, s) for s in seeds for n in names))
        _run(wanted, out, workers, at_most, progress or _silent)
        for strategy in own:
            for seed in dict.fromkeys(seeds):
                folder = run_folder(out, strategy.name, seed)
                run_strategy(plan, strategy, seed, folder, memory=workers.memory, at_most=at_most)
    finally:
        lock.release()
    return collect(out)


def collect(out: Path) -> pl.DataFrame:
    """Read every recorded period, write ``results.parquet`` and return its rows, in order."""
    files = sorted((out / "runs").glob("*/*/period-*.json"))
    rows = [json.loads(path.read_text(encoding="utf-8"))["row"] for path in files]
    if not rows:
        raise StoreError(
            "Expected recorded periods in {out!r}, found none.",
            hint="Run `basira lab run` first.",
            out=str(out),
        )
    frame = pl.DataFrame(rows, infer_schema_length=None)
    # Folders of earlier versions lack some figures of cost.
    frame = frame.with_columns(pl.lit(None).alias(c) for c in (*_WHOLE, *_REAL) if c not in frame.columns)
    frame = frame.with_columns(pl.col(*_WHOLE).cast(pl.Int64), pl.col(*_REAL).cast(pl.Float64))
    frame = with_measures(frame).sort("strategy", "seed", "period")
    content = BytesIO()
    frame.write_parquet(content)
    write_whole(out / RESULTS, content.getvalue())
    return frame


def collect_possible(out: Path) -> pl.DataFrame:
    """Read what there was to find in every recorded period, write ``possible.parquet`` and return its rows.

    Columns: ``strategy``, ``seed``, ``period`` and `basira.laboratory.report.missed.POSSIBLE`. Empty for folders of
    earlier versions.
    """
    frames = [pl.DataFrame(schema={"strategy": pl.String, "seed": pl.Int64, "period": pl.Int64} | POSSIBLE)]
    for path in sorted((out / "runs").glob("*/*/possible-*.parquet")):
        number = int(path.stem.removeprefix("possible-"))
        if path.with_name(f"period-{number:04d}.json").is_file():
            run = {
                "strategy": strategy_of(path.parent.parent.name),
                "seed": int(path.parent.name.removeprefix("seed-")),
            }
            named = [pl.lit(v, frames[0].schema[n]).alias(n) for n, v in (run | {"period": number}).items()]
            frames.append(pl.read_parquet(path).select(*named, *POSSIBLE))
    frame = pl.concat(frames).sort("strategy", "seed", "period", "item_id")
    content = BytesIO()
    frame.write_parquet(content)
    write_whole(out / POSSIBLE_ITEMS, content.getvalue())
    return frame


def _silent(done: int, total: int, what: str) -> None:
    """Report no progress."""


def _claim(plan: Plan, out: Path) -> None:
    # A plan under which nothing was recorded (its scenario had a wrong name) blocks no other plan.
    if (out / _PLAN).is_file() and any((out / "runs").glob("*/*/period-*.json")):
        if read_plan(out).digest != plan.digest:
            raise UsageError(
                "Expected {out!r} to hold results of this very plan, found another plan there.",
                hint="Choose another --out: figures of different plans don't compare.",
                out=str(out),
            )
        return
    if out.exists() and any(out.iterdir()) and not (out / _PLAN).is_file():
        raise UsageError(
            "--out: expected a new or empty folder, or one of `basira lab run`, found {out!r}.",
            hint="Choose another --out.",
            out=str(out),
        )
    write_whole(out / _PLAN, (plan.to_json() + "\n").encode())


def _run(wanted: list[tuple[str, int]], out: Path, workers: Workers, at_most: int | None, progress: Progress) -> None:
    waiting, running = list(wanted), list[_Running]()
    try:
        while waiting or running:
            while waiting and len(running) < max(1, workers.jobs):
                running.append(_start(*waiting.pop(0), out, workers.memory, at_most))
            time.sleep(_LOOK_SECONDS)
            for run in [r for r in running if r.process.poll() is not None]:
                running.remove(run)
                _finish(run, out)
            now = ", ".join(f"{r.name} {r.seed}" for r in running) or "done"
            progress(*_count(wanted, out, at_most), now)
    finally:
        for run in running:
            run.process.terminate()
            run.process.wait()
            run.log.close()


def _start(name: str, seed: int, out: Path, memory: str, at_most: int | None) -> _Running:
    folder = run_folder(out, name, seed)
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / "log.txt").open("wb")
    command = [sys.executable, "-m", "basira.laboratory.runs.one", str(out), name, str(seed), memory]
    command += [] if at_most is None else [str(at_most)]
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
        fault = json.loads(last)
        raise _error(fault["code"])(Phrase.unpack(fault["message"]), hint=Phrase.unpack(fault["hint"]))
    except (ValueError, KeyError, TypeError):
        ended = f"{run.name}, seed {run.seed}: ended with {run.process.returncode}."
        raise RuntimeError(f"{ended}\n{text[-4000:]}") from None


def _error(code: str) -> type[BasiraError]:
    return next(e for e in ALL_ERRORS if e.code == code)


def _count(wanted: list[tuple[str, int]], out: Path, at_most: int | None) -> tuple[int, int]:
    """Periods recorded and periods in all; a run that has not opened its world counts as the longest known."""
    done, totals = 0, []
    for name, seed in wanted:
        folder = run_folder(out, name, seed)
        opened = read_opened(folder)
        total = 0 if opened is None else min(opened["periods"], at_most or opened["periods"])
        totals.append(total)
        done += min(total, sum(1 for _ in folder.glob("period-*.json")))
    longest = max(totals, default=0)
    return done, sum(t or longest for t in totals)
