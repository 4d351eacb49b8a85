"""What the administration has learned so far, and Basira's features over it.

Enters: items as they are declared, results as they become known. Leaves: per period, a `Knowledge`.
Never here: the truth, results not yet known, which items to choose.

Features of an item are computed once, as of the day before its period, and kept: a model learns from the
figures that a model had when it chose. So a period costs the features of its own items and of the
older items whose first result has just come, not of all that was ever labelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

import polars as pl
import pyarrow as pa

from basira.engines.engine import Engine
from basira.features.batch.compute import compute_features
from basira.features.catalog.catalog import IS_EXPECTED_LEARNED
from basira.feedback.labels import label_items
from basira.models.risk.fit import TrainingItems
from basira.schema.errors import ModelError
from basira.schema.tables import OUTCOMES
from basira.storage.engine import fetch_frame, fetch_value
from basira.workflows.planting import drop_planted, fetch_planted, plant_frauds
from basira.workflows.train import as_training_items

RevenueBasis = Literal["recorded", "duties", "value", "none"]
Answer = TypeVar("Answer")

_KEY = "declaration_id, declaration_version, item_number"
ITEM_ID = "declaration_id || '/' || cast(item_number as varchar)"
# What an irregular item is worth, by what the data record (docs/reference/laboratory.md).
_REVENUE = {
    "recorded": "coalesce({revenue}, 0)",
    "duties": "coalesce(i.total_tax_amount, i.customs_value_amount * i.duty_rate, 0)",
    "value": "coalesce(i.customs_value_amount, 0)",
    "none": "0",
}


def revenue_sql(basis: RevenueBasis, *, irregular: str, revenue: str) -> str:
    """Revenue of an item aliased ``i`` as SQL, 0 unless irregular. ``irregular``, ``revenue``: SQL of the result."""
    return f"case when {irregular} then cast({_REVENUE[basis].format(revenue=revenue)} as double) else 0.0 end"


class Ledger:
    """The history of one run, in a connection of its own (see `basira.storage.engine.open_engine`).

    Parameters
    ----------
    items_schema : columns of the items: `basira.schema.tables.ITEMS` and the source's own ``x_`` columns.
    seed : of the frauds planted in copies, see `basira.workflows.planting`.
    """

    def __init__(self, con: Engine, items_schema: pa.Schema, *, revenue_basis: RevenueBasis, seed: int = 0) -> None:
        self._con = con
        self._seed = seed
        self._basis: RevenueBasis = revenue_basis
        self._has_book = False
        self.features_cpu_seconds = 0.0
        self._insert("items", items_schema.empty_table(), create=True)
        self._insert("outcomes", OUTCOMES.empty_table(), create=True)

    def add(self, items: pa.Table | None = None, outcomes: pa.Table | None = None) -> None:
        """Items declared, results learned (schemas `ITEMS` and `OUTCOMES`)."""
        for name, table in (("items", items), ("outcomes", outcomes)):
            if table is not None and table.num_rows:
                self._insert(name, table)

    def at(self, *, first_day: int, last_day: int) -> KnownAt:
        """What is known on the day before a period whose items have been added."""
        return KnownAt(self, first_day, last_day)

    def items(self, *, first_day: int, last_day: int) -> pl.DataFrame:
        """Declared columns and ``item_id`` of the items of these days, both included, by id."""
        return self._frame(
            f"select i.*, {ITEM_ID} as item_id from items i where declared_day between {first_day} and {last_day}"
            " order by declaration_id, item_number"
        )

    def newcomers(self, *, first_day: int, last_day: int) -> pl.DataFrame:
        """Items of these days: ``item_id``; ``is_new_importer``, ``is_new_code``: no item before them had that value,
        or null where the item has none."""

        def is_new(column: str) -> str:
            earlier = f"select {column} from items where declared_day < {first_day} and {column} is not null"
            return f"case when {column} is not null then {column} not in ({earlier}) end"

        return self._frame(
            f"select {ITEM_ID} as item_id, {is_new('importer_id')} as is_new_importer,"
            f" {is_new('commodity_code')} as is_new_code from items"
            f" where declared_day between {first_day} and {last_day}"
        )

    def labelled(self, *, as_of_day: int) -> pl.DataFrame:
        """See `basira.laboratory.worlds.view.Knowledge.labelled`."""
        label_items(self._con, as_of_day=as_of_day)
        revenue = revenue_sql(self._basis, irregular="l.is_irregular", revenue="l.revenue")
        return self._frame(
            f"select i.*, {ITEM_ID} as item_id, l.known_day, l.is_irregular, {revenue} as revenue"
            f" from items i join label l using ({_KEY}) order by i.declared_day, declaration_id, item_number"
        )

    def learn_features(self, *, first_day: int, last_day: int, every: bool = False, plants: bool = False) -> None:
        """Compute what is missing: items of these days, and labelled items, as of the day before the period.

        ``every``: all earlier items too, labelled or not. ``plants``: planted frauds too, which `training` then gives.
        """
        started = time.process_time()
        label_items(self._con, as_of_day=first_day - 1)
        earlier = f" union select {_KEY} from items where declared_day < {first_day}" if every else ""
        if plants:
            plant_frauds(self._con, as_of_day=first_day - 1, seed=self._seed)
            earlier += f" union select {_KEY} from planted"
        missing = f" where not exists (select 1 from book b where {_same('b', 'w')})" if self._has_book else ""
        self._con.create_table(
            "lab_wanted",
            f"""select * from (
  select {_KEY} from items where declared_day between {first_day} and {last_day}
  union select {_KEY} from label{earlier}
) w{missing}""",
        )
        if fetch_value(self._con, "select count(*) from lab_wanted"):
            relation = "items_and_copies" if plants else "items"
            compute_features(
                self._con,
                "lab_wanted",
                as_of_day=first_day - 1,
                into="lab_fresh",
                items=relation,
                has_expected=IS_EXPECTED_LEARNED,
            )
            if self._has_book:
                self._con.execute("insert into book by name select * from lab_fresh")
            else:
                self._con.create_table("book", "select * from lab_fresh")
            self._has_book = True
        self.features_cpu_seconds += time.process_time() - started

    def features(self, *, first_day: int, last_day: int) -> pl.DataFrame:
        """The book's rows of these days."""
        return self._frame(
            f"select b.*, b.declaration_id || '/' || cast(b.item_number as varchar) as item_id"
            f" from book b join items i using ({_KEY}) where i.declared_day between {first_day} and {last_day}"
        )

    def past_features(self, *, before_day: int) -> pl.DataFrame:
        """The book's rows of the days before."""
        return self._frame(
            f"select b.*, b.declaration_id || '/' || cast(b.item_number as varchar) as item_id, i.declared_day"
            f" from book b join items i using ({_KEY}) where i.declared_day < {before_day}"
            " order by i.declared_day, declaration_id, item_number"
        )

    def training(self, *, as_of_day: int, plants: bool = False) -> TrainingItems:
        """See `basira.laboratory.worlds.view.Knowledge.training`; raises ModelError without any result.

        ``plants``: with the planted frauds that `learn_features` has made, and then without any result too.
        """
        label_items(self._con, as_of_day=as_of_day)
        frame = self._frame(
            f"select b.*, l.* exclude ({_KEY}) from book b join label l using ({_KEY})"
            " order by l.declared_day, declaration_id, item_number"
        )
        planted = None
        if plants:
            planted = fetch_planted(self._con, "book")
            drop_planted(self._con)
        if frame.is_empty() and planted is None:
            raise ModelError(
                "Expected results known by then, found none.", hint="Begin with inspection results, or with `random`."
            )
        return replace(as_training_items(frame, as_of_day=as_of_day), planted=planted)

    def _frame(self, sql: str) -> pl.DataFrame:
        return fetch_frame(self._con, sql)

    def _insert(self, name: str, table: pa.Table, *, create: bool = False) -> None:
        if create:
            self._con.register(name, table)
            return
        self._con.register("lab_incoming", table)
        self._con.execute(f"insert into {name} by name select * from lab_incoming")
        self._con.execute("drop table lab_incoming")


