"""Small simulated countries with planted faults, on an engine, for tests and benchmark of the diagnostic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from basira.country import LiveCountry, load_scenario
from basira.diagnose.findings import Diagnosis
from basira.engines.engine import Engine
from basira.schema.tables import ITEMS, OUTCOMES, QUARANTINE
from basira.storage.engine import open_engine
from basira.workflows.diagnose.diagnose import Question, diagnose_tables

YEAR = (date(2023, 1, 1), date(2023, 12, 31))
# A country whose rules are worth something and whose officers are honest.
CLEAN: Mapping[str, Any] = {
    "faults.records_selection": True,
    "administration.collusive_pairs": 0,
    "administration.stale_rules": 0.0,
}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "overwritten": {"faults.overwritten_share": 0.5},
    "blank": {"faults.blank_results": {"AGADIR": 0.5}},
    "late": {"faults.late_offices": {"AGADIR": 6.0}},
    "random": {"faults.chosen_random": 0.5},
    "dead": {"faults.dead_rules": 3},
    "overlapping": {"faults.overlapping_rules": 3},
    "favoured": {"faults.favoured_importers": 3},
    "unit": {"faults.unit_jumps": [{"office": "CASA-PORT", "on": date(2023, 6, 1), "chapters": ["84", "85", "87"]}]},
    "currency": {
        "faults.unit_jumps": [
            {"office": "AGADIR", "on": date(2023, 5, 1), "field": "customs_value_amount", "factor": 0.1}
        ]
    },
    "collusion": {"administration.collusive_pairs": 3},
}
# Faults that do not hide one another, in one country: fewer are made.
TOGETHER: Mapping[str, tuple[str, ...]] = {
    "files": ("overwritten", "blank", "random", "overlapping", "unit"),
    "agadir": ("late", "currency"),
    "conduct": ("dead", "favoured", "collusion"),
}


def make_tables(changes: Mapping[str, Any], *, seed: int, items: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Declarations, results and the truth of one year."""
    country = LiveCountry(load_scenario("small", changes={"items": items, **CLEAN, **changes}), seed)
    found: list[tuple[pa.Table, pa.Table, pa.Table]] = []
    while not country.is_over:
        step = country.step_legacy()
        found.append((step.declarations, step.outcomes, step.truth))
    declarations, outcomes, truth = (pa.concat_tables(parts) for parts in zip(*found, strict=True))
    return declarations, outcomes, truth


@dataclass(frozen=True)
class Planted:
    """Names, as the files hold them: favoured importers, and the inspector and declarant of each collusive pair."""

    importers: frozenset[str]
    pairs: frozenset[tuple[str, str]]


def planted_names(changes: Mapping[str, Any], *, seed: int, items: int) -> Planted:
    """Whom the faults of the country of `make_tables` concern."""
    country = LiveCountry(load_scenario("small", changes={"items": items, **CLEAN, **changes}), seed)
    favoured = np.flatnonzero(country.planted.is_favoured)
    plan, traders = country.plan, country.traders
    # An inspector's name is his office's number and his own (`basira.country.tables`).
    inspectors = [
        f"I{office + 301:03d}-{number + 1:03d}"
        for office, number in zip(plan.collusive_office.tolist(), plan.collusive_inspector.tolist(), strict=True)
    ]
    declarants = [traders.declarant[n] for n in plan.collusive_declarant.tolist()]
    return Planted(
        frozenset(traders.ice[n] for n in favoured.tolist()),
        frozenset(zip(inspectors, declarants, strict=True)),
    )


@contextmanager
def engine_of(declarations: pa.Table, outcomes: pa.Table) -> Iterator[Engine]:
    """An engine with the views that the diagnostic reads."""
    with open_engine(memory="1GB", threads=1) as con:
        con.register("declared", _whole(declarations, ITEMS, "declared_at", "declared_day"))
        con.execute("create temp view items as from declared")
        con.register("outcomes", _whole(outcomes, OUTCOMES, "known_at", "known_day"))
        con.register("quarantine", QUARANTINE.empty_table())
        yield con


def diagnose_world(changes: Mapping[str, Any], *, seed: int = 1, items: int = 20_000) -> Diagnosis:
    """The diagnosis of a country with these faults."""
    declarations, outcomes, _ = make_tables(changes, seed=seed, items=items)
    with engine_of(declarations, outcomes) as con:
        return diagnose_tables(con, Question(*YEAR, store="S", has_model=False), is_simulated=True)


@cache
def diagnosis_of(fault: str, seed: int = 1, *, items: int = 20_000) -> Diagnosis:
    """Of one fault of `FAULTS`, of "" for none, of several of `TOGETHER`; made once."""
    names = TOGETHER.get(fault, (fault,) if fault else ())
    changes = {key: value for name in names for key, value in FAULTS[name].items()}
    return diagnose_world(changes, seed=seed, items=items)


def _whole(table: pa.Table, schema: pa.Schema, moment: str, day: str) -> pa.Table:
    days = table.column(moment).cast(pa.int64()).to_numpy() // (86400 * 10**6)
    table = table.append_column(day, pa.array(days.astype(np.int32)))
    constant = {"source": "s", "source_row": 1}
    for field in schema:
        if field.name not in table.column_names:
            value = pa.scalar(constant.get(field.name), field.type)
            table = table.append_column(field.name, pc.if_else(pa.array([True] * table.num_rows), value, value))
    return table
