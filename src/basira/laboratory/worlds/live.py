"""The simulated country as a world: traders answer to what is inspected, results come late.

Enters: a plan that names a scenario, a seed. Leaves: a `World` with the truth beside it. Never here:
the truth in the items or the results.

Until the first period the country's own legacy selectivity chooses; from then on the strategy does.
Items are inspected one by one, as in the published simulators.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from basira.country import LiveCountry, load_scenario
from basira.laboratory.runs.plan import Plan
from basira.laboratory.worlds.ledger import RevenueBasis
from basira.laboratory.worlds.world import CountedPeriods, Inspected, count_periods, first_start
from basira.schema.days import day_of
from basira.schema.fields import CONVERSION_FIELDS
from basira.schema.tables import ITEMS, OUTCOMES


class CountryWorld(CountedPeriods):
    """See `basira.laboratory.worlds.world.World`.

    >>> world = CountryWorld(Plan("small", rates=(0.1,), items=600, periods=2), seed=1)
    >>> first = world.waiting.num_rows
    >>> found = world.inspect(())
    >>> len(found.truth) == first, world.total
    (True, 2)
    """

    is_simulated = True
    has_oracle = True
    revenue_basis: RevenueBasis = "recorded"

    def __init__(self, plan: Plan, seed: int) -> None:
        scenario = load_scenario(plan.scenario, changes={} if plan.items is None else {"items": plan.items})
        self.name = scenario.name
        half = scenario.starts_on + timedelta(days=scenario.days // 2 // plan.period_days * plan.period_days)
        low, high = day_of(scenario.starts_on), day_of(scenario.ends_on)
        start = first_start(plan, low=low, high=high, middle=day_of(half))
        self._country = LiveCountry(scenario, seed, period_days=plan.period_days)
        items, outcomes = [ITEMS.empty_table()], [OUTCOMES.empty_table()]
        self._truth: list[pl.DataFrame] = []
        while day_of(self._country.day) < start:
            result = self._country.step_legacy()
            items.append(_items(result.declarations))
            outcomes.append(_outcomes(result.outcomes))
            self._truth.append(_truth(result.truth))
        self.opening_items = pa.concat_tables(items)
        # Those still on their way come with the periods in which they become known.
        self.opening_outcomes = pa.concat_tables(outcomes)
        super().__init__(count_periods(plan, start=day_of(self._country.day), high=high))
        self._waiting = _items(self._country.declarations)

    @property
    def first_day(self) -> int:
        return day_of(self._country.day)

    @property
    def last_day(self) -> int:
        return day_of(self._country.last_day)

    @property
    def waiting(self) -> pa.Table:
        return self._waiting

    def inspect(self, item_ids: Sequence[str]) -> Inspected:
        chosen = np.isin(np.array(_ids(self._country.declarations), dtype=object).astype(str), list(item_ids))
        result = self._country.step(self._country.day, np.asarray(chosen, dtype=np.bool_))
        recorded = pa.concat_tables([result.outcomes, self._country.unknown_outcomes()])
        results = _frame(recorded, ["is_irregular", "additional_revenue_amount"])
        results = results.filter(pl.col("item_id").is_in(list(item_ids)), pl.col("is_irregular").is_not_null())
        truth = _truth(result.truth)
        self._truth.append(truth)
        self._done += 1
        self._waiting = _items(self._country.declarations)
        return Inspected(
            known=_outcomes(result.outcomes),
            results=results.rename({"additional_revenue_amount": "revenue"}).with_columns(
                pl.when("is_irregular").then(pl.col("revenue").fill_null(0.0)).otherwise(0.0).alias("revenue")
            ),
            truth=truth,
        )

    def reveal_past(self) -> pl.DataFrame:
        """What every item of the past was, inspected or not, the periods already over included: ``item_id``,
        ``is_irregular``, ``revenue`` (evaded), ``kind``. For the ceiling alone
        (`laboratory.strategies.registry.ceiling`)."""
        return pl.concat(self._truth)


def _truth(table: pa.Table) -> pl.DataFrame:
    truth = _frame(table, ["is_irregular", "evaded_amount", "kind"]).rename({"evaded_amount": "revenue"})
    return truth.with_columns(pl.when("is_irregular").then("revenue").otherwise(0.0).alias("revenue"))


def _ids(table: pa.Table) -> list[str]:
    number = table.column("item_number").cast(pa.string())
    found: list[str] = pc.binary_join_element_wise(table.column("declaration_id"), number, "/").to_pylist()
    return found


def _frame(table: pa.Table, columns: list[str]) -> pl.DataFrame:
    frame = pl.from_arrow(table.select(columns))
    return pl.DataFrame(frame).with_columns(pl.Series("item_id", _ids(table), dtype=pl.String))


def _items(declarations: pa.Table) -> pa.Table:
    return _with_provenance(declarations, moment="declared_at", day="declared_day", schema=ITEMS)


def _outcomes(results: pa.Table) -> pa.Table:
    return _with_provenance(results, moment="known_at", day="known_day", schema=OUTCOMES)


def _with_provenance(table: pa.Table, *, moment: str, day: str, schema: pa.Schema) -> pa.Table:
    """The columns that ingest would have written: the day, and where the row came from."""
    days = table.column(moment).cast(pa.date32()).cast(pa.int32())
    n = table.num_rows
    added = {
        day: days,
        "source": pa.array(["country"] * n, pa.string()),
        "source_row": pa.array(np.arange(1, n + 1), pa.int64()),
        "received_at": table.column(moment),
        # The simulator declares in one currency: nothing is converted.
        **{f.name: pa.nulls(n, schema.field(f.name).type) for f in CONVERSION_FIELDS if f.name in schema.names},
    }
    arrays = [added[f.name] if f.name in added else table.column(f.name) for f in schema]
    return pa.table(arrays, schema=schema)
