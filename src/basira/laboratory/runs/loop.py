"""One strategy in one world, period by period.

Enters: a plan, a strategy, a seed, a folder. Leaves: two files a period, written whole: its record (JSON) and
what there was to find in it (Parquet). Never here: other runs, processes, charts.

Interrupted, it goes on where it stopped: the world is made again from its seed and given the recorded
choices, and since a strategy is a function of its view, what follows is what would have followed.
"""

from __future__ import annotations

import json
import resource
import time
from io import BytesIO
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import polars as pl
import pyarrow as pa

from basira.laboratory.report.figures import period_counts
from basira.laboratory.report.missed import possible_items
from basira.laboratory.runs.plan import Plan
from basira.laboratory.strategies.ceiling import tell
from basira.laboratory.worlds.ledger import Ledger
from basira.laboratory.worlds.live import CountryWorld
from basira.laboratory.worlds.replay import ReplayWorld
from basira.laboratory.worlds.view import Chosen, PastPeriod, Strategy, View, check_choice
from basira.laboratory.worlds.world import World
from basira.render.writing import write_whole
from basira.schema.days import date_of
from basira.schema.errors import StoreError
from basira.schema.json_values import JsonObject
from basira.storage.engine import open_engine

OPENED = "opened.json"


def open_world(plan: Plan, seed: int) -> World:
    """The world of a plan: a replay when it names data or a store, else the simulated country."""
    return ReplayWorld(plan) if plan.is_replay else CountryWorld(plan, seed)


def run_strategy(
    plan: Plan, strategy: Strategy, seed: int, folder: Path, *, memory: str = "2GB", at_most: int | None = None
) -> int:
    """Run every period that ``folder`` does not hold yet, the first ``at_most`` if given; returns how many it holds.

    Raises
    ------
    UsageError : the strategy returned something else than k different items of the period; see also `Plan`
        and the worlds. StoreError : a file of the folder can't be read or written.
    """
    done = _read_done(folder)
    opened = read_opened(folder)
    if opened is not None and len(done) >= min(opened["periods"], at_most or opened["periods"]):
        return len(done)
    started = time.process_time()
    world = open_world(plan, seed)
    cost: Opened = {"periods": world.total, "open_cpu_seconds": round(time.process_time() - started, 4)}
    write_whole(folder / OPENED, json.dumps(cost).encode())
    with open_engine(memory=memory, threads=1) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis=world.revenue_basis, seed=seed)
        ledger.add(world.opening_items, _draw_share(world.opening_outcomes, plan.initial_labels, seed))
        past: list[PastPeriod] = []
        while not world.is_over and len(past) < (at_most or world.total):
            period = len(past)
            recorded = done[period] if period < len(done) else None
            record, possible = _period(plan, strategy, seed, world, ledger, tuple(past), recorded)
            if possible is not None:
                # First what there was to find: a period counts as done once its own record is there.
                write_whole(folder / f"possible-{period:04d}.parquet", _as_parquet(possible))
                write_whole(folder / f"period-{period:04d}.json", json.dumps(record).encode())
            past.append(PastPeriod(period, tuple(record["ids"]), record["notes"]))
    return len(past)


class Opened(TypedDict):
    """``periods``: how many the run has; ``open_cpu_seconds``: to make its world."""

    periods: int
    open_cpu_seconds: float


class PeriodRecord(TypedDict):
    """A period that was played. ``row``: its counts and costs, a row of the results. ``ids``: what was chosen, and
    ``inclusion`` with which probabilities, None where the strategy gave none. ``notes``: what the strategy said."""

    row: dict[str, object]
    ids: list[str]
    inclusion: list[float] | None
    notes: dict[str, float]


def read_opened(folder: Path) -> Opened | None:
    """What is known of a run since its world was made; None before."""
    path = folder / OPENED
    return None if not path.is_file() else cast("Opened", _read(path))


def _period(
    plan: Plan,
    strategy: Strategy,
    seed: int,
    world: World,
    ledger: Ledger,
    past: tuple[PastPeriod, ...],
    recorded: PeriodRecord | None,
) -> tuple[PeriodRecord, pl.DataFrame | None]:
    first, last, period, opened = world.first_day, world.last_day, len(past), time.process_time()
    ledger.add(items=world.waiting)
    items = ledger.items(first_day=first, last_day=last)
    rate = plan.rate(period)
    # 0.29 x 100 is 28.999999999999996 in floats, and means 29.
    k = int(len(items) * rate + 1e-9)
    known = ledger.at(first_day=first, last_day=last)
    before, started = ledger.features_cpu_seconds, time.process_time()
    if strategy.uses_features and k:
        # Also where a run goes on after an interruption, and where the strategy falls back: the book of
        # features must not depend on either.
        known.features()
    if recorded is not None:
        chosen = Chosen(tuple(recorded["ids"]))
    elif k == 0:
        chosen = Chosen((), (), {"nothing_to_choose": 1.0})
    else:
        told = tell(known, world, strategy.name) if strategy.is_told else known
        view = View(period, first, k, seed, items, told, past)
        chosen = strategy.choose(view)
        check_choice(strategy.name, chosen, view)
    used = time.process_time() - started
    inspected = world.inspect(chosen.ids)
    ledger.add(outcomes=inspected.known)
    if recorded is not None:
        return recorded, None
    possible = possible_items(items, ledger.newcomers(first_day=first, last_day=last), inspected, chosen.ids)
    row: dict[str, object] = {
        "strategy": strategy.name,
        "scenario": world.name,
        "seed": seed,
        "period": period,
        "first_on": date_of(first).isoformat(),
        "last_on": date_of(last).isoformat(),
        "rate": rate,
        "rows": len(items),
        **period_counts(k, inspected, chosen.ids, has_oracle=world.has_oracle),
        "revenue_basis": world.revenue_basis,
        "is_simulated": world.is_simulated,
        "fallback": int(chosen.notes.get("fallback", 0)),
        "choose_cpu_seconds": round(used, 4),
        "fit_cpu_seconds": round(chosen.fit_cpu_seconds, 4),
        "features_cpu_seconds": round(ledger.features_cpu_seconds - before, 4),
        "period_cpu_seconds": round(time.process_time() - opened, 4),
        # Of the whole process, in KiB on Linux: a run of `run_all` has a process of its own.
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    record: PeriodRecord = {
        "row": row,
        "ids": list(chosen.ids),
        "inclusion": None if chosen.inclusion is None else list(chosen.inclusion),
        "notes": dict(chosen.notes),
    }
    return record, possible


def _as_parquet(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def _draw_share(outcomes: pa.Table, share: float, seed: int) -> pa.Table:
    """The share of the opening results that one begins with, drawn with the seed."""
    if share >= 1:
        return outcomes
    return outcomes.filter(pa.array(np.random.default_rng([seed, 10**6]).random(outcomes.num_rows) < share))


def _read_done(folder: Path) -> list[PeriodRecord]:
    """The periods recorded so far, from the first, without a gap."""
    found: list[PeriodRecord] = []
    while (path := folder / f"period-{len(found):04d}.json").is_file():
        found.append(cast("PeriodRecord", _read(path)))
    return found


def _read(path: Path) -> JsonObject:
    try:
        content: JsonObject = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            "Expected a period's record in {file}, found a file that can't be read: {error}.",
            hint="Delete {parent} in the runs folder and run again.",
            file=path.name,
            error=error,
            parent=path.parent.name,
        ) from None
    return content
