"""Memory, files, threads and connections of the service under an hour of load.

    .venv/bin/python benchmarks/serve_soak.py [--minutes 60] [--rate 20] [--workers 1] [--record postgresql|sqlite]

Makes a small simulated store, starts `basira serve`, and sends declarations, batches, amendments, results and repeats
at a steady rate (`serve_witness.py`). Every ten seconds each process of the service is looked at in /proc. After a
warm-up (a quarter of the time, at most ten minutes) nothing may grow: the slope of the resident memory by Theil-Sen,
with its 95 % interval, must not lie above the bound; the other counts must not be larger in the last quarter than
before. Prints a table, and ends with 1 when something grows or the record contradicts what was acknowledged.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import theilslopes
from serve_ground import Postgres, Served, children_of, prepare_ground, run, served, wait_for
from serve_witness import Witness, examine

_COUNTS = ("files", "threads", "sockets", "maps of profiles")


@dataclass(frozen=True)
class Sample:
    """A process at a moment: seconds since the beginning, resident memory in MB (with how much of it is the process's
    own, not pages of files), and counts."""

    process: str
    seconds: float
    rss_mb: float
    own_mb: float
    counts: tuple[int, ...]


def look_at(pid: int, name: str, seconds: float) -> Sample | None:
    """A sample of /proc; None when the process is gone."""
    place = Path(f"/proc/{pid}")
    try:
        status = (place / "status").read_text()
        found = [str(link.readlink()) for link in (place / "fd").iterdir() if link.is_symlink()]
        maps = Counter(line.split()[-1] for line in (place / "maps").read_text().splitlines() if ".lmdb" in line)
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    sockets = sum(one.startswith("socket:") for one in found)
    counts = (len(found), int(values["Threads"]), sockets, len(maps))
    resident, own = (int(values[one].split()[0]) / 1024 for one in ("VmRSS", "RssAnon"))
    return Sample(name, seconds, resident, own, counts)


def sample_all(service: Served, seconds: float) -> list[Sample]:
    found = [look_at(pid, f"worker {n}", seconds) for n, pid in enumerate(service.worker_pids(), 1)]
    large = service.large_pids()
    found += [look_at(pid, f"large worker {n}", seconds) for n, pid in enumerate(large, 1)]
    if service.workers > 1:
        found.append(look_at(service.pid, "supervisor", seconds))
        others = set(children_of(service.pid)) - set(service.worker_pids()) - set(large)
        found += [look_at(pid, "other child", seconds) for pid in others]
    return [one for one in found if one is not None]


def judge(samples: list[Sample], *, warm_up: float, bound: float) -> tuple[list[dict[str, object]], bool]:
    """A row a process, and whether nothing grows. ``bound``: of the memory's slope, MB an hour."""
    rows: list[dict[str, object]] = []
    is_flat = True
    for process in dict.fromkeys(one.process for one in samples):
        own = [one for one in samples if one.process == process and one.seconds >= warm_up]
        if len(own) < 8:
            continue
        hours = np.array([one.seconds / 3600 for one in own])
        memory = np.array([one.rss_mb for one in own])
        slope, _, low, high = theilslopes(memory, hours, alpha=0.95)
        quarter = len(own) // 4
        row: dict[str, object] = {
            "process": process,
            "samples": len(own),
            "rss MB first": round(own[0].rss_mb, 1),
            "rss MB last": round(own[-1].rss_mb, 1),
            "rss MB most": round(max(memory), 1),
            "of it own MB first, last": f"{own[0].own_mb:.1f}, {own[-1].own_mb:.1f}",
            "slope MB/h (95 %)": f"{slope:+.1f} ({low:+.1f} to {high:+.1f})",
        }
        grows = low > bound
        for place, name in enumerate(_COUNTS):
            before, last = [[one.counts[place] for one in part] for part in (own[:-quarter], own[-quarter:])]
            row[name] = f"{statistics.median(before):.0f}, most {max(before)}; last {statistics.median(last):.0f}"
            grows |= statistics.median(last) > max(before)
        row["verdict"] = "GROWS" if grows else "flat"
        is_flat &= not grows
        rows.append(row)
    return rows, is_flat


