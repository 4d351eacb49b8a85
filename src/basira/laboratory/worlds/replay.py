"""A labelled data set as a world: its items come out again, and only the chosen ones show their result.

Enters: a plan that names files and their mapping, or a store. Leaves: a `World`. Never here: traders who answer
(the data are what they are); a result for an item that has none: unknown stays unknown.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa

from basira.engines.engine import Engine
from basira.feedback.labels import label_items
from basira.ingest.mapping.model import load_mapping
from basira.laboratory.runs.plan import Plan
from basira.laboratory.worlds.ledger import ITEM_ID, RevenueBasis, revenue_sql
from basira.laboratory.worlds.world import CountedPeriods, Inspected, count_periods, first_start
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.days import EPOCH
from basira.schema.errors import UsageError
from basira.schema.tables import OUTCOMES
from basira.storage.engine import fetch_frame, fetch_value, open_engine
from basira.storage.history.store import History, Snapshot, register
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files

# A day after every result; and the moment of receipt, which no figure depends on.
_FOREVER = 1_000_000
_RECEIVED_AT = datetime(1970, 1, 1)


@contextmanager
def _snapshot(plan: Plan) -> Iterator[Snapshot]:
    """What a plan replays: its store as pinned, or its files in a store for as long as they are read."""
    if plan.store:
        yield History.open(plan.store).verified_snapshot(plan.snapshot)
        return
    with tempfile.TemporaryDirectory(prefix="basira-replay-") as folder:
        history = History.create(Path(folder) / "store")
        ingest_files(history, [Path(p) for p in plan.data], load_mapping(plan.mapping), received_at=_RECEIVED_AT)
        if plan.outcomes:
            files = [Path(p) for p in plan.outcomes]
            record_feedback(history, files, load_mapping(plan.outcomes_mapping), received_at=_RECEIVED_AT)
        yield history.snapshot()


class ReplayWorld(CountedPeriods):
    """See `basira.laboratory.worlds.world.World`.

    Raises
    ------
    UsageError : no result at all in the data, or a start outside its days. MappingError, SourceError : as ingest.
    StoreError : no store, or one whose files don't match.
    """

    has_oracle = False

    def __init__(self, plan: Plan) -> None:
        self.name = plan.scenario
        self._delay = plan.delay_days
        self._length = plan.period_days
        with _snapshot(plan) as snapshot:
            self.is_simulated = snapshot.is_simulated
            with open_engine(reads=snapshot.all_files(), threads=1) as con:
                register(con, snapshot)
                if label_items(con, as_of_day=_FOREVER, into="label") == 0:
                    raise UsageError(
                        "Expected data with inspection results, found none: nothing could be learned or found.",
                        hint="Map the result's column in the mapping's [outcome] section, or give files of results.",
                    )
                self.revenue_basis: RevenueBasis = _basis(con)
                first_versions = (
                    f"select i.*, {ITEM_ID} as item_id from items i qualify declaration_version ="
                    " min(declaration_version) over (partition by declaration_id)"
                )
                self._items = fetch_frame(con, f"{first_versions} order by declared_day, declaration_id, item_number")
                revenue = revenue_sql(self.revenue_basis, irregular="l.is_irregular", revenue="l.revenue")
                self._label = fetch_frame(
                    con,
                    f"select {ITEM_ID} as item_id, l.*, l.revenue as recorded, {revenue} as worth from items i"
                    " join label l using (declaration_id, declaration_version, item_number)",
                )
        days = self._items["declared_day"]
        low, high = int(days.min()), int(days.max())  # type: ignore[arg-type]  # a column of integers
        start = first_start(plan, low=low, high=high, middle=(low + high + 1) // 2)
        before = self._items.filter(pl.col("declared_day") < start)
        self.items_schema = self._arrow(self._items.clear()).schema
        self.opening_items = self._arrow(before)
        self.opening_outcomes = self._results(self._label.join(before.select("item_id"), on="item_id", how="semi"))
        super().__init__(count_periods(plan, start=start, high=high))
        self._start = start

    @property
    def first_day(self) -> int:
        return self._start + self._done * self._length

    @property
    def last_day(self) -> int:
        return self.first_day + self._length - 1

    @property
    def waiting(self) -> pa.Table:
        return self._arrow(self._period())

    def inspect(self, item_ids: Sequence[str]) -> Inspected:
        truth = (
            self._period()
            .select("item_id")
            .join(
                self._label.select("item_id", "is_irregular", pl.col("worth").alias("revenue"), _kind()),
                on="item_id",
                how="left",
                maintain_order="left",
            )
        )
        chosen = pl.Series("item_id", list(item_ids), dtype=pl.String)
        known = self._label.filter(pl.col("item_id").is_in(chosen.to_list())).with_columns(
            pl.lit(self.last_day + self._delay, pl.Int32).alias("known_day")
        )
        self._done += 1
        results = truth.filter(pl.col("item_id").is_in(chosen.to_list()), pl.col("is_irregular").is_not_null())
        truth = truth.with_columns(pl.col("revenue").fill_null(0.0))
        return Inspected(known=self._results(known), results=results, truth=truth)

    def _period(self) -> pl.DataFrame:
        return self._items.filter(pl.col("declared_day").is_between(self.first_day, self.last_day))

    def _arrow(self, frame: pl.DataFrame) -> pa.Table:
        return pa.table(frame.drop("item_id"))

    def _results(self, label: pl.DataFrame) -> pa.Table:
        """Labels as results of single items."""
        moment = (pl.lit(EPOCH).cast(pl.Datetime("us")) + pl.duration(days=pl.col("known_day"))).cast(pl.Datetime("us"))
        named = {
            "known_at": moment,
            "is_inspected": pl.lit(True),
            "additional_revenue_amount": pl.col("recorded"),
            "source": pl.lit("replay"),
            "source_row": pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
            "received_at": moment,
            **{f"is_irregular_{k}": pl.col(f"kind_{k}") == 1 for k in IRREGULARITY_KINDS},
        }
        kept = ("declaration_id", "item_number", "is_irregular", "known_day")
        frame = label.select(*kept, **named)
        n = len(frame)
        arrow = pa.table(frame)
        arrays = [
            arrow.column(f.name).cast(f.type) if f.name in arrow.column_names else pa.nulls(n, f.type) for f in OUTCOMES
        ]
        return pa.table(arrays, schema=OUTCOMES)


def _kind() -> pl.Expr:
    """The first kind that the result names; null where it names none."""
    return pl.coalesce(pl.when(pl.col(f"kind_{k}") == 1).then(pl.lit(k)) for k in IRREGULARITY_KINDS).alias("kind")


def _basis(con: Engine) -> RevenueBasis:
    """What the data say of an irregular item's worth: recorded revenue, else its duties, else its value."""
    sums = {
        "recorded": "sum(l.revenue)",
        "duties": "sum(coalesce(i.total_tax_amount, i.customs_value_amount * i.duty_rate))",
        "value": "sum(i.customs_value_amount)",
    }
    bases: tuple[RevenueBasis, ...] = ("recorded", "duties", "value")
    for basis in bases:
        found = fetch_value(
            con,
            f"select {sums[basis]} from items i join label l"
            " using (declaration_id, declaration_version, item_number) where l.is_irregular",
        )
        if found is not None and found > 0:
            return basis
    return "none"
