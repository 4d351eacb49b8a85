"""What a comparison will take, before it is run: time, memory, and how many runs fit side by side.

Enters: a plan, strategies, seeds, the memory there is. Leaves: `Prospect`, measured and not guessed: the
first period of every strategy is run with the first seed, and kept. Never here: the machine's own figures,
which the caller reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from basira.laboratory.runs.loop import read_opened
from basira.laboratory.runs.many import Progress, Workers, run_all, run_folder
from basira.laboratory.runs.plan import Plan
from basira.schema.errors import UsageError

# What a run's process takes beside its query engine: Python, the libraries, a year of items
# (docs/explanation/laboratory.md, Cost). The engine's own limit is an upper bound, seldom reached.
BESIDE_BYTES = 600 * 10**6
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


@dataclass(frozen=True)
class Prospect:
    """``periods``: of one run. ``rows``: items of the first period. ``cpu_seconds``: of all that is left to do, on
    this machine as it was just now; ``seconds``: the same, ``jobs`` at once. Both grow as history grows: at least.
    ``peak_memory_mb``: of the largest first period."""

    runs: int
    periods: int
    rows: int
    done: int
    left: int
    cpu_seconds: float
    seconds: float
    peak_memory_mb: int


def look_ahead(
    plan: Plan,
    strategies: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    *,
    jobs: int = 2,
    memory: str = "2GB",
    progress: Progress | None = None,
) -> Prospect:
    """Run (and keep) the first period of every strategy with the first seed, and reckon the rest.

    Raises
    ------
    As `basira.laboratory.runs.many.run_all`.
    """
    rows = run_all(
        plan, strategies, seeds[:1], out, workers=Workers(jobs=jobs, memory=memory), at_most=1, progress=progress
    )
    names = list(dict.fromkeys(strategies))
    periods, done, left, cost = 0, 0, 0, 0.0
    for name in names:
        opened = read_opened(run_folder(out, name, seeds[0])) or {"periods": 0, "open_cpu_seconds": 0.0}
        periods = int(opened["periods"])
        each = rows.filter(pl.col("strategy") == name, pl.col("seed") == seeds[0])["period_cpu_seconds"].mean()
        for seed in dict.fromkeys(seeds):
            held = sum(1 for _ in run_folder(out, name, seed).glob("period-*.json"))
            done += held
            left += periods - held
            # A run that goes on makes its world again, and passes what it holds.
            opens = float(opened.get("open_cpu_seconds", 0.0)) if held < periods else 0.0
            cost += opens + (periods - held) * float(each or 0.0)  # type: ignore[arg-type]  # a mean of numbers
    of_these = rows.filter(pl.col("strategy").is_in(names))
    peak = of_these["peak_memory_mb"].max()
    return Prospect(
        runs=len(names) * len(set(seeds)),
        periods=periods,
        rows=int(of_these.filter(pl.col("period") == 0)["rows"].max() or 0),  # type: ignore[arg-type]  # a column of integers
        done=done,
        left=left,
        cpu_seconds=cost,
        seconds=cost / max(1, jobs),
        peak_memory_mb=int(peak or 0),  # type: ignore[arg-type]  # a column of integers
    )


def jobs_within(jobs: int, *, memory: str, available: int | None) -> int:
    """How many of ``jobs`` runs fit in ``available`` bytes (None: not known), each with an engine of ``memory``.

    Raises
    ------
    UsageError : not even one fits, or ``memory`` is not a size.

    >>> jobs_within(4, memory="2GB", available=6 * 10**9), jobs_within(4, memory="2GB", available=None)
    (2, 4)
    """
    each = memory_bytes(memory) + BESIDE_BYTES
    if available is None:
        return jobs
    if each > available:
        raise UsageError(
            "--memory: expected a run to fit in {available:.1f} GB, found {memory} and {beside_bytes:.1f} GB besides.",
            hint="Give --memory {value}MB, or free memory.",
            available=available / 1000000000.0,
            memory=memory,
            beside_bytes=BESIDE_BYTES / 1000000000.0,
            value=max(200, int((available - BESIDE_BYTES) / 1000000.0 * 0.8)),
        )
    return max(1, min(jobs, available // each))


def memory_bytes(text: str) -> int:
    """A size as the query engine reads it.

    >>> memory_bytes("2GB"), memory_bytes("512 MiB")
    (2000000000, 536870912)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
    if found is None or found[2] not in _UNITS:
        raise UsageError(
            "--memory: expected a number and its unit, found {text!r}.",
            hint="For example --memory 2GB.",
            text=text,
        )
    return int(float(found[1]) * _UNITS[found[2]])