def main() -> int:
    options = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--rate", type=float, default=20.0, help="requests a second")
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--record", choices=["postgresql", "sqlite"], default="postgresql")
    options.add_argument(
        "--queue", action="store_true", help="ask for an office's queue as well: it reads the whole day"
    )
    options.add_argument("--bound", type=float, default=10.0, help="of the memory's slope, MB an hour")
    options.add_argument("--every", type=float, default=10.0, help="seconds between samples")
    options.add_argument("--ground", type=Path, help="folder of the store, kept for the next run")
    options.add_argument("--out", type=Path, help="JSON lines of every sample")
    given = options.parse_args()
    os.environ["BASIRA_RATE_ADDRESS"] = "0"
    folder = Path(tempfile.mkdtemp(prefix="basira-soak-", dir="/tmp"))
    folder.chmod(0o755)
    ground = prepare_ground(given.ground or folder / "ground")
    postgres = Postgres(folder / "pg") if given.record == "postgresql" else None
    samples: list[Sample] = []
    try:
        if postgres:
            postgres.start()
        database = postgres.create("soak") if postgres else f"sqlite:///{folder / 'operations.sqlite'}"
        with served(ground, database=database, workers=given.workers) as service:
            service.start()
            wait_for("the workers", lambda: len(service.worker_pids()) == given.workers, seconds=60)
            witness = Witness(service, service.create_key(), threads=4, rate=given.rate)
            witness.start()
            begun = time.monotonic()
            rebuilt = False
            for number in itertools.count(1):
                time.sleep(max(0.0, begun + number * given.every - time.monotonic()))
                seconds = time.monotonic() - begun
                if seconds > given.minutes * 60:
                    break
                samples += sample_all(service, seconds)
                service.ask("GET", "/metrics", key=witness.key)
                if given.queue:
                    service.ask("GET", "/queue?office=CASA-PORT", key=witness.key)
                if not rebuilt and seconds > given.minutes * 30:
                    # A night's swap of profiles: the same content under another name can't be, so the pointer is
                    # turned to the older build and back, and each time the workers open another file.
                    rebuilt = turn_profiles(ground.store / "profiles", given.every * 2)
            told = witness.stop()
            found = examine(database, witness)
            run("audit", "verify", *service.at)
            code = service.stop()
    finally:
        if postgres:
            postgres.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
    if given.out:
        given.out.write_text("".join(json.dumps(vars(one)) + "\n" for one in samples))
    rows, is_flat = judge(samples, warm_up=min(600.0, given.minutes * 15), bound=given.bound)
    print(
        f"{given.minutes:g} minutes, {given.record}, {given.workers} worker(s): {len(told.decisions):,} decisions, "
        f"{sum(n for name, n in told.counts.items() if name.isdecimal()):,} answers, "
        f"{told.counts['sent again']} sent again, slowest {told.slowest:.2f} s, exit code {code}"
    )
    names = list(rows[0]) if rows else []
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in names) + " |")
    faults = [*sorted(set(told.violations))[:10], *([] if found.is_right else [f"the record: {found}"])]
    for fault in faults:
        print(f"VIOLATED: {fault}")
    return 0 if is_flat and rows and not faults and code == 0 else 1


def turn_profiles(folder: Path, seconds: float) -> bool:
    """Let CURRENT name the older build for a while, then the newer one again."""
    pointer = folder / "CURRENT"
    newest = pointer.read_text()
    older = [path.stem for path in folder.glob("*.lmdb") if path.stem != newest.strip()]
    for text in (f"{older[0]}\n", newest):
        beside = folder / ".turning"
        beside.write_text(text)
        beside.replace(pointer)
        time.sleep(seconds)
    return True


if __name__ == "__main__":
    sys.exit(main())
