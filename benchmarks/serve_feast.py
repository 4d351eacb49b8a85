"""Our feature look-up beside the same figures through Feast's online store: same machine, same run.

    .venv/bin/python benchmarks/serve_feast.py --folder FOLDER --feast FEAST_PYTHON [--redis REDIS_SERVER]
        [--declarations 300]

FOLDER holds the world of `serve_load.py` (made when absent). Feast is no dependency of Basira: give it an environment
of its own (python -m venv F; F/bin/pip install feast redis) and name F/bin/python. REDIS_SERVER: path of Debian's
redis-server; without it Redis is left out.

The online profiles of the world are put in Feast, a feature view for each relation, its key the join key, its figures
the features: the natural way to keep them there. Then, declaration by declaration (three items, all relations):

- ours: keys made, records found, figures read (`LoadedProfiles.find` and the records' structs);
- ours, whole: `online_features`, which computes the model's features from them as well;
- Feast: one `get_online_features` of three entity rows and every view.

Both sides read the same figures: their sum is compared. Prints wall and CPU a declaration, and the ratio. For Redis the
CPU is that of the client alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_STORED = 40_000  # records beside those that are asked for, so that a look-up is one among others


def timed(call: Callable[[Any], float], arguments: Sequence[Any]) -> dict[str, float]:
    """Milliseconds a call: median, p99 and CPU of this process; and the sum of what the calls gave."""
    for argument in arguments[:20]:
        call(argument)
    walls, total = [], 0.0
    cpu = time.process_time()
    for argument in arguments:
        begun = time.perf_counter()
        total += call(argument)
        walls.append((time.perf_counter() - begun) * 1e3)
    cpu = (time.process_time() - cpu) * 1e3 / len(arguments)
    walls.sort()
    return {"median_ms": statistics.median(walls), "p99_ms": walls[int(len(walls) * 0.99)], "cpu_ms": cpu, "sum": total}


# --- in Basira's environment ---------------------------------------------------------------------------------------


def ours(folder: Path, declarations: int, aside: Path) -> list[dict[str, Any]]:
    """Measure our side, and write what Feast needs: the asked keys, and the records."""
    from itertools import islice

    from serve_world import declarations_of, served_world

    from basira.features.online.keys import DECLARATION, NULL, TAGS, key_of, record_struct
    from basira.features.online.lookup import _describe, _ready, online_features, prepare_online
    from basira.features.online.plan import PROFILED, REFERRED, profile_columns
    from basira.serving.message import Declaration, read_declaration
    from basira.workflows.profiles import read_profiles

    world = served_world(folder, today=date.today(), items=60_000)
    profiles = read_profiles(world.store).profiles()
    prepare_online(profiles.extras)
    now = datetime.now()
    bodies = islice(declarations_of(world, moment=now, mark="F"), declarations)
    known = [one for one in (read_declaration(b, received_at=now) for b in bodies) if isinstance(one, Declaration)]
    ready, relations = _ready(profiles.extras), (*PROFILED, *REFERRED)
    structs = {tag[0]: record_struct(name) for name, tag in TAGS.items()}

    def keys_of(one: Declaration) -> list[list[bytes | None]]:
        return _describe(list(one.rows), ready, profiles.as_of_day + 1, lambda: None)[1]

    def look_up(one: Declaration) -> float:
        """Keys, records, figures; the sum of them all, each item's own."""
        wanted = keys_of(one)
        asked = list(dict.fromkeys(key for keys in wanted for key in keys if key))
        _, *records = profiles.find([key_of(DECLARATION, [one.declaration_id]), *asked])
        read = {key: structs[key[0]].unpack(r) for key, r in zip(asked, records, strict=True) if r is not None}
        return float(sum(x for keys in wanted for k in keys if k in read for x in read[k] if x != NULL))

    def whole(one: Declaration) -> float:
        online_features(one.rows, profiles)
        return 0.0

    rows = [{"what": "ours", **timed(look_up, known)}, {"what": "ours, whole", **timed(whole, known)}]
    asked = [
        [{name: key.hex() if key else "" for name, key in zip(relations, keys, strict=True)} for keys in keys_of(one)]
        for one in known
    ]
    needed = {key for items in asked for item in items for key in item.values()}
    chance, records = random.Random(1), list(profiles.records())  # noqa: S311 - a sample, not a secret
    kept = {key.hex() for key, _ in chance.sample(records, min(_STORED, len(records)))} | needed
    names = {tag[0]: name for name, tag in TAGS.items() if name != DECLARATION}
    tables: dict[str, list[list[Any]]] = {name: [] for name in relations}
    for key, record in records:
        if key[0] in names and key.hex() in kept:
            figures = [None if x == NULL else float(x) for x in structs[key[0]].unpack(record)]
            tables[names[key[0]]].append([key.hex(), *figures])
    columns = {name: list(profile_columns(name)) for name in relations}
    aside.write_text(json.dumps({"columns": columns, "tables": tables, "asked": asked}), encoding="utf-8")
    print(f"{len(known)} declarations, {sum(map(len, tables.values()))} records of {len(records)} stored in Feast")
    return rows


