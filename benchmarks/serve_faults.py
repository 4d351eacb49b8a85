"""Faults under load: no acknowledged decision lost, none doubled, the chain whole, the service back by itself.

    .venv/bin/python benchmarks/serve_faults.py [--kills 100] [--only process,workers,...] [--ground FOLDER]

Makes a small simulated store, starts `basira serve` on SQLite and on a PostgreSQL of its own, and sends load from a
client that remembers every acknowledged decision and sends again what was not acknowledged (`serve_witness.py`).
Under that load:

- ``process``: the only process is killed (-9) at random instants and started again;
- ``workers``: a worker of two under their supervisor, now and then both, is killed (-9) at random instants;
- ``postgres``: PostgreSQL is stopped, fast and at once, and started again;
- ``disk``: the disk of the database (a tmpfs of its own: needs root) is filled, and freed again;
- ``profiles``: the newest profiles are altered in a byte, truncated, deleted, and built again;
- ``files``: the model's folder is removed and the policy file broken, the service going on and started again.

Prints a table, a row a fault, and ends with 1 when anything is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from serve_ground import Ground, Postgres, Served, prepare_ground, run, served, wait_for
from serve_witness import Witness, examine

_COLUMNS = (
    "fault",
    "record",
    "times",
    "acknowledged",
    "recorded",
    "sent again",
    "503",
    "no answer",
    "lost",
    "doubled",
    "changed",
    "unasked",
    "chain",
    "back s (median, max)",
    "verdict",
)


@dataclass
class Trial:
    """One fault tried, and what came of it."""

    fault: str
    record: str
    times: int = 0
    back: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    cells: dict[str, object] = field(default_factory=dict)

    def demand(self, is_so: bool, what: str) -> None:
        """A violation when it is not so."""
        if not is_so:
            self.violations.append(what)

    def row(self) -> list[str]:
        back = f"{statistics.median(self.back):.1f}, {max(self.back):.1f}" if self.back else "-"
        known = {
            "fault": self.fault,
            "record": self.record,
            "times": self.times,
            "back s (median, max)": back,
            "verdict": "VIOLATED" if self.violations else "holds",
            **self.cells,
        }
        return [str(known.get(name, "")) for name in _COLUMNS]


@contextmanager
def under_load(service: Served, trial: Trial, *, threads: int = 3, seed: int = 1) -> Iterator[Witness]:
    """Load while the block runs; then the record is compared with what was answered, and its chain proved."""
    witness = Witness(service, service.create_key(), threads=threads, seed=seed)
    witness.start()
    try:
        wait_for("the first decisions", lambda: witness.acknowledged >= 5, seconds=60)
        yield witness
        # Back by itself: decisions are made again after the last fault.
        before = witness.acknowledged
        wait_for("decisions after the fault", lambda: witness.acknowledged >= before + 10, seconds=90)
    except (TimeoutError, RuntimeError) as error:
        trial.violations.append(str(error))
    finally:
        told = witness.stop()
        trial.violations += sorted(set(told.violations))[:5]
    place = service.database or str(service.ground.store / "operations.sqlite")
    found = examine(place, witness)
    trial.demand(found.is_right, f"the record contradicts what was acknowledged: {found}")
    chain = verify(service)
    trial.demand(chain == "whole", f"audit verify: {chain}")
    trial.cells |= {
        "acknowledged": len(told.decisions),
        "recorded": found.recorded,
        "sent again": told.counts["sent again"],
        "503": told.counts["503"] + told.counts["503 in a batch"],
        "no answer": told.counts["no answer"],
        "lost": found.lost,
        "doubled": found.doubled,
        "changed": found.changed,
        "unasked": found.unasked,
        "chain": chain,
    }


def verify(service: Served) -> str:
    """What `basira audit verify` says."""
    try:
        run("audit", "verify", *service.at)
    except RuntimeError as error:
        return str(error)
    return "whole"


def kill_process(ground: Ground, record: str, database: str, *, kills: int, draw: random.Random) -> Trial:
    """The only process is killed at random instants, and started again by the trial, as systemd would."""
    trial = Trial("kill -9 the process", record)
    with served(ground, database=database) as service:
        service.start()
        with under_load(service, trial) as witness:
            for _ in range(kills):
                before = witness.acknowledged
                wait_for("load before the kill", lambda n=before: witness.acknowledged > n, seconds=60)  # type: ignore[misc]
                time.sleep(draw.uniform(0.0, 0.6))
                service.kill()
                trial.times += 1
                trial.back.append(service.start())
    return trial


def kill_workers(ground: Ground, record: str, database: str, *, kills: int, draw: random.Random) -> Trial:
    """A worker of two is killed, now and then both; their supervisor starts others."""
    trial = Trial("kill -9 a worker of 2", record)
    with served(ground, database=database, workers=2) as service:
        service.start()
        wait_for("two workers", lambda: len(service.worker_pids()) == 2, seconds=30)
        with under_load(service, trial) as witness:
            for number in range(kills):
                before = witness.acknowledged
                wait_for("load before the kill", lambda n=before: witness.acknowledged > n, seconds=60)  # type: ignore[misc]
                time.sleep(draw.uniform(0.0, 0.6))
                chosen = service.worker_pids()
                for pid in chosen if number % 10 == 9 else [draw.choice(chosen)]:
                    os.kill(pid, signal.SIGKILL)
                trial.times += 1
                gone = set(chosen)
                begun = time.monotonic()
                wait_for(
                    "two workers again",
                    lambda g=gone: (
                        len(set(service.worker_pids()) | g) > len(g)  # type: ignore[misc]
                        and len(service.worker_pids()) == 2
                        and service.is_ready()
                    ),
                    seconds=60,
                )
                trial.back.append(time.monotonic() - begun)
                trial.demand(service.poll() is None, "the supervisor ended")
    return trial


def stop_postgres(ground: Ground, postgres: Postgres, *, stops: int) -> Trial:
    """PostgreSQL is stopped, fast and at once by turns, stays away for some seconds, and comes back."""
    trial = Trial("PostgreSQL stopped", "postgresql")
    with served(ground, database=postgres.create("stopped")) as service:
        service.start()
        with under_load(service, trial) as witness:
            for number in range(stops):
                postgres.stop("immediate" if number % 2 else "fast")
                wait_for("not ready without a database", lambda: service.ask("GET", "/ready")[0] == 503, seconds=30)
                trial.demand(service.ask("GET", "/health")[0] == 200, "not alive without a database")
                time.sleep(2.0)
                postgres.start()
                begun, before = time.monotonic(), witness.acknowledged
                wait_for("decisions again", lambda n=before: witness.acknowledged > n, seconds=60)  # type: ignore[misc]
                trial.back.append(time.monotonic() - begun)
                trial.times += 1
                time.sleep(1.0)
        trial.demand(service.starts == 1 and service.poll() is None, "the service had to be started again")
        trial.demand(int(str(trial.cells.get("503", 0))) > 0, "no 503 while PostgreSQL was away")
    return trial


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own (tmpfs; root alone may mount it)."""
    folder = Path(tempfile.mkdtemp(prefix="basira-disk-", dir="/tmp"))
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "-l", folder], check=True)
        folder.rmdir()


