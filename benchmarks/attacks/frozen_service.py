"""A service stopped (SIGSTOP) while it records: how long the other one on the same PostgreSQL decides nothing.

    .venv/bin/python benchmarks/attacks/frozen_service.py [--ground FOLDER] [--times 10] [--most-seconds 30]

Starts a PostgreSQL of its own and two `basira serve` on it, sends declarations to both, and stops one at random
instants until it held the chains' lock, ``--times`` times. Each time it prints what the stopped one's session was doing
(idle in transaction, or active: in the middle of statements sent together), the seconds until the other one decided
again, what `/ready` of the other one answered meanwhile, and whether the stopped one serves again when it is let go. At
the end: whether everything acknowledged is recorded once, and the chain whole. Ends with 1 when a wait was longer than
10 seconds or the record contradicts what was acknowledged. Loopback only; gives a stall up after ``--most-seconds``.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1]))

from serve_ground import Postgres, Served, prepare_ground, run, served, wait_for
from serve_witness import Witness, examine

_ALLOWED_SECONDS = 10.0
_HOLDER = sa.text(
    "SELECT a.pid, a.state, coalesce(a.wait_event, '-') FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted"
)


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ground", type=Path, default=Path(tempfile.gettempdir()) / "basira-attack-ground")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--most-seconds", type=float, default=30.0)
    given = parser.parse_args()
    ground = prepare_ground(given.ground)
    with tempfile.TemporaryDirectory(prefix="basira-frozen-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder) / "pg")
        postgres.start()
        try:
            database = postgres.create("frozen")
            with served(ground, database=database) as first, served(ground, database=database) as second:
                first.start()
                second.start()
                return _trial(first, second, database, times=given.times, most_seconds=given.most_seconds)
        finally:
            postgres.stop("immediate")


def _trial(frozen: Served, other: Served, database: str, *, times: int, most_seconds: float) -> int:
    key = other.create_key()
    mine, theirs = (Witness(one, key, threads=2, seed=n) for n, one in enumerate((frozen, other), 1))
    mine.start()
    theirs.start()
    engine = sa.create_engine(database, isolation_level="AUTOCOMMIT")
    draw, longest = random.Random(1), 0.0  # noqa: S311 - no secret
    print("stop  session while stopped            seconds without a decision  /ready of the other  awake again s")
    with engine.connect() as looking:
        wait_for("the first decisions", lambda: min(mine.acknowledged, theirs.acknowledged) >= 5, seconds=60)
        for number in range(1, times + 1):
            held = _stop(frozen, looking, draw)
            begun, before, said = time.monotonic(), theirs.acknowledged, set[int]()
            while theirs.acknowledged == before and time.monotonic() - begun < most_seconds:
                said.add(other.ask("GET", "/ready", seconds=5)[0])
                time.sleep(0.2)
            stalled = time.monotonic() - begun
            longest = max(longest, stalled)
            os.kill(frozen.pid, signal.SIGCONT)
            before = mine.acknowledged
            awake = wait_for("decisions of the one that woke", lambda b=before: mine.acknowledged > b + 3, seconds=60)  # type: ignore[misc]
            more = "" if stalled < most_seconds else " (given up)"
            print(f"{number:4}  {held:<32} {stalled:8.1f}{more:<18}  {sorted(said)!s:<20} {awake:6.1f}", flush=True)
    engine.dispose()
    faults = [one for witness in (mine, theirs) for one in witness.stop().violations]
    found = [examine(database, witness) for witness in (mine, theirs)]
    run("audit", "verify", *other.at)
    print(f"longest {longest:.1f} s; acknowledged {mine.acknowledged + theirs.acknowledged}; chain whole")
    print(f"record: {[str(one) for one in found]}; violations: {faults[:5] or 'none'}")
    return int(longest > _ALLOWED_SECONDS or bool(faults) or not all(one.is_right for one in found))


def _stop(service: Served, looking: sa.Connection, draw: random.Random) -> str:
    """Stop the service while the lock is held by a session that then does not move: its own."""
    while True:
        time.sleep(draw.uniform(0.0, 0.05))
        os.kill(service.pid, signal.SIGSTOP)
        held = looking.execute(_HOLDER).first()
        if held is not None and held[2] == "ClientRead":
            time.sleep(0.15)
            if (again := looking.execute(_HOLDER).first()) is not None and again[0] == held[0]:
                return f"{again[1]}, {again[2]}"
        os.kill(service.pid, signal.SIGCONT)
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