# --- in Feast's environment ----------------------------------------------------------------------------------------


def feast(aside: Path, folder: Path, redis: str) -> dict[str, Any]:
    """Fill Feast's online store and measure it. Runs under the Python that has Feast."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64

    content = json.loads(aside.read_text(encoding="utf-8"))
    online = f"type: redis\n  connection_string: {redis}" if redis else f"type: sqlite\n  path: {folder / 'online.db'}"
    (folder / "feature_store.yaml").write_text(
        f"project: profiles\nprovider: local\nregistry: {folder / 'registry.db'}\nonline_store:\n  {online}\n"
        "offline_store:\n  type: file\nentity_key_serialization_version: 3\n",
        encoding="utf-8",
    )
    store = FeatureStore(repo_path=str(folder))
    features, now = [], pd.Timestamp(datetime.now())
    for name, columns in content["columns"].items():
        frame = pd.DataFrame(content["tables"][name], columns=[f"{name}_key", *columns])
        frame[columns] = frame[columns].astype("float64")
        frame["at"] = now
        path = folder / f"{name}.parquet"
        frame.to_parquet(path)
        entity = Entity(name=f"{name}_entity", join_keys=[f"{name}_key"], value_type=ValueType.STRING)
        view = FeatureView(
            name=name,
            entities=[entity],
            schema=[Field(name=c, dtype=Float64) for c in columns],
            source=FileSource(path=str(path), timestamp_field="at"),
            ttl=None,
        )
        store.apply([entity, view])
        store.write_to_online_store(name, frame)
        features += [f"{name}:{column}" for column in columns]
    asked = [[{f"{k}_key": v for k, v in item.items()} for item in items] for items in content["asked"]]

    def look_up(rows: list[dict[str, str]]) -> float:
        found = store.get_online_features(features=features, entity_rows=rows, full_feature_names=True).to_dict()
        figures = (x for name, values in found.items() if not name.endswith("_key") for x in values)
        return float(sum(x for x in figures if x is not None and x == x))

    return {"what": f"Feast, {'Redis' if redis else 'SQLite'}", **timed(look_up, asked)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--feast", type=Path)
    parser.add_argument("--redis", type=Path)
    parser.add_argument("--declarations", type=int, default=300)
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        aside, folder, redis = given.inside
        print(json.dumps(feast(Path(aside), Path(folder), redis)))
        return
    if not given.folder or not given.feast:
        parser.error("give --folder and --feast")
    with tempfile.TemporaryDirectory(prefix="basira-feast-") as place:
        aside = Path(place) / "content.json"
        rows = ours(given.folder, given.declarations, aside)
        stores = ["", *(["redis"] if given.redis else [])]
        for kind in stores:
            folder = Path(place) / (kind or "sqlite")
            folder.mkdir()
            server, address = None, ""
            if kind:
                address = "127.0.0.1:16379"
                server = subprocess.Popen(
                    [given.redis, "--port", "16379", "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
                )
            try:
                done = subprocess.run(
                    [given.feast, __file__, "--inside", aside, folder, address], capture_output=True, text=True
                )
            finally:
                if server is not None:
                    server.terminate()
                    server.wait()
            if done.returncode:
                print(f"Feast ({kind or 'SQLite'}) ended with {done.returncode}: {done.stderr[-1500:]}")
            else:
                rows.append(json.loads(done.stdout.splitlines()[-1]))
        base = rows[0]
        print(f"{'':<16}{'median ms':>11}{'p99 ms':>10}{'CPU ms':>10}{'CPU, times ours':>17}  same figures")
        for row in rows:
            same = "" if row["what"].startswith("ours") else str(abs(row["sum"] / base["sum"] - 1) < 1e-12)
            print(
                f"{row['what']:<16}{row['median_ms']:>11.3f}{row['p99_ms']:>10.3f}{row['cpu_ms']:>10.3f}"
                f"{row['cpu_ms'] / base['cpu_ms']:>17.1f}  {same}"
            )


if __name__ == "__main__":
    main()
