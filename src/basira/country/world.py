"""A whole world on disk: the live country with its legacy selectivity, streamed to Parquet.

Enters: a scenario, a seed, a folder that does not exist yet. Leaves: ``declarations/``, ``outcomes/``,
``register/``, ``world.json``, and apart ``truth/``. Never here: a half-written world (it is made in a
sibling folder and renamed when complete), a date of making, a machine's name.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from basira.country.live import LiveCountry
from basira.country.nomenclature import SECTORS
from basira.country.scenario import Faults, Scenario
from basira.country.tables import DECLARATIONS, RESULTS, TRUTH
from basira.schema.errors import ScenarioError, UsageError
from basira.schema.json_values import JsonObject
from basira.schema.tables import SIMULATED_KEY

Progress = Callable[[int, int], None]  # items made, items expected
_FORMAT = 1


@dataclass(frozen=True)
class WorldDescription:
    """What was made. Everything in it is simulated. Amounts in MAD, rates 0 to 1."""

    scenario: str
    title: str
    seed: int
    starts_on: str
    ends_on: str
    declarations: int
    items: int
    outcomes: int
    results_not_yet_known: int
    inspected_items: int
    irregular_items: int
    found_items: int
    evaded_amount: float
    recovered_amount: float
    planted_rates: dict[str, float]
    realised_rates: dict[str, float]
    phoenix_firms: int
    is_simulated: bool = True
    notice: str = (
        "Simulated: traders, identifiers, offices, commodity codes beyond the heading, prices, rates, "
        "irregularities and results are invented. The folder truth is for evaluation only."
    )


def make_world(
    scenario: Scenario, *, seed: int, out: Path, progress: Progress | None = None, replace: bool = False
) -> WorldDescription:
    """Make a world and write it under ``out``.

    Parameters
    ----------
    scenario : see `load_scenario`.
    seed : whole number from 0; same scenario and seed, same bytes (with the same library versions).
    out : folder to make; its parent must exist.
    progress : called after each block with the items made and the items expected.
    replace : take the place of an existing folder, once the new one is complete.

    Raises
    ------
    UsageError : ``out`` exists and is not empty, or its parent is absent.
    ScenarioError : the scenario makes no declaration at all.
    """
    out = Path(out)
    _check_place(out, replace)
    draft = out.with_name(f".{out.name}.draft-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        description = _write(scenario, seed, draft, progress)
        if out.exists():
            _set_aside(out, draft)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return description


def read_description(world: Path) -> JsonObject:
    """The ``world.json`` of a world.

    Raises
    ------
    UsageError : the folder is not a world made by this command.
    """
    path = Path(world) / "world.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise UsageError(
            f"Expected a simulated world in {str(world)!r}, found no readable world.json of format {_FORMAT}.",
            hint="Make one: basira country make small --seed 1 --out world",
        )
    return content


def _check_place(out: Path, replace: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"Expected a folder at {str(out)!r}, found a file.", hint="Name another place.")
    if out.is_dir() and any(out.iterdir()):
        if not replace:
            raise UsageError(
                f"Expected {str(out)!r} to be absent or empty, found files in it.",
                hint="Name another folder, or add --force to take its place.",
            )
        read_description(out)  # replaces worlds only, never another folder
    if not out.absolute().parent.is_dir():
        raise UsageError(
            f"Expected the folder {str(out.parent)!r} to exist, found none.", hint="Make it, or name another place."
        )


def _set_aside(out: Path, draft: Path) -> None:
    old = draft.with_name(draft.name + "-old")
    out.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _write(scenario: Scenario, seed: int, folder: Path, progress: Progress | None) -> WorldDescription:
    country = LiveCountry(scenario, seed)
    writers = {
        "declarations": MonthlyWriter(folder / "declarations", DECLARATIONS, "declared_at"),
        "outcomes": MonthlyWriter(folder / "outcomes", RESULTS, "known_at"),
        "truth": MonthlyWriter(folder / "truth", TRUTH, "declared_at"),
    }
    counts = {"declarations": 0, "items": 0, "outcomes": 0, "inspected": 0, "found": 0}
    by_scheme: dict[str, int] = {}
    evaded = recovered = 0.0
    while not country.is_over:
        result = country.step_legacy()
        writers["declarations"].add(result.declarations)
        writers["outcomes"].add(result.outcomes)
        writers["truth"].add(result.truth)
        counts["items"] += result.declarations.num_rows
        counts["declarations"] += pc.sum(pc.equal(result.declarations.column("item_number"), 1)).as_py() or 0
        counts["outcomes"] += result.outcomes.num_rows
        counts["inspected"] += result.inspected_items
        counts["found"] += pc.sum(result.outcomes.column("is_irregular")).as_py() or 0
        for entry in result.truth.column("scheme").drop_null().value_counts().to_pylist():
            by_scheme[entry["values"]] = by_scheme.get(entry["values"], 0) + entry["counts"]
        evaded += _total(result.truth.column("evaded_amount"))
        recovered += _total(result.outcomes.column("additional_revenue_amount"))
        if progress is not None:
            progress(counts["items"], scenario.items)
    for writer in writers.values():
        writer.close()
    if counts["items"] == 0:
        raise ScenarioError("items: the scenario made no declaration.", hint="Raise items, or lengthen the period.")
    _write_register(country, folder / "register")
    description = WorldDescription(
        scenario=scenario.name,
        title=scenario.title,
        seed=seed,
        starts_on=scenario.starts_on.isoformat(),
        ends_on=scenario.ends_on.isoformat(),
        declarations=counts["declarations"],
        items=counts["items"],
        outcomes=counts["outcomes"],
        results_not_yet_known=country.unknown_outcomes().num_rows,
        inspected_items=counts["inspected"],
        irregular_items=sum(by_scheme.values()),
        found_items=counts["found"],
        evaded_amount=round(evaded, 2),
        recovered_amount=round(recovered, 2),
        planted_rates={k: round(v, 8) for k, v in country.plan.declared_rates.items()},
        realised_rates={k: round(by_scheme.get(k, 0) / counts["items"], 8) for k in country.plan.declared_rates},
        phoenix_firms=len(country.renamed),
    )
    content = {
        "format": _FORMAT,
        **asdict(description),
        "scenario_parameters": _parameters(scenario),
        "made_with": {"numpy": np.__version__, "pyarrow": pa.__version__},
    }
    (folder / "world.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return description


def _parameters(scenario: Scenario) -> JsonObject:
    """The scenario's parameters; its faults only where it has any."""
    return scenario.model_dump(mode="json", exclude=None if scenario.faults != Faults() else {"faults"})