class KnownAt:
    """A `Knowledge`: the ledger on the day before one period. Each answer is computed once."""

    def __init__(self, ledger: Ledger, first_day: int, last_day: int) -> None:
        self._ledger = ledger
        self._first, self._last = first_day, last_day
        self._kept: dict[str, object] = {}

    def labelled(self) -> pl.DataFrame:
        return self._once("labelled", lambda: self._ledger.labelled(as_of_day=self._first - 1))

    def declared(self) -> pl.DataFrame:
        return self._once("declared", lambda: self._ledger.items(first_day=-1_000_000, last_day=self._first - 1))

    def training(self) -> TrainingItems:
        self._learn_features()
        return self._once("training", lambda: self._ledger.training(as_of_day=self._first - 1))

    def training_with_planted(self) -> TrainingItems:
        def learn() -> TrainingItems:
            self._ledger.learn_features(first_day=self._first, last_day=self._last, plants=True)
            self._kept["learned"] = True
            return self._ledger.training(as_of_day=self._first - 1, plants=True)

        return self._once("planted", learn)

    def features(self) -> pl.DataFrame:
        self._learn_features()
        return self._once("features", lambda: self._ledger.features(first_day=self._first, last_day=self._last))

    def past_features(self) -> pl.DataFrame:
        """Basira's features of every earlier item, labelled or not, with ``item_id`` and ``declared_day``, in order of
        day. Not part of `basira.laboratory.worlds.view.Knowledge`: see `basira.laboratory.strategies.ceiling`."""
        self._ledger.learn_features(first_day=self._first, last_day=self._last, every=True)
        return self._ledger.past_features(before_day=self._first)

    def _learn_features(self) -> None:
        def learn() -> bool:
            self._ledger.learn_features(first_day=self._first, last_day=self._last)
            return True

        self._once("learned", learn)

    def _once(self, name: str, compute: Callable[[], Answer]) -> Answer:
        if name not in self._kept:
            self._kept[name] = compute()
        return self._kept[name]  # type: ignore[return-value]  # each name keeps one type of answer


def _same(left: str, right: str) -> str:
    names = _KEY.split(", ")
    return " and ".join(f"{left}.{n} = {right}.{n}" for n in names)
