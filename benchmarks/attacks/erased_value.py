"""A person erased beside a running service: in which files does the value still stand?

    python benchmarks/attacks/erased_value.py [--database sqlite|postgresql] [--ground FOLDER] [--declarations 120]

Makes a small simulated store, starts `basira serve` on it, and sends declarations, a re-selection with a note, a
rejected body and an inspection's result in which one made-up value stands wherever a person can stand: importer,
declarant, exporter, inspector, description, transport document, an x_ field, a note, a body. Then `history sync` and
`profiles build`, a backup, and the erasure by the commands that this version has, while the service runs on. Reads the
bytes of every file of the store and of the database, and the rows of every table and Parquet file.

Prints a row a place: how often the value stands there before the erasure and after it; then what the proof says, how
long the slowest declaration took that was sent meanwhile, and whether the record verifies. Everything is on loopback,
in a folder of its own that is removed; a minute, of which most is making the store.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from serve_ground import BASIRA, SCOPES, Ground, Postgres, Served, prepare_ground, run, served

VALUE = "MARQUEUR-EFFACE-7731"
_SENT_EVERY = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--ground", type=Path, default=Path(tempfile.gettempdir()) / "basira-erased-ground")
    parser.add_argument("--declarations", type=int, default=120)
    options = parser.parse_args()
    ground = prepare_ground(options.ground)
    folder = Path(tempfile.mkdtemp(prefix="basira-erased-", dir="/tmp"))
    folder.chmod(0o755)
    server = None
    try:
        shutil.copytree(ground.store, folder / "store", ignore=shutil.ignore_patterns("operations.sqlite*"))
        shutil.copytree(ground.policy, folder / "policy")
        database = ""
        if options.database == "postgresql":
            server = Postgres(folder / "pg")
            server.start()
            database = server.url()
        trial(replace(ground, folder=folder), database, folder / "pg" if server else None, options.declarations)
    finally:
        if server is not None:
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def trial(ground: Ground, database: str, pg: Path | None, count: int) -> None:
    where = ("--store", str(ground.store), *(("--database", database) if database else ()))
    run("db", "upgrade", *where)
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    key = json.loads(run("keys", "create", "attack", "--by", "attack", "--days", "1", *scopes, "--json", *where))[
        "token"
    ]
    with served(ground, database=database) as service:
        service.start()
        send_everything(service, ground, key, count)
        run("history", "sync", *where)
        run("profiles", "build", "--as-of", date.today().isoformat(), "--memory", "1GB", "--store", str(ground.store))
        run("db", "backup", str(ground.folder / "backup"), *where)
        before = standing(ground, database, pg)
        load = Load(service, ground, key)
        load.start()
        time.sleep(1)
        quiet, begun = load.times(), time.monotonic()
        said = erase(where, ground)
        took, busy = time.monotonic() - begun, load.times()[len(quiet) :]
        load.stop()
        after = standing(ground, database, pg)
        proof = asked("audit", "where", "--json", "--also", str(ground.folder / "backup"), *where)
        verified = asked("audit", "verify", *where)
    print(f"| {'place':58} | before | after |\n|{'-' * 60}|-------:|------:|")
    for place in sorted(before.keys() | after.keys()):
        print(f"| {place:58} | {before[place]:6,} | {after[place]:5,} |")
    print(f"\nerased in {took:.1f} s: {said}")
    slowest, median = max(busy, default=0) * 1000, statistics.median(busy or [0]) * 1000
    print(f"declarations meanwhile: {len(busy)}, slowest {slowest:.0f} ms, median {median:.0f} ms; ", end="")
    print(f"before: slowest {max(quiet) * 1000:.0f} ms")
    print(f"audit where ends with {proof.returncode}:\n{proof.stdout.strip() or proof.stderr.strip()[:300]}")
    print(f"audit verify ends with {verified.returncode}: {verified.stdout.strip()[:200]}")


def send_everything(service: Served, ground: Ground, key: str, count: int) -> None:
    """Declarations, of which each third names the person somewhere; a result, a note, a body that is rejected."""
    for n in range(count):
        body = declaration(ground, n)
        if n % 3 == 0:
            name = ("importer_id", "declarant_id", "exporter_id", "transport_document")[n // 3 % 4]
            body[name] = VALUE
            body["items"][0]["description"] = f"effets de {VALUE}, usagés"
            body["items"][0]["x_chauffeur"] = VALUE
        answered, decided = service.ask("POST", "/declarations", body, key=key)
        assert answered == 200, decided
        number = body["declaration_id"]
        if n % 10 == 0:
            result = {"known_at": datetime.now().isoformat(), "is_irregular": False, "inspector_id": VALUE}
            assert service.ask("POST", f"/declarations/{number}/outcome", result, key=key)[0] == 200
        if n % 10 == 1:
            change = {
                "lane": "red",
                "motive": "Contrôle demandé.",
                "note": f"voir {VALUE}",
                "given_by": decided["decision_id"],
            }
            keyed(service, key, f"/declarations/{number}/reselection", change, f"attack-{n}")
    rejected = {**declaration(ground, count), "importer_id": VALUE, "declared_at": "hier"}
    assert service.ask("POST", "/declarations", rejected, key=key)[0] == 422


def keyed(service: Served, key: str, path: str, body: object, idempotency: str) -> None:
    """With an idempotency key, so that the answer is stored."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    headers = {"Content-Type": "application/json", "X-API-Key": key, "Idempotency-Key": idempotency}
    connection.request("POST", f"/api/v1{path}", body=json.dumps(body), headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status in (200, 422), text


def declaration(ground: Ground, n: int) -> dict[str, Any]:
    body = json.loads(json.dumps(ground.templates[n % len(ground.templates)]))
    return {**body, "declaration_id": f"ATTACK-{n}", "declared_at": datetime.now().isoformat(timespec="seconds")}


class Load(threading.Thread):
    """Declarations that name no person, one after the other, and how long each took."""

    def __init__(self, service: Served, ground: Ground, key: str) -> None:
        super().__init__(daemon=True)
        self._service, self._ground, self._key = service, ground, key
        self._times: list[float] = []
        self._ended = threading.Event()

    def run(self) -> None:
        n = 1_000_000
        while not self._ended.wait(_SENT_EVERY):
            n += 1
            begun = time.monotonic()
            status, _ = self._service.ask("POST", "/declarations", declaration(self._ground, n), key=self._key)
            assert status == 200
            self._times.append(time.monotonic() - begun)

    def times(self) -> list[float]:
        return list(self._times)

    def stop(self) -> None:
        self._ended.set()
        self.join(20)


def asked(*words: str) -> subprocess.CompletedProcess[str]:
    """A command that gets the value on standard input."""
    return subprocess.run([BASIRA, *words], input=f"{VALUE}\n", capture_output=True, text=True, env=os.environ)


def erase(where: tuple[str, ...], ground: Ground) -> str:
    """By the commands that there are: the value on standard input, or among the arguments where none reads it there."""
    why = ("--motive", "attack", "--by", "attack")
    if asked("audit", "where", "--help").returncode:
        return run("audit", "erase", "--person", VALUE, *why, "--json", *where).strip()
    said = [asked("audit", "erase", "--person", "-", *why, "--json", *where).stdout.strip()]
    said.append(" ".join(asked("history", "erase", *why, "--json", *where).stdout.split()))
    store = ("--memory", "1GB", "--store", str(ground.store))
    run("profiles", "build", "--as-of", date.today().isoformat(), "--keep", "1", *store)
    if any("://" in word for word in where):
        said.append(asked("db", "compact", "--json", *where).stdout.strip())
    return "; ".join(said)


def standing(ground: Ground, database: str, pg: Path | None) -> Counter[str]:
    """How often the value stands where: bytes of files, rows of tables and of Parquet files."""
    found: Counter[str] = Counter()
    raw = VALUE.encode()
    for path in sorted(ground.store.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(ground.store).as_posix()
        place = name if name.startswith("operations") else f"{name.split('/')[0]}/ (bytes)"
        if path.suffix == ".parquet":
            current = _rows(path)
            found[f"data/{name.split('/')[1]} (rows)"] += current
        found[place] += path.read_bytes().count(raw)
    engine = sa.create_engine(database or f"sqlite:///{ground.store / 'operations.sqlite'}")
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()
            found[f"table {table} (rows)"] += sum(VALUE in str(tuple(row)) for row in rows)
        if pg is not None:
            connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()
    if pg is not None:
        for path in (pg / "data").rglob("*"):
            if path.is_file():
                part = path.relative_to(pg / "data").parts[0]
                found[f"PostgreSQL {part}/ (bytes)"] += path.read_bytes().count(raw)
    return +found


def _rows(path: Path) -> int:
    return sum(VALUE in str(row) for row in pq.read_table(path).to_pylist())


if __name__ == "__main__":
    main()