def fill(folder: Path) -> Path:
    """Write until there is no room left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return path


def fill_disk(
    ground: Ground, record: str, *, times: int, service_of: Callable[[Path], tuple[str, Postgres | None]]
) -> Trial:
    """The database's disk is filled under load, and freed after some seconds."""
    trial = Trial("disk full", record)
    with small_disk(40 if record == "sqlite" else 160) as folder:
        database, postgres = service_of(folder)
        try:
            with served(ground, database=database) as service:
                service.start()
                with under_load(service, trial) as witness:
                    for _ in range(times):
                        filler = fill(folder)
                        refused = witness.told.counts["503"]
                        wait_for("a 503 for want of room", lambda n=refused: witness.told.counts["503"] > n, seconds=60)  # type: ignore[misc]
                        time.sleep(2.0)
                        filler.unlink()
                        if postgres is not None and not postgres.is_running:
                            postgres.start()  # it ends by itself when its log finds no room; systemd starts it again
                        begun, before = time.monotonic(), witness.acknowledged
                        wait_for("decisions again", lambda n=before: witness.acknowledged > n, seconds=60)  # type: ignore[misc]
                        trial.back.append(time.monotonic() - begun)
                        trial.times += 1
                        time.sleep(0.5)
                trial.demand(service.starts == 1 and service.poll() is None, "the service had to be started again")
        finally:
            if postgres is not None:
                postgres.stop("immediate")
    return trial