class MonthlyWriter:
    """Writes tables that come in order of time to one Parquet file a month, one row group each.

    Only the current month is held in memory.
    """

    def __init__(self, folder: Path, schema: pa.Schema, moment: str) -> None:
        folder.mkdir()
        self._folder, self._schema, self._moment = folder, schema, moment
        self._month, self._parts = "", list[pa.Table]()

    def add(self, table: pa.Table) -> None:
        """Take rows in; they are ordered by the moment column and not before earlier ones' month."""
        if table.num_rows == 0:
            return
        days = table.column(self._moment).cast(pa.int64()).to_numpy() // (86400 * 10**6)
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        begins = np.flatnonzero(np.concatenate(([True], months[1:] != months[:-1])))
        for start, end in zip(begins, [*begins[1:], len(months)], strict=True):
            month = str(months[start])
            if month != self._month:
                self.close()
                self._month = month
            self._parts.append(table.slice(start, end - start))

    def close(self) -> None:
        """Write what is held."""
        if self._parts:
            write_table(pa.concat_tables(self._parts), self._folder / f"{self._month}.parquet")
        self._parts = []


def write_table(table: pa.Table, path: Path) -> None:
    """Write with fixed options: the bytes depend on the rows and the library's version only."""
    with pq.ParquetWriter(
        path,
        table.schema,
        compression="zstd",
        compression_level=1,
        write_statistics=True,
        store_schema=False,
        version="2.6",
    ) as writer:
        writer.write_table(table, row_group_size=1 << 20)
        writer.add_key_value_metadata({SIMULATED_KEY: b"true"})


def _write_register(country: LiveCountry, folder: Path) -> None:
    """The register of traders that the administration holds: shared addresses, managers, phones."""
    folder.mkdir()
    t = country.traders
    n = len(t.trader_sector)
    identity = list(range(n))
    owner = list(range(n))
    since = t.trader_born.tolist()
    address, manager, phone = t.trader_address.tolist(), t.trader_manager.tolist(), t.trader_phone.tolist()
    for day, trader, _, new in country.renamed:
        identity.append(new)
        owner.append(trader)
        since.append(day)
        # A phoenix keeps something of the old firm: the address, the manager, or the phone.
        kept = (trader + new) % 3
        address.append(t.trader_address[trader] if kept == 0 else new)
        manager.append(t.trader_manager[trader] if kept == 1 else new)
        phone.append(t.trader_phone[trader] if kept == 2 else new)
    rows = pa.table(
        {
            "importer_id": [t.ice[i] for i in identity],
            "registered_on": pa.array([date.fromordinal(719163 + d) for d in since], pa.date32()),
            "sector": [SECTORS[t.trader_sector[o]][1] for o in owner],
            "is_oea": pa.array([bool(t.trader_is_oea[o]) and i < n for i, o in zip(identity, owner, strict=True)]),
            "address_id": [f"A{(a * 7919 + 13) % 1000003:07d}" for a in address],
            "manager_id": [f"G{(m * 7919 + 17) % 1000003:07d}" for m in manager],
            "phone_id": [f"T{(p * 7919 + 19) % 1000003:07d}" for p in phone],
        }
    ).sort_by("importer_id")
    write_table(rows, folder / "traders.parquet")


def _total(column: pa.ChunkedArray) -> float:
    """Sum in order, so that the last digit is the same everywhere."""
    values = column.drop_null().to_numpy()
    return float(np.cumsum(values)[-1]) if len(values) else 0.0
