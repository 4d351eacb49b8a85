"""Small histories for the tests of the features: rows by hand, rows at random, and both ways to compute."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from basira.engines.duckdb import open_duckdb
from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import CATALOG
from basira.features.oracle.plain import plain_features
from basira.schema.days import EPOCH
from basira.schema.tables import ITEM_KEY, ITEMS, OUTCOMES

Row = dict[str, Any]
Key = tuple[str, int, int]

MIDNIGHT = datetime(EPOCH.year, EPOCH.month, EPOCH.day)


def moment(day: int, hour: int = 9) -> datetime:
    return MIDNIGHT + timedelta(days=day, hours=hour)


def item(declaration: str, day: int, **fields: Any) -> Row:
    """One item; everything that is not given is null."""
    row = dict.fromkeys(ITEMS.names)
    row |= {"declaration_id": declaration, "declaration_version": 1, "item_number": 1, "commodity_code": "8517130000"}
    row |= {"declared_day": day, "declared_at": moment(day), "received_at": moment(day), "source": "a", "source_row": 1}
    return {**row, **fields}


def outcome(declaration: str, known_day: int, irregular: bool | None, **fields: Any) -> Row:
    """One result of a whole declaration, unless ``item_number`` is given."""
    row = dict.fromkeys(OUTCOMES.names)
    row |= {"declaration_id": declaration, "known_day": known_day, "known_at": moment(known_day)}
    row |= {"received_at": moment(known_day), "source": "a", "source_row": 1, "is_inspected": True}
    return {**row, "is_irregular": irregular, **fields}


def key_of(row: Row) -> Key:
    return row["declaration_id"], row["declaration_version"], row["item_number"]


WORDS = ["Téléphones portables", "telephones 5G", "هواتف محمولة", "PARTS of phones", "手机配件 x", "a 12 b", "", None]


def random_history(seed: int, *, declarations: int = 60, span: int = 800) -> tuple[list[Row], list[Row]]:
    """Few codes and traders, many ties, nulls and zeros, amendments, late and corrected results."""
    rng = random.Random(seed)

    def maybe(value: Any, missing: float = 0.12) -> Any:
        return None if rng.random() < missing else value

    items: list[Row] = []
    outcomes: list[Row] = []
    for n in range(declarations):
        name, day = f"D{n}", 10_000 + rng.randrange(span)
        header = {
            "office": maybe(rng.choice(["300", "301"])),
            "importer_id": maybe(rng.choice(["I1", "I2", "I3"])),
            "declarant_id": maybe(rng.choice(["T1", "T2"])),
            "exporter_id": maybe(rng.choice(["E1", "E2", "E3"])),
            "dispatch_country": maybe(rng.choice(["CN", "ES"])),
            "exchange_rate": maybe(rng.choice([1.0, 10.87]), 0.5),
            "freight_amount": maybe(round(rng.uniform(0, 900), 2), 0.4),
            "is_oea": maybe(rng.random() < 0.2, 0.3),
            "procedure": maybe("010"),
        }
        lines: list[Row] = []
        for number in range(1, rng.choice([1, 1, 2, 3]) + 1):
            value = rng.choice([0.0, 1000.0, 950.0, 20_000.0, round(math.exp(rng.gauss(7, 2)), 2)])
            lines.append(
                item(
                    name,
                    day,
                    item_number=number,
                    declared_at=moment(day, rng.randrange(24)),
                    commodity_code=rng.choice(["8517130000", "8517180000", "851761", "8471", "84713000"]),
                    origin_country=maybe(rng.choice(["CN", "VN", "ES"])),
                    description=rng.choice(WORDS),
                    preference=maybe("EUR", 0.7),
                    net_mass_kg=maybe(rng.choice([0.0, 10.0, 10.0005, round(math.exp(rng.gauss(3, 1)), 3)])),
                    gross_mass_kg=maybe(rng.choice([0.0, 12.0, 150.5])),
                    quantity=maybe(rng.choice([0.0, 1.0, 5.0, 120.0])),
                    quantity_unit=maybe(rng.choice(["KGM", "NAR"])),
                    invoice_amount=maybe(value * 0.9),
                    customs_value_amount=maybe(value),
                    duty_rate=maybe(rng.choice([0.0, 0.025, 0.175])),
                    vat_rate=maybe(0.2),
                    excise_amount=maybe(3.0, 0.8),
                    total_tax_amount=maybe(rng.choice([0.0, round(value * 0.41, 2), round(value * 0.2, 2)])),
                    **header,
                )
            )
        items += lines
        if rng.random() < 0.25:  # an amendment: other figures, now and then a later day, an item more or less
            later = day + rng.choice([0, 0, 3])
            amended = [{**line, "net_mass_kg": 77.0, "importer_id": "I2"} for line in lines[rng.choice([0, 0, 1]) :]]
            amended += [{**lines[0], "item_number": 9}] if rng.random() < 0.3 else []
            again = {"declaration_version": 2, "declared_day": later, "declared_at": moment(later)}
            items += [line | again for line in amended]
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
            known = day + rng.choice([0, 1, 1, 5, 40, 200])
            outcomes.append(
                outcome(
                    name,
                    known,
                    rng.choice([True, True, False, None]),
                    item_number=rng.choice([None, 1, 1, 2]),
                    known_at=moment(known, rng.choice([8, 8, 17])),
                    source_row=len(outcomes),
                    additional_revenue_amount=maybe(round(rng.uniform(0, 5000), 2), 0.3),
                )
            )
    return items, outcomes


@contextmanager
def engine(items: Sequence[Row], outcomes: Sequence[Row]) -> Iterator[Engine]:
    """An engine with the two tables, as a store would make them."""
    extras = [pa.field(name, pa.string()) for name in (items[0] if items else {}) if name.startswith("x_")]
    with open_duckdb(threads=1) as con:
        for name, rows, schema in (
            ("items", items, pa.schema([*ITEMS, *extras])),
            ("outcomes", outcomes, OUTCOMES),
        ):
            con.register(name, pa.Table.from_pylist(list(rows), schema=schema))
        yield con


def computed(
    items: Sequence[Row], outcomes: Sequence[Row], wanted: Sequence[Key], *, as_of_day: int
) -> dict[Key, tuple[Any, ...]]:
    """What `compute_features` says: by item, the values in catalog order, as stored."""
    with engine(items, outcomes) as con:
        return computed_on(con, wanted, as_of_day=as_of_day)


def ask(con: Engine, wanted: Sequence[Key]) -> None:
    """The table `asked` of the items wanted."""
    columns = zip(*wanted, strict=True) if wanted else ((), (), ())
    types = (pa.string(), pa.int32(), pa.int32())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    con.register("asked", pa.table(arrays, names=list(ITEM_KEY)))


def computed_on(con: Engine, wanted: Sequence[Key], *, as_of_day: int) -> dict[Key, tuple[Any, ...]]:
    ask(con, wanted)
    count = compute_features(con, "asked", as_of_day=as_of_day, into="features")
    names = ", ".join((*ITEM_KEY, *(f.name for f in CATALOG)))
    rows = con.fetch_rows(f"select {names} from features")
    assert len(rows) == count
    found = {tuple(row[:3]): tuple(row[3:]) for row in rows}
    assert len(found) == count
    return found


def looped(
    items: Sequence[Row], outcomes: Sequence[Row], wanted: Sequence[Key], *, as_of_day: int
) -> dict[Key, Mapping[str, Any]]:
    """What the plain loop says."""
    return {
        (f["declaration_id"], f["declaration_version"], f["item_number"]): f
        for f in plain_features(items, outcomes, wanted, as_of_day=as_of_day)
    }


# Rates chain up to six levels of 32-bit arithmetic: a few units in the last place; the rest is exact or one.
RELATIVE = 1e-6
EXACT_UNITS = {"count", "days", "1000 ln", "index", "0/1", "code", "characters", "hour", "0 = Sunday"}


def differences(fast: Mapping[Key, tuple[Any, ...]], slow: Mapping[Key, Mapping[str, Any]]) -> list[str]:
    """Every feature on which the two disagree, in words."""
    assert fast.keys() == slow.keys()
    found = []
    for key, values in fast.items():
        for feature, a in zip(CATALOG, values, strict=True):
            b = slow[key][feature.name]
            if a is None or b is None or isinstance(b, str) or feature.unit in EXACT_UNITS:
                same = a == b
            else:
                b = float(b if feature.unit == "amount" else np.float32(b))
                same = math.isclose(a, b, rel_tol=RELATIVE, abs_tol=2e-7)
            if not same:
                found.append(f"{key} {feature.name}: SQL {a!r}, loop {b!r}")
    return found