def damage_profiles(ground: Ground) -> Trial:
    """The newest profiles are damaged while they serve; older ones replace them, as /ready and the metrics show."""
    trial = Trial("newest profiles damaged", "sqlite")
    folder = ground.store / "profiles"
    saved = Path(shutil.copytree(folder, ground.folder / "profiles-saved", dirs_exist_ok=True))
    newest = (folder / "CURRENT").read_text().strip()
    data = folder / f"{newest}.lmdb"

    def flip(count: int) -> None:
        with data.open("r+b") as file:
            for place in range(4096, data.stat().st_size, max(1, data.stat().st_size // count)):
                file.seek(place)
                byte = file.read(1)
                file.seek(place)
                file.write(bytes([byte[0] ^ 0xFF]))

    def replace_with_rubbish() -> None:
        rubbish = folder / "rubbish"
        rubbish.write_bytes(b"\0" * data.stat().st_size)
        rubbish.replace(data)

    damages: list[tuple[str, Callable[[], None]]] = [
        ("a byte", lambda: flip(1)),
        ("bytes on every page", lambda: flip(data.stat().st_size // 4096)),
        ("truncated", lambda: os.truncate(data, data.stat().st_size // 2)),
        ("replaced by rubbish", replace_with_rubbish),
        ("deleted", data.unlink),
        ("manifest deleted", (folder / f"{newest}.json").unlink),
        ("CURRENT emptied", lambda: os.truncate(folder / "CURRENT", 0)),
        ("all deleted", lambda: shutil.rmtree(folder)),
    ]
    try:
        with served(ground, database=f"sqlite:///{ground.folder / 'profiles.sqlite'}", workers=2) as service:
            service.start()
            key = service.create_key("metrics:read")
            with under_load(service, trial):
                for name, damage in damages:
                    damage()
                    _await_alarm(service, trial, name, key)
                    shutil.copytree(saved, folder, dirs_exist_ok=True)
                    begun = time.monotonic()
                    wait_for(f"profiles again after: {name}", lambda: _degraded(service) == [], seconds=60)
                    trial.back.append(time.monotonic() - begun)
                    trial.times += 1
            trial.demand(service.starts == 1 and service.poll() is None, "the service had to be started again")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(saved, folder)
        shutil.rmtree(saved)
    return trial


def _degraded(service: Served) -> list[str] | None:
    """What every worker says is degraded: asked several times, as any of them may answer."""
    found: list[str] = []
    for _ in range(6):
        status, body = service.ask("GET", "/ready")
        if status != 200:
            return None
        found += body["degraded"]
    return found


def _await_alarm(service: Served, trial: Trial, name: str, key: str) -> None:
    try:
        wait_for(f"an alarm after: {name}", lambda: bool(_degraded(service)), seconds=40)
    except TimeoutError as error:
        trial.violations.append(str(error))
        return
    text = str(service.ask("GET", "/metrics", key=key)[1])
    trial.demand("basira_profile" in text, f"metrics without profiles after: {name}")


def break_files(ground: Ground) -> Trial:
    """The model removed and the policy broken: a running service goes on; one started anew says what it lacks."""
    trial = Trial("model removed, policy broken", "sqlite")
    database = f"sqlite:///{ground.folder / 'files.sqlite'}"
    models, policy = ground.store / "models", ground.policy / "policy.toml"
    aside, text = ground.folder / "models-aside", policy.read_text()
    try:
        with served(ground, database=database) as service:
            service.start()
            with under_load(service, trial) as witness:
                models.rename(aside)
                policy.write_text("lanes = [[[")
                before = witness.acknowledged
                wait_for("decisions without the files", lambda: witness.acknowledged >= before + 10, seconds=60)
                trial.times += 1
                policy.write_text(text)
                service.kill()
                trial.back.append(service.start())
                trial.demand("no_model" in (_degraded(service) or []), "a missing model is not reported")
                before = witness.acknowledged
                wait_for("decisions without a model", lambda: witness.acknowledged >= before + 10, seconds=60)
                trial.demand(witness.told.counts["fallback no_model"] > 0, "a missing model is not recorded")
                trial.times += 1
                aside.rename(models)
                service.kill()
                policy.write_text("lanes = [[[")
                service.spawn()
                wait_for("the refusal to start", lambda: service.poll() is not None, seconds=60)
                trial.demand(service.poll() not in (0, 70), f"a broken policy ends with {service.poll()}")
                trial.times += 1
                policy.write_text(text)
                trial.back.append(service.start())
    finally:
        policy.write_text(text)
        if aside.exists():
            shutil.rmtree(models, ignore_errors=True)
            aside.rename(models)
    return trial


def main() -> int:
    options = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    options.add_argument("--kills", type=int, default=100, help="kills, of the process and of workers each")
    options.add_argument("--stops", type=int, default=6, help="stops of PostgreSQL, and fillings of each disk")
    options.add_argument("--only", default="process,workers,postgres,disk,profiles,files")
    options.add_argument("--ground", type=Path, help="folder of the store, kept for the next run")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    draw = random.Random(given.seed)  # noqa: S311 - instants, no secrets
    chosen = set(given.only.split(","))
    folder = given.ground or Path(tempfile.mkdtemp(prefix="basira-faults-"))
    trials: list[Trial] = []
    begun = time.monotonic()

    def tried(trial: Trial) -> None:
        trials.append(trial)
        row = json.dumps(dict(zip(_COLUMNS, trial.row(), strict=True)))
        sys.stderr.write(f"{time.monotonic() - begun:6.0f} s  {row}\n")
        sys.stderr.writelines(f"         VIOLATED: {what}\n" for what in trial.violations)

    os.environ["BASIRA_RATE_ADDRESS"] = "0"  # the trial itself asks /ready very often
    ground = prepare_ground(folder / "ground" if given.ground is None else folder)
    pg_folder = Path(tempfile.mkdtemp(prefix="basira-pg-", dir="/tmp"))
    pg_folder.chmod(0o755)
    postgres = Postgres(pg_folder / "pg")
    try:
        postgres.start()
        if "process" in chosen:
            sqlite = f"sqlite:///{fresh(ground.folder / 'killed.sqlite')}"
            tried(kill_process(ground, "sqlite", sqlite, kills=given.kills, draw=draw))
        if "workers" in chosen:
            tried(kill_workers(ground, "postgresql", postgres.create("killed"), kills=given.kills, draw=draw))
        if "postgres" in chosen:
            tried(stop_postgres(ground, postgres, stops=given.stops))
        if "disk" in chosen and os.geteuid() == 0:

            def on_sqlite(disk: Path) -> tuple[str, None]:
                return f"sqlite:///{disk / 'operations.sqlite'}", None

            def on_postgres(disk: Path) -> tuple[str, Postgres]:
                own = Postgres(disk / "pg")
                own.start()
                return own.create("filled"), own

            tried(fill_disk(ground, "sqlite", times=given.stops, service_of=on_sqlite))
            tried(fill_disk(ground, "postgresql", times=given.stops, service_of=on_postgres))
        if "profiles" in chosen:
            fresh(ground.folder / "profiles.sqlite")
            tried(damage_profiles(ground))
        if "files" in chosen:
            fresh(ground.folder / "files.sqlite")
            tried(break_files(ground))
    finally:
        postgres.stop("immediate")
        shutil.rmtree(pg_folder, ignore_errors=True)
        if given.ground is None:
            shutil.rmtree(folder, ignore_errors=True)
    print_table([list(_COLUMNS), *(trial.row() for trial in trials)])
    for trial in trials:
        for what in trial.violations:
            print(f"VIOLATED: {trial.fault} ({trial.record}): {what}")
    return 1 if any(trial.violations for trial in trials) else 0


def fresh(path: Path) -> Path:
    """The path, with no database on it."""
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()
    return path


def print_table(rows: list[list[str]]) -> None:
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if not number:
            print("|" + "---|" * len(row))


if __name__ == "__main__":
    sys.exit(main())
