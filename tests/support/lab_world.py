"""A small labelled data set for the loop: three months, a fifth irregular, and who is irregular can be learned."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from basira.laboratory.runs.loop import open_world
from basira.laboratory.runs.plan import Plan
from basira.laboratory.worlds.ledger import Ledger
from basira.laboratory.worlds.view import PastPeriod, View
from basira.storage.engine import open_engine

COLUMNS = (
    "Declaration ID",
    "Date",
    "Office ID",
    "Process Type",
    "Import Type",
    "Import Use",
    "Payment Type",
    "Mode of Transport",
    "Declarant ID",
    "Importer ID",
    "Seller ID",
    "Courier ID",
    "HS6 Code",
    "Country of Departure",
    "Country of Origin",
    "Tax Rate",
    "Tax Type",
    "Country of Origin Indicator",
    "Net Mass",
    "Item Price",
    "Fraud",
    "Critical Fraud",
)
FIRST = date(2020, 1, 1)
DAYS = 91


def rows(*, seed: int = 1, count: int = 900) -> list[dict[str, str]]:
    """Mostly irregular: codes 610910 and 850440; elsewhere one in ten."""
    rng = np.random.default_rng(seed)
    codes = ["610910", "850440", "870323", "392690", "847130", "940360", "220421", "300490"]
    found = []
    for n in range(count):
        code = codes[int(rng.integers(len(codes)))]
        irregular = rng.random() < (0.75 if code in codes[:2] else 0.05)
        price = float(np.round(np.exp(rng.normal(12, 1)), 1))
        header = (str(10_000_000 + n), (FIRST + timedelta(days=n * DAYS // count)).isoformat(), str(10 + n % 3))
        parties = (f"D{rng.integers(9)}", f"I{rng.integers(40)}", f"S{rng.integers(60)}", "")
        goods = (code, "CN", "CN" if rng.random() < 0.7 else "VN", "8.0", "A", "B", f"{price / 1000:.1f}", f"{price}")
        result = str(int(irregular))
        values = (*header, "B", "11", "21", "11", "40", *parties, *goods, result, result)
        found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def write(path: Path, of: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(of)
    return path


def plan_of(path: Path, **changes: object) -> Plan:
    """A replay of the file, a tenth inspected, from its 57th day in weeks."""
    values = {"scenario": "small", "rates": (0.1,), "data": (str(path),), "mapping": "kcs", "starts_on": "2020-02-26"}
    return Plan(**(values | changes))  # type: ignore[arg-type]  # changes are the plan's own


@contextmanager
def first_view(plan: Plan, *, seed: int = 1, k: int | None = None, past: tuple[PastPeriod, ...] = ()) -> Iterator[View]:
    """The view of the first period, as the loop makes it."""
    world = open_world(plan, seed)
    with open_engine(threads=1) as con:
        ledger = Ledger(con, world.opening_items.schema, revenue_basis=world.revenue_basis, seed=seed)
        ledger.add(world.opening_items, world.opening_outcomes)
        ledger.add(world.waiting)
        items = ledger.items(first_day=world.first_day, last_day=world.last_day)
        known = ledger.at(first_day=world.first_day, last_day=world.last_day)
        budget = int(len(items) * plan.rate(0)) if k is None else k
        yield View(0, world.first_day, budget, seed, items, known, past)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set, written once."""
    return write(tmp_path_factory.mktemp("labelled") / "labelled.csv", rows())
