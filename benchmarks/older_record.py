"""A small store and record written by another commit, with what that commit showed of them: what tests read later.

Enters: a folder, and on `PYTHONPATH` the sources of the commit that is to write. Leaves: `NAME.tar.xz`, which holds the
store, its policy, and `shown.json`: declarations, queue, explanations and replays as that commit gave them. Never here:
a call of the package's own functions: commands and HTTP alone, which older commits have too. The data are simulated.

    git worktree add ../older 54b51d0
    PYTHONPATH=../older/src:../older/benchmarks python -P benchmarks/older_record.py /tmp/older 54b51d0
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import tarfile
from collections import Counter
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import polars as pl
from serve_ground import Body, Ground, Served, run, served

ITEMS, SEED, SENT = 900, 5, 24
# What a replay reads: the rest of a store only makes the file larger.
_LEFT_OUT = ("creating.lock", "writing.lock")


def make_ground(folder: Path) -> Ground:
    """A store with results, a model and the profiles of yesterday evening; the example policy with few slots."""
    from serve_ground import _make, _templates

    yesterday = date.today() - timedelta(days=1)
    _make(folder, items=ITEMS, seed=SEED, yesterday=yesterday)
    text = (folder / "policy" / "policy.toml").read_text(encoding="utf-8")
    text = (
        text.replace("{ count = 200 }", "{ count = 3 }")
        .replace("{ count = 100 }", "{ count = 2 }")
        .replace("= 3000", "= 20")
    )
    (folder / "policy" / "policy.toml").write_text(text, encoding="utf-8")
    return Ground(folder, _templates(folder / "world" / "declarations", yesterday))


def last_day(folder: Path) -> date:
    """The last day on which the world declares something."""
    files = sorted((folder / "world" / "declarations").glob("*.parquet"))
    days: list[date] = (
        pl.concat(pl.read_parquet(path, columns=["declared_at"]) for path in files)["declared_at"].dt.date().to_list()
    )
    return max(days)


def busiest(templates: tuple[Body, ...]) -> str:
    """The office of most declarations."""
    return str(Counter(one["office"] for one in templates).most_common(1)[0][0])


def send_all(desk: Served, key: str, templates: tuple[Body, ...]) -> list[str]:
    """Declarations of one office; then an amendment, a re-selection, a cancellation and results. Their numbers."""
    office = busiest(templates)
    declared_at = datetime.combine(date.today(), datetime.min.time()).isoformat()
    chosen = islice(cycle(one for one in templates if one["office"] == office), SENT)
    bodies = [{**one, "declaration_id": f"OLD-{n}", "declared_at": declared_at} for n, one in enumerate(chosen)]
    answers = [_ok(desk.ask("POST", "/declarations", body, key=key)) for body in bodies]
    amended = {**bodies[0], "items": [{**bodies[0]["items"][0], "net_mass_kg": 77.0}]}
    _ok(desk.ask("POST", "/declarations", amended, key=key))
    calm = next(one for one in answers[2:] if not one["inspects"])
    change = {"lane": "red", "motive": "Seen at the gate.", "note": "A note.", "given_by": calm["decision_id"]}
    _ok(desk.ask("POST", f"/declarations/{calm['declaration_id']}/reselection", change, key=key))
    _ok(desk.ask("POST", f"/declarations/{bodies[1]['declaration_id']}/cancellation", {"motive": "Twice."}, key=key))
    last = next(one for one in answers[2:] if one["inspects"])
    result = {
        "known_at": datetime.now().replace(microsecond=0).isoformat(),
        "item_number": 1,
        "is_irregular": True,
        "additional_revenue_amount": 5.0,
    }
    _ok(desk.ask("POST", f"/declarations/{last['declaration_id']}/outcome", result, key=key))
    return [body["declaration_id"] for body in bodies]


def _ok(answer: tuple[int, Any]) -> Any:
    status, body = answer
    if status not in (200, 201):
        raise RuntimeError(f"expected an answer, found {status}: {body}")
    return body


def show(desk: Served, key: str, numbers: list[str], office: str) -> dict[str, Any]:
    """What the commit that writes shows over HTTP."""
    today = date.today().isoformat()
    return {
        "declarations": {name: _ok(desk.ask("GET", f"/declarations/{name}", key=key)) for name in numbers},
        "queue": _ok(desk.ask("GET", f"/queue?office={office}&day={today}&limit=100", key=key)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="an empty folder to work in")
    parser.add_argument("name", help="the commit, which names the file")
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    ground = make_ground(given.folder)
    here = ("--store", str(ground.store))
    today = date.today().isoformat()
    targeted = last_day(given.folder)
    order = ("--day", targeted.isoformat(), "--policy", str(ground.policy), "--seed", "3", "--json")
    # A model that knows nothing of the day that is targeted.
    run("train", "--as-of", (targeted - timedelta(days=1)).isoformat(), *here)
    listed = json.loads(run("target", *order, *here))
    with served(ground) as desk:
        desk.start()
        key = desk.create_key()
        numbers = send_all(desk, key, ground.templates)
        office = busiest(ground.templates)
        shown = show(desk, key, numbers, office)
        desk.stop()
    inspected = listed["declarations"][0]["declaration_id"] if "declarations" in listed else None
    shown |= {
        "office": office,
        "day": today,
        "run": listed.get("run_id"),
        "inspected": inspected,
        "online": json.loads(
            run("replay", "--office", office, "--day", today, "--policy", str(ground.policy), "--json", *here)
        ),
        "verified": json.loads(run("audit", "verify", "--json", *here)),
        "explained": {name: json.loads(run("explain", name, "--json", *here)) for name in numbers[:4]},
    }
    (given.folder / "shown.json").write_text(json.dumps(shown, ensure_ascii=False), encoding="utf-8")
    (given.folder / "listed.json").write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for part in ("store", "policy", "shown.json"):
            archive.add(given.folder / part, part, filter=lambda one: None if one.name.endswith(_LEFT_OUT) else one)
    packed = given.folder / f"{given.name}.tar.xz"
    packed.write_bytes(lzma.compress(made.getvalue(), preset=9))
    print(f"{packed}: {packed.stat().st_size:,} bytes, {len(numbers)} declarations")


if __name__ == "__main__":
    main()
