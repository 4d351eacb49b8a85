"""Server time, CPU and weight of each page, with a large record behind them.

Run: .venv/bin/python benchmarks/web_pages.py [--decisions 200000] [--offices 4] [--requests 40] [--folder FOLDER]
    [--only WORDS]

The load is what the service decided of a small simulated day, written down again and again under other numbers, on
the days before today, in bulk: each declaration with its registration, its decision, and results for a share of those
that are inspected. Times are those of the application alone, without network: median, 95th percentile, CPU of all the
process's threads. Weights are what a browser loads, compressed.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import gzip
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from fastapi.testclient import TestClient

from basira.api.application import make_application
from basira.api.auth.authenticate import by_key
from basira.api.auth.cookies import NAME
from basira.api.auth.settings import AccessSettings, Rates
from basira.schema.access import Grant
from basira.schema.rows import EventRow
from basira.schema.shipped import shipped
from basira.serving.demo import ACTOR, prepare_demo
from basira.serving.service import Service, ServiceSettings, open_service
from basira.storage.accounts.sessions import start_session
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.storage.database.upgrade import upgrade
from basira.storage.history.store import History
from basira.storage.record.events import Event, append_events, find_range, record_identity
from basira.web.application import add_pages
from basira.web.assets import load_assets
from basira.workflows.demo import POLICY
from basira.workflows.engine import Progress, silent
from basira.workflows.stores import OPERATIONS

DAYS = 120
# Of the declarations in a lane that inspects, so many get a result; the others wait, for up to DAYS days.
INSPECTED_SHARE = 0.9
FIRST_LOAD_KB, LATER_KB = 350, 40


@dataclass(frozen=True)
class Template:
    """A decided declaration, to be written down again."""

    registration: EventRow
    decision: EventRow


@dataclass(frozen=True)
class Timed:
    """One request: seconds of the application, CPU seconds of the process, bytes of the answer with gzip."""

    seconds: float
    cpu: float
    packed: int


class Stopwatch:
    """The application, with the time that its last request took."""

    def __init__(self, app: Any) -> None:
        self.app, self.seconds, self.cpu = app, 0.0, 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begun, cpu = time.perf_counter(), time.process_time()
        await self.app(scope, receive, send)
        self.seconds, self.cpu = time.perf_counter() - begun, time.process_time() - cpu


@contextmanager
def silent_step(_title: str) -> Iterator[Progress]:
    """A step of the demonstration that shows nothing."""
    yield silent


def find_templates(database: Database) -> list[Template]:
    """The first version of each declaration of a record."""
    with database.read() as connection:
        _, last = record_identity(connection)
        rows = find_range(connection, ["registration", "decision"], after=0, until=last, limit=100_000)
    first: dict[tuple[str, str], EventRow] = {}
    for row in rows:
        first.setdefault((row["declaration_id"], row["kind"]), row)
    names = dict.fromkeys(row["declaration_id"] for row in rows)
    pairs = ((first.get((name, "registration")), first.get((name, "decision"))) for name in names)
    return [Template(one, other) for one, other in pairs if one is not None and other is not None]


def copies(template: Template, number: int, office: str, day: str, draw: random.Random) -> Iterator[Event]:
    """The events of one more declaration, like the template."""
    name, decision = f"BENCH-{number:08d}", f"bench-d-{number}"
    sent, made = template.registration, template.decision
    personal = {field: value for field, value in sent["personal"].items() if value is not None}
    yield Event(f"bench-r-{number}", "registration", name, ACTOR, sent["payload"] or {}, personal, 1, None, None)
    yield Event(decision, "decision", name, ACTOR, made["payload"] or {}, {}, 1, office, made["lane"])
    if (made["payload"] or {}).get("inspects") and draw.random() < INSPECTED_SHARE:
        is_irregular = draw.random() < 0.4
        result: dict[str, Any] = {"known_at": f"{day}T12:00:00", "is_inspected": True, "is_irregular": is_irregular}
        if is_irregular:
            result |= {"additional_revenue_amount": round(draw.lognormvariate(9, 1), 2)}
        yield Event(
            f"bench-o-{number}",
            "outcome",
            name,
            ACTOR,
            {**result, "item_number": 1},
            {},
            1,
            office,
            None,
            decision,
        )


def fill(database: Database, templates: Sequence[Template], offices: Sequence[str], *, count: int, today: date) -> None:
    """Write ``count`` declarations down, day after day up to today."""
    draw = random.Random(1)  # noqa: S311 - of a load
    for place in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - place)
        numbers = range(count * place // DAYS, count * (place + 1) // DAYS)
        events = [
            event
            for number in numbers
            for event in copies(
                templates[number % len(templates)], number, offices[number % len(offices)], day.isoformat(), draw
            )
        ]
        morning = datetime(day.year, day.month, day.day, 9)
        for hours in (0, 6):
            of_hour = [event for event in events if (event.kind == "outcome") is (hours > 0)]
            with database.write() as connection:
                append_events(connection, of_hour, now=morning + timedelta(hours=hours))


def log_in(service: Service, app: Any, login: str, grant: Grant, *, now: datetime) -> TestClient:
    """A browser of a person with one role."""
    with service.database.write() as connection:
        new = NewUser(login, display_name=login, grants=[grant], password_hash=None, must_change_password=False)
        token = start_session(
            connection, create_user(connection, new, actor=ACTOR, now=now), now=now, lifetime=timedelta(hours=8)
        )
    client = TestClient(app, base_url="https://basira.test", headers={"Origin": "https://basira.test"})
    client.cookies.set(NAME, token, domain="basira.test", path="/")
    return client


def measure(client: TestClient, watch: Stopwatch, address: str, *, requests: int) -> list[Timed]:
    """So many requests of one page, after one that is not counted."""
    found = []
    for _ in range(requests + 1):
        answer = client.get(address, follow_redirects=False)
        if answer.status_code not in (200, 303):
            raise SystemExit(f"{address} answered {answer.status_code}")
        found.append(Timed(watch.seconds, watch.cpu, len(gzip.compress(answer.content, 6))))
    return found[1:]


def show(name: str, timed: Sequence[Timed]) -> dict[str, Any]:
    """A line of the table."""
    seconds = sorted(one.seconds for one in timed)
    at = min(len(seconds) - 1, int(0.95 * len(seconds)))
    median, p95 = seconds[len(seconds) // 2] * 1000, seconds[at] * 1000
    cpu = sum(one.cpu for one in timed) / len(timed) * 1000
    packed = max(one.packed for one in timed) / 1000
    print(f"{name:<34} {median:8.1f} {p95:8.1f} {cpu:8.1f} {packed:8.1f}", flush=True)
    return {"page": name, "median_ms": median, "p95_ms": p95, "cpu_ms": cpu, "packed_kb": packed}


def first_load_kb(page: int, direction: str) -> float:
    """What a browser loads on its first visit: the page and its files, compressed."""
    assets = load_assets()
    other = "vendor/bootstrap.min.css" if direction == "rtl" else "vendor/bootstrap.rtl.min.css"
    needed = [
        one for name, one in assets.items() if name != other and (direction == "rtl" or not name.endswith("woff2"))
    ]
    return (page + sum(len(one.packed or one.content) for one in needed)) / 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--decisions", type=int, default=200_000)
    parser.add_argument("--offices", type=int, default=4)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--items", type=int, default=40_000, help="of the simulated country behind")
    parser.add_argument("--folder", type=Path, help="keep the store and the record here, and use them again")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="basira-pages-"))
    try:
        run(folder, asked)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, asked: argparse.Namespace) -> None:
    """Make the record where it is absent, then measure."""
    now = datetime.now().replace(microsecond=0)
    demo, record = folder / "demo", folder / f"record-{asked.decisions}-{asked.offices}.sqlite"
    folder.mkdir(parents=True, exist_ok=True)
    if not demo.exists():
        prepare_demo(demo, password="twelve letters", seed=1, now=now, step=silent_step, items=asked.items)  # noqa: S106
    upgrade(demo / "store" / OPERATIONS)
    policies = shipped("policies") / POLICY
    with closing(open_service(ServiceSettings(demo / "store", policies), today=now.date())) as service:
        listed = service.policy(now.date()).offices
        offices = (listed or [f"BENCH-{n}" for n in range(asked.offices)])[: asked.offices]
        if not record.exists():
            templates, begun = find_templates(service.database), time.process_time()
            part = record.with_suffix(".part")
            part.unlink(missing_ok=True)
            with closing(Database(part)) as database:
                fill(database, templates, offices, count=asked.decisions, today=now.date())
            part.rename(record)
            print(f"record made of {len(templates)} declarations: {time.process_time() - begun:.0f} CPU-s")
        upgrade(record)  # one that was kept by an earlier version
        with closing(Database(record)) as database:
            results = measure_pages(replace(service, database=database), offices, asked, now=now)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


def measure_pages(
    service: Service, offices: Sequence[str], asked: argparse.Namespace, *, now: datetime
) -> list[dict[str, Any]]:
    """A line for each page."""
    app = make_application(
        service,
        recognise=by_key(service.database, lambda: now),
        clock=lambda: now,
        # One browser asks for more here than a person does, and 429 is no page.
        settings=AccessSettings(origin="https://basira.test", rates=Rates(key=0, user=0, address=0)),
    )
    watch = Stopwatch(add_pages(app))
    suffix = f"{time.time_ns()}"
    inspector = log_in(service, watch, f"inspector-{suffix}", Grant("inspector", offices[0]), now=now)
    inspector.cookies.set("basira-language", "fr", domain="basira.test", path="/")
    manager = log_in(service, watch, f"manager-{suffix}", Grant("manager"), now=now)
    waiting = pl.read_csv(
        inspector.get("/queue.csv").content, separator=";", infer_schema=False, truncate_ragged_lines=True
    )
    number = waiting[waiting.columns[0]][0]
    print(f"{asked.decisions:,} decisions, {asked.offices} offices; in the first one {waiting.height:,} wait")
    print(f"{'page':<34} {'median':>8} {'p95':>8} {'CPU ms':>8} {'kB gzip':>8}")
    pages: list[tuple[str, TestClient, str]] = [
        ("login", TestClient(watch, base_url="https://basira.test"), "/login"),
        ("queue, all that waits", inspector, "/queue"),
        ("queue, today", inspector, f"/queue?day={now.date()}"),
        ("queue, everything ever", inspector, "/queue?status=all"),
        ("queue, all that waits (manager)", manager, f"/queue?office={offices[0]}"),
        ("queue, everything ever (manager)", manager, f"/queue?office={offices[0]}&status=all"),
        ("next declaration", inspector, "/queue/next"),
        ("declaration", inspector, f"/declarations/{number}"),
        ("account", inspector, "/account"),
        *more_pages(manager, now),
        *past_pages(log_in(service, watch, f"analyst-{suffix}", Grant("analyst"), now=now), service),
    ]
    pages = [one for one in pages if asked.only in one[0]]
    # As the service does once it is ready (app.py). Else each full collection, one in twenty requests, takes 130 ms.
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
    results = [show(name, measure(client, watch, path, requests=asked.requests)) for name, client, path in pages]
    heaviest = max(one["packed_kb"] for one in results)
    for direction in ("ltr", "rtl"):
        loaded = first_load_kb(len(gzip.compress(inspector.get("/queue").content, 6)), direction)
        print(f"first load of the queue, {direction}: {loaded:.0f} kB (at most {FIRST_LOAD_KB})")
    print(f"heaviest later page: {heaviest:.1f} kB (at most {LATER_KB})")
    return results


def more_pages(manager: TestClient, now: datetime) -> list[tuple[str, TestClient, str]]:
    """The pages of a period's figures, where this version has them."""
    with suppress(Exception):
        if manager.get("/figures").status_code == 200:
            first = now.date() - timedelta(days=DAYS)
            whole = f"/figures?from={first}&to={now.date()}"
            return [("figures, the last month", manager, "/figures"), ("figures, the whole record", manager, whole)]
    return []


def past_pages(analyst: TestClient, service: Service) -> list[tuple[str, TestClient, str]]:
    """The pages of the past, of the importer, the goods and the origin with the most items, where this version has
    them."""
    if analyst.get("/operators").status_code != 200 or service.store is None:
        return []
    files = History.open(service.store).snapshot().files("items")
    items = pl.read_parquet(list(files), columns=["importer_id", "commodity_code", "origin_country"])
    importer, code, origin = (str(items[name].drop_nulls().mode().sort()[0]) for name in items.columns)
    print(f"the history has {items.height:,} items")
    return [
        ("operator", analyst, f"/operators?name={importer}"),
        ("goods of a heading", analyst, f"/goods?code={code[:4]}"),
        ("goods of an origin", analyst, f"/goods?origin={origin}"),
        ("items of an operator", analyst, f"/items?operator={importer}"),
        ("items by two words", analyst, "/items?words=pieces+de"),
        ("items, whichever", analyst, "/items"),
    ]


if __name__ == "__main__":
    main()
